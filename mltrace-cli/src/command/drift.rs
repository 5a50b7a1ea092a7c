use crate::command::inspect;
use crate::failure::Failure;
use crate::opt::Drift;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Drift, session: &mut Session<'_>) -> Result<(), Failure> {
    let task = session.tracer.task(&opt.task)?;
    let last = task.output_times()?.map(|(_, last)| last);
    let mut question = task.drift().days(opt.window);
    if let Some(until) = opt.until {
        question = question.until(until.date_naive());
    }
    if let Some(run) = opt.reference {
        inspect::find(&session.tracer, run)?;
        question = question.reference(run);
    }
    let found = question.get()?;
    let runs = session.tracer.runs(&found.reference.runs)?;
    session.answer(&found, |found, screen| render::drift(&opt.task, found, &runs, last, screen))?;
    let alarms = found.report.columns.iter().any(|column| !column.alarms.is_empty());
    if opt.exit_code && alarms { Err(Failure::No) } else { Ok(()) }
}
