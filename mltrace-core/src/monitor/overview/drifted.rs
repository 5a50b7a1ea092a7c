//! How far data has moved: what stands first, a column beside its reference, and the words.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::drift::{Alarm, Calibration, ColumnDrift, DriftReport, Severity, Status};
use super::super::profile::{ColumnProfile, Kind};
use super::super::task::TaskDriftReport;
use crate::__words::{count, range, share, short};

/// Categories that stand beside each other.
const CATEGORIES: usize = 10;

/// The columns that alarm, then those that differ most.
pub fn by_weight(report: &DriftReport) -> Vec<&ColumnDrift> {
    let mut columns: Vec<&ColumnDrift> = report.columns.iter().collect();
    columns.sort_by_key(|column| (column.alarms.is_empty(), rank(column.status), Reverse(excess(column))));
    columns
}

/// The order in which columns without a difference in their alarms stand.
fn rank(status: Status) -> u8 {
    match status {
        Status::Drift => 0,
        Status::NoData => 1,
        Status::Shift => 2,
        Status::TooFew => 3,
        Status::Ok => 4,
        Status::Seasonal | Status::Identifier => 5,
    }
}

/// By how much a column surely differs more than is tolerated, so that it can be ordered.
#[allow(clippy::cast_possible_truncation, reason = "a figure from -1 to 1")]
fn excess(column: &ColumnDrift) -> i64 {
    (column.bound.map_or(-1.0, |bound| bound - column.tolerance) * 1e6) as i64
}

/// What the columns amount to, in a word.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::None => "no alarm",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// What the columns amount to.
pub fn verdict(report: &DriftReport) -> String {
    let word = word(report.severity);
    let alarming = report.columns.iter().filter(|column| !column.alarms.is_empty()).count();
    let watched = report.columns.iter().filter(|column| column.status != Status::Identifier).count();
    match alarming {
        0 => format!("{word} in {} judged", count(report.judged as u64, "column")),
        _ => format!("{word}: {alarming} of {} alarm", count(watched as u64, "column")),
    }
}

/// The status, and alarms that it does not tell.
pub fn said_of(column: &ColumnDrift) -> String {
    let more = column.alarms.iter().filter(|alarm| matches!(alarm, Alarm::Nulls | Alarm::Unseen));
    [column.status.to_string()].into_iter().chain(more.map(ToString::to_string)).collect::<Vec<_>>().join("+")
}

/// By what a column is measured, in short.
pub fn measure_of(column: &ColumnDrift) -> &'static str {
    if column.kind == Kind::Numeric { "KS" } else { "JS" }
}

/// What there is to say of a report beside its columns.
pub fn notes(found: &TaskDriftReport) -> Vec<String> {
    let unknown = &found.report.unknown;
    let unknown = (!unknown.is_empty()).then(|| format!("not in the reference: {}", unknown.join(", ")));
    let uncalibrated = found.report.columns.iter().filter_map(|column| match column.calibration {
        Calibration::Uncalibrated { chunks } if column.statistic.is_some() => Some(chunks),
        _ => None,
    });
    let uncalibrated = uncalibrated.max().map(|chunks| {
        format!(
            "limits with ? are the least there is: of the reference {} as long as this window are known, and it takes 5 to know \
             how much change is usual; let the training run say which day each row is of with `run.profile_by_day`",
            count(chunks as u64, "window")
        )
    });
    found.notes.iter().cloned().chain(unknown).chain(uncalibrated).collect()
}

/// A share of the reference and of the live data.
#[derive(Debug)]
pub struct Beside {
    /// Which values.
    pub name: String,
    /// Their share of the reference, 0 to 1.
    pub before: f64,
    /// Their share of the live data.
    pub now: f64,
}

/// A column beside the reference: of numbers by tenths of the reference, of categories those that have changed most.
pub fn beside(column: &ColumnDrift, found: &TaskDriftReport) -> Option<Vec<Beside>> {
    let reference = found.reference_column(&column.column)?;
    let live = found.live_column(&column.column)?;
    if column.kind == Kind::Numeric { of_numbers(reference, live) } else { Some(of_categories(reference, live)) }
}

/// Between tenths of the reference, as far as these are apart.
fn of_numbers(reference: &ColumnProfile, live: &ColumnProfile) -> Option<Vec<Beside>> {
    let mut ends: Vec<f64> = (1..10).filter_map(|tenth| reference.quantile(f64::from(tenth) / 10.0)).collect();
    ends.dedup();
    let (before, now) = (reference.shares_up_to(&ends)?, live.shares_up_to(&ends)?);
    let parts = |up_to: Vec<f64>| {
        let starts = std::iter::once(0.0).chain(up_to.clone());
        up_to.into_iter().chain([1.0]).zip(starts).map(|(end, start)| (end - start).max(0.0)).collect::<Vec<_>>()
    };
    let froms = std::iter::once(None).chain(ends.iter().copied().map(Some));
    let tos = ends.iter().copied().map(Some).chain([None]);
    let name = |(from, to): (Option<f64>, Option<f64>)| match (from, to) {
        (None, Some(to)) => format!("up to {}", short(to)),
        _ => range(from, to),
    };
    let cells = froms.zip(tos).map(name).zip(parts(before).into_iter().zip(parts(now)));
    Some(cells.map(|(name, (before, now))| Beside { name, before, now }).collect())
}

/// The categories whose share has changed most, and null.
fn of_categories(reference: &ColumnProfile, live: &ColumnProfile) -> Vec<Beside> {
    let (before, now) = (reference.categories(), live.categories());
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let part = |part: Option<&u64>, whole: &ColumnProfile| share(part.copied().unwrap_or_default(), whole.count());
    let cells = names.into_iter().map(|name| Beside {
        name: name.clone(),
        before: part(before.get(name), reference),
        now: part(now.get(name), live),
    });
    let nulls = Beside {
        name: "(null)".to_owned(),
        before: share(reference.nulls(), reference.count()),
        now: share(live.nulls(), live.count()),
    };
    let mut cells: Vec<_> = cells.chain([nulls]).filter(|cell| cell.before + cell.now > 0.0).collect();
    cells.sort_by(|a, b| (b.before - b.now).abs().total_cmp(&(a.before - a.now).abs()));
    cells.truncate(CATEGORIES);
    cells
}
