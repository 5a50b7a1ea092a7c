use std::fs;
use std::path::Path;

use mltrace_core::monitor::{Answer, Checklist};

use crate::failure::Failure;
use crate::opt::Retrain;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Retrain, session: &mut Session<'_>) -> Result<(), Failure> {
    let task = session.tracer.task(&opt.task)?;
    let mut question = task.retrain();
    if let Some(file) = &opt.checklist {
        question = question.checklist(read(file)?);
    }
    if let Some(time) = opt.as_of {
        question = question.as_of(time);
    }
    let report = question.get()?;
    session.answer(&report, render::retrain)?;
    if opt.exit_code && report.answer == Answer::Yes { Err(Failure::No) } else { Ok(()) }
}

fn read(file: &Path) -> Result<Checklist, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Question(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| wrong(&error))
}
