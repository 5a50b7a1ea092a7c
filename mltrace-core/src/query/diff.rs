//! The question for what changed between two runs.

use super::run;
use crate::error::Result;
use crate::lineage::diff;
use crate::model::{Diff, RunId};
use crate::tracer::Tracer;

impl Tracer {
    /// What changed between two runs, and where their lineages part.
    ///
    /// Lineages part at the matching runs furthest upstream that differ (in code, params, in what they read from outside,
    /// or else in what they wrote) although all that they read from other runs is the same.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, RunId, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for depth in [10, 12] {
    ///     let mut run = ComponentRun::new("train");
    ///     run.start().param("depth", depth)?.add_input("rides").add_output("forest").end();
    ///     tracer.log_component_run(run)?;
    /// }
    /// let diff = tracer.diff(RunId(1), RunId(2))?;
    /// assert_eq!(diff.params.changed["depth"].after, 12);
    /// assert_eq!((diff.inputs.same, diff.partings[0].depth), (1, 0));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn diff(&self, before: RunId, after: RunId) -> Result<Diff> {
        self.store().read(|view| {
            let (before, after) = (run(view, before)?, run(view, after)?);
            diff::diff(view, before, after)
        })
    }
}
