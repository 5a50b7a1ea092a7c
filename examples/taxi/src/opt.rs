//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::io::Folder;
use crate::month::{Month, MonthRange};
use crate::pipeline::Plan;
use crate::source::Source;

/// Trains a model that predicts high tips of taxi rides, serves it month by month and shows how it
/// fares, every stage traced.
#[derive(Debug, Parser)]
pub(crate) struct Opt {
    #[command(subcommand)]
    command: Option<Command>,

    /// Yellow-taxi records of the TLC: CSV, CSV.gz or Parquet files, or a folder of files whose names
    /// hold their month. Without them the months are made up.
    #[arg(long, global = true, value_name = "DIR|FILE", num_args = 1..)]
    data: Vec<PathBuf>,

    /// The month to train on.
    #[arg(long, global = true, value_name = "MONTH", default_value = "2020-01")]
    train: Month,

    /// The month to validate on.
    #[arg(long, global = true, value_name = "MONTH", default_value = "2020-02")]
    validate: Month,

    /// The months to serve, both ends included.
    #[arg(long, global = true, value_name = "MONTH..MONTH", default_value = "2020-03..2020-06")]
    serve: MonthRange,

    /// Where rides, features and models go.
    #[arg(long, global = true, value_name = "DIR", default_value = "taxi-data")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Does the same and watches the model while it is in use: its answers are logged, what came true follows days later,
    /// and each week is asked whether to train again.
    Deploy,
    /// Answers rides over HTTP with the latest model, at /predict. A program that was run before has trained it.
    Serve(ServeOpt),
    /// Sends rides of months to the endpoint, as time goes by, and tells later which of them tipped well.
    Drive(DriveOpt),
    /// All at once: trains a model, answers and drives, beside the server of mltrace, so that one can watch.
    Live(LiveOpt),
}

/// What answers.
#[derive(Debug, Args)]
pub(crate) struct ServeOpt {
    /// Where it is asked.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) listen: SocketAddr,
}

/// What asks.
#[derive(Debug, Args)]
pub(crate) struct DriveOpt {
    /// Where the endpoint is.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) endpoint: SocketAddr,

    /// Where `mltrace serve` is, which is told of tips.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) mltrace: SocketAddr,

    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// Both, beside the server of mltrace.
#[derive(Debug, Args)]
pub(crate) struct LiveOpt {
    #[command(flatten)]
    pub(crate) endpoint: ServeOpt,

    /// Where the server of mltrace is asked.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) mltrace: SocketAddr,

    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// How fast time goes by.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Pace {
    /// Rides a second.
    #[arg(long, value_name = "RIDES", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
}

impl Opt {
    /// What is to be done, and over which months.
    pub(crate) fn into_parts(self) -> (Option<Command>, Plan) {
        let plan = Plan {
            source: if self.data.is_empty() { Source::Made } else { Source::Files(self.data) },
            train: self.train,
            validate: self.validate,
            serve: self.serve.months().collect(),
            folder: Folder::new(self.out),
        };
        (self.command, plan)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_consistent() {
        Opt::command().debug_assert();
    }

    #[test]
    fn without_options_the_first_half_of_2020_is_made_up() {
        let plan = Opt::parse_from(["taxi"]).into_parts().1;
        assert!(matches!(plan.source, Source::Made));
        let served: Vec<String> = plan.serve.iter().map(Month::to_string).collect();
        assert_eq!(served, ["2020-03", "2020-04", "2020-05", "2020-06"]);
    }

    #[test]
    fn a_month_that_is_none_is_refused_with_an_example() {
        let error = Opt::try_parse_from(["taxi", "--train", "2020"]).expect_err("no month");
        assert!(error.to_string().contains("write it like 2020-01"), "{error}");
    }
}
