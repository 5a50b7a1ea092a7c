//! A disk that fails: at each of its operations in turn, once, some times or from then on. Whatever happens, what a call was told to be
//! recorded is there whole, nothing is there in half, the function is not hit, and later runs are recorded again.
//!
//! The later operations in strides by default; `MLTRACE_FAULTS=all` for each.
#![cfg(unix)]

#[path = "support/events.rs"]
mod events;
#[path = "support/fault_vfs.rs"]
mod fault_vfs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use fault_vfs::Fault;
use mltrace::{ComponentRun, Durability, ErrorKind, RunId, RunRecord, Status, Tracer, component};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

/// The disk is one for all tests of this program.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    fault_vfs::install();
    guard
}

/// A store with one run, made once and copied.
fn store() -> (TempDir, PathBuf) {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let made = MADE.get_or_init(|| {
        Tracer::open(&path).unwrap().log_component_run(finished(0)).unwrap();
        std::fs::read(&path).unwrap()
    });
    std::fs::write(&path, made).unwrap();
    (folder, path)
}

fn finished(number: usize) -> ComponentRun {
    let mut run = ComponentRun::new("logged");
    run.start();
    run.add_input([format!("{}/a", number.saturating_sub(1)), "raw".to_owned()]);
    run.add_output([format!("{number}/a"), format!("{number}/b")]);
    // As long as a page, so that a run takes several.
    run.param("number", number).unwrap().note("n".repeat(4 << 10));
    run.end();
    run
}

#[component(inputs(ins), outputs(outs), params(number), run = run)]
fn traced(ins: &[String; 2], outs: &[String; 2], number: usize) -> usize {
    run.note("n".repeat(4 << 10));
    ins.len() + outs.len() + number
}

#[component(buffered, inputs(ins), outputs(outs), params(number), run = run)]
fn queued(ins: &[String; 2], outs: &[String; 2], number: usize) -> usize {
    run.note("n".repeat(4 << 10));
    ins.len() + outs.len() + number
}

fn names(what: &str, number: usize) -> [String; 2] {
    ["a", "b"].map(|end| format!("{what}/{number}/{end}"))
}

/// The runs whose durable call returned, and how often a call failed.
#[derive(Default)]
struct Told {
    recorded: Vec<Uuid>,
    failed: usize,
}

impl Told {
    fn log(&mut self, tracer: &Tracer, number: usize) {
        let run = finished(number);
        let uuid = run.uuid();
        match tracer.log_component_run(run) {
            Ok(_) => self.recorded.push(uuid),
            Err(_) => self.failed += 1,
        }
    }
}

fn call_traced(number: usize) {
    assert_eq!(traced(&names("ins", number), &names("outs", number), number), 4 + number);
}

fn expect_whole(run: &RunRecord) {
    assert_eq!(run.status, Status::Completed, "{run:#?}");
    assert_eq!((run.inputs.len(), run.outputs.len(), run.notes.len()), (2, 2, 1), "{run:#?}");
    assert!(run.params.contains_key("number") && run.notes[0].text.len() == 4 << 10, "{run:#?}");
}

