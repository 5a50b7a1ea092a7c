//! How far a task's data has moved from what its model was trained on.

use std::ops::Range;

use askama::Template;
use chrono::{DateTime, Utc};
use mltrace_core::__words::{percent, short};
use mltrace_core::monitor::__overview::{Beside, beside, by_weight, days, measure_of, notes, said_of, verdict};
use mltrace_core::monitor::{Calibration, ColumnDrift, Kind, Severity, Status, TaskDriftReport};
use mltrace_core::{ErrorKind, RunId, RunPart, Tracer};
use serde::Deserialize;

use super::chart::{Chart, Scale, Told};
use super::form::time;
use super::frame::Frame;
use super::site::{Site, Visit};
use super::task::{day_after, link_to};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// How many whole days are compared unless others are asked for.
const WEEK: u32 = 7;
/// Points of a distribution function.
const POINTS: u8 = 200;

pub(super) fn add(site: Site) -> Site {
    site.view("/drift", drift)
}

/// Which window, compared with what.
#[derive(Debug, Deserialize)]
struct Question {
    task: String,
    days: Option<u32>,
    until: Option<String>,
    reference: Option<RunId>,
    column: Option<String>,
}

/// Drift, as a page, or as a part of the task's.
#[derive(Template)]
#[template(path = "web/drift.html")]
struct Drift {
    frame: Frame,
    task: String,
    link: String,
    days: u32,
    until: String,
    reference: Option<RunId>,
    /// When the last output was given out, where the window ends with it rather than today.
    ends_with: Option<DateTime<Utc>>,
    /// Or why nothing can be told, and what to do.
    found: Result<Found, String>,
}

struct Found {
    window: String,
    runs: Vec<RunPart>,
    verdict: String,
    class: &'static str,
    columns: Vec<Row>,
    shown: Option<Compared>,
    notes: Vec<String>,
}

/// A column in the table.
struct Row {
    name: String,
    link: String,
    is_shown: bool,
    class: &'static str,
    said: String,
    differs: String,
    noise: String,
    bound: String,
    limit: String,
    count: u64,
    companions: [String; 3],
}

/// A column beside its reference.
struct Compared {
    name: String,
    /// Of numbers.
    functions: Option<Chart>,
    cells: Vec<Beside>,
    greatest: f64,
}

