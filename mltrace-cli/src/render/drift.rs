//! How far data is from what a model was trained on.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anstyle::Style;
use chrono::{DateTime, Utc};
use mltrace_core::RunRecord;
use mltrace_core::monitor::{
    Alarm, AlarmChange, Calibration, ColumnDrift, ColumnProfile, Kind, Severity, Status, TaskDriftReport,
};

use super::chart::bar;
use super::metrics::utc;
use super::outputs::{range, share};
use super::profile::days;
use super::run::name_of;
use super::table::{Cell, Column, Fit, table};
use super::text::{BAD, DIM, GOOD, OPEN, PLAIN, STRONG, argument, count, next, one_line, paint, percent, short};
use super::wrap::wrap;
use crate::command::{Checked, News};
use crate::session::Screen;

/// A bar of the chart in columns.
const BAR: usize = 20;
/// Categories of the chart.
const CATEGORIES: usize = 10;

/// The report, with the runs of the reference and the time of the task's last output.
pub(crate) fn drift(
    task: &str,
    checked: &Checked,
    runs: &[RunRecord],
    last: Option<DateTime<Utc>>,
    screen: Screen,
) -> String {
    let found = &checked.drift;
    let mut columns: Vec<&ColumnDrift> = found.report.columns.iter().collect();
    columns.sort_by_key(|column| (column.alarms.is_empty(), rank(column.status), Reverse(excess(column))));
    let worst = columns.first().filter(|column| column.bound.is_some_and(|bound| bound > 0.0));
    let sections = [
        Some(head(task, found, runs, last, screen) + &news(checked, screen)),
        (!columns.is_empty()).then(|| table_of(&columns, screen)),
        worst.and_then(|worst| compared(worst, found, screen)),
        Some(notes(found, screen)).filter(|notes| !notes.is_empty()),
        Some(next(&format!("mltrace retrain {}", argument(task)))),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn head(
    task: &str,
    found: &TaskDriftReport,
    runs: &[RunRecord],
    last: Option<DateTime<Utc>>,
    screen: Screen,
) -> String {
    let report = &found.report;
    let window = report.window.map(days).unwrap_or_default();
    let with = runs.iter().map(name_of).collect::<Vec<_>>().join(", ");
    let title = format!("{}  {window}\n", paint(STRONG, one_line(task)));
    let with = wrap(&format!("compared with {with}"), screen.width).into_iter();
    let alarming = report.columns.iter().filter(|column| !column.alarms.is_empty()).count();
    let (style, word) = verdict(report.severity);
    let watched = report.columns.iter().filter(|column| column.status != Status::Identifier).count();
    let told = match alarming {
        0 => format!("{word} in {} judged", count(report.judged as u64, "column")),
        _ => format!("{word}: {alarming} of {} alarm", count(watched as u64, "column")),
    };
    let is_empty = report.columns.iter().all(|column| column.count == 0);
    let hint = last.filter(|_| is_empty).map(|last| {
        format!("no data came on these days; the last output was given out {}: choose days with --until", utc(last))
    });
    let hint = hint.iter().flat_map(|hint| wrap(hint, screen.width)).map(|line| paint(OPEN, line));
    title + &with.chain([paint(style, told)]).chain(hint).map(|line| line + "\n").collect::<String>()
}

fn table_of(columns: &[&ColumnDrift], screen: Screen) -> String {
    const COLUMNS: [Column; 10] = [
        Column { title: "", fit: Fit::Left },
        Column { title: "column", fit: Fit::CutEnd },
        Column { title: "differs", fit: Fit::Right },
        Column { title: "noise", fit: Fit::Right },
        Column { title: "surely", fit: Fit::Right },
        Column { title: "limit", fit: Fit::Right },
        Column { title: "count", fit: Fit::Right },
        Column { title: "PSI", fit: Fit::Right },
        Column { title: "log10 p", fit: Fit::Right },
        Column { title: "W1 or V", fit: Fit::Spare },
    ];
    let row = |column: &&ColumnDrift| {
        let figure = |figure: Option<f64>| Cell::new(figure.map(|figure| format!("{figure:.3}")).unwrap_or_default());
        let measure = if column.kind == Kind::Numeric { "KS" } else { "JS" };
        let is_judged = column.statistic.is_some() && column.status != Status::Seasonal;
        let guess = if matches!(column.calibration, Calibration::Uncalibrated { .. }) { "?" } else { "" };
        let companions = column.companions;
        let effect = companions.and_then(|companions| companions.wasserstein.or(companions.cramers_v));
        [
            Cell::styled(style_of(column), said(column)),
            Cell::new(one_line(&column.column)),
            Cell::new(column.statistic.map(|value| format!("{measure} {value:.3}")).unwrap_or_default()),
            figure(column.noise),
            figure(column.bound),
            Cell::new(if is_judged { format!("{:.2}{guess}", column.tolerance) } else { String::new() }),
            Cell::new(column.count.to_string()),
            Cell::styled(DIM, companions.map(|found| format!("{:.2}", found.stability_index)).unwrap_or_default()),
            Cell::styled(DIM, companions.map(|found| format!("{:.1}", found.log10_p)).unwrap_or_default()),
            Cell::styled(DIM, effect.map(|effect| format!("{effect:.2}")).unwrap_or_default()),
        ]
    };
    table(COLUMNS, &columns.iter().map(row).collect::<Vec<_>>(), screen.width)
}

/// What has changed since the check before, where the answer was kept.
fn news(checked: &Checked, screen: Screen) -> String {
    let Some(News { severity_before, changes, .. }) = &checked.kept else { return String::new() };
    let severity = checked.drift.report.severity;
    let since = match severity_before {
        None => "kept: the first check of a window as long".to_owned(),
        Some(before) if *before != severity => format!("kept: at the check before it was {}", verdict(*before).1),
        Some(_) if changes.is_empty() => "kept: nothing new since the check before".to_owned(),
        Some(_) => format!("kept: {} at the check before, too", verdict(severity).1),
    };
    let only = |more: fn(&AlarmChange) -> (&[Alarm], &[Alarm])| {
        let told = changes.iter().flat_map(|change| {
            let (some, others) = more(change);
            let alarms = some.iter().filter(|alarm| !others.contains(alarm));
            alarms.map(|alarm| format!("{} {}", one_line(&change.column), alarm))
        });
        told.collect::<Vec<_>>().join(", ")
    };
    let (new, over) = (only(|change| (&change.now, &change.before)), only(|change| (&change.before, &change.now)));
    let lines = [(PLAIN, "", since), (BAD, "new: ", new), (GOOD, "no more: ", over)];
    let lines = lines.into_iter().filter(|(.., told)| !told.is_empty()).flat_map(|(style, lead, told)| {
        wrap(&format!("{lead}{told}"), screen.width).into_iter().map(move |line| paint(style, line) + "\n")
    });
    lines.collect()
}

fn verdict(severity: Severity) -> (Style, &'static str) {
    match severity {
        Severity::None => (GOOD, "no alarm"),
        Severity::Warning => (OPEN, "warning"),
        Severity::Critical => (BAD, "critical"),
    }
}

/// The status, and alarms that it does not tell.
fn said(column: &ColumnDrift) -> String {
    let more = column.alarms.iter().filter(|alarm| matches!(alarm, Alarm::Nulls | Alarm::Unseen));
    [column.status.to_string()].into_iter().chain(more.map(ToString::to_string)).collect::<Vec<_>>().join("+")
}

fn style_of(column: &ColumnDrift) -> Style {
    match column.status {
        _ if !column.alarms.is_empty() => BAD,
        Status::Ok => GOOD,
        Status::TooFew | Status::NoData => OPEN,
        _ => PLAIN,
    }
}

/// The order in which columns without a difference in their alarms stand.
fn rank(status: Status) -> u8 {
    match status {
        Status::Drift => 0,
        Status::NoData => 1,
        Status::Shift => 2,
        Status::TooFew => 3,
        Status::Ok => 4,
        _ => 5,
    }
}

/// By how much a column surely differs more than is tolerated, so that it can be ordered.
#[allow(clippy::cast_possible_truncation, reason = "a figure from -1 to 1")]
fn excess(column: &ColumnDrift) -> i64 {
    (column.bound.map_or(-1.0, |bound| bound - column.tolerance) * 1e6) as i64
}

/// The column that differs most, beside the reference.
fn compared(worst: &ColumnDrift, found: &TaskDriftReport, screen: Screen) -> Option<String> {
    const COLUMNS: [Column; 5] = [
        Column { title: "values", fit: Fit::CutEnd },
        Column { title: "reference", fit: Fit::Left },
        Column { title: "", fit: Fit::Right },
        Column { title: "now", fit: Fit::Left },
        Column { title: "", fit: Fit::Right },
    ];
    let reference = found.reference_column(&worst.column)?;
    let live = found.live_column(&worst.column)?;
    let cells = if worst.kind == Kind::Numeric { of_numbers(reference, live)? } else { of_categories(reference, live) };
    let greatest = cells.iter().map(|cell| cell.before.max(cell.now)).fold(0.0, f64::max);
    let row = |cell: &Compared| {
        let drawn = |share: f64| Cell::new(bar(share / greatest, BAR));
        [
            Cell::new(cell.name.clone()),
            drawn(cell.before),
            Cell::new(percent(cell.before)),
            drawn(cell.now),
            Cell::new(percent(cell.now)),
        ]
    };
    let title = paint(STRONG, one_line(&worst.column));
    let of = if worst.kind == Kind::Numeric { "by tenths of the reference" } else { "what has changed most" };
    let rows = table(COLUMNS, &cells.iter().map(row).collect::<Vec<_>>(), screen.width);
    Some(format!("{title}  {}\n{rows}", paint(DIM, of)))
}

/// A share of the reference and of the live data.
struct Compared {
    name: String,
    before: f64,
    now: f64,
}

/// Between tenths of the reference, as far as these are apart.
fn of_numbers(reference: &ColumnProfile, live: &ColumnProfile) -> Option<Vec<Compared>> {
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
    Some(cells.map(|(name, (before, now))| Compared { name, before, now }).collect())
}

/// The categories whose share has changed most, and null.
fn of_categories(reference: &ColumnProfile, live: &ColumnProfile) -> Vec<Compared> {
    let (before, now) = (reference.categories(), live.categories());
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let part = |part: Option<&u64>, whole: &ColumnProfile| share(part.copied().unwrap_or_default(), whole.count());
    let cells = names.into_iter().map(|name| Compared {
        name: one_line(name),
        before: part(before.get(name), reference),
        now: part(now.get(name), live),
    });
    let nulls = Compared {
        name: "(null)".to_owned(),
        before: share(reference.nulls(), reference.count()),
        now: share(live.nulls(), live.count()),
    };
    let mut cells: Vec<_> = cells.chain([nulls]).filter(|cell| cell.before + cell.now > 0.0).collect();
    cells.sort_by(|a, b| (b.before - b.now).abs().total_cmp(&(a.before - a.now).abs()));
    cells.truncate(CATEGORIES);
    cells
}

fn notes(found: &TaskDriftReport, screen: Screen) -> String {
    const INDENT: &str = "  ";
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
    let told = found.notes.iter().cloned().chain(unknown).chain(uncalibrated);
    let lines = told.flat_map(|note| {
        let lines = wrap(&one_line(&note), screen.width.saturating_sub(INDENT.len()));
        let leads = ["- "].into_iter().chain(std::iter::repeat(INDENT));
        leads.zip(lines).map(|(lead, line)| format!("{lead}{line}\n")).collect::<Vec<_>>()
    });
    lines.collect()
}
