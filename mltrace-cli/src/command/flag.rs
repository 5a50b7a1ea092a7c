use chrono::{DateTime, Utc};
use mltrace_core::{Flagged, Page, RunRecord, Tracer};

use super::trace::known_outputs;
use crate::failure::Failure;
use crate::opt::Flag;
use crate::render::{self, Origin};
use crate::session::Session;

pub(crate) fn run(opt: &Flag, session: &mut Session<'_>) -> Result<(), Failure> {
    match (&opt.task, opt.from, opt.until) {
        (Some(task), Some(from), Some(until)) => of_task(task, from, until, session),
        _ => of_names(opt, session),
    }
}

fn of_names(opt: &Flag, session: &mut Session<'_>) -> Result<(), Failure> {
    let tracer = session.tracer.clone();
    let flag = |output: &String| match &opt.version {
        Some(version) => tracer.flag_version(output, version),
        None => tracer.flag(output),
    };
    let items = opt.outputs.iter().map(flag).collect::<Result<Vec<_>, _>>()?;
    let origins = items.iter().map(|flagged| origin(&tracer, flagged)).collect::<Result<Vec<_>, _>>()?;
    session.answer(&Page { items, next: None }, |page, screen| render::flagged(&page.items, &origins, screen))
}

fn of_task(task: &str, from: DateTime<Utc>, until: DateTime<Utc>, session: &mut Session<'_>) -> Result<(), Failure> {
    let items = session.tracer.task(task)?.flag(from, until)?;
    if items.is_empty() {
        let message = format!("`{task}` has no outputs in this time: see when it has some by `mltrace outputs {task}`");
        return Err(Failure::Question(message));
    }
    let mut writers: Vec<_> = items.iter().filter_map(|flagged| flagged.written_by).collect();
    writers.sort_unstable();
    writers.dedup();
    let runs: Vec<RunRecord> = session.tracer.runs(&writers)?;
    session
        .answer(&Page { items, next: None }, |page, screen| render::flagged_of_task(task, &page.items, &runs, screen))
}

/// Where a flagged output came from, or what may have been meant.
fn origin(tracer: &Tracer, flagged: &Flagged) -> Result<Origin, Failure> {
    if let Some(run) = tracer.runs(flagged.written_by.as_slice())?.first() {
        return Ok(Origin::Run(render::name_of(run)));
    }
    let name = &flagged.pointer.name;
    Ok(match tracer.io_pointer(name) {
        Ok(_) => Origin::Source,
        Err(_) => Origin::Unknown(known_outputs(tracer, name)?),
    })
}
