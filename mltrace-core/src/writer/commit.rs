//! Commits: one run or a batch in a transaction, and what follows once it stands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::group::Group;
use crate::error::{Error, ErrorKind, Result};
use crate::lineage::{labels, resolve};
use crate::model::{Commit, RunEntry, RunId, Violation};
use crate::provenance;
use crate::store::{Put, Store, Write};

/// How long a write waits that must not wait long: of a traced function for a store that was found locked before, and of
/// the background, which tries again.
pub(super) const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// Stands for no file of a store.
const NOWHERE: u32 = u32::MAX;

/// Commits runs of this process to one store.
pub(super) struct Committer {
    pub(super) store: Arc<Store>,
    group: Group<Job, Result<Put>>,
    wrote: AtomicBool,
    /// In which of the store's files, as [`Store::moves`] counts them, the commit of this process is.
    commit_is_in: AtomicU32,
    /// Whether the last write found the store locked until its patience ended.
    is_locked: AtomicBool,
}

/// A run to be committed before its caller goes on.
pub(super) struct Job {
    pub(super) entry: RunEntry,
    /// Whether it is that of a traced function, which must not wait long for a store again and again.
    pub(super) is_traced: bool,
}

impl Committer {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            group: Group::new(),
            wrote: AtomicBool::new(false),
            commit_is_in: AtomicU32::new(NOWHERE),
            is_locked: AtomicBool::new(false),
        }
    }

    /// Commits a run, together with those that other threads wait for.
    pub(super) fn put(&self, job: Job) -> Result<RunId> {
        provenance::look_up_commit();
        let definition = Arc::clone(&job.entry.definition);
        let has_ended = job.entry.ended_at.is_some();
        let bytes = job.entry.bytes();
        let put = self.group.put(job, bytes, |jobs| self.put_jobs(jobs))?;
        self.tell(&definition.component, has_ended, &put);
        self.keep_commit();
        Ok(put.run)
    }

    /// Commits the runs of all who wait, each of which succeeds or fails by itself.
    fn put_jobs(&self, jobs: &[&Job]) -> Vec<Result<Put>> {
        let is_hasty = self.is_locked.load(Ordering::Relaxed) && jobs.iter().all(|job| job.is_traced);
        let runs: Vec<&RunEntry> = jobs.iter().map(|job| &job.entry).collect();
        let written = self.put_all(is_hasty.then_some(SHORT_PATIENCE), &runs);
        let is_busy = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy);
        self.is_locked.store(is_busy, Ordering::Relaxed);
        written.unwrap_or_else(|error| jobs.iter().map(|_| Err(error.again())).collect())
    }

    /// Commits runs in one transaction. Each lands or fails by itself, unless nothing can be written at all.
    pub(super) fn put_all(&self, patience: Option<Duration>, runs: &[&RunEntry]) -> Result<Vec<Result<Put>>> {
        let written = self.store.write_each(patience, runs, put)?;
        self.wrote.store(true, Ordering::Relaxed);
        Ok(written)
    }

    /// Tells what there is to tell of a run that was written. Nothing may be locked: whoever listens to events may trace, too.
    pub(super) fn tell(&self, component: &str, has_ended: bool, put: &Put) {
        for upstream in &put.unresolved {
            tracing::warn!(
                component,
                upstream,
                "a component declared upstream has no run that ended before: the dependency stays open until it has"
            );
        }
        if put.has_retractions && has_ended {
            self.warn_of_violations(component, put.run);
        }
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

    /// Keeps the commit of this process once it is known. Where that fails it is tried again with the next run.
    pub(super) fn keep_commit(&self) {
        if !self.knows_commit()
            && let Some(commit) = provenance::known_commit()
            && let Err(error) = self.put_commit(&commit, Some(SHORT_PATIENCE))
        {
            tracing::debug!(%error, "the commit of this process is not kept as yet");
        }
    }

    fn knows_commit(&self) -> bool {
        self.commit_is_in.load(Ordering::Relaxed) == self.store.moves()
    }

    fn put_commit(&self, commit: &Commit, patience: Option<Duration>) -> Result<()> {
        // Before: a file that is replaced while this is written has to be told again.
        let file = self.store.moves();
        self.store.write(patience, |tx| tx.set_commit(provenance::process(), commit))?;
        self.commit_is_in.store(file, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps what only comes to be known late, unless the store ends with its writer anyway.
    pub(super) fn await_commit(&self, deadline: impl FnOnce() -> Instant, patience: Option<Duration>) {
        if self.store.path().is_some()
            && self.wrote.load(Ordering::Relaxed)
            && !self.knows_commit()
            && let Some(commit) = provenance::await_commit(deadline())
            && let Err(error) = self.put_commit(&commit, patience)
        {
            tracing::warn!(%error, "the commit of this process is not recorded");
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

#[cfg(test)]
mod tests {
    use std::fmt::{self, Write as _};

    use tracing::field::Field;
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::NoSubscriber;
    use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

    use super::*;
    use std::sync::Mutex;

    use crate::store::Durability;
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
    fn events_of(body: impl FnOnce()) -> Vec<String> {
        let listener = Listener::default();
        let told = Arc::clone(&listener.0);
        // A call site that a thread of another test comes upon first is for ever silent where there is one subscriber
        // alone (tokio-rs/tracing#3611): with two, each is asked.
        let _second = Dispatch::new(NoSubscriber::default());
        tracing::subscriber::with_default(listener, body);
        std::mem::take(&mut *told.lock().unwrap())
    }

    /// Those of retractions.
    fn told(body: impl FnOnce()) -> Vec<String> {
        events_of(body).into_iter().filter(|event| event.contains("retracted")).collect()
    }

    #[test]
    fn a_run_that_read_retracted_data_is_warned_of_when_it_is_written() {
        let committer = Committer::new(Arc::new(Store::in_memory().unwrap()));
        committer.put(job(run("clean", 0, 1).reads("raw").writes("rides"))).unwrap();
        let train = |started_at| run("train", started_at, started_at + 1).reads("rides").reads("weather");
        assert_eq!(told(|| drop(committer.put(job(train(2))))), [""; 0]);
        let retract = |tx: &Write<'_>| {
            let label = tx.label("customer-7")?;
            tx.attach(label, tx.text("raw")?, None, 0)?;
            tx.retract(label, 5, "anna", "consent withdrawn")
        };
        committer.store.write(None, retract).unwrap();
        assert_eq!(told(|| drop(committer.put(job(train(4))))), [""; 0], "it started before");
        assert_eq!(told(|| drop(committer.put(job(train(5).open())))), [""; 0], "it has not ended");
        let told = told(|| drop(committer.put(job(train(6)))));
        let [event] = told.as_slice() else { panic!("one event, not {told:?}") };
        for part in ["a run read retracted data", "component=\"train\"", "pointer=\"rides\"", "label=\"customer-7\""] {
            assert!(event.contains(part), "{part} in {event}");
        }
    }

    #[test]
    fn a_traced_function_that_found_the_store_locked_does_not_wait_long_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let committer = Committer::new(Arc::new(Store::create(&path, Durability::Normal).unwrap()));
        let other = Store::create(&path, Durability::Normal).unwrap();
        let is_locked = || committer.is_locked.load(Ordering::Relaxed);
        assert!(!is_locked());
        let locked = other.write(None, |_| Ok(committer.put(traced(run("stage", 0, 1))))).unwrap();
        assert_eq!(locked.unwrap_err().kind(), ErrorKind::Busy);
        assert!(is_locked());
        committer.put(traced(run("stage", 0, 1))).unwrap();
        assert!(!is_locked(), "once it is free again, patience is back");
    }

    #[test]
    fn the_commit_is_waited_for_at_the_end_as_a_run_is_and_told_of_once_where_that_is_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let committer = Committer::new(Arc::new(Store::create(&path, Durability::Normal).unwrap()));
        let other = Store::create(&path, Durability::Normal).unwrap();
        let commit = Commit { hash: None, dirty: None, tags: Vec::new(), source: crate::model::CommitSource::Build };
        let wait = |patience| {
            let begun = Instant::now();
            let put = other.write(None, |_| Ok(committer.put_commit(&commit, patience))).unwrap();
            (put.map_err(|error| error.kind()), begun.elapsed())
        };
        let (hasty, patient) = (wait(Some(SHORT_PATIENCE)), wait(None));
        assert_eq!((hasty.0, patient.0), (Err(ErrorKind::Busy), Err(ErrorKind::Busy)));
        assert!(patient.1 > 2 * SHORT_PATIENCE, "{:?}", patient.1);

        provenance::look_up_commit();
        assert!(provenance::await_commit(Instant::now() + Duration::from_secs(60)).is_some(), "in a repository");
        committer.wrote.store(true, Ordering::Relaxed);
        let events = other
            .write(None, |_| {
                let close = || committer.await_commit(|| Instant::now() + Duration::from_secs(60), None);
                Ok(events_of(|| {
                    (0..9).for_each(|_| committer.keep_commit());
                    close();
                }))
            })
            .unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(events[0].contains("the commit of this process is not recorded"), "{events:?}");
        committer.keep_commit();
        assert!(committer.knows_commit());
    }

    /// A run that the store refuses midway, when its component stands already.
    fn bad() -> RunEntry {
        run("bad", 0, 1).writes("out@hash:no hexadecimal")
    }

    fn job(entry: RunEntry) -> Job {
        Job { entry, is_traced: false }
    }

    fn traced(entry: RunEntry) -> Job {
        Job { entry, is_traced: true }
    }

    #[test]
    fn a_bad_run_of_a_batch_fails_alone_with_its_own_error() {
        let committer = Committer::new(Arc::new(Store::in_memory().unwrap()));
        let jobs = [run("first", 0, 1).writes("a"), bad(), run("third", 0, 1).reads("a")].map(job);
        let written = committer.put_jobs(&jobs.each_ref());
        assert_eq!(written.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let alone = committer.put(job(bad())).unwrap_err();
        assert_eq!(written[1].as_ref().unwrap_err().to_string(), alone.to_string());
        let stored = committer.store.read(|view| view.runs(&view.recent(RunId(i64::MAX), 9)?)).unwrap();
        let components: Vec<_> = stored.iter().map(|run| run.component.as_str()).collect();
        assert_eq!(components, ["third", "first"], "nothing is left of the bad one");
        assert_eq!(stored[0].dependencies[0].run, stored[1].id, "runs of a batch see those before them");
    }

    #[test]
    fn a_batch_that_cannot_be_written_at_all_fails_for_each_of_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let committer = Committer::new(Arc::new(Store::create(&path, Durability::Normal).unwrap()));
        let other = Store::create(&path, Durability::Normal).unwrap();
        let jobs = [run("first", 0, 1), run("second", 0, 1)].map(job);
        let written = other.write(None, |_| Ok(committer.put_jobs(&jobs.each_ref()))).unwrap();
        assert_eq!(written.len(), 2);
        for put in written {
            assert_eq!(put.unwrap_err().kind(), ErrorKind::Busy);
        }
        assert!(committer.put_jobs(&jobs.each_ref()).iter().all(Result::is_ok), "the transaction was rolled back");
    }

    #[test]
    fn every_run_of_many_threads_is_committed_when_its_call_returns() {
        const THREADS: i64 = 8;
        const RUNS: i64 = 100;
        let folder = tempfile::tempdir().unwrap();
        let committer =
            Committer::new(Arc::new(Store::create(&folder.path().join("store.db"), Durability::Normal).unwrap()));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let committer = &committer;
                scope.spawn(move || {
                    for number in 0..RUNS {
                        let entry = run("stage", number, number + 1).writes(&format!("{thread}/{number}"));
                        let uuid = entry.uuid;
                        let id = committer.put(job(entry)).unwrap();
                        assert_eq!(committer.store.get(id).uuid, uuid);
                    }
                });
            }
        });
        let all = committer.store.read(|view| view.recorded_after(RunId(0))).unwrap();
        assert_eq!(i64::try_from(all.len()).unwrap(), THREADS * RUNS);
    }
}
