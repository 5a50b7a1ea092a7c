//! Runs that are queued and committed in the background: when they are there, what ends lose none, and what it holds.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use mltrace::{ComponentRun, RunId, RunRecord, Tracer, component};

fn finished(component: &str) -> ComponentRun {
    let mut run = ComponentRun::new(component);
    run.start().add_input("in").add_output("out").end();
    run
}

fn buffered(path: &Path) -> Tracer {
    Tracer::builder(path).buffered(true).open().unwrap()
}

fn recorded(path: &Path) -> Vec<RunRecord> {
    Tracer::open_existing(path).unwrap().recorded_after(RunId(0)).unwrap()
}

/// This test program again, in the role that an environment variable gives it.
fn again(test: &str, role: &str, path: &Path) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env("MLTRACE_TEST_ROLE", role)
        .env("MLTRACE_TEST_PATH", path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

fn role() -> Option<(String, std::path::PathBuf)> {
    Some((std::env::var("MLTRACE_TEST_ROLE").ok()?, std::env::var_os("MLTRACE_TEST_PATH")?.into()))
}

#[component(buffered, inputs(raw))]
fn clean(raw: &str) -> usize {
    raw.len()
}

#[test]
fn a_buffered_function_does_not_wait_for_a_locked_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let _guard = mltrace::scoped(&tracer);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // A durable run would wait for half a minute and then be lost.
    assert_eq!(clean("rides.csv"), 9);
    assert_eq!(tracer.stats().queued, 1);
    assert!(tracer.recent(9).unwrap().items.is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    tracer.flush().unwrap();
    assert_eq!(tracer.stats().queued, 0);
    assert_eq!(tracer.recent(9).unwrap().items[0].inputs[0].pointer.name, "rides.csv");
}

#[test]
fn what_is_logged_by_hand_is_committed_or_queued_as_the_method_says_whatever_the_functions_do() {
    let folder = tempfile::tempdir().unwrap();
    for is_buffered in [true, false] {
        let path = folder.path().join(format!("{is_buffered}.db"));
        let tracer = Tracer::builder(&path).buffered(is_buffered).open().unwrap();
        let id = tracer.log_component_run(finished("logged")).unwrap();
        assert_eq!((recorded(&path)[0].id, tracer.stats().queued), (id, 0));
        // Nobody writes what is queued now.
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let uuid = tracer.queue_component_run(finished("queued")).unwrap();
        assert_eq!((recorded(&path).len(), tracer.stats().queued), (1, 1));
        other.execute_batch("ROLLBACK").unwrap();
        tracer.flush().unwrap();
        assert_eq!(recorded(&path)[1].uuid, uuid);
    }
}

#[test]
fn runs_are_committed_soon_without_being_asked_for() {
    let tracer = Tracer::builder(":memory:").buffered(true).open().unwrap();
    tracer.queue_component_run(finished("stage")).unwrap();
    while tracer.recent(1).unwrap().items.is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn the_runs_of_a_component_stay_in_order() {
    const RUNS: usize = 300;
    let tracer = Tracer::builder(":memory:").buffered(true).open().unwrap();
    std::thread::scope(|scope| {
        for component in ["first", "second", "third"] {
            let tracer = &tracer;
            scope.spawn(move || {
                for number in 0..RUNS {
                    let mut run = finished(component);
                    run.partition(number);
                    tracer.queue_component_run(run).unwrap();
                    if number % 100 == 0 {
                        tracer.flush().unwrap();
                    }
                }
            });
        }
    });
    tracer.flush().unwrap();
    let runs = tracer.recorded_after(RunId(0)).unwrap();
    for component in ["first", "second", "third"] {
        let partitions = runs.iter().filter(|run| run.component == component).map(|run| run.partition.clone().unwrap());
        assert!(partitions.eq((0..RUNS).map(|number| number.to_string())), "{component}");
    }
}

#[test]
fn a_run_that_the_store_refuses_is_counted_and_holds_up_no_other() {
    // The second undoes all that was written with it, as a full disk does.
    for undone in ["ABORT", "ROLLBACK"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let tracer = buffered(&path);
        let other = rusqlite::Connection::open(&path).unwrap();
        let refuse = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON metric WHEN NEW.value = 13 BEGIN SELECT RAISE({undone}, 'no'); END;
             BEGIN IMMEDIATE"
        );
        other.execute_batch(&refuse).unwrap();
        for number in 0..30 {
            let mut run = finished("stage");
            run.partition(number).metric("number", f64::from(number));
            tracer.queue_component_run(run).unwrap();
        }
        assert_eq!(tracer.stats().queued, 30);
        other.execute_batch("COMMIT").unwrap();
        tracer.flush().unwrap();
        let numbers = recorded(&path).into_iter().map(|run| run.partition.unwrap());
        assert!(numbers.eq((0..30).filter(|&number| number != 13).map(|number| number.to_string())), "{undone}");
        assert_eq!((tracer.stats().queued, tracer.stats().dropped), (0, 1), "{undone}");
    }
}

#[test]
fn dropping_the_last_tracer_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = buffered(&path);
    for _ in 0..100 {
        tracer.clone().queue_component_run(finished("stage")).unwrap();
    }
    drop(tracer);
    assert_eq!(recorded(&path).len(), 100);
}

