//! A process that forks while it traces: parent and child write on, each by itself.
#![cfg(target_os = "linux")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mltrace::{ComponentRun, RunId, Status, Tracer, component};

const NAME: &str = "parent_and_child_write_on_and_neither_loses_a_run";
const RUNS: usize = 50;

fn log(tracer: &Tracer, component: &str, count: usize) {
    for _ in 0..count {
        let mut run = ComponentRun::new(component);
        run.start().add_input("in").add_output("out").end();
        tracer.log_component_run(run).unwrap();
    }
}

#[component(buffered)]
fn queued() -> u32 {
    1
}

#[allow(unsafe_code, reason = "the standard library cannot fork")]
fn fork() -> i32 {
    // SAFETY: only this thread goes on in the child, and what it calls was made for that.
    unsafe { libc::fork() }
}

#[allow(unsafe_code, reason = "the standard library waits only for what it has started")]
fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the pointer is to a local.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

fn in_child(path: &Path, tracer: &Tracer) {
    log(tracer, "child", RUNS);
    queued();
    let closed = path.with_file_name("closed");
    let patience = Instant::now() + Duration::from_secs(60);
    while !closed.exists() && Instant::now() < patience {
        std::thread::yield_now();
    }
    log(tracer, "child", RUNS);
    assert_eq!(tracer.history("child").get().unwrap().items.len(), 2 * RUNS);
}

/// Forks while a thread in the background lives and runs are queued. The child goes on after the parent has closed the
/// store, so that a log that the parent takes away with it would be missed.
fn fork_and_write(path: &Path) {
    let tracer = Tracer::open(path).unwrap();
    let guard = mltrace::scoped(&tracer);
    log(&tracer, "before", RUNS);
    assert_eq!(tracer.recent(1).unwrap().items.len(), 1);
    queued();
    let pid = fork();
    if pid == 0 {
        // A panic would only end this one thread, and the child with success.
        let written = catch_unwind(AssertUnwindSafe(|| in_child(path, &tracer)));
        drop(guard);
        drop(tracer);
        std::process::exit(written.is_err().into());
    }
    log(&tracer, "parent", RUNS);
    drop(guard);
    drop(tracer);
    std::fs::write(path.with_file_name("closed"), "").unwrap();
    assert_eq!(wait_for(pid), 0);
}

#[test]
fn parent_and_child_write_on_and_neither_loses_a_run() {
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return fork_and_write(&PathBuf::from(path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let again = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env("MLTRACE_TEST_PATH", &path)
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    let raw = rusqlite::Connection::open(&path).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let processes: u32 = raw.query_row("SELECT count(DISTINCT pid) FROM process", [], |row| row.get(0)).unwrap();
    assert_eq!(processes, 2);
    let runs = Tracer::open(&path).unwrap().recorded_after(RunId(0)).unwrap();
    let count = |component: &str| runs.iter().filter(|run| run.component == component).count();
    assert_eq!([count("before"), count("parent"), count("child")], [RUNS, RUNS, 2 * RUNS]);
    assert_eq!(count("queued"), 2, "each process writes what it has queued, once");
    assert!(runs.iter().all(|run| run.status == Status::Completed));
}

#[component(inputs(raw))]
fn traced(raw: &str) -> usize {
    raw.len()
}

/// Forks again and again while other threads trace: whatever they hold at that moment, they hold in a child for ever.
fn fork_under_load(path: &Path) {
    const CHILDREN: i32 = 150;
    mltrace::init(Tracer::open(path).unwrap()).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    traced("rides.csv");
                    queued();
                }
            });
        }
        for _ in 0..CHILDREN {
            let pid = fork();
            if pid == 0 {
                let _ = catch_unwind(|| in_child_of_many("child.csv"));
                std::process::exit(0);
            }
            assert_eq!(wait_for(pid), 0);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    std::fs::write(path.with_file_name("children"), CHILDREN.to_string()).unwrap();
}

#[component(inputs(raw))]
fn in_child_of_many(raw: &str) -> usize {
    raw.len()
}

#[test]
fn a_child_forked_off_while_other_threads_trace_writes_and_ends() {
    const NAME: &str = "a_child_forked_off_while_other_threads_trace_writes_and_ends";
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return fork_under_load(&PathBuf::from(path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut again = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env("MLTRACE_TEST_PATH", &path)
        // Where git has not answered yet, a child waits for it.
        .env("MLTRACE_COMMIT", "0123456789abcdef0123456789abcdef01234567")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while again.try_wait().unwrap().is_none() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = again.try_wait().unwrap();
    if ended.is_none() {
        again.kill().unwrap();
    }
    assert!(ended.is_some_and(|status| status.success()), "a child hangs, or has failed");
    let children: usize = std::fs::read_to_string(path.with_file_name("children")).unwrap().parse().unwrap();
    let runs = Tracer::open(&path).unwrap().history("in_child_of_many").limit(1_000).get().unwrap();
    assert_eq!(runs.items.len(), children);
}
