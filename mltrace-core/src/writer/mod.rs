//! The path from a finished run to the store: two ways, one path. A durable call returns when its run is committed, and
//! callers on many threads share commits. A buffered call queues its run and returns; a thread in the background commits
//! batches.

mod background;
mod buffer;
mod commit;
mod exit;
mod group;
#[cfg(test)]
mod group_model_tests;
#[cfg(test)]
mod group_tests;
mod open_runs;

/// What `group` locks with; its model has another.
mod sync {
    pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
}

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::clock::to_micros;
use crate::error::Result;
use crate::fork::PerProcess;
use crate::model::{Definition, RunEntry, RunId};
use crate::store::{Put, Store, Write};
use crate::{clock, fork, provenance};
use background::Background;
use buffer::{Buffer, Pushed};
use commit::{Committer, Job, SHORT_PATIENCE};
pub(crate) use open_runs::OpenRun;
use open_runs::OpenRuns;

/// How long the end of a process waits, in all, for `git` to say which commit it came from.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// Writes runs of this process to one store.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    background: Background,
    /// How deep in a line of forks this is used; see [`crate::fork`].
    depth: u32,
}

/// What callers and the background share.
struct Shared {
    committer: Committer,
    buffer: Buffer,
    open_runs: OpenRuns,
    /// The background could not write when it last tried.
    is_failing: AtomicBool,
}

/// How the buffered runs of a tracer fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Runs that wait to be written.
    pub queued: usize,
    /// Runs that were lost, because the queue was full for too long or the store refused them.
    pub dropped: u64,
}

impl Writer {
    pub(crate) fn new(store: Arc<Store>) -> Arc<Self> {
        let shared = Shared {
            committer: Committer::new(store),
            buffer: Buffer::new(),
            open_runs: OpenRuns::default(),
            is_failing: AtomicBool::new(false),
        };
        let writer = Arc::new(Self { shared: Arc::new(shared), background: Background::new(), depth: fork::depth() });
        exit::close_at_exit(&writer);
        writer
    }

    /// A writer to the same store, for a process that was forked off. What this one had queued is its own process's to write.
    pub(crate) fn in_child(&self) -> Arc<Self> {
        Self::new(self.shared.committer.store.in_child())
    }

