use std::thread;
use std::time::Duration;

use mltrace_core::{Page, RunId, RunRecord, Status, Tracer};

use crate::failure::Failure;
use crate::opt::Recent;
use crate::render::{self, RunTable};
use crate::session::Session;

/// A look at an idle store takes microseconds, and people wait half a second without noticing.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn run(opt: &Recent, session: &mut Session<'_>) -> Result<(), Failure> {
    let page = match opt.after {
        Some(run) => session.tracer.recent_before(run, opt.limit)?,
        None => session.tracer.recent(opt.limit)?,
    };
    if opt.follow { follow(page, session) } else { session.answer(&page, render::recent) }
}

/// Shows runs in the order of recording, and those that were open once more when they have ended.
fn follow(last: Page<RunRecord>, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut table = RunTable::new();
    let mut open = Vec::new();
    let mut newest = RunId(0);
    let mut runs = last.items;
    runs.reverse();
    loop {
        session.stream(&runs, |runs, screen| table.more(runs, screen))?;
        newest = runs.iter().map(|run| run.id).fold(newest, RunId::max);
        open.extend(runs.iter().filter(|run| run.status == Status::Running).map(|run| run.id));
        thread::sleep(PAUSE);
        runs = ended(&session.tracer, &mut open)?;
        runs.extend(session.tracer.recorded_after(newest)?);
    }
}

/// Takes those that have ended out of the open ones.
fn ended(tracer: &Tracer, open: &mut Vec<RunId>) -> Result<Vec<RunRecord>, Failure> {
    let (still_open, ended) =
        tracer.runs(open)?.into_iter().partition::<Vec<_>, _>(|run| run.status == Status::Running);
    *open = still_open.iter().map(|run| run.id).collect();
    Ok(ended)
}
