use mltrace_core::{ErrorKind, RunId, RunRecord, Tracer};

use crate::failure::Failure;
use crate::opt::Inspect;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = find(&session.tracer, opt.run)?;
    session.answer(&run, render::run)
}

/// A run, or the news which there are.
pub(crate) fn find(tracer: &Tracer, id: RunId) -> Result<RunRecord, Failure> {
    let error = match tracer.run(id) {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        found => return Ok(found?),
    };
    let last = tracer.recent(1)?.items;
    let known = last.first().map_or_else(|| "no run at all".to_owned(), |run| format!("runs up to {}", run.id));
    Err(Failure::Question(format!("{error}: it holds {known}, see `mltrace recent`")))
}
