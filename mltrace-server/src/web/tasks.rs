//! All tasks, and the way to each.

use askama::Template;
use chrono::{Days, Utc};
use mltrace_core::__words::{age, percent, share};
use mltrace_core::Tracer;
use serde::Deserialize;

use super::chart::{Chart, Told};
use super::form::time;
use super::frame::Frame;
use super::link;
use super::site::{Change, Shown, Site, Visit};
use super::task::{self, Question, day_start, link_to};
use super::words;
use crate::api::Nothing;
use crate::problem::Problem;

/// So many tasks on one page.
const PART: usize = 50;
/// Of each the last outputs of so many days.
const DAYS: u64 = 28;

pub(super) fn add(site: Site) -> Site {
    site.view("/tasks", all_or_one).view("/tasks/{name}", one).change("/flag/outputs", flag)
}

/// Which task.
#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// The tasks, as a page.
#[derive(Template)]
#[template(path = "web/tasks.html")]
struct Tasks {
    frame: Frame,
    rows: Vec<Row>,
    /// Where the next ones are.
    next: Option<String>,
}

/// A task in a few figures.
struct Row {
    name: String,
    link: String,
    drift: String,
    retrain: String,
    recent: Option<Recent>,
}

/// What it gave out on the last days on which it did.
struct Recent {
    last: chrono::DateTime<Utc>,
    age: String,
    outputs: u64,
    labelled: String,
    chart: Chart,
}

fn all_or_one(visit: Visit<'_, Nothing, Question>) -> Result<Shown<Tasks, task::Page>, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    match query.name.clone() {
        Some(name) => Ok(Shown::One { page: Box::new(task::page(tracer, frame, &name, &query)?) }),
        None => Ok(Shown::All { page: Box::new(all(tracer, frame, query.after)?) }),
    }
}

fn one(visit: Visit<'_, Named, Question>) -> Result<task::Page, Problem> {
    task::page(visit.tracer, visit.frame, &visit.path.name, &visit.query)
}

fn all(tracer: &Tracer, frame: Frame, after: Option<String>) -> Result<Tasks, Problem> {
    let mut names = tracer.tasks()?;
    names.sort_unstable();
    let from = after.map_or(0, |after| names.partition_point(|name| *name <= after));
    let shown = &names[from..names.len().min(from + PART)];
    let next = shown.last().filter(|_| from + PART < names.len()).map(|last| link::to("/tasks", &[("after", last)]));
    let rows = shown.iter().map(|name| row(tracer, name)).collect::<Result<_, _>>()?;
    Ok(Tasks { frame, rows, next })
}

fn row(tracer: &Tracer, name: &str) -> Result<Row, Problem> {
    let task = tracer.task(name)?;
    let recent = task.output_times()?.map(|(_, last)| -> Result<Recent, Problem> {
        let first = last.date_naive().checked_sub_days(Days::new(DAYS - 1)).unwrap_or_default();
        let found = task.outputs(Some(day_start(first)), None)?;
        let counts: Vec<u64> = found.days.iter().map(|day| day.outputs).collect();
        let tell = |part: std::ops::Range<usize>| {
            let days = &found.days[part];
            let text = days.iter().map(|day| format!("{}: {} outputs", day.day, day.outputs)).collect::<Vec<_>>();
            Told { link: None, text: text.join("\n") }
        };
        Ok(Recent {
            last,
            age: age(last, Utc::now()),
            outputs: found.outputs,
            labelled: percent(share(found.labelled, found.outputs)),
            chart: Chart::new(Vec::new()).bars("outputs", &counts).places(found.days.len(), tell),
        })
    });
    Ok(Row {
        link: link_to(name, &[]),
        drift: link::to("/drift", &[("task", name)]),
        retrain: link::to("/retrain", &[("task", name)]),
        recent: recent.transpose()?,
        name: name.to_owned(),
    })
}

/// The outputs of a window of a task.
#[derive(Debug, Deserialize)]
struct Window {
    task: String,
    from: String,
    to: String,
    /// Only these of them, as JSON.
    only: Option<String>,
}

/// Leads to what stands behind the outputs.
fn flag(change: Change<'_, Nothing, Window>) -> Result<String, Problem> {
    let Window { task, from, to, only } = change.form;
    if let Some(only) = only {
        let ids: Vec<String> =
            serde_json::from_str(&only).map_err(|_| Problem::bad_request("`only` is no list of outputs"))?;
        change.tracer.flag_each(ids)?;
    } else {
        let end = |text: &str| time(text)?.ok_or_else(|| Problem::bad_request("give the window's `from` and `to`"));
        change.tracer.task(&task)?.flag(end(&from)?, end(&to)?)?;
    }
    Ok("/review".to_owned())
}
