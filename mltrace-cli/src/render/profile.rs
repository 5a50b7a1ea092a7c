//! What data looks like, column by column.

use mltrace_core::__words::share;
use mltrace_core::RunRecord;
use mltrace_core::monitor::__overview::days;
use mltrace_core::monitor::{ColumnSummary, Kind, Window};

use super::chart::sparkline;
use super::run::name_of;
use super::table::{Cell, Column, Fit, table};
use super::text::{DIM, OPEN, STRONG, count, one_line, paint, percent, rough};
use super::wrap::wrap;
use crate::command::{Profiled, ProfiledColumn, ProfiledPart};
use crate::session::Screen;

/// A spread of so many columns.
const SPREAD: usize = 16;

/// What a run said of its data.
pub(crate) fn run_profile(run: &RunRecord, profiled: &Profiled, screen: Screen) -> String {
    let name = name_of(run);
    if profiled.profiles.is_empty() {
        let why = format!("{name} said nothing of its data: call `run.profile(\"features\", ..)` in it");
        return wrap(&why, screen.width).into_iter().map(|line| line + "\n").collect();
    }
    let part = |part: &ProfiledPart| {
        let days =
            if part.days > 0 { format!(", {} one by one", count(part.days as u64, "day")) } else { String::new() };
        let title = format!("{name}  {}{days}", one_line(&part.name));
        paint(STRONG, title) + "\n" + &columns(&part.columns, screen)
    };
    profiled.profiles.iter().map(part).collect::<Vec<_>>().join("\n")
}

/// What was logged to a task.
pub(crate) fn task_profile(task: &str, window: Window, profiled: &Profiled, screen: Screen) -> String {
    let title = paint(STRONG, format!("{}  {}", one_line(task), days(window)));
    let columns: String = profiled.profiles.iter().map(|part| columns(&part.columns, screen)).collect();
    let is_empty = |part: &ProfiledPart| part.columns.iter().all(|column| column.summary.count == 0);
    if profiled.profiles.iter().all(is_empty) {
        let why = paint(OPEN, "nothing was logged on these days:");
        return format!("{title}\n{why} see which days have outputs by `mltrace outputs`, and choose with --until\n");
    }
    format!("{title}\n{columns}")
}

fn columns(columns: &[ProfiledColumn], screen: Screen) -> String {
    const COLUMNS: [Column; 8] = [
        Column { title: "column", fit: Fit::CutEnd },
        Column { title: "count", fit: Fit::Right },
        Column { title: "null", fit: Fit::Right },
        Column { title: "min", fit: Fit::Right },
        Column { title: "median", fit: Fit::Right },
        Column { title: "max", fit: Fit::Right },
        Column { title: "mean", fit: Fit::Right },
        Column { title: "spread", fit: Fit::CutEnd },
    ];
    let row = |ProfiledColumn { column, summary }: &ProfiledColumn| {
        let median = summary.percentiles.iter().find(|percentile| percentile.percent == 50);
        let figures = [summary.min, median.map(|median| median.value), summary.max, summary.mean];
        let [min, median, max, mean] = figures.map(|figure| Cell::new(figure.map(rough).unwrap_or_default()));
        let nulls = summary.null_share.filter(|share| *share > 0.0).map(percent);
        [
            Cell::styled(STRONG, one_line(column)),
            Cell::new(summary.count.to_string()),
            Cell::styled(OPEN, nulls.unwrap_or_default()),
            min,
            median,
            max,
            mean,
            spread(summary),
        ]
    };
    table(COLUMNS, &columns.iter().map(row).collect::<Vec<_>>(), screen.width)
}

fn spread(summary: &ColumnSummary) -> Cell {
    let values = summary.count - summary.nulls;
    if values == 0 {
        return Cell::styled(OPEN, if summary.count == 0 { "no values" } else { "all null" });
    }
    if summary.kind == Kind::Numeric {
        return Cell::new(sparkline(&summary.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), SPREAD));
    }
    let most = summary.categories.iter().take(3);
    let most = most.map(|found| format!("{} {}", one_line(&found.category), percent(share(found.count, values))));
    let distinct = summary.distinct.map_or("many".to_owned(), |distinct| distinct.to_string());
    Cell::styled(DIM, format!("{distinct}: {}", most.collect::<Vec<_>>().join(", ")))
}
