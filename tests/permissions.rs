//! The permission to write a store is lost while it is open, and comes back.
#![cfg(unix)]

#[path = "support/events.rs"]
mod events;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use mltrace::{ComponentRun, ErrorKind, RunId, Tracer, component};

const NAME: &str = "who_has_a_store_open_goes_on_without_the_permission_and_who_opens_it_then_is_told";

#[component(inputs(raw))]
fn traced(raw: &str) -> usize {
    raw.len()
}

#[component(buffered, inputs(raw))]
fn queued(raw: &str) -> usize {
    raw.len()
}

fn log(tracer: &Tracer) -> mltrace::Result<RunId> {
    let mut run = ComponentRun::new("logged");
    run.start().add_input("in").add_output("out").end();
    tracer.log_component_run(run)
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn lose_and_regain(path: &Path) {
    let tracer = Tracer::open(path).unwrap();
    let guard = mltrace::scoped(&tracer);
    log(&tracer).unwrap();
    allow(path, 0o444);
    fs::OpenOptions::new().write(true).open(path).unwrap_err();
    // The file stays open as it was.
    log(&tracer).unwrap();
    assert_eq!((traced("raw"), queued("raw")), (3, 3));
    tracer.flush().unwrap();
    let late = Tracer::open(path).unwrap();
    assert_eq!(late.recent(9).unwrap().items.len(), 4);
    assert_eq!(log(&late).unwrap_err().kind(), ErrorKind::ReadOnly);
    drop(late);

    // Another file is there, and has to be opened anew.
    let backup = path.with_file_name("backup.db");
    log(&Tracer::open(&backup).unwrap()).unwrap();
    allow(&backup, 0o444);
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{ending}", path.display())).unwrap();
    }
    fs::rename(&backup, path).unwrap();
    let error = log(&tracer).unwrap_err();
    assert!(error.kind() == ErrorKind::ReadOnly && error.to_string().contains("permissions"), "{error}");
    let told = events::told(|| assert_eq!((traced("raw"), queued("raw")), (3, 3)));
    assert!(told.iter().any(|event| event.contains("not recorded")), "{told:?}");
    assert_eq!(tracer.flush().unwrap_err().kind(), ErrorKind::ReadOnly);
    // SQLite has made those beside it in the likeness of the file.
    for ending in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{ending}", path.display()));
        if file.exists() {
            allow(&file, 0o600);
        }
    }
    tracer.flush().unwrap();
    log(&tracer).unwrap();
    drop(guard);
    let runs = tracer.recorded_after(RunId(0)).unwrap();
    assert!(runs.iter().map(|run| run.component.as_str()).eq(["logged", "queued", "logged"]));
}

#[test]
fn who_has_a_store_open_goes_on_without_the_permission_and_who_opens_it_then_is_told() {
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return lose_and_regain(&PathBuf::from(path));
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    // The superuser may write anywhere, so this is done by somebody else, with a copy of this program in reach.
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (path, mode) in [(&program, 0o755), (&folder.path().to_owned(), 0o755), (&place, 0o777)] {
        allow(path, mode);
    }
    let mut other = Command::new(&program);
    other.args([NAME, "--exact", "--nocapture"]).env("MLTRACE_TEST_PATH", place.join("store.db")).current_dir("/");
    let probe = place.join("probe");
    fs::write(&probe, "").unwrap();
    allow(&probe, 0o444);
    if fs::write(&probe, "").is_ok() {
        other.uid(65_534);
    }
    let output = other.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
