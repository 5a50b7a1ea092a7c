//! The path from a finished run to the store. Durable writing is direct: when the call returns, the run is committed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::time::Duration;

use crate::error::Result;
use crate::lineage::resolve;
use crate::model::{Commit, RunEntry, RunId};
use crate::provenance;
use crate::store::Store;

/// How long the end of a process waits for `git` to say which commit it came from.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// Writes runs of this process to one store.
pub(crate) struct Writer {
    store: Store,
    wrote: AtomicBool,
    knows_commit: AtomicBool,
}

impl Writer {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        provenance::look_up_commit();
        let writer = Arc::new(Self { store, wrote: AtomicBool::new(false), knows_commit: AtomicBool::new(false) });
        close_at_exit(Arc::downgrade(&writer));
        writer
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Commits a run.
    pub(crate) fn put_run(&self, entry: &RunEntry) -> Result<RunId> {
        let run = self.store.write(|tx| resolve::put_run(tx, entry, provenance::process()))?;
        self.wrote.store(true, Ordering::Relaxed);
        if !self.knows_commit.load(Ordering::Relaxed)
            && let Some(commit) = provenance::known_commit()
        {
            self.put_commit(&commit);
        }
        Ok(run)
    }

    fn put_commit(&self, commit: &Commit) {
        if self.knows_commit.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.store.write(|tx| tx.set_commit(provenance::process(), commit)) {
            tracing::warn!(%error, "cannot keep the commit of this process");
        }
    }

    /// Keeps what only comes to be known late.
    fn close(&self) {
        if self.wrote.load(Ordering::Relaxed)
            && !self.knows_commit.load(Ordering::Relaxed)
            && let Some(commit) = provenance::await_commit(COMMIT_PATIENCE)
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
