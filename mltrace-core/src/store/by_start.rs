//! The runs of all components in the order of their starts, merged: no index has them so, and each would cost every run.

use std::collections::BinaryHeap;

use super::{ComponentId, HistoryFilter, HistoryKey, View};
use crate::error::Result;
use crate::model::RunId;

/// Of each component the last run that started before a key and not before a time.
const HEADS: &str = "SELECT r.started_at, r.id, c.id FROM component c JOIN run r ON r.id = (
        SELECT l.id FROM run l WHERE l.component = c.id AND (l.started_at, l.id) < (?1, ?2) AND l.started_at >= ?3
        ORDER BY l.started_at DESC, l.id DESC LIMIT 1)";

/// Runs that are still to be taken, the last first.
pub(crate) struct ByStart {
    filter: HistoryFilter,
    /// The next of each component.
    heads: BinaryHeap<(HistoryKey, ComponentId)>,
}

impl View<'_> {
    /// The runs that started from one time to another, in microseconds, and before `after` if it is given.
    pub(crate) fn by_start(
        &self,
        since: Option<i64>,
        until: Option<i64>,
        after: Option<HistoryKey>,
    ) -> Result<ByStart> {
        let filter = HistoryFilter { since, until, ..HistoryFilter::default() };
        let from = filter.near(true, after);
        let values = [from.started_at.into(), from.run.into(), since.unwrap_or(i64::MIN).into()];
        let heads = self.all(HEADS, &values, |row| {
            let key = HistoryKey { started_at: row.integer(0)?, run: RunId(row.integer(1)?) };
            Ok((key, ComponentId(row.integer(2)?)))
        })?;
        Ok(ByStart { filter, heads: heads.into() })
    }
}

impl ByStart {
    /// Leaves out the runs of other components.
    pub(crate) fn only(&mut self, is_wanted: impl Fn(ComponentId) -> bool) {
        self.heads.retain(|(_, component)| is_wanted(*component));
    }

    /// The next so many: a seek for each.
    pub(crate) fn take(&mut self, view: &View<'_>, at_most: usize) -> Result<Vec<HistoryKey>> {
        let mut keys = Vec::new();
        while keys.len() < at_most
            && let Some((key, component)) = self.heads.pop()
        {
            keys.push(key);
            let before = view.stored_history(component, &self.filter, true, Some(key), 1)?;
            self.heads.extend(before.into_iter().map(|before| (before, component)));
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn of_each_component_one_run_is_sought_and_none_is_passed_over() {
        let plan = Store::in_memory().unwrap().plan(HEADS, 3);
        let seek = "SEARCH l USING COVERING INDEX run_by_start (component=? AND started_at>? AND started_at<?)";
        assert!(plan.contains(seek) && !plan.contains("ORDER BY") && !plan.contains("SCAN r"), "{plan}");
    }
}
