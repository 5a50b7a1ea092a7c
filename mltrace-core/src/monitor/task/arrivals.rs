//! The outputs of a task in the order in which they came in, for who counts them one time after the other.

use super::Task;
use crate::error::Result;

/// An output as it came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// Grows from one to the next, whatever their times.
    pub number: i64,
    /// What was given out; `None` where so far only the label has come.
    pub value: Option<f64>,
}

impl Task {
    /// The outputs that came in after one, at most so many: who counts all goes on from the last one. A value that is replaced
    /// doesn't come again.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4)])?;
    /// let first = task.arrivals_after(0, 1)?[0];
    /// assert_eq!(first.value, Some(0.9));
    /// assert_eq!(task.arrivals_after(first.number, 100)?[0].value, Some(0.4));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn arrivals_after(&self, number: i64, limit: u32) -> Result<Vec<Arrival>> {
        let found = self.tracer.store().read(|view| view.arrivals_after(self.id(view)?, number, limit))?;
        Ok(found.into_iter().map(|(number, value)| Arrival { number, value }).collect())
    }

    /// An output by its [`number`](Arrival::number), which may have come in after its label; `None` where it is not there.
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn arrival(&self, number: i64) -> Result<Option<Arrival>> {
        let before = number.saturating_sub(1);
        Ok(self.arrivals_after(before, 1)?.pop().filter(|arrival| arrival.number == number))
    }
}
