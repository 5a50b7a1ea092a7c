//! A metric over windows, and what to look at.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::metric::{Figure, Metric};
use super::super::task::{Estimate, LabelledOutput, Task, WindowFigure, Windows};
use crate::error::{ErrorKind, Result};

/// With fewer labels a figure is mostly chance.
pub const FEWEST: u64 = 30;
/// Pairs times windows, up to which a metric is asked for that needs every pair at once.
const MOST_KEPT: u64 = 50_000_000;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Measuring {
    /// Which metric.
    pub metric: Metric,
    /// From which value on an output counts as positive.
    pub threshold: f64,
    /// Windows of a width, or the last outputs.
    pub windows: Windows,
    /// Outputs from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Outputs before this time.
    pub until: Option<DateTime<Utc>>,
}

/// A metric over windows, and what to look at.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The task.
    pub task: String,
    /// The metric.
    pub metric: Metric,
    /// From which value on an output counted as positive.
    pub threshold: f64,
    /// One after the other.
    pub windows: Vec<WindowFigure>,
    /// Of the same windows, each from the start of the first; `None` of the last outputs, and where it would take all memory.
    pub rolling: Option<Vec<WindowFigure>>,
    /// The window to look at.
    pub worst: Option<Worst>,
    /// Of the last windows, where none of their outputs is labelled.
    pub estimate: Option<Tail>,
}

/// The worst window.
#[derive(Debug, Serialize)]
pub struct Worst {
    /// Which it is.
    #[serde(flatten)]
    pub window: WindowFigure,
    /// The output in it that is farthest from its label.
    pub most_wrong: Option<LabelledOutput>,
}

/// What the metric may be of the last outputs, none of which is labelled.
#[derive(Debug, Serialize)]
pub struct Tail {
    /// When the first of them was given out.
    pub since: DateTime<Utc>,
    /// What it may be.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// Asks for a metric over windows, over all from the first on, for the worst, and where there are no labels for an estimate.
///
/// # Errors
/// As [`Metrics::get`](super::super::task::Metrics::get).
pub fn measure(task: &Task, asked: &Measuring) -> Result<Measured> {
    let ask = |windows: Windows| {
        let mut question = task.metrics(asked.metric).threshold(asked.threshold).windows(windows);
        if let Some(since) = asked.since {
            question = question.since(since);
        }
        if let Some(until) = asked.until {
            question = question.until(until);
        }
        question.get()
    };
    let windows = ask(asked.windows)?;
    let (mut rolling, mut worst) = (None, None);
    if let (Windows::Tumbling(step), Some(first)) = (asked.windows, windows.first()) {
        if !takes_all_memory(asked.metric, &windows) {
            rolling = Some(ask(Windows::Rolling { since: first.from, step })?);
        }
        worst = worst_of(asked.metric, &windows);
    }
    let worst = worst.map(|window| -> Result<_> {
        Ok(Worst { most_wrong: task.most_wrong(window.from, window.to)?, window: window.clone() })
    });
    Ok(Measured {
        task: task.name().to_owned(),
        metric: asked.metric,
        threshold: asked.threshold,
        worst: worst.transpose()?,
        estimate: estimate(task, asked, &windows)?,
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
fn worst_of(metric: Metric, windows: &[WindowFigure]) -> Option<&WindowFigure> {
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
fn estimate(task: &Task, asked: &Measuring, windows: &[WindowFigure]) -> Result<Option<Tail>> {
    let unlabelled = windows.iter().rev().take_while(|window| window.labelled == 0);
    let Some(first) = unlabelled.filter(|window| window.outputs > 0).last() else { return Ok(None) };
    let mut question = task.estimate(asked.metric).threshold(asked.threshold).since(first.from);
    if let Some(until) = asked.until {
        question = question.until(until);
    }
    match question.get() {
        Ok(estimate) => Ok(Some(Tail { since: first.from, estimate })),
        // Not every metric can be estimated.
        Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether few labels are to come, and enough are there.
pub fn is_certain(window: &WindowFigure) -> bool {
    window.is_mature && window.labelled >= FEWEST
}

/// Why a window's figure is not to be relied on; nothing where it is.
pub fn remark(window: &WindowFigure) -> &'static str {
    match window {
        WindowFigure { outputs: 0, .. } => "",
        WindowFigure { labelled: 0, .. } => "no labels",
        WindowFigure { is_mature: false, .. } => "early",
        WindowFigure { labelled: ..FEWEST, .. } => "few labels",
        WindowFigure { figure: None, .. } => "cannot be told",
        _ => "",
    }
}
