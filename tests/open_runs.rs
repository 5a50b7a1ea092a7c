//! Runs that have not ended: when others see them, when they count as lost, and what brings them back.
#![cfg(not(feature = "off"))]

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mltrace::{Capture, Captured, RunRecord, Status, Tracer, component};

#[component(inputs(raw), params(depth))]
fn train(raw: &str, depth: u32, stop: &mpsc::Receiver<()>) -> u32 {
    stop.recv().unwrap();
    depth
}

/// Waits until the last run is as asked.
fn await_run(tracer: &Tracer, is_asked: impl Fn(&RunRecord) -> bool) -> RunRecord {
    loop {
        if let Some(run) = tracer.recent(1).unwrap().items.pop().filter(|run| is_asked(run)) {
            return run;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_is_open_for_long_is_seen_with_its_inputs_and_ends_as_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let (stop, stopped) = mpsc::channel();
    let function = thread::spawn({
        let tracer = tracer.clone();
        move || {
            let _guard = mltrace::scoped(&tracer);
            train("rides.csv", 10, &stopped)
        }
    });
    let other = Tracer::open(&path).unwrap();
    let open = await_run(&other, |run| run.component == "train");
    assert_eq!(open.status, Status::Running);
    assert_eq!((open.ended_at, open.inputs[0].pointer.name.as_str()), (None, "rides.csv"));
    assert_eq!(open.params["depth"], 10);
    for (status, expected) in [(Status::Running, 1), (Status::Lost, 0), (Status::Completed, 0)] {
        assert_eq!(other.history("train").status(status).get().unwrap().items.len(), expected, "{status}");
    }
    stop.send(()).unwrap();
    function.join().unwrap();
    let ended = other.run(open.id).unwrap();
    assert_eq!((ended.status, ended.uuid), (Status::Completed, open.uuid));
    assert_eq!(other.recent(9).unwrap().items.len(), 1);
}

/// Takes as long to be named as it takes until its own run, and one that is queued meanwhile, are there.
struct Slow<'t> {
    tracer: &'t Tracer,
    is_seen: &'t AtomicBool,
}

impl Slow<'_> {
    fn wait(&self) {
        note_down();
        let deadline = Instant::now() + Duration::from_secs(30);
        let is_there = |component: &str| self.tracer.history(component).get().is_ok_and(|runs| !runs.items.is_empty());
        while Instant::now() < deadline {
            if is_there("read_slowly") && is_there("note_down") {
                return self.is_seen.store(true, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Capture for Slow<'_> {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        self.wait();
        each(Captured::Name("slow".to_owned()));
    }
}

impl Display for Slow<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.wait();
        f.write_str("slow")
    }
}

#[component(buffered)]
fn note_down() -> u32 {
    1
}

#[component(name = "read_slowly", inputs(slow))]
fn read_slowly(slow: &Slow<'_>) -> bool {
    slow.is_seen.load(Ordering::Relaxed)
}

#[component(name = "read_slowly", labels(slow))]
fn read_slowly_labelled(slow: &Slow<'_>) -> bool {
    slow.is_seen.load(Ordering::Relaxed)
}

#[test]
fn a_value_that_takes_long_to_be_captured_holds_up_neither_its_runs_row_nor_those_of_others() {
    for read in [read_slowly, read_slowly_labelled] {
        let folder = tempfile::tempdir().unwrap();
        let tracer = Tracer::open(folder.path().join("store.db")).unwrap();
        let _guard = mltrace::scoped(&tracer);
        assert!(read(&Slow { tracer: &tracer, is_seen: &AtomicBool::new(false) }), "seen while it was captured");
    }
}

fn role() -> Option<PathBuf> {
    std::env::var_os("MLTRACE_TEST_PATH").map(Into::into)
}

/// This test program again, in the role of one that never ends.
fn child(test: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env("MLTRACE_TEST_PATH", path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn an_open_run_of_a_killed_process_is_lost_and_a_silent_one_comes_back_when_it_speaks() {
    const NAME: &str = "an_open_run_of_a_killed_process_is_lost_and_a_silent_one_comes_back_when_it_speaks";
    if let Some(path) = role() {
        mltrace::init(Tracer::open(path).unwrap()).unwrap();
        let (_stop, stopped) = mpsc::channel();
        train("rides.csv", 10, &stopped);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let mut child = child(NAME, &path);
    let open = await_run(&tracer, |run| run.status == Status::Running);
    assert_eq!(open.pid, Some(child.id()));

    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE process SET heartbeat_at = heartbeat_at - 61000000").unwrap();
    assert_eq!(tracer.run(open.id).unwrap().status, Status::Lost, "silent for more than a minute");
    raw.execute_batch("UPDATE process SET heartbeat_at = heartbeat_at + 61000000").unwrap();
    assert_eq!(tracer.run(open.id).unwrap().status, Status::Running);

    child.kill().unwrap();
    // Dead, though nobody has waited for it.
    await_run(&tracer, |run| run.status == Status::Lost);
    child.wait().unwrap();
    assert_eq!(tracer.run(open.id).unwrap().status, Status::Lost);
    assert_eq!(tracer.component("train").unwrap().last_status, Some(Status::Lost));
    for (status, expected) in [(Status::Running, 0), (Status::Lost, 1)] {
        assert_eq!(tracer.history("train").status(status).get().unwrap().items.len(), expected, "{status}");
    }
}

#[test]
fn a_short_run_costs_no_write_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let _guard = mltrace::scoped(&tracer);
    let (stop, stopped) = mpsc::channel();
    stop.send(()).unwrap();
    train("rides.csv", 10, &stopped);
    // Long enough for the background to look a few times.
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(tracer.recent(9).unwrap().items[0].status, Status::Completed);
    let raw = rusqlite::Connection::open(&path).unwrap();
    let beats: u32 =
        raw.query_row("SELECT count(*) FROM process WHERE heartbeat_at > started_at", [], |row| row.get(0)).unwrap();
    assert_eq!(beats, 0, "a process with nothing open says nothing");
}
