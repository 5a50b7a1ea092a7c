use chrono::{DateTime, Utc};
use mltrace_core::monitor::{AlarmChange, KeptDrift, Severity, TaskDriftReport};
use serde::Serialize;

use crate::command::inspect;
use crate::failure::Failure;
use crate::opt::Drift;
use crate::render;
use crate::session::Session;

/// How far a task's data is from its reference, and what of that is news where it was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    #[serde(flatten)]
    pub(crate) drift: TaskDriftReport,
    pub(crate) kept: Option<News>,
}

/// What has changed since the check before.
#[derive(Debug, Serialize)]
pub(crate) struct News {
    pub(crate) checked_at: DateTime<Utc>,
    pub(crate) severity_before: Option<Severity>,
    pub(crate) changes: Vec<AlarmChange>,
    pub(crate) has_new_alarms: bool,
}

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
    let found: Checked =
        if opt.keep { question.keep()?.into() } else { Checked { drift: question.get()?, kept: None } };
    let runs = session.tracer.runs(&found.drift.reference.runs)?;
    session.answer(&found, |found, screen| render::drift(&opt.task, found, &runs, last, screen))?;
    if opt.exit_code && found.alarms() { Err(Failure::No) } else { Ok(()) }
}

impl Checked {
    /// Whether somebody is to be told: of what was kept only if it was not so at the check before.
    fn alarms(&self) -> bool {
        let alarms = || self.drift.report.columns.iter().any(|column| !column.alarms.is_empty());
        self.kept.as_ref().map_or_else(alarms, |news| news.has_new_alarms)
    }
}

impl From<KeptDrift> for Checked {
    fn from(kept: KeptDrift) -> Self {
        let has_new_alarms = kept.has_new_alarms();
        let KeptDrift { checked_at, severity_before, changes, drift, .. } = kept;
        Self { drift, kept: Some(News { checked_at, severity_before, changes, has_new_alarms }) }
    }
}
