use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::cli::{Cli, assert_snapshot};
use crate::monitored::Deployed;
use crate::pipeline::Store;

#[test]
fn gc_tells_what_it_would_do_and_does_nothing() {
    let store = Store::of_a_taxi_pipeline();
    for minute in 0..7 {
        store.log("heartbeat", minute, 1, |_| ());
        store.log("cleaning", minute, 1, |_| ());
    }
    store.log("train", 900, 252, |run| {
        run.add_input("features/2020-01.parquet");
    });
    let before = Cli::on(&store).args("recent").answers();
    let out = Cli::on(&store).args("gc --older-than 2020-05-01T15:00:00Z").succeeds();
    assert_snapshot!(out);
    assert_eq!(Cli::on(&store).args("recent").answers(), before);
}

#[test]
fn gc_with_yes_leaves_tombstones_that_say_what_they_are() {
    let store = Store::of_a_chain(6);
    let out = Cli::on(&store).args("gc --older-than 2020-05-01T06:05:00Z --yes").succeeds();
    assert!(out.contains("0 runs removed, 5 tombstones made of others; the store took "), "{out}");
    let shown = Cli::on(&store).args("inspect 1").succeeds();
    assert!(shown.contains("trimmed") && shown.contains("gc left only its place in the lineage"), "{shown}");
    assert_snapshot!(Cli::on(&store).args("trace x3").succeeds());
    let again = Cli::on(&store).args("gc --older-than 2020-05-01T06:05:00Z").succeeds();
    assert!(again.contains("there is nothing to remove"), "{again}");
}

#[test]
fn the_json_of_gc_has_every_key() {
    let store = Store::of_a_chain(3);
    let mut told = Cli::on(&store).args("gc --older-than 2020-05-01T06:01:00Z").answers();
    assert!(told["bytes_before"].take().as_u64().unwrap() > 0);
    let step = json!({"component": "step", "kept": 2, "tombstoned": 1, "removed": 0});
    assert_eq!(
        told,
        json!({
            "before": "2020-05-01T06:01:00Z", "dry_run": true, "kept": 2, "tombstoned": 1, "removed": 0,
            "outputs": 0, "components": [step], "bytes_before": null, "bytes_after": null,
        })
    );
}

#[test]
fn gc_says_that_outputs_of_tasks_would_go_and_that_they_went() {
    let store = Deployed::new().store;
    let asked = || Cli::on(&store).args("gc --older-than 2020-03-04");
    let out = asked().succeeds();
    assert!(out.contains("72 outputs of tasks would go, too; nothing was changed"), "{out}");
    let out = asked().arg("--yes").succeeds();
    assert!(out.contains("72 outputs of tasks removed; "), "{out}");
    assert_eq!(Cli::on(&store).args("outputs high_tip").answers()["outputs"], 900);
}

#[test]
fn what_was_logged_to_tasks_moves_from_store_to_store() {
    let (from, to) = (Deployed::new().store, Store::empty());
    let file = from.folder().join("store.jsonl");
    let file = file.to_str().unwrap();
    let out = Cli::on(&from).args("export").arg(file).succeeds();
    assert!(out.starts_with("28 runs, 972 outputs, 778 late labels written to "), "{out}");
    let out = Cli::on(&to).args("import").arg(file).succeeds();
    assert_eq!(out, "28 runs, 972 outputs, 778 late labels read, 28 of the runs new to this store\n");
    let metrics = |store| Cli::on(store).args("metrics high_tip --by week").answers();
    assert_eq!(metrics(&to), metrics(&from));
}

#[test]
fn gc_asks_for_an_age() {
    let error = Cli::on(&Store::empty()).args("gc").fails(2);
    assert!(error.contains("--older-than"), "{error}");
}

