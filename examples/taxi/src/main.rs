//! Will this rider tip well? A machine-learning pipeline of five stages over the months of New York's
//! yellow taxis, every stage traced by `mltrace`. See the README of the workspace for a tour.

mod cleaning;
mod deploy;
mod drive;
mod endpoint;
mod example;
mod featuregen;
mod forest;
mod inference;
mod io;
mod live;
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
mod tips;
mod train;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let (command, plan) = opt::Opt::parse().into_parts();
    let told = match command {
        None => pipeline::run(&plan).map(|report| report.to_string()),
        Some(opt::Command::Deploy) => deploy::run(&plan).map(|story| story.to_string()),
        Some(opt::Command::Serve(opt)) => endpoint::run(&plan, &opt).map(|()| String::new()),
        Some(opt::Command::Drive(opt)) => drive::run(&plan, &opt).map(|driven| driven.to_string()),
        Some(opt::Command::Live(opt)) => live::run(plan, &opt).map(|()| String::new()),
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