#[test]
fn the_normal_end_of_a_process_and_a_panic_that_ends_it_lose_nothing() {
    const NAME: &str = "the_normal_end_of_a_process_and_a_panic_that_ends_it_lose_nothing";
    const RUNS: usize = 500;
    if let Some((role, path)) = role() {
        mltrace::init(buffered(&path)).unwrap();
        for _ in 0..RUNS {
            mltrace::queue_component_run(finished("stage")).unwrap();
        }
        match role.as_str() {
            "exits" => std::process::exit(7),
            "panics" => panic!("the end"),
            _ => return,
        }
    }
    for (role, code) in [("returns", 0), ("exits", 7), ("panics", 101)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        assert_eq!(again(NAME, role, &path).code(), Some(code));
        assert_eq!(recorded(&path).len(), RUNS, "a process that {role}");
    }
}

#[cfg(target_os = "linux")]
fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_tracers_leave_no_thread_and_no_descriptor() {
    /// What a tracer is opened for.
    enum Use {
        Nothing,
        Queue,
        Commit,
        Ask,
    }
    const NAME: &str = "a_thousand_tracers_leave_no_thread_and_no_descriptor";
    let Some((_, path)) = role() else {
        let folder = tempfile::tempdir().unwrap();
        assert!(again(NAME, "opens", &folder.path().join("store.db")).success());
        return;
    };
    let open = |usage: &Use| {
        let tracer = buffered(&path);
        match usage {
            Use::Nothing => {}
            Use::Queue => drop(tracer.queue_component_run(finished("stage")).unwrap()),
            Use::Commit => drop(tracer.log_component_run(finished("stage")).unwrap()),
            Use::Ask => assert_eq!(tracer.recent(1).unwrap().items.len(), 1),
        }
    };
    let threads = count("/proc/self/task");
    for usage in [Use::Nothing, Use::Commit] {
        let _other = Tracer::open(&path).unwrap();
        open(&usage);
    }
    // The thread that asks git ends by itself.
    while count("/proc/self/task") > threads {
        std::thread::yield_now();
    }
    let tracer = Tracer::open(&path).unwrap();
    tracer.log_component_run(finished("stage")).unwrap();
    assert_eq!(count("/proc/self/task"), threads, "nothing is spawned before the first buffered call");
    drop(tracer);
    open(&Use::Queue);
    let descriptors = count("/proc/self/fd");
    for number in 0..1_000 {
        open([Use::Nothing, Use::Queue, Use::Commit, Use::Ask].get(number % 4).unwrap());
    }
    assert_eq!(count("/proc/self/task"), threads);
    assert_eq!(count("/proc/self/fd"), descriptors);
    assert_eq!(recorded(&path).len(), 503);
}