#[test]
fn an_export_fills_a_new_store_that_answers_the_same() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.add_note(mltrace_core::RunId(1), "resent").unwrap();
    store.tracer.tag("train", ["gpu"]).unwrap();
    let folder = TempDir::new().unwrap();
    let (lines, copy) = (folder.path().join("store.jsonl"), folder.path().join("copy.db"));
    let (lines_text, told) =
        (lines.to_str().unwrap(), Cli::on(&store).arg("export").arg(lines.to_str().unwrap()).succeeds());
    assert_eq!(told, format!("8 runs, 1 tag written to {lines_text}\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    let told = Cli::at(&copy).arg("import").arg(lines_text).succeeds();
    assert_eq!(told, "8 runs, 1 tag read, 8 of the runs new to this store\n");
    let told = Cli::at(&copy).arg("import").arg(lines_text).succeeds();
    assert_eq!(told, "8 runs, 1 tag read, 0 of the runs new to this store\n");
    for question in ["recent", "trace ride-00000", "components", "inspect 1"] {
        assert_eq!(Cli::at(&copy).args(question).answers(), Cli::on(&store).args(question).answers(), "{question}");
    }
}

#[test]
fn an_export_to_stdout_is_the_lines_and_a_pipe_is_read() {
    let store = Store::of_a_chain(3);
    let lines = Cli::on(&store).args("export").succeeds();
    assert_eq!(lines.lines().count(), 4);
    assert_eq!(Cli::on(&store).args("export --json").succeeds(), lines, "which are JSON already");
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.db");
    let mut import = Command::new(env!("CARGO_BIN_EXE_mltrace"))
        .arg("--db")
        .arg(&copy)
        .arg("import")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    assert_eq!(Cli::at(&copy).args("trace x3").answers(), Cli::on(&store).args("trace x3").answers());
}

#[test]
fn a_bad_line_is_told_with_its_file_and_what_came_of_it() {
    let store = Store::of_a_chain(3);
    let mut lines: Vec<String> = Cli::on(&store).args("export").succeeds().lines().map(ToOwned::to_owned).collect();
    lines[2].truncate(40);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("cut.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let copy = folder.path().join("copy.db");
    let error = Cli::at(&copy).arg("import").arg(file.to_str().unwrap()).fails(2);
    assert!(error.starts_with(&format!("mltrace: {}: line 3: ", file.display())), "{error}");
    assert!(error.ends_with("; 1 run before it is imported; mend the line and import again\n"), "{error}");
    let error = Cli::at(&copy).args("import none.jsonl").fails(2);
    assert!(error.starts_with("mltrace: none.jsonl: "), "{error}");
}

#[test]
fn tables_of_a_python_mltrace_come_in_one_file_or_several() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, rows: &str| {
        let path = folder.path().join(name);
        fs::write(&path, rows).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let runs = file(
        "runs.jsonl",
        r#"{"table": "component_runs", "id": 1, "component_name": "etl", "start_timestamp": "2021-05-01T12:00:00", "end_timestamp": "2021-05-01T12:01:00"}"#,
    );
    let outputs = file(
        "outputs.jsonl",
        "\n{\"table\": \"component_runs_outputs\", \"component_run_id\": 1, \"output_path_name\": \"clean.csv\"}\n",
    );
    let copy = folder.path().join("copy.db");
    let import = || Cli::at(&copy).arg("import").arg("--from-python-mltrace").arg(&runs).arg(&outputs);
    let report = import().answers();
    assert_eq!((&report["runs"], &report["new_runs"], &report["lines"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(import().succeeds(), "1 run read, 0 of the runs new to this store\n");
    assert!(Cli::at(&copy).args("trace clean.csv").succeeds().contains("etl"));
    let error = Cli::at(&copy).arg("import").arg(&runs).fails(2);
    assert!(error.contains("import it with --from-python-mltrace"), "{error}");
}

#[test]
fn a_store_in_memory_is_nothing_to_import_to() {
    let error = Cli::at(":memory:").args("import store.jsonl").fails(3);
    assert!(error.contains("--db PATH"), "{error}");
}

#[test]
fn the_doctor_says_what_is_there_and_what_to_do() {
    let store = Store::of_a_taxi_pipeline();
    store.log("report", 700, 1, |run| {
        run.set_upstream("approval");
    });
    let path = store.path().display().to_string();
    let out = Cli::on(&store).args("doctor --exit-code").succeeds().replace(&path, "STORE");
    assert_snapshot!(out);
    let health = Cli::on(&store).args("doctor").answers();
    let keys: Vec<_> = health.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.join(" "), "bytes damage findings free_bytes gone log_bytes newest_schema path schema tables");
    assert_eq!(health["damage"], json!([]));
}

#[test]
fn damage_is_told_and_is_an_exit_code_where_asked() {
    let store = Store::of_a_chain(300);
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.db");
    // One file without a log beside it, of which a page in the middle is then lost.
    let lines = Cli::on(&store).args("export").succeeds();
    let file = folder.path().join("store.jsonl");
    fs::write(&file, lines).unwrap();
    Cli::at(&copy).arg("import").arg(file.to_str().unwrap()).succeeds();
    let mut bytes = fs::read(&copy).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0x5a);
    fs::write(&copy, bytes).unwrap();
    let out = Cli::at(&copy).args("doctor").succeeds();
    assert!(out.contains("damaged") && out.contains("restore the file from a backup"), "{out}");
    let (code, out) = {
        let output =
            Command::new(env!("CARGO_BIN_EXE_mltrace")).arg("--db").arg(&copy).args(["doctor", "--exit-code"]).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(code, Some(1), "{out}");
}

#[cfg(unix)]
#[test]
fn an_export_to_a_pipe_leaves_the_pipe_where_it_is() {
    use std::os::unix::fs::FileTypeExt;
    let store = Store::of_a_chain(3);
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let told = Cli::on(&store).arg("export").arg(pipe.to_str().unwrap()).succeeds();
    assert!(told.starts_with("3 runs written to "), "{told}");
    assert_eq!(reader.join().unwrap(), Cli::on(&store).args("export").succeeds());
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn an_export_does_not_take_the_place_of_the_store() {
    let store = Store::of_a_chain(3);
    let path = store.path().to_str().unwrap().to_owned();
    let error = Cli::on(&store).arg("export").arg(&path).fails(2);
    assert!(error.contains("is a database: name another file"), "{error}");
    Cli::on(&store).args("trace x3").succeeds();
}
