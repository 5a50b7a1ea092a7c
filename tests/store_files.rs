//! What happens to the store's file: when many create it at once, when it is newer, damaged, or no store at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mltrace::{ComponentRun, ErrorKind, RunId, Tracer};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn finished(component: &str) -> ComponentRun {
    let mut run = ComponentRun::new(component);
    run.start().add_input("in").add_output("out").end();
    run
}

/// A store with enough runs to span many pages, closed again.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    for number in 0..200 {
        let mut run = finished("stage");
        run.description("Counts rides").owner("data team").tag("nightly");
        run.note(format!("a note that takes some room on its page, number {number}"));
        tracer.log_component_run(run).unwrap();
    }
    tracer.tag("stage", ["by hand"]).unwrap();
    drop(tracer);
    path
}

/// Opening must fail so, and leave every byte as it was.
fn refused(path: &Path) -> mltrace::Error {
    let before = fs::read(path).unwrap();
    let error = Tracer::open(path).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before, "a file that is refused is left as it was");
    assert!(error.to_string().contains(path.to_str().unwrap()), "the message names the file: {error}");
    error
}

/// This test program again, in the role that an environment variable gives it.
fn again(test: &str, role: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(role, path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn ten_processes_that_create_a_store_at_once_all_write_to_it() {
    const ROLE: &str = "MLTRACE_TEST_CREATES";
    const NAME: &str = "ten_processes_that_create_a_store_at_once_all_write_to_it";
    if let Some(path) = std::env::var_os(ROLE) {
        let tracer = Tracer::open(path).unwrap();
        for _ in 0..10 {
            tracer.log_component_run(finished("stage")).unwrap();
        }
        return;
    }
    for _ in 0..5 {
        let folder = folder();
        let path = folder.path().join("store.db");
        let children: Vec<Child> = (0..10).map(|_| again(NAME, ROLE, &path)).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let runs = Tracer::open(&path).unwrap().history("stage").limit(1_000).get().unwrap();
        assert_eq!(runs.items.len(), 100);
        let pids: std::collections::BTreeSet<_> = runs.items.iter().map(|run| run.pid).collect();
        assert_eq!(pids.len(), 10);
    }
}

#[test]
fn a_new_store_is_its_owners_alone_and_set_up_for_many() {
    let folder = folder();
    let path = filled(folder.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let raw = rusqlite::Connection::open(&path).unwrap();
    let setting =
        |name: &str| raw.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
    assert_eq!(setting("auto_vacuum"), 2.into());
    assert_eq!(setting("integrity_check"), "ok".to_owned().into());
}

#[test]
fn a_link_that_leads_nowhere_is_not_followed() {
    let folder = folder();
    let (path, elsewhere) = (folder.path().join("store.db"), folder.path().join("elsewhere.db"));
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let error = Tracer::open(&path).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("a link that leads nowhere"), "{error}");
    assert!(!elsewhere.exists());
    fs::write(&elsewhere, "").unwrap();
    Tracer::open(&path).unwrap();
}

#[test]
fn a_view_without_end_in_the_place_of_a_table_is_refused_and_not_read() {
    const ENDLESS: &str = "WITH RECURSIVE endless AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM endless) SELECT n";
    // One is read when the store is opened, the other when it is asked.
    for (table, columns) in
        [("store", "n AS min_reader, n AS created_at"), ("note", "n AS id, n AS run, n AS written_at, n AS text")]
    {
        let folder = folder();
        let path = filled(folder.path());
        let raw = rusqlite::Connection::open(&path).unwrap();
        let craft =
            format!("DROP TABLE {table}; CREATE VIEW {table} AS SELECT {columns} FROM ({ENDLESS} FROM endless)");
        raw.execute_batch(&craft).unwrap();
        drop(raw);
        let asked = Tracer::open_existing(&path).and_then(|tracer| tracer.recent(9));
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Damaged, "{table}");
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = folder();
    let path = folder.path().join("store.db");
    fs::write(&path, "").unwrap();
    let tracer = Tracer::open(&path).unwrap();
    assert_eq!(tracer.log_component_run(finished("stage")).unwrap(), RunId(1));
}

#[test]
fn a_text_file_is_no_store() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "Dear diary, this is longer than the header of a database, as texts tend to be. ".repeat(10))
        .unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::NotAStore);
}

