//! Will this rider tip well? A machine-learning pipeline of five stages over the months of New York's
//! yellow taxis, every stage traced by `mltrace`. See the README of the workspace for a tour.

mod cleaning;
mod example;
mod featuregen;
mod forest;
mod inference;
mod io;
mod made;
mod month;
mod opt;
mod pipeline;
mod progress;
mod report;
mod ride;
mod score;
mod source;
mod split;
mod train;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match pipeline::run(&opt::Opt::parse().into_plan()) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
