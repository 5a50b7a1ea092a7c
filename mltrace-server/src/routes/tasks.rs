//! What models gave out, what turned out to be true, and how far their data has moved.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use mltrace_core::monitor::{
    ColumnSummary, Logged, Metric, RetrainReport, Task, TaskDriftReport, Window, WindowFigure, Windows,
};
use mltrace_core::{Page, RunId, Tracer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Named, Part};
use crate::api::{Api, Asked, Nothing, Operation};
use crate::body::{Json, expect_room};
use crate::guard::Role;
use crate::problem::Problem;

pub(super) fn add(api: Api) -> Api {
    let outputs =
        Operation::change("post", "/tasks/{name}/outputs", "logOutputs", "Log what a model gave out", Role::Log);
    let feedback =
        Operation::change("post", "/tasks/{name}/feedback", "logFeedback", "Log what turned out to be true", Role::Log);
    let retrain =
        Operation::get("/tasks/{name}/retrain", "getRetrain", "Whether the model is to be trained again, and why");
    api.add(Operation::get("/tasks", "listTasks", "The names of all tasks"), tasks)
        .add(outputs.creates(), log_outputs)
        .add(feedback.creates(), log_feedback)
        .add(Operation::get("/tasks/{name}/metrics", "getMetrics", "A metric over windows of output time"), metrics)
        .add(Operation::get("/tasks/{name}/drift", "getDrift", "How far the data is from what the model saw"), drift)
        .add(Operation::get("/tasks/{name}/profile", "getProfile", "What the data looks like, in figures"), profile)
        .add(retrain.of_files(), self::retrain)
}

fn tasks(asked: Asked<'_, Nothing, Part, ()>) -> Result<Page<String>, Problem> {
    let mut names = asked.tracer.tasks()?;
    names.sort_unstable();
    Ok(asked.query.of(names, Clone::clone))
}

/// A value under the id of an output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewValue {
    /// Of the output.
    #[schemars(length(min = 1))]
    id: String,
    /// A finite number.
    value: f64,
    /// When the output was given out, or when the label came; now unless given.
    at: Option<DateTime<Utc>>,
}

/// How many values were logged.
#[derive(Debug, Serialize, JsonSchema)]
struct LoggedValues {
    /// All that were given.
    logged: usize,
}

type Values<'a> = Asked<'a, Named, Nothing, Json<Vec<NewValue>>>;

fn log_outputs(asked: Values<'_>) -> Result<LoggedValues, Problem> {
    log(asked, Task::log_outputs)
}

fn log_feedback(asked: Values<'_>) -> Result<LoggedValues, Problem> {
    log(asked, Task::log_feedbacks)
}

fn log(asked: Values<'_>, log: fn(&Task, Vec<Logged>) -> mltrace_core::Result<()>) -> Result<LoggedValues, Problem> {
    let Json(given) = asked.body;
    expect_room(given.len(), asked.limits.array)?;
    let values: Vec<_> = given.into_iter().map(|NewValue { id, value, at }| Logged { id, value, at }).collect();
    let logged = values.len();
    log(&task(asked.tracer, &asked.path)?, values)?;
    Ok(LoggedValues { logged })
}

fn task(tracer: &Tracer, named: &Named) -> Result<Task, Problem> {
    Ok(tracer.task(&named.name)?)
}

/// Which metric, over which windows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Measured {
    /// The metric.
    metric: Metric,
    /// One window after the other, each of so many seconds; one of all outputs unless given.
    #[schemars(range(min = 1))]
    window_s: Option<u32>,
    /// From which output time on.
    since: Option<DateTime<Utc>>,
    /// Up to which output time, exclusive.
    until: Option<DateTime<Utc>>,
    /// Outputs and labels that came after this time do not count.
    as_of: Option<DateTime<Utc>>,
    /// From which value on a prediction counts as positive; 0.5 unless given.
    threshold: Option<f64>,
}

fn metrics(asked: Asked<'_, Named, Measured, ()>) -> Result<Page<WindowFigure>, Problem> {
    let Measured { metric, window_s, since, until, as_of, threshold } = asked.query;
    let task = task(asked.tracer, &asked.path)?;
    let mut question = task.metrics(metric);
    if let Some(width) = window_s {
        question = question.windows(Windows::Tumbling(TimeDelta::seconds(width.into())));
    }
    if let Some(since) = since {
        question = question.since(since);
    }
    if let Some(until) = until {
        question = question.until(until);
    }
    if let Some(time) = as_of {
        question = question.as_of(time);
    }
    if let Some(threshold) = threshold {
        question = question.threshold(threshold);
    }
    Ok(Page { items: question.get()?, next: None })
}

/// Which window, compared with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Compared {
    /// How many whole days the window has; 7 unless given.
    #[schemars(range(min = 1))]
    days: Option<u32>,
    /// The first day after the window; today unless given.
    until: Option<NaiveDate>,
    /// The number of the run whose profile it is compared with; the training run unless given.
    reference: Option<RunId>,
}

fn drift(asked: Asked<'_, Named, Compared, ()>) -> Result<TaskDriftReport, Problem> {
    let task = task(asked.tracer, &asked.path)?;
    let mut question = task.drift();
    if let Some(days) = asked.query.days {
        question = question.days(days);
    }
    if let Some(day) = asked.query.until {
        question = question.until(day);
    }
    if let Some(run) = asked.query.reference {
        question = question.reference(run);
    }
    Ok(question.get()?)
}

/// Which days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Spanned {
    /// How many whole days, UTC; 7 unless given.
    #[schemars(range(min = 1))]
    days: Option<u32>,
    /// The first day after them; today unless given.
    until: Option<NaiveDate>,
}

/// What the data of a task looks like.
#[derive(Debug, Serialize, JsonSchema)]
struct TaskProfile {
    task: String,
    window: Window,
    /// The outputs as `prediction`, and whatever else was profiled.
    columns: Vec<ProfiledColumn>,
}

/// A column in figures.
#[derive(Debug, Serialize, JsonSchema)]
struct ProfiledColumn {
    /// Its name.
    column: String,
    #[serde(flatten)]
    summary: ColumnSummary,
}

fn profile(asked: Asked<'_, Named, Spanned, ()>) -> Result<TaskProfile, Problem> {
    let days = asked.query.days.unwrap_or(7);
    let until = asked.query.until.unwrap_or_else(|| Utc::now().date_naive());
    let first = until.checked_sub_days(Days::new(days.into()));
    let first = first.ok_or_else(|| Problem::refused(format!("there are no {days} days before {until}")))?;
    let profile = task(asked.tracer, &asked.path)?.profile(first, days)?;
    let columns = profile
        .columns()
        .map(|(name, column)| ProfiledColumn { column: name.to_owned(), summary: column.summary() })
        .collect();
    Ok(TaskProfile { task: asked.path.name, window: Window { first, days }, columns })
}

/// As of when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AsOf {
    /// As of this time, rather than now.
    as_of: Option<DateTime<Utc>>,
}

/// By the checklist that stands unless told otherwise. Inputs of training are measured, so that files are read.
fn retrain(asked: Asked<'_, Named, AsOf, ()>) -> Result<RetrainReport, Problem> {
    let task = task(asked.tracer, &asked.path)?;
    let mut question = task.retrain();
    if let Some(time) = asked.query.as_of {
        question = question.as_of(time);
    }
    Ok(question.get()?)
}
