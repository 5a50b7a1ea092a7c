use chrono::{Days, Utc};
use mltrace_core::RunId;
use mltrace_core::monitor::{ColumnProfile, ColumnSummary, Profile, RunProfile, Window};
use serde::Serialize;

use crate::command::inspect;
use crate::failure::Failure;
use crate::opt;
use crate::render;
use crate::session::Session;

/// What data looks like.
#[derive(Debug, Serialize)]
pub(crate) struct Profiled {
    pub(crate) run: Option<RunId>,
    pub(crate) task: Option<String>,
    /// Of a task.
    pub(crate) window: Option<Window>,
    pub(crate) profiles: Vec<ProfiledPart>,
}

/// What was said under one name.
#[derive(Debug, Serialize)]
pub(crate) struct ProfiledPart {
    pub(crate) name: String,
    /// How many days of a run's data are known one by one.
    pub(crate) days: usize,
    pub(crate) columns: Vec<ProfiledColumn>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ProfiledColumn {
    pub(crate) column: String,
    #[serde(flatten)]
    pub(crate) summary: ColumnSummary,
}

pub(crate) fn run(opt: &opt::Profile, session: &mut Session<'_>) -> Result<(), Failure> {
    let is_task = session.tracer.tasks()?.contains(&opt.of);
    match opt.of.parse::<RunId>() {
        Ok(run) if !is_task => of_run(run, session),
        _ => of_task(opt, session),
    }
}

fn of_run(id: RunId, session: &mut Session<'_>) -> Result<(), Failure> {
    let run = inspect::find(&session.tracer, id)?;
    let part = |(name, profile): (String, RunProfile)| part(name, profile.days().len(), profile.whole());
    let profiles = session.tracer.profiles(id)?.into_iter().map(part).collect();
    let found = Profiled { run: Some(id), task: None, window: None, profiles };
    session.answer(&found, |profiled, screen| render::run_profile(&run, profiled, screen))
}

fn of_task(opt: &opt::Profile, session: &mut Session<'_>) -> Result<(), Failure> {
    let until = opt.until.unwrap_or_else(Utc::now).date_naive();
    let first = until.checked_sub_days(Days::new(opt.window.into()));
    let first = first.ok_or_else(|| Failure::Question(format!("there are no {} days before {until}", opt.window)))?;
    let window = Window { first, days: opt.window };
    let profile = session.tracer.task(&opt.of)?.profile(first, opt.window)?;
    let profiles = vec![part(opt.of.clone(), 0, &profile)];
    let found = Profiled { run: None, task: Some(opt.of.clone()), window: Some(window), profiles };
    session.answer(&found, |profiled, screen| render::task_profile(&opt.of, window, profiled, screen))
}

fn part(name: String, days: usize, profile: &Profile) -> ProfiledPart {
    let column =
        |(name, column): (&str, &ColumnProfile)| ProfiledColumn { column: name.to_owned(), summary: column.summary() };
    ProfiledPart { name, days, columns: profile.columns().map(column).collect() }
}
