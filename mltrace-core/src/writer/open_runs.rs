//! Runs that are open: one that stays open for long gets its row before it ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::model::RunEntry;

/// How long a run is open before others see it: shorter ones cost one transaction.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a process says that it lives, while a run of it is to be seen as open.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A run that has started.
pub(crate) trait OpenRun: Send + Sync {
    /// What is known of it so far; `None` once it has ended.
    fn report(&self) -> Option<RunEntry>;
}

#[derive(Default)]
pub(super) struct OpenRuns(Mutex<Runs>);

#[derive(Default)]
struct Runs {
    /// Few as a rule, and then a tree is one node, cheaper than a hash.
    open: BTreeMap<Uuid, Opened>,
    heartbeat: Option<Instant>,
}

struct Opened {
    run: Weak<dyn OpenRun>,
    since: Instant,
    /// In which of the store's files, as [`Store::moves`](crate::store::Store::moves) counts them, it has its row.
    reported_in: Option<u32>,
}

impl OpenRuns {
    pub(super) fn add(&self, uuid: Uuid, run: Weak<dyn OpenRun>) {
        self.runs().open.insert(uuid, Opened { run, since: Instant::now(), reported_in: None });
    }

    pub(super) fn remove(&self, uuid: Uuid) {
        self.runs().open.remove(&uuid);
    }

    /// The runs that have been open for long and are not reported in this file as yet.
    pub(super) fn due(&self, now: Instant, file: u32) -> Vec<RunEntry> {
        let is_due = |opened: &&Opened| {
            opened.reported_in != Some(file) && now.saturating_duration_since(opened.since) >= PATIENCE
        };
        let due: Vec<_> = self.runs().open.values().filter(is_due).map(|opened| opened.run.clone()).collect();
        // A run is asked when nothing is locked: it may be the last to hold its tracer.
        due.iter().filter_map(|run| run.upgrade()?.report()).collect()
    }

    /// These runs have their rows in a file, and the process has said that it lives.
    pub(super) fn reported(&self, runs: &[RunEntry], now: Instant, file: u32) {
        let mut open = self.runs();
        for run in runs {
            if let Some(opened) = open.open.get_mut(&run.uuid) {
                opened.reported_in = Some(file);
            }
        }
        open.heartbeat = Some(now);
    }

    /// Whether it is time to say again that this process lives.
    pub(super) fn needs_heartbeat(&self, now: Instant) -> bool {
        let runs = self.runs();
        let is_old = runs.heartbeat.is_none_or(|last| now.saturating_duration_since(last) >= HEARTBEAT);
        is_old && runs.open.values().any(|opened| opened.reported_in.is_some())
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::run;

    struct Open(RunEntry);

    impl OpenRun for Open {
        fn report(&self) -> Option<RunEntry> {
            Some(self.0.clone())
        }
    }

    #[test]
    fn a_run_is_reported_once_when_it_has_been_open_for_long() {
        let runs = OpenRuns::default();
        let open = Arc::new(Open(run("stage", 0, 1).open()));
        let weak: Weak<Open> = Arc::downgrade(&open);
        runs.add(open.0.uuid, weak);
        let now = Instant::now();
        assert!(runs.due(now, 0).is_empty());
        let later = now + PATIENCE;
        assert_eq!(runs.due(later, 0).len(), 1);
        assert_eq!(runs.due(later, 0).len(), 1, "it was not written");
        assert!(!runs.needs_heartbeat(later));
        runs.reported(&runs.due(later, 0), later, 0);
        assert!(runs.due(later, 0).is_empty());
        assert_eq!(runs.due(later, 1).len(), 1, "in another file it has no row");
        assert!(!runs.needs_heartbeat(later));
        assert!(runs.needs_heartbeat(later + HEARTBEAT));
        runs.remove(open.0.uuid);
        assert!(!runs.needs_heartbeat(later + HEARTBEAT), "a process that has nothing open says nothing");
    }

    #[test]
    fn a_run_that_has_ended_is_not_reported() {
        let runs = OpenRuns::default();
        let open = Arc::new(Open(run("stage", 0, 1).open()));
        let weak: Weak<Open> = Arc::downgrade(&open);
        runs.add(open.0.uuid, weak);
        drop(open);
        assert!(runs.due(Instant::now() + PATIENCE, 0).is_empty());
    }
}
