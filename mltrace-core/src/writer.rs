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
    use std::fmt::{self, Write as _};

    use tracing::field::Field;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;
    use crate::store::{Durability, Write};
    use crate::testing::run;

    /// Keeps what is told in events.
    #[derive(Default)]
    struct Listener(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Listener {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= Level::WARN
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn event(&self, event: &Event<'_>) {
            let mut told = String::new();
            event.record(&mut |field: &Field, value: &dyn fmt::Debug| {
                let _ = write!(told, "{}={value:?} ", field.name());
            });
            self.0.lock().unwrap().push(told);
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// The events of a body.
    fn told(body: impl FnOnce()) -> Vec<String> {
        let listener = Listener::default();
        let told = Arc::clone(&listener.0);
        tracing::subscriber::with_default(listener, body);
        let told = told.lock().unwrap();
        told.iter().filter(|event| event.contains("retracted")).cloned().collect()
    }

    #[test]
    fn a_run_that_read_retracted_data_is_warned_of_when_it_is_written() {
        let writer = Writer::new(Store::in_memory().unwrap());
        writer.put_run(&run("clean", 0, 1).reads("raw").writes("rides")).unwrap();
        let train = |started_at| run("train", started_at, started_at + 1).reads("rides").reads("weather");
        assert_eq!(told(|| drop(writer.put_traced_run(&train(2)))), [""; 0]);
        let retract = |tx: &Write<'_>| {
            let label = tx.label("customer-7")?;
            tx.attach(label, tx.text("raw")?, None, 0)?;
            tx.retract(label, 5, "anna", "consent withdrawn")
        };
        writer.store.write(None, retract).unwrap();
        assert_eq!(told(|| drop(writer.put_traced_run(&train(4)))), [""; 0], "it started before");
        assert_eq!(told(|| drop(writer.put_traced_run(&train(5).open()))), [""; 0], "it has not ended");
        let told = told(|| drop(writer.put_traced_run(&train(6))));
        let [event] = told.as_slice() else { panic!("one event, not {told:?}") };
        for part in ["a run read retracted data", "component=\"train\"", "pointer=\"rides\"", "label=\"customer-7\""] {
            assert!(event.contains(part), "{part} in {event}");
        }
    }

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
