//! The store's file is deleted or replaced under a program that has it open. What is recorded from then on is never written
//! to a file that nobody can find: it goes to the one that is there now, or somebody is told that it is not recorded.
#![cfg(unix)]

#[path = "support/events.rs"]
mod events;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use events::told;
use mltrace::{ComponentRun, ErrorKind, RunId, Tracer, component};
use tempfile::TempDir;

#[component(inputs(raw))]
fn traced(raw: &str) -> usize {
    raw.len()
}

#[component(buffered, inputs(raw))]
fn queued(raw: &str) -> usize {
    raw.len()
}

fn finished(component: &str) -> ComponentRun {
    let mut run = ComponentRun::new(component);
    run.start().add_input("in").add_output("out").end();
    run
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.to_owned().into_os_string();
    beside.push(ending);
    beside.into()
}

fn remove(path: &Path, endings: &[&str]) {
    for ending in endings {
        fs::remove_file(beside(path, ending)).unwrap();
    }
}

/// What another program finds at the path.
fn components(path: &Path) -> Vec<String> {
    let runs = Tracer::open_existing(path).unwrap().recorded_after(RunId(0)).unwrap();
    runs.into_iter().map(|run| run.component).collect()
}

/// A store that is open for writing and reading and has one run.
fn open() -> (TempDir, PathBuf, Tracer) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    tracer.log_component_run(finished("before")).unwrap();
    assert_eq!(tracer.recent(9).unwrap().items.len(), 1);
    (folder, path, tracer)
}

const ALL: [&str; 3] = ["", "-wal", "-shm"];

#[test]
fn a_store_that_is_deleted_while_it_is_open_is_made_anew_for_later_runs() {
    let (_folder, path, tracer) = open();
    let _guard = mltrace::scoped(&tracer);
    remove(&path, &ALL);
    let told = told(|| {
        tracer.log_component_run(finished("by hand")).unwrap();
        assert_eq!((traced("raw"), queued("raw")), (3, 3));
        tracer.flush().unwrap();
    });
    assert_eq!(components(&path), ["by hand", "traced", "queued"]);
    let [event] = told.as_slice() else { panic!("one event, not {told:?}") };
    assert!(event.contains("deleted or replaced") && event.contains("store.db"), "{event}");
    assert_eq!(tracer.recent(9).unwrap().items.len(), 3, "it reads where it writes");
}