#[test]
fn a_database_of_another_program_is_no_store() {
    let folder = folder();
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE run (id INTEGER)").unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::NotAStore);
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn a_folder_is_no_store() {
    let folder = folder();
    assert_eq!(Tracer::open(folder.path()).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_store_in_a_folder_that_is_not_there_is_an_error_that_names_it() {
    let folder = folder();
    let path = folder.path().join("none/store.db");
    let error = Tracer::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("none/store.db"), "{error}");
}

#[test]
fn a_store_that_must_be_there_is_not_created() {
    let folder = folder();
    let path = folder.path().join("store.db");
    assert_eq!(Tracer::open_existing(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    fs::write(&path, "").unwrap();
    assert_eq!(Tracer::open_existing(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(&path).unwrap(), b"", "an empty file is left empty");
}

fn change(path: &Path, statements: &str) {
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.execute_batch(statements).unwrap();
    raw.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap_or_default();
}

#[test]
fn a_store_that_needs_a_newer_program_says_which() {
    let folder = folder();
    let path = filled(folder.path());
    change(&path, "PRAGMA user_version = 900; UPDATE store SET min_reader = 899");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::NewerStore);
    assert!(error.to_string().contains("899"), "{error}");
}

#[test]
fn a_newer_store_that_can_be_read_is_read_and_not_written() {
    let folder = folder();
    let path = filled(folder.path());
    change(&path, "PRAGMA user_version = 900");
    let tracer = Tracer::open(&path).unwrap();
    assert_eq!(tracer.recent(10).unwrap().items.len(), 10);
    assert_eq!(tracer.log_component_run(finished("stage")).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(tracer.add_note(RunId(1), "hello").unwrap_err().kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_damaged_store_says_so_and_is_left_as_it_was() {
    let folder = folder();
    let path = filled(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    // The first page tells what the file is; all the others are lost.
    for byte in &mut bytes[4096..] {
        *byte = 0xa5;
    }
    fs::write(&path, &bytes).unwrap();
    let asked = Tracer::open(&path).and_then(|tracer| tracer.recent(10).map(drop));
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::Damaged);
    let written = Tracer::open(&path).and_then(|tracer| tracer.log_component_run(finished("stage")).map(drop));
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Damaged);
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn a_store_cut_off_in_the_middle_says_that_it_is_damaged() {
    let folder = folder();
    let path = filled(folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let asked = Tracer::open(&path).and_then(|tracer| tracer.history("stage").limit(1_000).get().map(drop));
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn a_store_that_was_migrated_while_it_was_open_is_not_written_any_more() {
    let folder = folder();
    let path = filled(folder.path());
    let tracer = Tracer::open(&path).unwrap();
    change(&path, "PRAGMA user_version = 900");
    assert_eq!(tracer.log_component_run(finished("stage")).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(tracer.recent(1).unwrap().items.len(), 1);
}

/// What later migrations added is taken away again.
const TO_SCHEMA_1: &str = "DROP TABLE pair; DROP TABLE label_lag; DROP TABLE task_metric; DROP TABLE task_drift;
    DROP TABLE task_profile; DROP TABLE run_profile; DROP TABLE task;
    DROP TABLE described; DROP INDEX run_by_time; DROP INDEX run_open; DROP INDEX input_by_version; DROP INDEX input_unproven;
    DROP INDEX run_by_partition; ALTER TABLE run DROP COLUMN collected_at; PRAGMA user_version = 1";

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_date_and_keeps_its_runs() {
    let folder = folder();
    let path = filled(folder.path());
    change(&path, TO_SCHEMA_1);
    // Nothing that mltrace writes; it must not lock out who wants to look at the rest.
    for tags in ["[null, 3]", "no JSON"] {
        let sql = format!(
            "INSERT INTO definition (identity, component, states_metadata, tags, in_repository)
             SELECT randomblob(16), id, 1, '{tags}', 0 FROM component"
        );
        change(&path, &sql);
    }
    let tracer = Tracer::open_existing(&path).unwrap();
    let runs = tracer.history("stage").limit(1_000).get().unwrap();
    assert_eq!(runs.items.len(), 200);
    assert!(runs.items.iter().all(|run| run.notes.len() == 1 && run.outputs.len() == 1));
    for question in [
        tracer.components().tag("nightly"),
        tracer.components().tag("by hand"),
        tracer.components().owner("data team"),
        tracer.components().containing("counts"),
    ] {
        assert_eq!(question.get().unwrap().len(), 1, "what was said before the store was brought up to date");
    }
    tracer.log_component_run(finished("stage")).unwrap();
}

#[test]
fn ten_processes_that_bring_a_store_up_to_date_at_once_all_write_to_it() {
    const ROLE: &str = "MLTRACE_TEST_MIGRATES";
    const NAME: &str = "ten_processes_that_bring_a_store_up_to_date_at_once_all_write_to_it";
    if let Some(path) = std::env::var_os(ROLE) {
        let tracer = Tracer::open(path).unwrap();
        assert!(tracer.history("stage").limit(1_000).get().unwrap().items.len() >= 200);
        for _ in 0..10 {
            tracer.log_component_run(finished("stage")).unwrap();
        }
        return;
    }
    for _ in 0..3 {
        let folder = folder();
        let path = filled(folder.path());
        change(&path, TO_SCHEMA_1);
        let children: Vec<Child> = (0..10).map(|_| again(NAME, ROLE, &path)).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let runs = Tracer::open(&path).unwrap().history("stage").limit(1_000).get().unwrap();
        assert_eq!(runs.items.len(), 300);
    }
}

#[test]
fn a_store_in_memory_may_be_opened_by_its_name() {
    let tracer = Tracer::open(":memory:").unwrap();
    tracer.log_component_run(finished("stage")).unwrap();
    assert_eq!(tracer.recent(10).unwrap().items.len(), 1);
    assert!(!Path::new(":memory:").exists());
}

#[test]
fn a_store_in_a_read_only_place_is_read_and_not_written() {
    const ROLE: &str = "MLTRACE_TEST_READS";
    if let Some(path) = std::env::var_os(ROLE) {
        let tracer = Tracer::open_existing(&path).unwrap();
        assert_eq!(tracer.recent(1_000).unwrap().items.len(), 200);
        assert_eq!(tracer.add_note(RunId(1), "hello").unwrap_err().kind(), ErrorKind::ReadOnly);
        fs::write(Path::new(&path).with_extension("db-wal"), "not empty").unwrap_err();
        return;
    }
    let folder = folder();
    let place = folder.path().join("a place?");
    fs::create_dir(&place).unwrap();
    let path = filled(&place);
    // The superuser may write anywhere, so the reader is somebody else, with a copy of this program in reach.
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (path, mode) in [(&path, 0o444), (&place, 0o555), (&program, 0o755), (&folder.path().to_owned(), 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut reader = Command::new(&program);
    reader.args(["a_store_in_a_read_only_place_is_read_and_not_written", "--exact", "--nocapture"]);
    reader.env(ROLE, &path).current_dir("/");
    if fs::write(place.join("probe"), "").is_ok() {
        fs::remove_file(place.join("probe")).unwrap();
        std::os::unix::process::CommandExt::uid(&mut reader, 65_534);
    }
    let output = reader.output().unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_store_whose_account_of_itself_is_wrong_says_that_it_is_damaged() {
    for change_to in [
        "DELETE FROM store",
        "UPDATE store SET min_reader = 'one'",
        "PRAGMA user_version = 0",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_master",
    ] {
        let folder = folder();
        let path = filled(folder.path());
        change(&path, change_to);
        assert_eq!(refused(&path).kind(), ErrorKind::Damaged, "{change_to}");
        assert_eq!(Tracer::open_existing(&path).unwrap_err().kind(), ErrorKind::Damaged, "{change_to}");
    }
}

#[test]
fn a_store_whose_tables_were_changed_says_so_when_it_is_asked_and_when_it_is_written() {
    let folder = folder();
    let path = filled(folder.path());
    change(&path, "ALTER TABLE output RENAME COLUMN completed TO done; ALTER TABLE note RENAME TO remark");
    let tracer = Tracer::open(&path).unwrap();
    for error in [tracer.recent(1).unwrap_err(), tracer.log_component_run(finished("stage")).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("restore the file from a backup"), "{error}");
    }
}

#[test]
fn asking_makes_no_store_of_a_database_without_tables() {
    let folder = folder();
    let path = folder.path().join("store.db");
    change(&path, "CREATE TABLE gone (id INTEGER); DROP TABLE gone");
    let before = fs::read(&path).unwrap();
    assert!(!before.is_empty());
    let error = Tracer::open_existing(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("nothing was traced"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn times_at_both_ends_of_their_columns_are_read_and_judged() {
    let folder = folder();
    let path = filled(folder.path());
    change(
        &path,
        "UPDATE run SET started_at = -9223372036854775808, ended_at = 9223372036854775807;
         UPDATE input SET captured_at = 9223372036854775807, ended_at = -9223372036854775808;
         UPDATE note SET written_at = -9223372036854775808; UPDATE process SET heartbeat_at = -9223372036854775808",
    );
    let tracer = Tracer::open(&path).unwrap();
    let run = tracer.run(RunId(7)).unwrap();
    assert_eq!(run.duration_ms.map(|milliseconds| milliseconds > 9e15), Some(true));
    assert_eq!(tracer.history("stage").get().unwrap().items.len(), 100);
    assert_eq!(tracer.stale().get().unwrap(), [], "none has ended by now");
    assert_eq!(tracer.stale().as_of(chrono::DateTime::<chrono::Utc>::MAX_UTC).get().unwrap(), []);
    assert!(!tracer.trace("out").get().unwrap().runs.is_empty());
    assert_eq!(tracer.gc(chrono::Utc::now()).plan().unwrap().kept, 200);
}
