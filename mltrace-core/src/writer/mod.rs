//! The path from a finished run to the store. Durable writing is direct: when the call returns, the run is committed.
//! Callers on many threads share commits.

mod group;
#[cfg(test)]
mod group_model_tests;
#[cfg(test)]
mod group_tests;

mod sync {
    pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
}

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::lineage::resolve;
use crate::model::{Commit, Definition, RunEntry, RunId};
use crate::provenance;
use crate::store::{Put, Store, Write};
use group::Group;

/// How long the end of a process waits, in all, for `git` to say which commit it came from.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a traced function waits for a store that was found locked before.
const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// Writes runs of this process to one store.
pub(crate) struct Writer {
    store: Store,
    wrote: AtomicBool,
    knows_commit: AtomicBool,
    /// Whether the last write found the store locked until its patience ended.
    is_locked: AtomicBool,
    group: Group<Job, Result<Put>>,
}

/// A run to be committed before its caller goes on.
struct Job {
    entry: RunEntry,
    /// Whether it is that of a traced function, which must not wait long for a store again and again.
    is_traced: bool,
}

impl Writer {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        let writer = Arc::new(Self {
            store,
            wrote: AtomicBool::new(false),
            knows_commit: AtomicBool::new(false),
            is_locked: AtomicBool::new(false),
            group: Group::new(),
        });
        close_at_exit(Arc::downgrade(&writer));
        writer
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Commits a run, waiting for a locked store as long as its busy time-out says.
    pub(crate) fn put_run(&self, entry: RunEntry) -> Result<RunId> {
        self.put(Job { entry, is_traced: false })
    }

    /// As [`Self::put_run`], for a traced function, which must not wait long for a store again and again.
    pub(crate) fn put_traced_run(&self, entry: RunEntry) -> Result<RunId> {
        self.put(Job { entry, is_traced: true })
    }

    fn put(&self, job: Job) -> Result<RunId> {
        provenance::look_up_commit();
        let definition = Arc::clone(&job.entry.definition);
        let bytes = job.entry.bytes();
        let put = self.group.put(job, bytes, |jobs| self.commit(jobs))?;
        Ok(self.follow_up(&definition, put))
    }

    /// Commits the runs of all who wait, each of which succeeds or fails by itself.
    fn commit(&self, jobs: &[&Job]) -> Vec<Result<Put>> {
        let is_hasty = self.is_locked.load(Ordering::Relaxed) && jobs.iter().all(|job| job.is_traced);
        let written = self.store.write_each(is_hasty.then_some(SHORT_PATIENCE), jobs, |tx, job| put(tx, &job.entry));
        let written = written.unwrap_or_else(|error| jobs.iter().map(|_| Err(error.again())).collect());
        let is_busy = |put: &Result<Put>| put.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy);
        self.is_locked.store(written.iter().any(is_busy), Ordering::Relaxed);
        written
    }

    /// What follows once a run is written. Nothing is locked here: whoever listens to events may trace, too.
    fn follow_up(&self, definition: &Definition, put: Put) -> RunId {
        for component in put.unresolved {
            tracing::warn!(
                component = %definition.component,
                upstream = %component,
                "a component declared upstream has no run that ended before: the dependency stays open until it has"
            );
        }
        self.wrote.store(true, Ordering::Relaxed);
        if !self.knows_commit.load(Ordering::Relaxed)
            && let Some(commit) = provenance::known_commit()
        {
            self.put_commit(&commit);
        }
        put.run
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

/// Writes one run of a batch. A panic must not be that of the caller who happens to commit for all.
fn put(tx: &Write<'_>, entry: &RunEntry) -> Result<Put> {
    let written = catch_unwind(AssertUnwindSafe(|| resolve::put_run(tx, entry, provenance::process())));
    written.unwrap_or_else(|_| {
        let message = format!("a fault in mltrace itself: writing run {} panicked; it was not written", entry.uuid);
        Err(Error::new(ErrorKind::Internal, message))
    })
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
        let is_locked = || writer.is_locked.load(Ordering::Relaxed);
        assert!(!is_locked());
        let locked = other.write(None, |_| Ok(writer.put_traced_run(run("stage", 0, 1)))).unwrap();
        assert_eq!(locked.unwrap_err().kind(), ErrorKind::Busy);
        assert!(is_locked());
        writer.put_traced_run(run("stage", 0, 1)).unwrap();
        assert!(!is_locked(), "once it is free again, patience is back");
    }

    /// A run that the store refuses midway, when its component stands already.
    fn bad() -> RunEntry {
        run("bad", 0, 1).writes("out@hash:no hexadecimal")
    }

    fn job(entry: RunEntry) -> Job {
        Job { entry, is_traced: false }
    }

    #[test]
    fn a_bad_run_of_a_batch_fails_alone_with_its_own_error() {
        let writer = Writer::new(Store::in_memory().unwrap());
        let jobs = [run("first", 0, 1).writes("a"), bad(), run("third", 0, 1).reads("a")].map(job);
        let written = writer.commit(&jobs.each_ref());
        assert_eq!(written.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let alone = writer.put_run(bad()).unwrap_err();
        assert_eq!(written[1].as_ref().unwrap_err().to_string(), alone.to_string());
        let stored = writer.store.read(|view| view.runs(&view.recent(RunId(i64::MAX), 9)?)).unwrap();
        let components: Vec<_> = stored.iter().map(|run| run.component.as_str()).collect();
        assert_eq!(components, ["third", "first"], "nothing is left of the bad one");
        assert_eq!(stored[0].dependencies[0].run, stored[1].id, "runs of a batch see those before them");
    }

    #[test]
    fn a_batch_that_cannot_be_written_at_all_fails_for_each_of_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let writer = Writer::new(Store::create(&path, Durability::Normal).unwrap());
        let other = Store::create(&path, Durability::Normal).unwrap();
        let jobs = [run("first", 0, 1), run("second", 0, 1)].map(job);
        let written = other.write(None, |_| Ok(writer.commit(&jobs.each_ref()))).unwrap();
        assert_eq!(written.len(), 2);
        for put in written {
            assert_eq!(put.unwrap_err().kind(), ErrorKind::Busy);
        }
        assert!(writer.commit(&jobs.each_ref()).iter().all(Result::is_ok), "the transaction was rolled back");
    }

    #[test]
    fn every_run_of_many_threads_is_committed_when_its_call_returns() {
        const THREADS: i64 = 8;
        const RUNS: i64 = 100;
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::new(Store::create(&folder.path().join("store.db"), Durability::Normal).unwrap());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let writer = &writer;
                scope.spawn(move || {
                    for number in 0..RUNS {
                        let entry = run("stage", number, number + 1).writes(&format!("{thread}/{number}"));
                        let uuid = entry.uuid;
                        let id = writer.put_run(entry).unwrap();
                        assert_eq!(writer.store.get(id).uuid, uuid);
                    }
                });
            }
        });
        let all = writer.store.read(|view| view.recorded_after(RunId(0))).unwrap();
        assert_eq!(i64::try_from(all.len()).unwrap(), THREADS * RUNS);
    }
}
