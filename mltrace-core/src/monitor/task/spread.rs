//! How outputs are spread, over one window after the other.

use chrono::{DateTime, Utc};

use super::super::profile::ColumnProfile;
use super::Task;
use super::profiles::outputs;
use crate::clock::to_micros;
use crate::error::Result;
use crate::store::Span;

/// The values of outputs over windows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Spread {
    /// Those of all windows.
    pub whole: ColumnProfile,
    /// Those of each.
    pub windows: Vec<ColumnProfile>,
}

impl Task {
    /// How outputs are spread over windows: each begins at one of these times and ends with the next. Each is held as a
    /// sketch, of 24 kB or so where it has thousands of outputs.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// let [monday, tuesday, wednesday] = [2, 3, 4].map(|day| format!("2020-03-0{day}T00:00:00Z").parse().unwrap());
    /// task.log_outputs([("ride-1", 0.2, monday), ("ride-2", 0.8, tuesday)])?;
    /// let spread = task.spread(&[monday, tuesday, wednesday])?;
    /// assert_eq!(spread.windows[1].quantile(0.5), Some(0.8));
    /// assert_eq!((spread.whole.count(), spread.whole.quantile(0.5)), (2, Some(0.2)));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, memory cannot be had, or the store cannot be read.
    pub fn spread(&self, ends: &[DateTime<Utc>]) -> Result<Spread> {
        self.tracer.store().read(|view| {
            let task = self.id(view)?;
            let window = |ends: &[DateTime<Utc>]| {
                let span = Span { from: to_micros(ends[0]), to: to_micros(ends[1]), labels_until: i64::MAX };
                outputs(view, task, span, ColumnProfile::sketch()?)
            };
            let windows = ends.windows(2).map(window).collect::<Result<Vec<_>>>()?;
            let mut whole = windows.first().cloned().map_or_else(ColumnProfile::sketch, Ok)?;
            windows.iter().skip(1).try_for_each(|window| whole.merge(window))?;
            Ok(Spread { whole, windows })
        })
    }
}
