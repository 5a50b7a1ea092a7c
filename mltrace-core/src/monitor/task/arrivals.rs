//! Outputs in the order in which they came in, for who counts them one time after the other.

use crate::error::Result;
use crate::store::Arrived;
use crate::tracer::Tracer;

/// An output as it came in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Arrival {
    /// Grows from one to the next, whatever their tasks and their times.
    pub number: i64,
    /// The name of its task.
    pub task: String,
    /// What was given out; `None` where so far only the label has come.
    pub value: Option<f64>,
}

impl Tracer {
    /// The [`number`](Arrival::number) of the output that came in last, 0 where there is none: who counts only what comes from
    /// now on goes on from it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn last_arrival(&self) -> Result<i64> {
        self.store().read(|view| Ok(view.last_arrival()?.unwrap_or(0)))
    }

    /// The outputs of all tasks that came in after one, at most so many: who counts them goes on from the last one. A value
    /// that is replaced doesn't come again.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let tracer = Tracer::in_memory()?;
    /// tracer.task("high_tip")?.log_outputs([("ride-1", 0.9), ("ride-2", 0.4)])?;
    /// let first = &tracer.arrivals_after(0, 1)?[0];
    /// assert_eq!((first.task.as_str(), first.value), ("high_tip", Some(0.9)));
    /// assert_eq!(tracer.arrivals_after(first.number, 100)?[0].value, Some(0.4));
    /// assert!(tracer.last_arrival()? > first.number);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn arrivals_after(&self, number: i64, limit: u32) -> Result<Vec<Arrival>> {
        let found = self.store().read(|view| view.arrivals_after(number, limit))?;
        Ok(found.into_iter().map(arrival).collect())
    }

    /// Outputs by their [`number`](Arrival::number)s, in no order. Those that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn arrivals(&self, numbers: &[i64]) -> Result<Vec<Arrival>> {
        let found = self.store().read(|view| view.arrivals(numbers))?;
        Ok(found.into_iter().map(arrival).collect())
    }
}

fn arrival(Arrived { number, task, value }: Arrived) -> Arrival {
    Arrival { number, task, value }
}
