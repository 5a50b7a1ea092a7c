//! Where nothing can be traced, the pipeline answers all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use mltrace::Tracer;
use tempfile::TempDir;

/// The pipeline over a few months, with its store at a path.
fn taxi(program: &Path, folder: &Path, store: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--serve", "2020-03..2020-03"]).current_dir(folder).env("MLTRACE_DB", store);
    command
}

/// The table of scores; the ids below it differ from run to run.
fn table(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with("2020-")).collect();
    assert_eq!(table.len(), 3, "{text}");
    table.join("\n")
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("opened");
}

#[test]
fn a_store_that_cannot_be_had_changes_no_answer() {
    let folder = TempDir::new().expect("a folder");
    open_to_all(folder.path());
    // The superuser may write anywhere, so one of the runs is somebody else's, with a copy of the program in reach.
    let program = folder.path().join("taxi");
    fs::copy(env!("CARGO_BIN_EXE_taxi"), &program).expect("copied");
    open_to_all(&program);
    let place = |name: &str| {
        let place = folder.path().join(name);
        fs::create_dir(&place).expect("made");
        open_to_all(&place);
        place
    };

    let traced = place("traced");
    let store = traced.join("store.db");
    let expected = table(&taxi(&program, &traced, &store).output().expect("started"));
    assert!(!Tracer::open_existing(&store).expect("the store").recent(1).expect("runs").items.is_empty());

    let text = folder.path().join("notes.txt");
    fs::write(&text, "no store, but a text longer than the header of one. ".repeat(20)).expect("written");
    let before = fs::read(&text).expect("read");
    assert_eq!(table(&taxi(&program, &place("text"), &text).output().expect("started")), expected);
    assert_eq!(fs::read(&text).expect("read"), before, "what is no store is left as it was");

    let missing = folder.path().join("none/store.db");
    assert_eq!(table(&taxi(&program, &place("missing"), &missing).output().expect("started")), expected);

    let read_only = place("read-only");
    fs::set_permissions(&read_only, fs::Permissions::from_mode(0o555)).expect("closed");
    let mut somebody = taxi(&program, &place("somebody"), &read_only.join("store.db"));
    if fs::metadata(folder.path()).is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0) {
        somebody.uid(65_534).gid(65_534);
    }
    assert_eq!(table(&somebody.output().expect("started")), expected);
    assert!(!read_only.join("store.db").exists(), "the folder could not be written");
}
