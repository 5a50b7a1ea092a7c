//! What data of a run looks like that is logged by hand.

use chrono::NaiveDate;

use super::ComponentRun;
use crate::error::Result;
use crate::monitor::{Column, RunProfile};

impl ComponentRun {
    /// Sums up what the run reads or writes, as [`RunHandle::profile`](crate::RunHandle::profile) does.
    ///
    /// ```
    /// use mltrace_core::monitor::Column;
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("train");
    /// run.start().profile("features", [("distance", Column::floats([1.2, 0.8]))])?.end();
    /// let profiles = tracer.profiles(tracer.log_component_run(run)?)?;
    /// assert_eq!(profiles["features"].whole().column("distance").unwrap().count(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Texts are declared to be numeric, a column is given twice, or it is of another kind than under this name before.
    pub fn profile<N: Into<String>>(
        &mut self,
        name: &str,
        columns: impl IntoIterator<Item = (N, Column)>,
    ) -> Result<&mut Self> {
        RunProfile::of(columns)?.add_to(&mut self.profiles, name)?;
        Ok(self)
    }

    /// As [`profile`](Self::profile), of rows whose days are given, UTC, one for each.
    ///
    /// # Errors
    /// As [`profile`](Self::profile), or a column has not as many values as there are days.
    pub fn profile_by_day<N: Into<String>>(
        &mut self,
        name: &str,
        days: impl IntoIterator<Item = NaiveDate>,
        columns: impl IntoIterator<Item = (N, Column)>,
    ) -> Result<&mut Self> {
        RunProfile::by_day(days, columns)?.add_to(&mut self.profiles, name)?;
        Ok(self)
    }
}