fn drift(visit: Visit<'_, Nothing, Question>) -> Result<Drift, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    let task = tracer.task(&query.task)?;
    let last = task.output_times()?.map(|(_, last)| last);
    let asked = query.until.as_deref().map(time).transpose()?.flatten();
    let length = query.days.unwrap_or(WEEK);
    let today = Utc::now();
    let ends_with = last.filter(|last| asked.is_none() && last.date_naive() < today.date_naive());
    let until = asked.or(ends_with.map(day_after)).unwrap_or(today).min(today).date_naive();
    let mut question = task.drift().days(length).until(until);
    if let Some(run) = query.reference {
        question = question.reference(run);
    }
    let found = match question.get() {
        Ok(report) => Ok(found(tracer, &query, length, &until.to_string(), &report)?),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let link = link_to(&query.task, &[]);
    let Question { task, reference, .. } = query;
    Ok(Drift { frame, task, link, days: length, until: until.to_string(), reference, ends_with, found })
}

fn found(
    tracer: &Tracer,
    query: &Question,
    length: u32,
    until: &str,
    report: &TaskDriftReport,
) -> Result<Found, Problem> {
    let columns = by_weight(&report.report);
    let shown = match &query.column {
        Some(name) => columns.iter().find(|column| column.column == *name),
        None => columns.first(),
    };
    let length = length.to_string();
    let reference = query.reference.map(|run| run.to_string());
    let row = |column: &&ColumnDrift| {
        let figure = |figure: Option<f64>| figure.map(|figure| format!("{figure:.3}")).unwrap_or_default();
        let is_judged = column.statistic.is_some() && column.status != Status::Seasonal;
        let guess = if matches!(column.calibration, Calibration::Uncalibrated { .. }) { "?" } else { "" };
        let companions = column.companions;
        let effect = companions.and_then(|companions| companions.wasserstein.or(companions.cramers_v));
        let mut asked = vec![("task", query.task.as_str()), ("days", &length), ("until", until)];
        asked.extend(reference.as_deref().map(|run| ("reference", run)));
        asked.push(("column", &column.column));
        Row {
            name: column.column.clone(),
            link: link::to("/drift", &asked),
            is_shown: shown.is_some_and(|shown| shown.column == column.column),
            class: class_of(column),
            said: said_of(column),
            differs: column.statistic.map(|value| format!("{} {value:.3}", measure_of(column))).unwrap_or_default(),
            noise: figure(column.noise),
            bound: figure(column.bound),
            limit: if is_judged { format!("{:.2}{guess}", column.tolerance) } else { String::new() },
            count: column.count,
            companions: [
                companions.map(|found| format!("{:.2}", found.stability_index)),
                companions.map(|found| format!("{:.1}", found.log10_p)),
                effect.map(|effect| format!("{effect:.2}")),
            ]
            .map(Option::unwrap_or_default),
        }
    };
    Ok(Found {
        window: report.report.window.map(days).unwrap_or_default(),
        runs: tracer.run_parts(&report.reference.runs, 0)?,
        verdict: verdict(&report.report),
        class: match report.report.severity {
            Severity::None => "good",
            Severity::Warning => "open",
            Severity::Critical => "bad",
        },
        columns: columns.iter().map(row).collect(),
        shown: shown.and_then(|column| compared(column, report)),
        notes: notes(report),
    })
}

fn class_of(column: &ColumnDrift) -> &'static str {
    match column.status {
        _ if !column.alarms.is_empty() => "bad",
        Status::Ok => "good",
        Status::TooFew | Status::NoData => "open",
        _ => "plain",
    }
}

fn compared(column: &ColumnDrift, report: &TaskDriftReport) -> Option<Compared> {
    let cells = beside(column, report)?;
    let greatest = cells.iter().map(|cell| cell.before.max(cell.now)).fold(f64::MIN_POSITIVE, f64::max);
    let functions = (column.kind == Kind::Numeric).then(|| functions(column, report)).flatten();
    Some(Compared { name: column.column.clone(), functions, cells, greatest })
}

/// Which share of a column is no greater than each number, in the reference and now.
fn functions(column: &ColumnDrift, report: &TaskDriftReport) -> Option<Chart> {
    let both = [report.reference_column(&column.column)?, report.live_column(&column.column)?];
    let ends = |share: f64| both.iter().filter_map(move |column| column.quantile(share));
    let (low, high) = (ends(0.005).reduce(f64::min)?, ends(0.995).reduce(f64::max)?);
    let step = (high / f64::from(POINTS)) - (low / f64::from(POINTS));
    let numbers: Vec<f64> = (0..=POINTS).map(|nth| low + step * f64::from(nth)).collect();
    let [before, now] = both.map(|column| column.shares_up_to(&numbers));
    let (before, now) = (before?, now?);
    let scale = Scale::shares();
    let points = |shares: &[f64]| shares.iter().copied().map(Some).collect::<Vec<_>>();
    let tell = |part: Range<usize>| {
        let at = part.end - 1;
        let [before, now] = [before[at], now[at]].map(percent);
        Told { link: None, text: format!("up to {}: {before} of the reference, {now} now", short(numbers[at])) }
    };
    let gap = |at: &usize| (before[*at] - now[*at]).abs();
    let widest = (0..numbers.len()).max_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or_default();
    let chart = Chart::new([low, low + step * f64::from(POINTS / 2), high].map(short).into())
        .scale(&scale)
        .upright("gap", widest, numbers.len())
        .line("before", &points(&before), &scale)
        .line("own", &points(&now), &scale);
    Some(chart.places(numbers.len(), tell))
}

impl Compared {
    /// As a part of the longest bar.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "templates hand over references")]
    fn bar(&self, share: &f64) -> String {
        format!("{:.1}", share / self.greatest * 100.0)
    }
}
