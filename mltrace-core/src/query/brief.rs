//! Questions for many runs of which little is to be known.

use crate::error::Result;
use crate::model::{RunBrief, RunId};
use crate::tracer::Tracer;

impl Tracer {
    /// The runs recorded after one in brief, oldest first, at most so many: who counts all runs goes on from the last one.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, RunId, Status, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for component in ["clean", "train"] {
    ///     let mut run = ComponentRun::new(component);
    ///     run.start().end();
    ///     tracer.log_component_run(run)?;
    /// }
    /// let first = &tracer.briefs_after(RunId(0), 1)?[0];
    /// assert_eq!((first.component.as_str(), first.status), ("clean", Status::Completed));
    /// assert_eq!(tracer.briefs_after(first.id, 100)?[0].component, "train");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn briefs_after(&self, run: RunId, limit: u32) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.briefs_after(run, limit))
    }

    /// The run that was recorded last, `RunId(0)` where there is none: who counts only what comes from now on goes on from it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn last_recorded(&self) -> Result<RunId> {
        self.store().read(|view| Ok(view.last_recorded()?.unwrap_or(RunId(0))))
    }

    /// The runs that have not ended in brief, in no order: they are running, or lost.
    ///
    /// # Errors
    /// The store cannot be read.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method alone is of one lifetime")]
    pub fn open_runs(&self) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.open_briefs())
    }

    /// These runs in brief, in no order. Those that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn briefs(&self, ids: &[RunId]) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.briefs(ids))
    }
}