#[test]
fn a_queued_run_whose_store_is_deleted_before_it_is_written_is_in_the_new_one() {
    let (_folder, path, tracer) = open();
    let _guard = mltrace::scoped(&tracer);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(queued("raw"), 3);
    remove(&path, &ALL);
    tracer.flush().unwrap();
    assert_eq!(components(&path), ["queued"]);
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_of_a_deleted_store_is_kept_open() {
    let (_folder, path, tracer) = open();
    remove(&path, &ALL);
    tracer.log_component_run(finished("after")).unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let mut of_store = open.filter(|file| file.to_string_lossy().starts_with(path.to_str().unwrap()));
    assert!(of_store.all(|file| !file.to_string_lossy().ends_with("(deleted)")));
}

#[test]
fn a_store_that_is_replaced_by_another_gets_the_later_runs() {
    let (_folder, path, tracer) = open();
    let _guard = mltrace::scoped(&tracer);
    let backup = path.with_file_name("backup.db");
    Tracer::open(&backup).unwrap().log_component_run(finished("in the backup")).unwrap();
    remove(&path, &ALL);
    fs::rename(&backup, &path).unwrap();
    tracer.log_component_run(finished("by hand")).unwrap();
    assert_eq!(traced("raw"), 3);
    assert_eq!(components(&path), ["in the backup", "by hand", "traced"]);
}

#[test]
fn a_store_that_is_replaced_is_read_where_it_is_now() {
    let (_folder, path, tracer) = open();
    let backup = path.with_file_name("backup.db");
    let other = Tracer::open(&backup).unwrap();
    for _ in 0..3 {
        other.log_component_run(finished("in the backup")).unwrap();
    }
    drop(other);
    remove(&path, &ALL);
    assert_eq!(tracer.recent(9).unwrap_err().kind(), ErrorKind::NotFound, "asking makes no store");
    fs::rename(&backup, &path).unwrap();
    assert_eq!(tracer.recent(9).unwrap().items.len(), 3);
}

#[test]
fn what_replaces_a_store_and_is_none_is_left_as_it_is_and_later_runs_wait_for_its_end() {
    let (_folder, path, tracer) = open();
    let _guard = mltrace::scoped(&tracer);
    remove(&path, &ALL);
    let diary = "Dear diary, this is longer than the header of a database, as texts tend to be. ".repeat(10);
    fs::write(&path, &diary).unwrap();
    assert_eq!(tracer.log_component_run(finished("by hand")).unwrap_err().kind(), ErrorKind::NotAStore);
    let told = told(|| assert_eq!((traced("raw"), queued("raw")), (3, 3)));
    assert!(told.iter().any(|event| event.contains("not recorded") && event.contains("traced")), "{told:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), diary);
    remove(&path, &[""]);
    tracer.flush().unwrap();
    assert_eq!(components(&path), ["queued"]);
}

#[test]
fn a_log_that_was_left_of_a_deleted_store_is_not_taken_for_that_of_the_next() {
    let (_folder, path, tracer) = open();
    let _guard = mltrace::scoped(&tracer);
    remove(&path, &[""]);
    for _ in 0..2 {
        let error = tracer.log_component_run(finished("by hand")).unwrap_err();
        assert!(error.kind() == ErrorKind::Io && error.to_string().contains("-shm"), "{error}");
        assert!(!path.exists());
    }
    let told = told(|| assert_eq!((traced("raw"), queued("raw")), (3, 3)));
    assert!(told.iter().any(|event| event.contains("remove both")), "{told:?}");
    remove(&path, &["-wal", "-shm"]);
    tracer.log_component_run(finished("by hand")).unwrap();
    tracer.flush().unwrap();
    // In either order: the queue tries again by itself.
    let mut recorded = components(&path);
    recorded.sort();
    assert_eq!(recorded, ["by hand", "queued"]);
}

#[test]
fn a_store_whose_folder_is_deleted_is_an_error_until_the_folder_is_back() {
    let (folder, path, tracer) = open();
    fs::remove_dir_all(folder.path()).unwrap();
    let error = tracer.log_component_run(finished("by hand")).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("folder exists"), "{error}");
    fs::create_dir(folder.path()).unwrap();
    tracer.log_component_run(finished("by hand")).unwrap();
    assert_eq!(components(&path), ["by hand"]);
}

#[test]
fn a_store_that_only_asks_makes_no_new_one() {
    let (_folder, path, tracer) = open();
    drop(tracer);
    let asking = Tracer::open_existing(&path).unwrap();
    remove(&path, &[""]);
    let _ = fs::remove_file(beside(&path, "-wal"));
    let _ = fs::remove_file(beside(&path, "-shm"));
    assert_eq!(asking.add_note(RunId(1), "hello").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
}

#[test]
fn the_commit_of_a_process_is_told_to_the_new_file_too() {
    const NAME: &str = "the_commit_of_a_process_is_told_to_the_new_file_too";
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        let tracer = Tracer::open(&path).unwrap();
        let _guard = mltrace::scoped(&tracer);
        while tracer.recent(1).unwrap().items.first().is_none_or(|run| run.git.commit.is_none()) {
            traced("raw");
        }
        remove(Path::new(&path), &ALL);
        traced("raw");
        let other = Tracer::open_existing(&path).unwrap();
        assert!(other.run(RunId(1)).unwrap().git.commit.is_some());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let again = std::process::Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env("MLTRACE_TEST_PATH", folder.path().join("store.db"))
        .env("MLTRACE_COMMIT", "0123456789abcdef0123456789abcdef01234567")
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}

#[component(inputs(raw))]
fn open_for_long(raw: &str, stop: &mpsc::Receiver<()>) -> usize {
    stop.recv().unwrap();
    raw.len()
}

#[test]
fn a_run_that_is_open_while_the_store_is_deleted_is_seen_in_the_new_one() {
    let (_folder, path, tracer) = open();
    let (stop, stopped) = mpsc::channel();
    let function = thread::spawn({
        let tracer = tracer.clone();
        move || {
            let _guard = mltrace::scoped(&tracer);
            open_for_long("rides.csv", &stopped)
        }
    });
    let await_open = || {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !components(&path).contains(&"open_for_long".to_owned()) {
            assert!(Instant::now() < deadline, "the open run is not seen");
            thread::sleep(Duration::from_millis(20));
        }
    };
    await_open();
    remove(&path, &ALL);
    tracer.log_component_run(finished("after")).unwrap();
    await_open();
    stop.send(()).unwrap();
    assert_eq!(function.join().unwrap(), 9);
    assert_eq!(components(&path).len(), 2, "and ends as the same run");
}
