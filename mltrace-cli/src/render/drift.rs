//! How far data is from what a model was trained on.

use anstyle::Style;
use chrono::{DateTime, Utc};
use mltrace_core::__words::utc;
use mltrace_core::RunRecord;
use mltrace_core::monitor::__overview::{Beside, beside, by_weight, days, measure_of, notes, said_of, verdict, word};
use mltrace_core::monitor::{Alarm, AlarmChange, Calibration, ColumnDrift, Kind, Severity, Status, TaskDriftReport};

use super::chart::bar;
use super::run::name_of;
use super::table::{Cell, Column, Fit, table};
use super::text::{BAD, DIM, GOOD, OPEN, PLAIN, STRONG, argument, next, one_line, paint, percent};
use super::wrap::wrap;
use crate::command::{Checked, News};
use crate::session::Screen;

/// A bar of the chart in columns.
const BAR: usize = 20;

/// The report, with the runs of the reference and the time of the task's last output.
pub(crate) fn drift(
    task: &str,
    checked: &Checked,
    runs: &[RunRecord],
    last: Option<DateTime<Utc>>,
    screen: Screen,
) -> String {
    let found = &checked.drift;
    let columns = by_weight(&found.report);
    let worst = columns.first().filter(|column| column.bound.is_some_and(|bound| bound > 0.0));
    let sections = [
        Some(head(task, found, runs, last, screen) + &news(checked, screen)),
        (!columns.is_empty()).then(|| table_of(&columns, screen)),
        worst.and_then(|worst| compared(worst, found, screen)),
        Some(remarks(found, screen)).filter(|notes| !notes.is_empty()),
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
    let told = paint(style_of_all(report.severity), verdict(report));
    let is_empty = report.columns.iter().all(|column| column.count == 0);
    let hint = last.filter(|_| is_empty).map(|last| {
        format!("no data came on these days; the last output was given out {}: choose days with --until", utc(last))
    });
    let hint = hint.iter().flat_map(|hint| wrap(hint, screen.width)).map(|line| paint(OPEN, line));
    title + &with.chain([told]).chain(hint).map(|line| line + "\n").collect::<String>()
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
        let measure = measure_of(column);
        let is_judged = column.statistic.is_some() && column.status != Status::Seasonal;
        let guess = if matches!(column.calibration, Calibration::Uncalibrated { .. }) { "?" } else { "" };
        let companions = column.companions;
        let effect = companions.and_then(|companions| companions.wasserstein.or(companions.cramers_v));
        [
            Cell::styled(style_of(column), said_of(column)),
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
        Some(before) if *before != severity => format!("kept: at the check before it was {}", word(*before)),
        Some(_) if changes.is_empty() => "kept: nothing new since the check before".to_owned(),
        Some(_) => format!("kept: {} at the check before, too", word(severity)),
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

fn style_of_all(severity: Severity) -> Style {
    match severity {
        Severity::None => GOOD,
        Severity::Warning => OPEN,
        Severity::Critical => BAD,
    }
}

fn style_of(column: &ColumnDrift) -> Style {
    match column.status {
        _ if !column.alarms.is_empty() => BAD,
        Status::Ok => GOOD,
        Status::TooFew | Status::NoData => OPEN,
        _ => PLAIN,
    }
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
    let cells = beside(worst, found)?;
    let greatest = cells.iter().map(|cell| cell.before.max(cell.now)).fold(0.0, f64::max);
    let row = |cell: &Beside| {
        let drawn = |share: f64| Cell::new(bar(share / greatest, BAR));
        [
            Cell::new(one_line(&cell.name)),
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

fn remarks(found: &TaskDriftReport, screen: Screen) -> String {
    const INDENT: &str = "  ";
    let lines = notes(found).into_iter().flat_map(|note| {
        let lines = wrap(&one_line(&note), screen.width.saturating_sub(INDENT.len()));
        let leads = ["- "].into_iter().chain(std::iter::repeat(INDENT));
        leads.zip(lines).map(|(lead, line)| format!("{lead}{line}\n")).collect::<Vec<_>>()
    });
    lines.collect()
}
