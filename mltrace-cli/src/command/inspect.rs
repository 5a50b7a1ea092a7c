use mltrace_core::{ErrorKind, RunId, RunRecord, Tracer};

use crate::failure::Failure;
use crate::opt::Inspect;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Inspect, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = find(&session.tracer, opt.run)?;
    let parent = run.parent.map(|uuid| session.tracer.run_id(uuid)).transpose()?.flatten();
    let parent = parent.map(|id| session.tracer.run(id)).transpose()?;
    session.answer(&run, |run, screen| render::run(run, parent.as_ref(), screen))
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
