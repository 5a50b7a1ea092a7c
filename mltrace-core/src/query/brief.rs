//! Questions for many runs of which little is to be known.

use std::collections::HashMap;

use crate::error::Result;
use crate::model::{RunBrief, RunId};
use crate::store::View;
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

    /// The runs that have not ended in brief, newest first, at most so many: they are running, or lost.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open_runs(&self, limit: u32) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.open_briefs(limit))
    }

    /// The runs recorded before one in brief, newest first, at most so many.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn briefs_before(&self, run: RunId, limit: u32) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.briefs_before(run, limit))
    }

    /// These runs in brief, in no order. Those that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn briefs(&self, ids: &[RunId]) -> Result<Vec<RunBrief>> {
        self.store().read(|view| view.briefs(ids))
    }
}

/// These runs in this order. Those that are not there are left out.
pub(super) fn in_order(view: &View<'_>, ids: &[RunId]) -> Result<Vec<RunBrief>> {
    let mut found: HashMap<_, _> = view.briefs(ids)?.into_iter().map(|brief| (brief.id, brief)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::ComponentRun;
    use crate::testing::run;

    #[test]
    fn the_run_before_had_ended_when_a_run_started_in_whichever_order_they_came() {
        let tracer = Tracer::in_memory().unwrap();
        let put = |entry| tracer.store().put(&entry).unwrap();
        let [later, earliest] = [put(run("train", 10, 11)), put(run("train", 1, 2))];
        let [before, beside] = [put(run("train", 9, 10)), put(run("train", 8, 11))];
        put(run("train", 9, 10).open());
        put(run("clean", 9, 10));
        let of = |run| tracer.run_before(run).unwrap();
        assert_eq!(
            (of(later), of(before), of(beside), of(earliest)),
            (Some(before), Some(earliest), Some(earliest), None)
        );
        let [one, other] = [put(run("train", 20, 20)), put(run("train", 20, 20))];
        let found = [of(one), of(other)];
        assert!(found == [Some(other), Some(later)] || found == [Some(later), Some(one)], "one comes first: {found:?}");
    }

    #[test]
    fn runs_are_told_in_brief_backwards_and_by_the_history_of_a_component() {
        let tracer = Tracer::in_memory().unwrap();
        let began = Utc::now();
        for (component, minute) in [("clean", 30), ("train", 20), ("clean", 10)] {
            let mut run = ComponentRun::new(component);
            let started_at = began + TimeDelta::minutes(minute);
            run.started_at(started_at).ended_at(started_at);
            tracer.log_component_run(run).unwrap();
        }
        let ids = |briefs: Vec<RunBrief>| briefs.into_iter().map(|brief| brief.id.0).collect::<Vec<_>>();
        assert_eq!(ids(tracer.briefs_before(RunId(i64::MAX), 2).unwrap()), [3, 2]);
        assert_eq!(ids(tracer.briefs_before(RunId(2), 2).unwrap()), [1]);
        let page = tracer.history("clean").limit(1).briefs().unwrap();
        assert_eq!(ids(page.items), [1], "by start, not by number");
        let rest = tracer.history("clean").after(&page.next.unwrap()).unwrap().briefs().unwrap();
        assert_eq!((ids(rest.items), rest.next), (vec![3], None));
    }
}
