//! The path from a finished run to the store. Durable writing is direct: when the call returns, the run is committed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::lineage::{labels, resolve};
use crate::model::{Commit, RunEntry, RunId, Violation};
use crate::provenance;
use crate::store::{Put, Store};

/// How long the end of a process waits, in all, for `git` to say which commit it came from.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a traced function waits for a store that was found locked before.
const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// Writes runs of this process to one store.
pub(crate) struct Writer {
    store: Store,
    wrote: AtomicBool,
    knows_commit: AtomicBool,
    /// Whether the last run of a traced function found the store locked until its patience ended. Held while one is
    /// written, so that those that wait behind it learn of it.
    is_locked: Mutex<bool>,
}

impl Writer {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        let writer = Arc::new(Self {
            store,
            wrote: AtomicBool::new(false),
            knows_commit: AtomicBool::new(false),
            is_locked: Mutex::new(false),
        });
        close_at_exit(Arc::downgrade(&writer));
        writer
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Commits a run, waiting for a locked store as long as its busy time-out says.
    pub(crate) fn put_run(&self, entry: &RunEntry) -> Result<RunId> {
        self.write(entry, None).map(|put| self.follow_up(entry, put))
    }

    /// As [`Self::put_run`], for a traced function, which must not wait long for a store again and again.
    pub(crate) fn put_traced_run(&self, entry: &RunEntry) -> Result<RunId> {
        let mut is_locked = self.is_locked.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.write(entry, is_locked.then_some(SHORT_PATIENCE));
        *is_locked = written.as_ref().is_err_and(|error: &Error| error.kind() == ErrorKind::Busy);
        drop(is_locked);
        written.map(|put| self.follow_up(entry, put))
    }

    fn write(&self, entry: &RunEntry, patience: Option<Duration>) -> Result<Put> {
        provenance::look_up_commit();
        self.store.write(patience, |tx| resolve::put_run(tx, entry, provenance::process()))
    }

    /// What follows once a run is written. Nothing is locked here: whoever listens to events may trace, too.
    fn follow_up(&self, entry: &RunEntry, put: Put) -> RunId {
        for component in put.unresolved {
            tracing::warn!(
                component = %entry.definition.component,
                upstream = %component,
                "a component declared upstream has no run that ended before: the dependency stays open until it has"
            );
        }
        if put.has_retractions && entry.ended_at.is_some() {
            self.warn_of_violations(&entry.definition.component, put.run);
        }
        self.wrote.store(true, Ordering::Relaxed);
        if !self.knows_commit.load(Ordering::Relaxed)
            && let Some(commit) = provenance::known_commit()
        {
            self.put_commit(&commit);
        }
        put.run
    }

    fn warn_of_violations(&self, component: &str, run: RunId) {
        let found = self.store.read(|view| match view.run(run)? {
            Some(run) => labels::violations_of(view, &run),
            None => Ok(Vec::new()),
        });
        match found {
            Ok(violations) => {
                for Violation { pointer, label, retracted_at, reason, .. } in violations {
                    tracing::warn!(component, %run, pointer, label, %retracted_at, reason, "a run read retracted data");
                }
            }
            Err(error) => tracing::warn!(component, %run, %error, "cannot tell whether a run read retracted data"),
        }
    }

    fn put_commit(&self, commit: &Commit) {
        match self.store.write(Some(SHORT_PATIENCE), |tx| tx.set_commit(provenance::process(), commit)) {
            Ok(()) => self.knows_commit.store(true, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "cannot keep the commit of this process"),
        }
    }

    /// Keeps what only comes to be known late, unless the store ends with its writer anyway.
    fn close(&self) {
        static DEADLINE: OnceLock<Instant> = OnceLock::new();
        if self.store.path().is_some()
            && self.wrote.load(Ordering::Relaxed)
            && !self.knows_commit.load(Ordering::Relaxed)
            && let Some(commit) = provenance::await_commit(*DEADLINE.get_or_init(|| Instant::now() + COMMIT_PATIENCE))
        {
            self.put_commit(&commit);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

static OPEN_WRITERS: Mutex<Vec<Weak<Writer>>> = Mutex::new(Vec::new());

/// The global tracer is never dropped, so what dropping it would do is done when the process exits.
fn close_at_exit(writer: Weak<Writer>) {
    static REGISTER: Once = Once::new();
    let mut writers = OPEN_WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    writers.retain(|writer| writer.strong_count() > 0);
    writers.push(writer);
    drop(writers);
    REGISTER.call_once(|| {
        // SAFETY: `atexit` takes a plain function of C calling convention, and this one does not unwind.
        #[allow(unsafe_code, reason = "the standard library has no hook for the exit of a process")]
        let registered = unsafe { libc::atexit(close_all) };
        if registered != 0 {
            tracing::warn!("cannot register for the exit of this process: commits of short programs may be missing");
        }
    });
}

extern "C" fn close_all() {
    let _ = std::panic::catch_unwind(|| {
        let writers = std::mem::take(&mut *OPEN_WRITERS.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers.iter().filter_map(Weak::upgrade) {
            writer.close();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Durability;
    use crate::testing::run;

    #[test]
    fn a_traced_function_that_found_the_store_locked_does_not_wait_long_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let writer = Writer::new(Store::create(&path, Durability::Normal).unwrap());
        let other = Store::create(&path, Durability::Normal).unwrap();
        assert!(!*writer.is_locked.lock().unwrap());
        let locked = other.write(None, |_| Ok(writer.put_traced_run(&run("stage", 0, 1)))).unwrap();
        assert_eq!(locked.unwrap_err().kind(), ErrorKind::Busy);
        assert!(*writer.is_locked.lock().unwrap());
        writer.put_traced_run(&run("stage", 0, 1)).unwrap();
        assert!(!*writer.is_locked.lock().unwrap(), "once it is free again, patience is back");
    }
}
