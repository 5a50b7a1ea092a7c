use mltrace_core::{RunId, RunRecord, Tracer};

use crate::failure::Failure;
use crate::opt::Inspect;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    find(&session.tracer, opt.run)?;
    let run = session.tracer.run(opt.run)?;
    let parent = run.parent.map(|uuid| session.tracer.run_id(uuid)).transpose()?.flatten();
    let parent = session.tracer.runs(parent.as_slice())?.pop();
    session.answer(&run, |run, screen| render::run(run, parent.as_ref(), screen))
}

/// A run as lists show it, or the news which there are.
pub(crate) fn find(tracer: &Tracer, id: RunId) -> Result<RunRecord, Failure> {
    if let Some(run) = tracer.runs(&[id])?.pop() {
        return Ok(run);
    }
    let last = tracer.recent(1)?.items;
    let known = last.first().map_or_else(|| "no run at all".to_owned(), |run| format!("runs up to {}", run.id));
    Err(Failure::Question(format!("there is no run {id} in this store: it holds {known}, see `mltrace recent`")))
}
