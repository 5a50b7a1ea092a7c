//! How well a model does over time.

use chrono::TimeDelta;
use mltrace_core::__words::{spelled, utc};
use mltrace_core::monitor::__overview::{FEWEST, Measured, Tail, Worst, is_certain, remark};
use mltrace_core::monitor::{Confusion, Figure, WindowFigure};

use super::chart::{Series, over_time};
use super::table::{Cell, Column, Fit, table};
use super::text::{BAD, DIM, NEWS, OPEN, STRONG, argument, count, metric, nexts, one_line, paint, percent, short};
use super::wrap::wrap;
use crate::session::Screen;

/// So many windows stand in the table.
const SHOWN: usize = 14;
const INDENT: &str = "  ";

/// A metric over windows of some width, or of the last outputs.
pub(crate) fn metrics(measured: &Measured, by: Option<TimeDelta>, screen: Screen) -> String {
    let name = one_line(&measured.task);
    if measured.windows.iter().all(|window| window.outputs == 0) {
        return format!("{name} has no outputs in this time: mltrace outputs {}\n", argument(&measured.task));
    }
    let sections = [
        Some(head(measured, screen)),
        Some(chart(measured, by, screen)).filter(|chart| !chart.is_empty()),
        Some(windows(measured, by, screen)),
        measured.estimate.as_ref().map(|tail| estimate(measured, tail, screen)),
        measured.worst.as_ref().map(|worst| worst_window(measured, worst, by, screen)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn head(measured: &Measured, screen: Screen) -> String {
    let sum = |of: fn(&WindowFigure) -> u64| measured.windows.iter().map(of).sum::<u64>();
    let (outputs, labelled) = (sum(|window| window.outputs), sum(|window| window.labelled));
    let name = paint(STRONG, one_line(&measured.task));
    let title = format!("{name}  {}, {}", measured.metric, span(&measured.windows));
    if labelled == 0 {
        let why = format!("none of {} is labelled, so nothing can be told", count(outputs, "output"));
        let advice = "next: log what turned out to be true with `task.log_feedback(id, value)`, under the outputs' ids";
        let advice = wrap(advice, screen.width).into_iter().map(|line| paint(DIM, line) + "\n").collect::<String>();
        return format!("{title}\n{}\n{advice}", paint(OPEN, why));
    }
    format!("{title}\n{}, {labelled} labelled\n", count(outputs, "output"))
}

/// From the first window to the last, in UTC.
fn span(windows: &[WindowFigure]) -> String {
    let ends = windows.first().zip(windows.last());
    ends.map(|(first, last)| format!("{} to {} (UTC)", utc(first.from), utc(last.to))).unwrap_or_default()
}

fn number(window: &WindowFigure) -> Option<f64> {
    window.figure.and_then(Figure::number)
}

fn chart(measured: &Measured, by: Option<TimeDelta>, screen: Screen) -> String {
    let (Some(first), Some(last)) = (measured.windows.first(), measured.windows.last()) else { return String::new() };
    if measured.windows.len() < 2 {
        return String::new();
    }
    let mark = |window: &WindowFigure| Some((number(window)?, if is_certain(window) { '●' } else { '○' }));
    let own = Series { points: measured.windows.iter().map(mark).collect(), style: STRONG, is_line: false };
    let rolling = measured.rolling.iter().flatten().map(|window| Some((number(window)?, '─'))).collect();
    let rolling = Series { points: rolling, style: NEWS, is_line: true };
    let drawn = over_time(&[rolling, own], (&utc(first.from), &utc(last.from)), screen.width);
    if drawn.is_empty() {
        return drawn;
    }
    let uncertain = measured.windows.iter().any(|window| !is_certain(window) && number(window).is_some());
    let legend = [
        Some(format!("● {}", of_each(by))),
        uncertain.then(|| format!("○ early, or under {FEWEST} labels")),
        measured.rolling.is_some().then(|| format!("─ all since {}", utc(first.from))),
    ];
    let legend = legend.into_iter().flatten().collect::<Vec<_>>().join("   ");
    format!("{drawn}{INDENT}{}\n", paint(DIM, legend))
}

fn of_each(by: Option<TimeDelta>) -> String {
    let named = [(TimeDelta::hours(1), "hour"), (TimeDelta::days(1), "day"), (TimeDelta::weeks(1), "week")];
    let name = named.into_iter().find(|(width, _)| Some(*width) == by).map(|(_, name)| format!("each {name}"));
    name.unwrap_or_else(|| "each window".to_owned())
}

fn windows(measured: &Measured, by: Option<TimeDelta>, screen: Screen) -> String {
    let columns = [
        Column { title: if by == Some(TimeDelta::days(1)) { "day (UTC)" } else { "from (UTC)" }, fit: Fit::Left },
        Column { title: measured.metric.name(), fit: Fit::Right },
        Column { title: "since start", fit: Fit::Right },
        Column { title: "outputs", fit: Fit::Right },
        Column { title: "labelled", fit: Fit::Right },
        Column { title: "share", fit: Fit::Right },
        Column { title: "", fit: Fit::Left },
    ];
    let skipped = measured.windows.len().saturating_sub(SHOWN);
    let worst = measured.worst.as_ref().map(|worst| worst.window.from);
    let row = |(at, window): (usize, &WindowFigure)| {
        let rolling = measured.rolling.as_ref().and_then(|rolling| rolling.get(at));
        let has_outputs = window.outputs > 0;
        let figure = window.figure.map(figure).unwrap_or_default();
        [
            Cell::new(utc(window.from)),
            if worst == Some(window.from) { Cell::styled(BAD, figure) } else { Cell::new(figure) },
            Cell::new(rolling.and_then(number).map(metric).unwrap_or_default()),
            if has_outputs { Cell::new(window.outputs.to_string()) } else { Cell::styled(OPEN, "none") },
            Cell::new(if has_outputs { window.labelled.to_string() } else { String::new() }),
            Cell::new(window.share_labelled.map(percent).unwrap_or_default()),
            remarked(window, worst == Some(window.from)),
        ]
    };
    let rows: Vec<_> = measured.windows.iter().enumerate().skip(skipped).map(row).collect();
    let earlier = match skipped {
        0 => String::new(),
        _ => paint(DIM, format!("... and {} before, see --json", count(skipped as u64, "window"))) + "\n",
    };
    let left_out = measured.rolling.is_none() && measured.windows.len() > 1;
    let left_out = left_out.then(|| {
        let name = measured.metric;
        let why = format!("{name} since the start is left out, because it would take all outputs into memory at once");
        wrap(&why, screen.width).into_iter().map(|line| paint(DIM, line) + "\n").collect::<String>()
    });
    table(columns, &rows, screen.width) + &earlier + &left_out.unwrap_or_default()
}

fn remarked(window: &WindowFigure, is_worst: bool) -> Cell {
    let style = if window.labelled == 0 { OPEN } else { DIM };
    if is_worst { Cell::styled(BAD, "worst") } else { Cell::styled(style, remark(window)) }
}

fn figure(figure: Figure) -> String {
    match figure {
        Figure::Number(number) => metric(number),
        Figure::Confusion(Confusion { true_positives, false_positives, false_negatives, true_negatives }) => {
            format!("tp {true_positives} fp {false_positives} fn {false_negatives} tn {true_negatives}")
        }
    }
}

fn estimate(measured: &Measured, Tail { since, estimate }: &Tail, screen: Screen) -> String {
    let of = format!("{} since {}, none of which is labelled", count(estimate.outputs, "output"), utc(*since));
    let said = match estimate.figure {
        Some(figure) => format!(
            "{} of the {of}, may be {}: an estimate from {} labelled before, no measurement",
            measured.metric,
            metric(figure),
            estimate.learned_from
        ),
        None => {
            format!("nothing can be told of the {of}, nor estimated from {} labelled before", estimate.learned_from)
        }
    };
    wrap(&said, screen.width).into_iter().map(|line| paint(OPEN, line) + "\n").collect()
}

fn worst_window(
    measured: &Measured,
    Worst { window, most_wrong }: &Worst,
    by: Option<TimeDelta>,
    screen: Screen,
) -> String {
    let overall = measured.rolling.iter().flatten().last().and_then(number).map(metric);
    let overall = overall.map(|overall| format!(", over all {overall}")).unwrap_or_default();
    let figure = number(window).map(metric).unwrap_or_default();
    let time = if by == Some(TimeDelta::days(1)) {
        utc(window.from)
    } else {
        format!("{} to {}", utc(window.from), utc(window.to))
    };
    let head = format!("worst  {time}, {} {figure} of {} labelled{overall}", measured.metric, window.labelled);
    let wrong = most_wrong.as_ref().map(|wrong| {
        let id = one_line(&wrong.id);
        format!("most wrong is {id}: it was {}, and {} came true", short(wrong.value), short(wrong.truth))
    });
    let lines = [Some(head), wrong].into_iter().flatten().flat_map(|line| wrap(&line, screen.width));
    let task = argument(&measured.task);
    let (from, to) = (spelled(window.from), spelled(window.to));
    let steps = [
        most_wrong.as_ref().map(|wrong| format!("mltrace trace {}", argument(&wrong.id))),
        Some(format!("mltrace flag --task {task} --from {from} --until {to}")),
    ];
    let steps: Vec<String> = steps.into_iter().flatten().collect();
    lines.map(|line| line + "\n").chain([nexts(&steps)]).collect()
}
