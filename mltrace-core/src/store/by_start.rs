//! The runs of many components in the order of their starts.

use std::collections::BinaryHeap;

use super::engine::Value;
use super::read::limit;
use super::rows::Coded;
use super::{ComponentId, HistoryFilter, HistoryKey, View};
use crate::error::Result;
use crate::model::{RunId, Status};

/// Runs before a key and not before a time. Those of the key's very start are passed by one by one.
const OF_ALL: &str = "SELECT r.started_at, r.id, r.component, r.status FROM run r
    WHERE (r.started_at, r.id) < (?1, ?2) AND r.started_at >= ?3 ORDER BY r.started_at DESC, r.id DESC LIMIT ?4";
/// The same of a component.
const OF_ONE: &str = "SELECT r.started_at, r.id, r.component, r.status FROM run r
    WHERE r.component = ?5 AND (r.started_at, r.id) < (?1, ?2) AND r.started_at >= ?3
    ORDER BY r.started_at DESC, r.id DESC LIMIT ?4";

/// A run that started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Started {
    pub(crate) key: HistoryKey,
    pub(crate) component: ComponentId,
    /// The number of its status.
    status: i64,
}

impl Started {
    /// The status that was reported: a run that is running by it may be lost.
    pub(crate) fn reported(&self) -> Result<Status> {
        Status::decode(self.status)
    }
}

/// Runs from one time to another that are still to be taken, the last first.
pub(crate) struct ByStart {
    since: i64,
    runs: Runs,
}

enum Runs {
    /// Of all components, before a key.
    OfAll(HistoryKey),
    /// Of some, merged: the next of each.
    Of(BinaryHeap<Started>),
}

impl View<'_> {
    /// The runs of the filter's time that started before `after` if it is given, of some components or of all.
    pub(crate) fn by_start(
        &self,
        filter: &HistoryFilter,
        after: Option<HistoryKey>,
        components: Option<&[ComponentId]>,
    ) -> Result<ByStart> {
        let (since, before) = (filter.since.unwrap_or(i64::MIN), filter.near(true, after));
        let runs = match components {
            None => Runs::OfAll(before),
            Some(components) => {
                let mut heads = BinaryHeap::new();
                for &component in components {
                    heads.extend(self.started(since, before, Some(component), 1)?);
                }
                Runs::Of(heads)
            }
        };
        Ok(ByStart { since, runs })
    }

    fn started(
        &self,
        since: i64,
        before: HistoryKey,
        component: Option<ComponentId>,
        at_most: usize,
    ) -> Result<Vec<Started>> {
        let mut values = vec![Value::from(before.started_at), before.run.into(), since.into(), limit(at_most)];
        values.extend(component.map(Value::from));
        self.all(if component.is_some() { OF_ONE } else { OF_ALL }, &values, |row| {
            Ok(Started {
                key: HistoryKey { started_at: row.integer(0)?, run: RunId(row.integer(1)?) },
                component: ComponentId(row.integer(2)?),
                status: row.integer(3)?,
            })
        })
    }
}

impl ByStart {
    /// The next so many.
    pub(crate) fn take(&mut self, view: &View<'_>, at_most: usize) -> Result<Vec<Started>> {
        match &mut self.runs {
            Runs::OfAll(before) => {
                let taken = view.started(self.since, *before, None, at_most)?;
                *before = taken.last().map_or(*before, |last| last.key);
                Ok(taken)
            }
            Runs::Of(heads) => {
                let mut taken = Vec::new();
                while taken.len() < at_most
                    && let Some(next) = heads.pop()
                {
                    taken.push(next);
                    heads.extend(view.started(self.since, next.key, Some(next.component), 1)?);
                }
                Ok(taken)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn runs_are_sought_by_their_start() {
        let store = Store::in_memory().unwrap();
        for (sql, values, seek) in [
            (OF_ALL, 4, "SEARCH r USING INDEX run_by_time (started_at>? AND started_at<?)"),
            (OF_ONE, 5, "SEARCH r USING INDEX run_by_start (component=? AND started_at>? AND started_at<?)"),
        ] {
            let plan = store.plan(sql, values);
            assert!(plan.contains(seek) && !plan.contains("ORDER BY"), "{plan}");
        }
    }
}