    /// Whether this process is not one that was forked off since.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.depth == fork::depth()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.committer.store
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
        let put = self.shared.committer.put(job);
        self.tidy();
        put
    }

    /// Has the log moved into the file where it is long.
    fn tidy(&self) {
        // Once in many commits, so that waking costs little, and a program that logs a little by hand has no thread.
        if self.store().has_long_log() && self.start_background() {
            self.background.wake();
        }
    }

    /// What follows once a run that somebody else reports is committed.
    #[cfg(feature = "care")]
    pub(crate) fn committed(&self, run: &RunEntry, put: &Put) {
        self.shared.committer.tell(&run.definition.component, run.ended_at.is_some(), put);
        self.tidy();
    }

    /// Queues a run to be committed soon, and says whether there was room; where not, an event has told.
    pub(crate) fn buffer_run(&self, entry: RunEntry) -> Result<bool> {
        if !self.start_background() {
            return self.put_traced_run(entry).map(|_| true);
        }
        let pushed = self.shared.buffer.push(entry, || self.background.wake());
        if pushed == (Pushed::Dropped { is_first: true }) {
            tracing::warn!(
                "runs come faster than the store can take them or it cannot be written, and the queue is full: runs are \
                 dropped, as Tracer::stats counts"
            );
        }
        Ok(pushed == Pushed::Queued)
    }

    /// A run has started. It gets its row early if it stays open for long.
    pub(crate) fn watch(&self, uuid: Uuid, run: Weak<dyn OpenRun>) {
        self.shared.open_runs.add(uuid, run);
        self.start_background();
    }

    /// A run has ended.
    pub(crate) fn unwatch(&self, uuid: Uuid) {
        self.shared.open_runs.remove(uuid);
    }

    fn start_background(&self) -> bool {
        self.background.start(|| {
            let shared = Arc::clone(&self.shared);
            move || shared.write_in_background()
        })
    }

    /// Commits what was queued before the call.
    pub(crate) fn flush(&self) -> Result<()> {
        self.shared.write_queued(None).map(drop)
    }

    pub(crate) fn stats(&self) -> Stats {
        let (queued, dropped) = self.shared.buffer.counts();
        Stats { queued, dropped }
    }

    /// Keeps what else the end of this writer or of the process would take away.
    fn close(&self) {
        static DEADLINE: PerProcess<Instant> = PerProcess::new();
        if !self.is_of_this_process() {
            return;
        }
        let flushed = self.flush();
        // Who has waited in vain does not wait as long again.
        let patience = flushed.is_err().then_some(SHORT_PATIENCE);
        if let Err(error) = flushed {
            let lost = self.shared.buffer.give_up();
            tracing::warn!(%error, "{lost} runs are not recorded");
        }
        let deadline = || *DEADLINE.get_or_init(|| Instant::now() + COMMIT_PATIENCE);
        self.shared.committer.await_commit(deadline, patience);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Says whether there was something to do.
    fn write_in_background(&self) -> bool {
        // First, so that it does not wait for a long queue.
        let open = self.write_open_runs();
        let queued = self.write_queued(Some(SHORT_PATIENCE));
        // Last, for a log that is not moved at once is only longer.
        let tidied = self.committer.store.tidy_log();
        let written = queued.and_then(|count| open.and(tidied).map(|()| count));
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Ok(count) => count > 0,
            Err(error) => {
                if !was_failing {
                    tracing::warn!(%error, "cannot write in the background; runs that are queued wait, and it is tried again");
                }
                false
            }
        }
    }

    /// Commits the runs that are queued now. Where nothing can be written they stay queued; one that the store refuses is
    /// dropped.
    fn write_queued(&self, patience: Option<Duration>) -> Result<usize> {
        let told = RefCell::new(Vec::new());
        let tell = |run: &RunEntry, put| {
            told.borrow_mut().push(Told { uuid: run.uuid, definition: Arc::clone(&run.definition), put });
        };
        let write = |runs: &[&RunEntry]| {
            provenance::look_up_commit();
            let written = self.committer.put_all(patience, runs)?;
            for (run, put) in runs.iter().zip(written) {
                if !matches!(&put, Ok(put) if put.unresolved.is_empty() && !put.has_retractions) {
                    tell(run, put);
                }
            }
            Ok(())
        };
        let drained = self.buffer.drain(write, |run, error| tell(run, Err(error)));
        let told = told.into_inner();
        for told in told {
            self.tell(told);
        }
        if matches!(drained, Ok(1..)) {
            self.committer.keep_commit();
        }
        drained
    }

    /// Gives runs that have been open for long their rows, and says that this process lives.
    fn write_open_runs(&self) -> Result<()> {
        let now = Instant::now();
        // Before: where the file is replaced while this is written, the runs are due again.
        let file = self.committer.store.moves();
        let due = self.open_runs.due(now, file);
        if due.is_empty() && !self.open_runs.needs_heartbeat(now) {
            return Ok(());
        }
        let beat = |tx: &Write<'_>| tx.set_heartbeat(provenance::process(), to_micros(clock::now()));
        self.committer.store.write(Some(SHORT_PATIENCE), beat)?;
        if !due.is_empty() {
            // One that the store refuses is told of when it ends.
            self.committer.put_all(Some(SHORT_PATIENCE), &due.iter().collect::<Vec<_>>())?;
        }
        self.open_runs.reported(&due, now, file);
        Ok(())
    }

    fn tell(&self, Told { uuid, definition, put }: Told) {
        match put {
            Ok(put) => self.committer.tell(&definition.component, true, &put),
            Err(error) => {
                self.buffer.count_refused();
                tracing::warn!(component = %definition.component, run = %uuid, %error, "a run is not recorded");
            }
        }
    }
}

/// What is to be said of a run once nothing is locked any more.
struct Told {
    uuid: Uuid,
    definition: Arc<Definition>,
    put: Result<Put>,
}
