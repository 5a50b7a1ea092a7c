use chrono::{DateTime, Utc};
use mltrace_core::ErrorKind;
use mltrace_core::monitor::{Estimate, Figure, LabelledOutput, Metric, Task, WindowFigure, Windows};
use serde::Serialize;

use crate::failure::Failure;
use crate::opt::Metrics;
use crate::render;
use crate::session::Session;

/// With fewer labels a figure is mostly chance.
pub(crate) const FEWEST: u64 = 30;
/// Pairs times windows, up to which a metric is asked for that needs every pair at once.
const MOST_KEPT: u64 = 50_000_000;

/// A metric over windows, and what to look at.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) task: String,
    pub(crate) metric: Metric,
    pub(crate) threshold: f64,
    pub(crate) windows: Vec<WindowFigure>,
    /// Of the same windows, each from the start of the first; `None` of the last outputs, and where it would take all memory.
    pub(crate) rolling: Option<Vec<WindowFigure>>,
    pub(crate) worst: Option<Worst>,
    pub(crate) estimate: Option<Tail>,
}

/// The worst window.
#[derive(Debug, Serialize)]
pub(crate) struct Worst {
    #[serde(flatten)]
    pub(crate) window: WindowFigure,
    pub(crate) most_wrong: Option<LabelledOutput>,
}

/// What the metric may be of the last outputs, none of which is labelled.
#[derive(Debug, Serialize)]
pub(crate) struct Tail {
    pub(crate) since: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) estimate: Estimate,
}

pub(crate) fn run(opt: &Metrics, session: &mut Session<'_>) -> Result<(), Failure> {
    let measured = measure(opt, &session.tracer.task(&opt.task)?)?;
    let by = opt.last.is_none().then_some(opt.by);
    session.answer(&measured, |measured, screen| render::metrics(measured, by, screen))
}

fn measure(opt: &Metrics, task: &Task) -> Result<Measured, Failure> {
    let ask = |windows: Windows| {
        let question = task.metrics(opt.metric).threshold(opt.threshold).windows(windows);
        match opt.since {
            Some(since) => question.since(since),
            None => question,
        }
        .get()
    };
    let windows = ask(opt.last.map_or(Windows::Tumbling(opt.by), Windows::Last))?;
    let rolling = match windows.first() {
        Some(first) if opt.last.is_none() && !takes_all_memory(opt.metric, &windows) => {
            Some(ask(Windows::Rolling { since: first.from, step: opt.by })?)
        }
        _ => None,
    };
    let worst = if opt.last.is_none() { worst(opt.metric, &windows) } else { None };
    let worst = worst.map(|window| -> Result<_, Failure> {
        Ok(Worst { most_wrong: task.most_wrong(window.from, window.to)?, window: window.clone() })
    });
    Ok(Measured {
        task: opt.task.clone(),
        metric: opt.metric,
        threshold: opt.threshold,
        worst: worst.transpose()?,
        estimate: estimate(opt, task, &windows)?,
        windows,
        rolling,
    })
}

/// Over all outputs, where the metric depends on the order of all values.
fn takes_all_memory(metric: Metric, windows: &[WindowFigure]) -> bool {
    let labelled: u64 = windows.iter().map(|window| window.labelled).sum();
    let keeps_all = matches!(metric, Metric::RocAuc | Metric::MedianAbsoluteError);
    keeps_all && labelled.saturating_mul(windows.len() as u64) > MOST_KEPT
}

/// Of the windows with enough labels, and if there are any of those for which few more are to come.
fn worst(metric: Metric, windows: &[WindowFigure]) -> Option<&WindowFigure> {
    let figure = |window: &WindowFigure| window.figure.and_then(Figure::number);
    let enough = windows.iter().filter(|window| window.labelled >= FEWEST && figure(window).is_some());
    let of_all: Vec<_> = enough.collect();
    let mature: Vec<_> = of_all.iter().copied().filter(|window| window.is_mature).collect();
    let candidates = if mature.is_empty() { of_all } else { mature };
    let badness = |window: &WindowFigure| {
        let figure = figure(window).unwrap_or_default();
        if metric.is_better_smaller() { figure } else { -figure }
    };
    candidates.into_iter().max_by(|a, b| badness(a).total_cmp(&badness(b)))
}

/// Of the last windows, where there are outputs and no labels.
fn estimate(opt: &Metrics, task: &Task, windows: &[WindowFigure]) -> Result<Option<Tail>, Failure> {
    let unlabelled = windows.iter().rev().take_while(|window| window.labelled == 0);
    let Some(first) = unlabelled.filter(|window| window.outputs > 0).last() else { return Ok(None) };
    match task.estimate(opt.metric).threshold(opt.threshold).since(first.from).get() {
        Ok(estimate) => Ok(Some(Tail { since: first.from, estimate })),
        // Not every metric can be estimated.
        Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
        Err(error) => Err(error.into()),
    }
}
