//! A process that forks while it traces: parent and child write on, each by itself.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mltrace::{ComponentRun, RunId, Status, Tracer, component};
use tempfile::TempDir;

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

/// Forks so many children one after another while other threads are busy: whatever those hold at that moment, they hold in
/// a child for ever. Says after each how many have done their work and ended.
fn fork_beside(busy: impl Fn() + Sync, path: &Path, children: usize, in_child: impl Fn()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    busy();
                }
            });
        }
        for number in 1..=children {
            let pid = fork();
            if pid == 0 {
                let worked = catch_unwind(AssertUnwindSafe(&in_child));
                std::process::exit(worked.is_err().into());
            }
            assert_eq!(wait_for(pid), 0);
            fs::write(path.with_file_name("children"), number.to_string()).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// This test again in a process of its own, which [`fork_beside`] keeps busy; it may take its time for all, but not for one
/// child. Gives the number of children.
#[allow(unsafe_code, reason = "the standard library ends no group of processes")]
fn expect_all_children_to_end(name: &str, path: &Path) -> usize {
    const FOR_ONE: Duration = Duration::from_secs(60);
    let told = || fs::read_to_string(path.with_file_name("children")).unwrap_or_default();
    let mut again = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env("MLTRACE_TEST_PATH", path)
        .env_remove("MLTRACE_COMMIT")
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut last = (told(), Instant::now());
    while again.try_wait().unwrap().is_none() && last.1.elapsed() < FOR_ONE {
        std::thread::sleep(Duration::from_millis(20));
        let now = told();
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
    let ended = again.try_wait().unwrap();
    if ended.is_none() {
        // SAFETY: the group was made for this process, which nobody has waited for yet, and its children.
        unsafe { libc::kill(-again.id().cast_signed(), libc::SIGKILL) };
        again.wait().unwrap();
    }
    assert!(ended.is_some_and(|status| status.success()), "after {} children one hangs, or has failed", last.0);
    told().parse().unwrap()
}

/// The path that the test's own process is to write to, or a folder for a new one.
fn own_path() -> Result<PathBuf, TempDir> {
    std::env::var_os("MLTRACE_TEST_PATH").map(PathBuf::from).ok_or_else(|| tempfile::tempdir().unwrap())
}

#[component(inputs(raw))]
fn traced(raw: &str) -> usize {
    raw.len()
}

#[component(inputs(raw))]
fn in_child_of_many(raw: &str) -> usize {
    raw.len()
}

#[test]
fn a_child_forked_off_while_other_threads_trace_writes_and_ends() {
    const NAME: &str = "a_child_forked_off_while_other_threads_trace_writes_and_ends";
    let folder = match own_path() {
        Ok(path) => {
            mltrace::init(Tracer::open(&path).unwrap()).unwrap();
            let busy = || {
                traced("rides.csv");
                queued();
            };
            return fork_beside(busy, &path, 150, || assert_eq!(in_child_of_many("child.csv"), 9));
        }
        Err(folder) => folder,
    };
    let path = folder.path().join("store.db");
    let children = expect_all_children_to_end(NAME, &path);
    let runs = Tracer::open(&path).unwrap().history("in_child_of_many").limit(1_000).get().unwrap();
    assert_eq!(runs.items.len(), children);
    let commits: BTreeSet<_> = runs.items.iter().map(|run| run.git.commit.clone()).collect();
    assert_eq!(commits.len(), 1, "those that were forked off while git was asked know it as well: {commits:?}");
}

#[test]
fn a_fork_while_other_threads_open_and_drop_tracers_comes_to_its_end() {
    const NAME: &str = "a_fork_while_other_threads_open_and_drop_tracers_comes_to_its_end";
    let folder = match own_path() {
        Ok(path) => {
            let busy = || {
                let tracer = Tracer::open(&path).unwrap();
                let mut run = ComponentRun::new("stage");
                run.start().end();
                tracer.queue_component_run(run).unwrap();
            };
            busy();
            return fork_beside(busy, &path, 150, || {});
        }
        Err(folder) => folder,
    };
    expect_all_children_to_end(NAME, &folder.path().join("store.db"));
}

#[test]
fn a_run_can_be_begun_in_a_child_forked_off_while_others_begin_some() {
    const NAME: &str = "a_run_can_be_begun_in_a_child_forked_off_while_others_begin_some";
    let folder = match own_path() {
        // No tracer has been opened as yet.
        Ok(path) => {
            let begin = || drop(ComponentRun::new("stage"));
            return fork_beside(begin, &path, 200, begin);
        }
        Err(folder) => folder,
    };
    expect_all_children_to_end(NAME, &folder.path().join("store.db"));
}

#[test]
fn a_child_forked_off_while_a_store_in_memory_is_used_goes_on_with_it() {
    const NAME: &str = "a_child_forked_off_while_a_store_in_memory_is_used_goes_on_with_it";
    let folder = match own_path() {
        Ok(path) => {
            let tracer = Tracer::in_memory().unwrap();
            return fork_beside(
                || log(&tracer, "stage", 1),
                &path,
                100,
                || {
                    log(&tracer, "child", 1);
                    assert_eq!(tracer.history("child").get().unwrap().items.len(), 1);
                },
            );
        }
        Err(folder) => folder,
    };
    expect_all_children_to_end(NAME, &folder.path().join("store.db"));
}

/// A call that waits for a locked store uses it for as long.
fn fork_amid_a_long_call(path: &Path) {
    const IS_TOLD: i32 = 3;
    let tracer = Tracer::open(path).unwrap();
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| log(&tracer, "parent", 1));
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(Instant::now() < deadline, "no child is told");
            let pid = fork();
            if pid == 0 {
                let told = tracer.recent(1).is_err_and(|error| error.to_string().contains("open another tracer"));
                log_elsewhere(path);
                std::process::exit(if told { IS_TOLD } else { 0 });
            }
            let status = wait_for(pid);
            assert!(libc::WIFEXITED(status));
            // Else the call had not begun yet.
            if libc::WEXITSTATUS(status) == IS_TOLD {
                break;
            }
        }
        other.execute_batch("ROLLBACK").unwrap();
    });
    assert_eq!(tracer.history("parent").get().unwrap().items.len(), 1);
}

fn log_elsewhere(path: &Path) {
    log(&Tracer::open(path.with_file_name("elsewhere.db")).unwrap(), "child", 1);
}

#[test]
fn a_child_that_was_forked_off_amid_a_long_call_is_told_to_open_another_tracer() {
    const NAME: &str = "a_child_that_was_forked_off_amid_a_long_call_is_told_to_open_another_tracer";
    let folder = match own_path() {
        Ok(path) => return fork_amid_a_long_call(&path),
        Err(folder) => folder,
    };
    let path = folder.path().join("store.db");
    let again = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env("MLTRACE_TEST_PATH", &path)
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let children = Tracer::open(folder.path().join("elsewhere.db")).unwrap().history("child").get().unwrap();
    assert!(!children.items.is_empty());
}
