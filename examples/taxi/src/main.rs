//! Will this rider tip well? A machine-learning pipeline of five stages over the months of New York's
//! yellow taxis, every stage traced by `mltrace`. See the README of the workspace for a tour.

mod cleaning;
mod deploy;
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
mod story;
mod train;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let opt = opt::Opt::parse();
    let is_deployed = opt.is_deployed();
    let plan = opt.into_plan();
    let told = if is_deployed {
        deploy::run(&plan).map(|story| story.to_string())
    } else {
        pipeline::run(&plan).map(|report| report.to_string())
    };
    match told {
        Ok(told) => {
            print!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
