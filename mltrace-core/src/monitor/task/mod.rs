//! Prediction tasks: what a model gave out, and what turned out to be true.

mod arrivals;
#[cfg(all(test, feature = "care"))]
mod care_tests;
mod drift;
#[cfg(test)]
mod drift_tests;
mod estimate;
mod gathering;
mod metrics;
mod outputs;
#[cfg(test)]
mod outputs_tests;
mod profiles;
mod reference;
mod spread;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::clock::{now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::store::Observed;
use crate::tracer::Tracer;
pub use arrivals::Arrival;
pub use drift::{AlarmChange, KeptDrift, TaskDrift, TaskDriftReport};
pub use estimate::{Estimate, Estimating};
pub(super) use metrics::MONDAY;
pub use metrics::{KeptFigure, Metrics, WindowFigure, Windows};
pub use outputs::{LabelledOutput, OutputDay, Outputs, WindowOutput};
pub use profiles::ProfilePart;
pub use reference::{ReferenceSource, Training};
pub use spread::Spread;

/// A prediction task, such as "will this rider tip well?". Each output of the model has an id, under which its label comes
/// later, or before; written as a pointer by the run that made it, the id also leads from a bad window to the code and the
/// data behind it.
///
/// ```
/// use mltrace_core::Tracer;
/// use mltrace_core::monitor::{Metric, Windows};
///
/// let task = Tracer::in_memory()?.task("high_tip")?;
/// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4), ("ride-3", 0.8)])?;
/// task.log_feedbacks([("ride-3", 0.0), ("ride-1", 1.0)])?;
/// let all = task.metrics(Metric::Accuracy).windows(Windows::All).get()?;
/// assert_eq!((all[0].outputs, all[0].labelled), (3, 2));
/// assert_eq!(all[0].figure.and_then(|figure| figure.number()), Some(0.5));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Task {
    pub(super) tracer: Tracer,
    name: String,
}

impl Tracer {
    /// A prediction task, which is there once something is logged to it.
    ///
    /// # Errors
    /// The name is empty or too long.
    pub fn task(&self, name: &str) -> Result<Task> {
        limits::name("the task's name", name)?;
        Ok(Task { tracer: self.clone(), name: name.to_owned() })
    }

    /// The names of all tasks.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tasks(&self) -> Result<Vec<String>> {
        self.store().read(|view| Ok(view.tasks()?.into_iter().map(|(_, name)| name).collect()))
    }
}

/// A value under an id, with its time if that is not now.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Of the output.
    pub id: String,
    /// A finite number.
    pub value: f64,
    /// When the output was given out, or when the label came.
    pub at: Option<DateTime<Utc>>,
}

impl<I: Into<String>> From<(I, f64)> for Logged {
    fn from((id, value): (I, f64)) -> Self {
        Self { id: id.into(), value, at: None }
    }
}

impl<I: Into<String>> From<(I, f64, DateTime<Utc>)> for Logged {
    fn from((id, value, at): (I, f64, DateTime<Utc>)) -> Self {
        Self { id: id.into(), value, at: Some(at) }
    }
}

impl Task {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Logs what the model gave out now.
    ///
    /// # Errors
    /// As [`log_outputs`](Self::log_outputs).
    pub fn log_output(&self, id: &str, value: f64) -> Result<()> {
        self.log_outputs([(id, value)])
    }

    /// Logs what the model gave out, all or nothing. A second value for an id replaces the first and keeps its time, so that
    /// a call can be repeated. All of them are gathered in memory before anything is written: log millions in batches.
    ///
    /// # Errors
    /// A value is not finite, an id is empty or too long, a time is out of range, or the store cannot be written. Nothing was
    /// written.
    pub fn log_outputs<L: Into<Logged>>(&self, outputs: impl IntoIterator<Item = L>) -> Result<()> {
        let outputs = checked("the output", outputs)?;
        self.tracer.store().write(None, |tx| {
            let task = tx.task(&self.name)?;
            let mut lags = Vec::new();
            for output in observed(&outputs) {
                lags.extend(tx.put_output(task, &output)?);
            }
            tx.count_lags(task, lags)
        })
    }

    /// Logs what turned out to be true of an output.
    ///
    /// # Errors
    /// As [`log_feedbacks`](Self::log_feedbacks).
    pub fn log_feedback(&self, id: &str, value: f64) -> Result<()> {
        self.log_feedbacks([(id, value)])
    }

    /// Logs what turned out to be true of outputs, all or nothing. A label may come before its output, and a second one
    /// replaces the first and keeps its time.
    ///
    /// # Errors
    /// As [`log_outputs`](Self::log_outputs).
    pub fn log_feedbacks<L: Into<Logged>>(&self, labels: impl IntoIterator<Item = L>) -> Result<()> {
        let labels = checked("the label", labels)?;
        self.tracer.store().write(None, |tx| {
            let task = tx.task(&self.name)?;
            let mut lags = Vec::new();
            for label in observed(&labels) {
                lags.extend(tx.put_label(task, &label)?);
            }
            tx.count_lags(task, lags)
        })
    }
}

/// Refuses what cannot be stored, before anything is written.
fn checked<L: Into<Logged>>(what: &str, values: impl IntoIterator<Item = L>) -> Result<Vec<Logged>> {
    let check = |logged: Logged| {
        limits::name(format_args!("the id of {what}"), &logged.id)?;
        if !logged.value.is_finite() {
            let message = format!("{what} of `{}` is {}: it must be a finite number", logged.id, logged.value);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        if let Some(at) = logged.at {
            limits::time(format_args!("the time of {what} of `{}`", logged.id), at)?;
        }
        Ok(logged)
    };
    let checked: Result<_> = values.into_iter().map(|value| check(value.into())).collect();
    checked.map_err(|error| error.then("nothing was written"))
}

fn observed(values: &[Logged]) -> impl Iterator<Item = Observed<'_>> {
    let now = to_micros(now());
    values.iter().map(move |Logged { id, value, at }| Observed {
        name: id,
        value: *value,
        at: at.map_or(now, to_micros),
    })
}
