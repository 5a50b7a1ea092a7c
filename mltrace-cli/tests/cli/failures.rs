use std::fs;

use tempfile::TempDir;

use crate::cli::Cli;
use crate::pipeline::Store;

#[test]
fn a_missing_store_is_named_and_not_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("none.db");
    let error = Cli::at(&path).args("recent").fails(3);
    assert!(error.starts_with(&format!("mltrace: there is no store at {}: ", path.display())), "{error}");
    assert!(error.contains("--db PATH or MLTRACE_DB"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_missing_default_store_is_not_made_either() {
    let folder = TempDir::new().unwrap();
    Cli::bare().in_folder(folder.path()).args("recent").fails(3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_empty_file_stays_empty() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    let error = Cli::at(&path).args("recent").fails(3);
    assert!(error.contains("is empty"), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_was() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a store ".repeat(100)).unwrap();
    let error = Cli::at(&path).args("recent").fails(3);
    assert!(error.contains("not an mltrace store"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a store ".repeat(100));
}

#[test]
fn a_store_in_memory_cannot_be_asked() {
    let error = Cli::bare().env("MLTRACE_DB", ":memory:").args("recent").fails(3);
    assert!(error.contains("a store in memory ends with its program"), "{error}");
}

#[test]
fn what_is_not_found_is_answered_with_what_there_is() {
    let store = Store::of_a_taxi_pipeline();
    for (command, expected) in [
        ("inspect 99", "mltrace: there is no run 99 in this store: it holds runs up to 8, see `mltrace recent`\n"),
        ("note 99 text", "mltrace: there is no run 99 in this store: it holds runs up to 8, see `mltrace recent`\n"),
        (
            "history clean",
            "mltrace: there is no component `clean`: there are cleaning, featuregen, inference, split, train\n",
        ),
        (
            "tag clean nightly",
            "mltrace: there is no component `clean`: there are cleaning, featuregen, inference, split, train\n",
        ),
        ("trace forest.model", "mltrace: no run wrote or read `forest.model`: did you mean models/forest.model?\n"),
        (
            "trace nothing",
            "mltrace: no run wrote or read `nothing`: the last outputs are ride-00000, models/forest.model, \
             split/train.parquet, features/2020-05.parquet, clean/2020-05.parquet\n",
        ),
        (
            "trace raw/2020-05.parquet",
            "mltrace: runs read `raw/2020-05.parquet`, but no traced run wrote it: it is a source\n",
        ),
    ] {
        assert_eq!(Cli::on(&store).args(command).fails(2), expected);
        assert_eq!(Cli::on(&store).args(command).arg("--json").fails(2), expected, "--json leaves errors on stderr");
    }
}

#[test]
fn an_empty_store_says_so_when_something_is_not_found() {
    let store = Store::empty();
    let error = Cli::on(&store).args("inspect 1").fails(2);
    assert!(error.contains("it holds no run at all"), "{error}");
    let error = Cli::on(&store).args("trace forest").fails(2);
    assert!(error.contains("there are no outputs yet"), "{error}");
}

#[test]
fn arguments_that_make_no_sense_are_usage_errors() {
    let store = Store::of_a_taxi_pipeline();
    for (command, expected) in [
        ("recent 0", "0 is not in 1.."),
        ("recent many", "invalid value 'many'"),
        ("inspect twelve", "a run is a number such as 12"),
        ("history train --since yesterday", "or an age as 2w"),
        ("history train --status done", "possible values: running, completed, failed, panicked, cancelled, lost"),
        ("tag train", "required"),
        ("inspetc 1", "a similar subcommand exists: 'inspect'"),
    ] {
        let error = Cli::on(&store).args(command).fails(2);
        assert!(error.starts_with("mltrace: ") && error.contains(expected), "{command}:\n{error}");
    }
}

#[test]
fn an_empty_note_is_refused_and_not_written() {
    let store = Store::of_a_taxi_pipeline();
    let error = Cli::on(&store).args("note 8").arg(" ").fails(2);
    assert!(error.contains("the note is empty"), "{error}");
    assert_eq!(Cli::on(&store).args("inspect 8").answers()["notes"], serde_json::json!([]));
}

#[test]
fn times_beyond_the_calendar_are_shown_in_any_zone() {
    for time in [i64::MIN, i64::MAX] {
        let store = Store::of_a_taxi_pipeline();
        let sql = rusqlite::Connection::open(store.path()).unwrap();
        sql.execute("UPDATE run SET started_at = ?1, ended_at = ?1", [time]).unwrap();
        sql.execute("UPDATE input SET captured_at = ?1", [time]).unwrap();
        for zone in ["Pacific/Kiritimati", "America/Los_Angeles"] {
            for question in
                ["recent", "history cleaning", "inspect 1", "trace ride-00001", "stale", "diff 1 2", "components"]
            {
                Cli::on(&store).env("TZ", zone).args(question).succeeds();
            }
        }
    }
}
