//! Questions for the runs of a component.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::brief::in_order;
use super::catalogue::no_component;
use super::run;
use crate::clock::to_micros;
use crate::error::Result;
use crate::model::{Page, RunBrief, RunId, RunRecord, Status};
use crate::store::{ComponentId, HistoryFilter, HistoryKey, View};
use crate::tracer::Tracer;

impl Tracer {
    /// The run of the same component and partition (or likewise without one) that had ended last when a run started: what
    /// has changed since then? `None` if there is none, or no such run.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut ids = Vec::new();
    /// for partition in ["2020-01", "2020-02", "2020-01"] {
    ///     let mut run = ComponentRun::new("cleaning");
    ///     run.start().partition(partition).end();
    ///     ids.push(tracer.log_component_run(run)?);
    /// }
    /// assert_eq!(tracer.run_before(ids[2])?, Some(ids[0]));
    /// assert_eq!(tracer.run_before(ids[1])?, None);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn run_before(&self, run: RunId) -> Result<Option<RunId>> {
        self.store().read(|view| view.run_before(run))
    }

    /// A component's runs by start, newest first unless told otherwise.
    pub fn history(&self, component: impl Into<String>) -> History<'_> {
        History {
            tracer: self,
            component: component.into(),
            filter: HistoryFilter::default(),
            newest_first: true,
            after: None,
            limit: 100,
            within: None,
        }
    }
}

/// A question for the runs of a component.
///
/// ```
/// use mltrace_core::{ComponentRun, Status, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for partition in ["2020-01", "2020-02"] {
///     let mut run = ComponentRun::new("cleaning");
///     run.start().partition(partition).end();
///     tracer.log_component_run(run)?;
/// }
/// let page = tracer.history("cleaning").status(Status::Completed).limit(1).get()?;
/// assert_eq!(page.items[0].partition.as_deref(), Some("2020-02"));
/// let rest = tracer.history("cleaning").after(page.next.as_deref().unwrap())?.get()?;
/// assert_eq!(rest.items[0].partition.as_deref(), Some("2020-01"));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct History<'t> {
    tracer: &'t Tracer,
    component: String,
    filter: HistoryFilter,
    newest_first: bool,
    after: Option<HistoryKey>,
    limit: u64,
    within: Option<u64>,
}

impl History<'_> {
    /// At most so many runs; 100 unless told.
    pub fn limit(mut self, runs: u64) -> Self {
        self.limit = runs;
        self
    }

    /// Runs that started at this time or later.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.filter.since = Some(to_micros(time));
        self
    }

    /// Runs that started at this time or earlier.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.filter.until = Some(to_micros(time));
        self
    }

    /// Runs that stand so.
    pub fn status(mut self, status: Status) -> Self {
        self.filter.status = Some(status);
        self
    }

    /// Runs of this partition.
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.filter.partition = Some(partition.into());
        self
    }

    /// Runs that were called inside this one.
    pub fn parent(mut self, parent: Uuid) -> Self {
        self.filter.parent = Some(parent);
        self
    }

    /// Whether to begin with the latest start (the default) or the earliest.
    pub fn newest_first(mut self, newest_first: bool) -> Self {
        self.newest_first = newest_first;
        self
    }

    /// Looks for runs of a status, a partition or a parent among so many runs at most, so that what is rare in a long
    /// history doesn't have to be found at once: a page can then hold fewer runs than its limit, or none, and have a `next`.
    pub fn within(mut self, runs: u64) -> Self {
        self.within = Some(runs);
        self
    }

    /// Goes on where an earlier page ended, given its `next`.
    ///
    /// # Errors
    /// The cursor is not one that a history gave.
    pub fn after(mut self, cursor: &str) -> Result<Self> {
        self.after = Some(cursor.parse()?);
        Ok(self)
    }

    /// The runs.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn get(self) -> Result<Page<RunRecord>> {
        self.tracer.store().read(|view| {
            let Page { items, next } = self.ids(view)?;
            Ok(Page { items: view.runs(&items)?, next })
        })
    }

    /// The runs in brief.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn briefs(self) -> Result<Page<RunBrief>> {
        self.tracer.store().read(|view| {
            let Page { items, next } = self.ids(view)?;
            Ok(Page { items: in_order(view, &items)?, next })
        })
    }

    fn ids(&self, view: &View<'_>) -> Result<Page<RunId>> {
        let edge = self.edge(view)?;
        let mut keys = self.keys(view, edge, self.limit.saturating_add(1))?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = keys.len() > shown;
        keys.truncate(shown);
        let last = if has_more { keys.last() } else { edge.as_ref() };
        let next = last.map(ToString::to_string);
        Ok(Page { items: keys.iter().map(|key| key.run).collect(), next })
    }

    /// The run at a place, counted from 0 at the end where the history begins; `None` past the other end.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn nth(self, place: u64) -> Result<Option<RunRecord>> {
        self.tracer.store().read(|view| {
            let keys = self.keys(view, None, place.saturating_add(1))?;
            let found = usize::try_from(place).ok().and_then(|place| keys.get(place));
            found.map(|key| run(view, key.run)).transpose()
        })
    }

    /// The last run that is looked at, where that is not the last there is.
    fn edge(&self, view: &View<'_>) -> Result<Option<HistoryKey>> {
        match self.within {
            Some(runs) if self.filter.is_selective() => {
                view.history_edge(self.id(view)?, &self.filter, self.newest_first, self.after, runs)
            }
            _ => Ok(None),
        }
    }

    fn keys(&self, view: &View<'_>, edge: Option<HistoryKey>, limit: u64) -> Result<Vec<HistoryKey>> {
        let mut filter = self.filter.clone();
        if let Some(edge) = edge {
            let side = if self.newest_first { &mut filter.since } else { &mut filter.until };
            *side = Some(edge.started_at);
        }
        let mut keys = view.history(self.id(view)?, &filter, self.newest_first, self.after, limit)?;
        if let Some(edge) = edge {
            // Those that started at the same time may lie on either side of it.
            keys.retain(|key| if self.newest_first { *key >= edge } else { *key <= edge });
        }
        Ok(keys)
    }

    fn id(&self, view: &View<'_>) -> Result<ComponentId> {
        view.component_that_ran(&self.component)?.ok_or_else(|| no_component(view, &self.component))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_micros;
    use crate::component_run::ComponentRun;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_looked_for_a_part_at_a_time_is_found_once_and_in_order(
            runs in prop::collection::vec((0_i64..4, any::<bool>()), 1..20),
            newest_first in any::<bool>(),
            within in 1_u64..8,
            limit in 1_u64..4,
        ) {
            let tracer = Tracer::in_memory().unwrap();
            for (second, fails) in runs {
                let at = from_micros(second * 1_000_000);
                let mut run = ComponentRun::new("clean");
                run.started_at(at).ended_at(at);
                if fails {
                    run.fail("no rows");
                }
                tracer.log_component_run(run).unwrap();
            }
            let ask = || tracer.history("clean").status(Status::Failed).newest_first(newest_first);
            let mut found = Vec::new();
            let mut page = ask().limit(limit).within(within).get().unwrap();
            loop {
                prop_assert!(page.items.len() as u64 <= limit.min(within));
                found.extend(page.items.into_iter().map(|run| run.id));
                let Some(next) = page.next else { break };
                page = ask().limit(limit).within(within).after(&next).unwrap().get().unwrap();
            }
            let all: Vec<_> = ask().get().unwrap().items.into_iter().map(|run| run.id).collect();
            prop_assert_eq!(found, all);
        }
    }
}
