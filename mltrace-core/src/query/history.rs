//! Questions for the runs of a component.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::catalogue::no_component;
use super::run;
use crate::clock::to_micros;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Page, RunBrief, RunId, RunRecord, Status};
use crate::store::{HistoryFilter, HistoryKey, View};
use crate::tracer::Tracer;

impl Tracer {
    /// A component's runs by start, newest first unless told otherwise.
    pub fn history(&self, component: impl Into<String>) -> History<'_> {
        History {
            tracer: self,
            component: component.into(),
            filter: HistoryFilter::default(),
            newest_first: true,
            after: None,
            limit: 100,
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

    /// Goes on where an earlier page ended, given its `next`.
    ///
    /// # Errors
    /// The cursor is not one that a history gave.
    pub fn after(mut self, cursor: &str) -> Result<Self> {
        let key = cursor.split_once('.').and_then(|(started_at, run)| {
            Some(HistoryKey { started_at: started_at.parse().ok()?, run: run.parse().ok()? })
        });
        let invalid = || Error::new(ErrorKind::Invalid, format!("`{cursor}` is not a cursor of a history"));
        self.after = Some(key.ok_or_else(invalid)?);
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
            let mut found: HashMap<_, _> = view.briefs(&items)?.into_iter().map(|brief| (brief.id, brief)).collect();
            Ok(Page { items: items.iter().filter_map(|id| found.remove(id)).collect(), next })
        })
    }

    fn ids(&self, view: &View<'_>) -> Result<Page<RunId>> {
        let mut keys = self.keys(view, self.limit.saturating_add(1))?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = keys.len() > shown;
        keys.truncate(shown);
        let last = keys.last().filter(|_| has_more);
        let next = last.map(|key| format!("{}.{}", key.started_at, key.run));
        Ok(Page { items: keys.iter().map(|key| key.run).collect(), next })
    }

    /// The run at a place, counted from 0 at the end where the history begins; `None` past the other end.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn nth(self, place: u64) -> Result<Option<RunRecord>> {
        self.tracer.store().read(|view| {
            let keys = self.keys(view, place.saturating_add(1))?;
            let found = usize::try_from(place).ok().and_then(|place| keys.get(place));
            found.map(|key| run(view, key.run)).transpose()
        })
    }

    fn keys(&self, view: &View<'_>, limit: u64) -> Result<Vec<HistoryKey>> {
        let component = view.component_that_ran(&self.component)?.ok_or_else(|| no_component(view, &self.component))?;
        view.history(component, &self.filter, self.newest_first, self.after, limit)
    }
}
