use chrono::TimeDelta;
use mltrace_core::{RunId, RunRecord, Tracer};

use crate::failure::Failure;
use crate::opt::Review;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Review, session: &mut Session<'_>) -> Result<(), Failure> {
    let review = session.tracer.review().by(opt.by).limit(opt.limit).get()?;
    let first = review.runs.first().map(|suspect| &suspect.run);
    let before = first.map(|run| run_before(&session.tracer, run)).transpose()?.flatten();
    session.answer(&review, |review, screen| render::review(review, before, screen))
}

/// The last run of the same component and partition that started before a run: what has changed since then?
fn run_before(tracer: &Tracer, run: &RunRecord) -> Result<Option<RunId>, Failure> {
    let mut history = tracer.history(&run.component).until(run.started_at - TimeDelta::microseconds(1));
    if let Some(partition) = &run.partition {
        history = history.partition(partition);
    }
    Ok(history.nth(0)?.map(|run| run.id))
}