/// What is in the file, as a program sees it whose disk is sound.
fn stored(path: &Path, context: &str) -> Vec<RunRecord> {
    assert_eq!(fault_vfs::disarm(), 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let raw = Connection::open_with_flags_and_vfs(path, flags, fault_vfs::real_name()).unwrap();
    for (check, expected) in [("integrity_check", Some("ok")), ("foreign_key_check", None)] {
        let mut statement = raw.prepare(&format!("PRAGMA {check}")).unwrap();
        let found: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(found.first().map(String::as_str), expected, "{context}");
    }
    drop(raw);
    let runs = Tracer::open_existing(path).unwrap().recorded_after(RunId(0)).unwrap();
    runs.iter().for_each(expect_whole);
    runs
}

fn expect_all(told: &Told, runs: &[RunRecord], context: &str) {
    let there: BTreeSet<Uuid> = runs.iter().map(|run| run.uuid).collect();
    assert_eq!(there.len(), runs.len(), "{context}");
    for uuid in &told.recorded {
        assert!(there.contains(uuid), "{context}: {uuid} was told and is not there");
    }
}

const FOR_EVER: usize = usize::MAX;

/// Has `round` fail at its first operation of each kind, then at its second, and so on until it comes to its end without a
/// fault: each time once, and then for ever. It says how often it was hit.
fn sweep(round: impl FnMut(Fault, usize, usize, &str) -> usize) {
    sweep_with(&[1, FOR_EVER], round);
}

/// As [`sweep`], where so many operations in a row fail.
fn sweep_with(failures: &[usize], mut round: impl FnMut(Fault, usize, usize, &str) -> usize) {
    let takes_all = std::env::var_os("MLTRACE_FAULTS").is_some();
    for fault in Fault::ALL {
        for &failures in failures {
            let mut at = 0;
            while round(fault, at, failures, &format!("{fault:?} at {at}, {failures} times")) > 0 {
                at += if takes_all { 1 } else { 1 + at / 4 };
            }
        }
    }
}

#[test]
fn whichever_operation_of_a_write_fails_what_was_told_is_there_whole_and_later_runs_are_recorded() {
    let _alone = alone();
    let mut failures = 0;
    sweep(|fault, at, times, context| {
        let (_folder, path) = store();
        let mut told = Told::default();
        let tracer = Tracer::builder(&path).durability(Durability::Full).open().unwrap();
        let guard = mltrace::scoped(&tracer);
        fault_vfs::arm(fault, at, times);
        told.log(&tracer, 1);
        call_traced(1);
        told.log(&tracer, 2);
        let hits = fault_vfs::disarm();
        let failed = std::mem::take(&mut told.failed);
        failures += failed;
        told.log(&tracer, 3);
        assert_eq!(told.failed, 0, "{context}: the disk is sound again");
        let before = tracer.recent(9).unwrap().items.len();
        call_traced(2);
        assert_eq!(tracer.recent(9).unwrap().items.len(), before + 1, "{context}: the disk is sound again");
        drop(guard);
        drop(tracer);
        let runs = stored(&path, context);
        expect_all(&told, &runs, context);
        if hits == 0 {
            assert_eq!((runs.len(), failed), (6, 0), "{context}: nothing went wrong");
        }
        hits
    });
    assert!(failures > 20, "only {failures} calls failed");
}

#[test]
fn a_full_disk_is_an_error_by_hand_an_event_in_a_traced_function_and_a_wait_in_a_buffered_one() {
    let _alone = alone();
    let (_folder, path) = store();
    let tracer = Tracer::open(&path).unwrap();
    let _guard = mltrace::scoped(&tracer);
    fault_vfs::arm(Fault::Full, 0, FOR_EVER);
    let error = tracer.log_component_run(finished(1)).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("the disk is full"), "{error}");
    let told = events::told(|| call_traced(1));
    assert!(told.iter().any(|event| event.contains("the disk is full") && event.contains("traced")), "{told:?}");
    assert_eq!(queued(&names("ins", 1), &names("outs", 1), 1), 5);
    assert_eq!(tracer.flush().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!((tracer.stats().queued, tracer.stats().dropped), (1, 0));
    assert!(fault_vfs::disarm() > 2);
    tracer.flush().unwrap();
    let runs: Vec<String> = stored(&path, "").into_iter().map(|run| run.component).collect();
    assert_eq!(runs, ["logged", "queued"]);
}

#[test]
fn whichever_operation_of_opening_or_closing_a_store_fails_what_was_told_is_there_whole() {
    let _alone = alone();
    let mut refused = 0;
    sweep(|fault, at, times, context| {
        let (_folder, path) = store();
        let mut told = Told::default();
        fault_vfs::arm(fault, at, times);
        match Tracer::open(&path) {
            Ok(tracer) => {
                told.log(&tracer, 1);
                told.log(&tracer, 2);
            }
            Err(_) => refused += 1,
        }
        let hits = fault_vfs::disarm();
        let again = Tracer::open(&path).unwrap();
        told.failed = 0;
        told.log(&again, 3);
        assert_eq!(told.failed, 0, "{context}: the disk is sound again");
        drop(again);
        let runs = stored(&path, context);
        expect_all(&told, &runs, context);
        hits
    });
    assert!(refused > 20, "only {refused} were refused");
}

#[test]
fn whichever_operation_of_creating_a_store_fails_it_can_be_created_afterwards() {
    let _alone = alone();
    let mut refused = 0;
    sweep(|fault, at, times, context| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        fault_vfs::arm(fault, at, times);
        refused += usize::from(Tracer::open(&path).is_err());
        let hits = fault_vfs::disarm();
        let mut told = Told::default();
        told.log(&Tracer::open(&path).unwrap(), 0);
        assert_eq!(stored(&path, context).len(), 1, "{context}");
        hits
    });
    assert!(refused > 20, "only {refused} were refused");
}

#[test]
fn whichever_operation_of_a_question_fails_it_is_answered_rightly_or_not_at_all() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let writer = Tracer::open(&path).unwrap();
    let mut told = Told::default();
    (0..30).for_each(|number| told.log(&writer, number));
    let ask = |tracer: &Tracer| {
        let trace: Vec<RunId> = tracer.trace("20/a").get()?.runs.iter().map(|node| node.run.id).collect();
        let history: Vec<RunId> = tracer.history("logged").limit(5).get()?.items.iter().map(|run| run.id).collect();
        Ok::<_, mltrace::Error>((trace, history))
    };
    let right = ask(&writer).unwrap();
    assert_eq!((right.0.len(), right.1.len()), (21, 5));
    let mut failed = 0;
    sweep(|fault, at, times, context| {
        // Anew, so that nothing is known of the file.
        let tracer = Tracer::open_existing(&path).unwrap();
        fault_vfs::arm(fault, at, times);
        match ask(&tracer) {
            Ok(answer) => assert_eq!(answer, right, "{context}"),
            Err(_) => failed += 1,
        }
        let hits = fault_vfs::disarm();
        assert_eq!(ask(&tracer).unwrap(), right, "{context}: the disk is sound again");
        hits
    });
    assert!(failed > 20, "only {failed} questions failed");
    drop(writer);
    expect_all(&told, &stored(&path, "after all questions"), "after all questions");
}

#[test]
fn whichever_operation_fails_while_the_queue_is_written_no_run_of_it_is_lost() {
    let _alone = alone();
    let mut failed = 0;
    // Two in a row are what it takes to try a run alone and the next beside it.
    sweep_with(&[1, 2, 3, FOR_EVER], |fault, at, times, context| {
        let (_folder, path) = store();
        let tracer = Tracer::open(&path).unwrap();
        let guard = mltrace::scoped(&tracer);
        fault_vfs::arm(fault, at, times);
        for number in 0..10 {
            assert_eq!(queued(&names("ins", number), &names("outs", number), number), 4 + number);
        }
        failed += usize::from(tracer.flush().is_err());
        let hits = fault_vfs::disarm();
        tracer.flush().unwrap();
        let stats = tracer.stats();
        assert_eq!((stats.queued, stats.dropped), (0, 0), "{context}");
        drop(guard);
        drop(tracer);
        assert_eq!(stored(&path, context).len(), 11, "{context}");
        hits
    });
    assert!(failed > 20, "only {failed} flushes failed");
}
