//! What a model gave out.

use mltrace_core::__words::{range, share};
use mltrace_core::monitor::{Bin, ColumnSummary, OutputDay, Outputs};

use super::chart::{bar, sparkline};
use super::table::{Cell, Column, Fit, table};
use super::text::{DIM, OPEN, PLAIN, STRONG, argument, count, next, one_line, paint, percent, rough};
use super::time::{age, duration};
use super::wrap::wrap;
use crate::session::Screen;

/// So many days stand in the table.
const SHOWN: usize = 14;
/// A bar in columns.
const BAR: usize = 30;

pub(crate) fn outputs(outputs: &Outputs, screen: Screen) -> String {
    let sections = [
        Some(head(outputs, screen)),
        (outputs.values.mean.is_some()).then(|| spread(&outputs.values, screen)),
        (!outputs.days.is_empty()).then(|| days(outputs, screen)),
        (outputs.labelled > 0).then(|| next(&format!("mltrace metrics {}", argument(&outputs.task)))),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn head(outputs: &Outputs, screen: Screen) -> String {
    let name = paint(STRONG, one_line(&outputs.task));
    let Some(last) = outputs.last else { return format!("{name}  no outputs in this time\n") };
    let title = format!("{name}  {}, the last {}\n", count(outputs.outputs, "output"), age(last, screen.now));
    let labelled = match (outputs.labelled, outputs.usual_lag_s) {
        (0, _) => "none is labelled: how well the model does is not known".to_owned(),
        (labelled, lag) => {
            let share = percent(outputs.share_labelled.unwrap_or_default());
            let lag = lag.map(|lag| format!("; 95 of 100 labels come within {}", duration(lag * 1e3)));
            format!("{labelled} labelled ({share}){}", lag.unwrap_or_default())
        }
    };
    let silent = outputs.days.iter().filter(|day| day.outputs == 0);
    let silence = silent.clone().next_back().map(|last| {
        let days = count(silent.count() as u64, "day");
        paint(OPEN, format!("no outputs on {days}, the last such {}", last.day))
    });
    let style = if outputs.labelled == 0 { OPEN } else { PLAIN };
    let lines = wrap(&labelled, screen.width).into_iter().map(|line| paint(style, line)).chain(silence);
    title + &lines.map(|line| line + "\n").collect::<String>()
}

/// Percentiles, and how many values are in each bin.
pub(super) fn spread(values: &ColumnSummary, screen: Screen) -> String {
    histogram(&values.bins, values.count - values.nulls, screen) + &percentiles(values, screen)
}

fn histogram(bins: &[Bin], all: u64, screen: Screen) -> String {
    const COLUMNS: [Column; 4] = [
        Column { title: "values", fit: Fit::Right },
        Column { title: "", fit: Fit::Left },
        Column { title: "share", fit: Fit::Right },
        Column { title: "count", fit: Fit::Right },
    ];
    let greatest = bins.iter().map(|bin| bin.count).max().unwrap_or_default();
    let row = |bin: &Bin| {
        [
            Cell::new(range(bin.from, bin.to)),
            Cell::new(bar(share(bin.count, greatest), BAR)),
            Cell::new(percent(share(bin.count, all))),
            Cell::new(bin.count.to_string()),
        ]
    };
    table(COLUMNS, &bins.iter().map(row).collect::<Vec<_>>(), screen.width)
}

fn percentiles(values: &ColumnSummary, screen: Screen) -> String {
    const NAME: Column = Column { title: "", fit: Fit::Spare };
    const FIGURE: Column = Column { title: "", fit: Fit::Right };
    let mut titles: [Cell; 11] = std::array::from_fn(|_| Cell::new(""));
    let mut figures = titles.clone();
    titles[0] = Cell::styled(DIM, "percentile");
    for (at, percentile) in values.percentiles.iter().enumerate().take(9) {
        titles[at + 1] = Cell::styled(DIM, percentile.percent.to_string());
        figures[at + 1] = Cell::new(rough(percentile.value));
    }
    titles[10] = Cell::styled(DIM, "mean");
    figures[10] = Cell::new(values.mean.map(rough).unwrap_or_default());
    let columns = std::array::from_fn(|at| if at == 0 { NAME } else { FIGURE });
    table::<11>(columns, &[titles, figures], screen.width)
}

fn days(outputs: &Outputs, screen: Screen) -> String {
    const COLUMNS: [Column; 5] = [
        Column { title: "day (UTC)", fit: Fit::Left },
        Column { title: "outputs", fit: Fit::Right },
        Column { title: "", fit: Fit::Left },
        Column { title: "labelled", fit: Fit::Right },
        Column { title: "share", fit: Fit::Right },
    ];
    let counts: Vec<u64> = outputs.days.iter().map(|day| day.outputs).collect();
    let most = counts.iter().copied().max().unwrap_or_default();
    let shown = &outputs.days[outputs.days.len().saturating_sub(SHOWN)..];
    let row = |day: &OutputDay| {
        let has_outputs = day.outputs > 0;
        [
            Cell::new(day.day.to_string()),
            if has_outputs { Cell::new(day.outputs.to_string()) } else { Cell::styled(OPEN, "none") },
            Cell::new(bar(share(day.outputs, most), BAR)),
            Cell::new(if has_outputs { day.labelled.to_string() } else { String::new() }),
            Cell::new(if has_outputs { percent(share(day.labelled, day.outputs)) } else { String::new() }),
        ]
    };
    let table = table(COLUMNS, &shown.iter().map(row).collect::<Vec<_>>(), screen.width);
    let earlier = outputs.days.len() - shown.len();
    if earlier == 0 {
        return table;
    }
    let (first, last) = (outputs.days[0].day, outputs.days[outputs.days.len() - 1].day);
    let title = format!("outputs by the day, {first} to {last} (UTC), at most {most}; · is none");
    let line = sparkline(&counts, screen.width.saturating_sub(1));
    let rest = paint(DIM, format!("... and {} before, see --json", count(earlier as u64, "day")));
    format!("{}\n{line}\n\n{table}{rest}\n", paint(DIM, title))
}
