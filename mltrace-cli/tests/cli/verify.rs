use std::fs;

use mltrace_core::ComponentRun;
use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

/// A pipeline on real files, of which one was edited since, one removed, and a model's second version cut off.
fn touched() -> Store {
    let store = Store::empty();
    log(&store, "cleaning", |run| {
        run.add_input(put(&store, "raw/2020-01.csv", "raw")).add_output(put(&store, "clean/2020-01.csv", "clean"));
    });
    log(&store, "featuregen", |run| {
        run.add_output(put(&store, "features/2020-01.csv", "features"));
    });
    for trees in [100, 200] {
        log(&store, "train", |run| {
            run.save(&trees, store.folder().join("models/high_tip")).unwrap();
        });
    }
    log(&store, "inference", |run| {
        run.add_output("ride-1").add_output("ride-2");
    });
    put(&store, "raw/2020-01.csv", "sent anew");
    fs::remove_file(store.folder().join("features/2020-01.csv")).unwrap();
    put(&store, "models/high_tip/v2.msgpack", "mltrace-artifact 1");
    store
}

fn put(store: &Store, name: &str, text: &str) -> std::path::PathBuf {
    let path = store.folder().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn log(store: &Store, component: &str, describe: impl FnOnce(&mut ComponentRun)) {
    let mut run = ComponentRun::new(component);
    run.start();
    describe(&mut run);
    run.end();
    store.tracer.log_component_run(run).unwrap();
}

#[test]
fn what_changed_and_what_is_missing_is_listed_and_the_rest_counted() {
    assert_snapshot!(Cli::on(&touched()).args("verify").succeeds());
}

#[test]
fn a_wide_screen_shows_the_versions() {
    assert_snapshot!(Cli::on(&touched()).args("verify").env("COLUMNS", "200").succeeds());
}

#[test]
fn of_one_artifact_every_version_is_shown() {
    assert_snapshot!(Cli::on(&touched()).args("verify models/high_tip").succeeds());
}

#[test]
fn what_is_unknown_is_shown_with_its_reason_where_it_is_asked_for() {
    assert_snapshot!(Cli::on(&touched()).args("verify ride-1").succeeds());
}

#[test]
fn the_exit_code_tells_scripts_where_they_ask() {
    let store = touched();
    let out = Cli::on(&store).args("verify --exit-code").says_no();
    assert!(out.contains("2 changed, 1 missing"), "{out}");
    Cli::on(&store).args("verify clean/2020-01.csv --exit-code").succeeds();
    Cli::on(&store).args("verify ride-1 --exit-code").succeeds();
    assert_eq!(
        Cli::on(&Store::empty()).args("verify --exit-code").succeeds(),
        "nothing to compare: no run has read or written anything yet\n"
    );
    let error = Cli::on(&store).args("verify none").fails(2);
    assert_eq!(
        error,
        "mltrace: no run wrote or read `none`: the last outputs are ride-1, models/high_tip, features/2020-01.csv, \
         clean/2020-01.csv\n"
    );
}

#[test]
fn the_json_counts_and_lists() {
    let report = Cli::on(&touched()).args("verify").answers();
    for (status, count) in [("intact", 2), ("changed", 2), ("missing", 1), ("unknown", 2)] {
        assert_eq!(report[status], count, "{status}");
    }
    let first = &report["items"][0];
    assert_eq!(first["file"], "features/2020-01.csv");
    assert_eq!((&first["status"], &first["now"], &first["reason"]), (&json!("missing"), &json!(null), &json!(null)));
    assert_eq!(
        (&first["component"], &first["run"], &first["written"]),
        (&json!("featuregen"), &json!(2), &json!(true))
    );
}

#[test]
fn a_run_shows_which_version_of_an_artifact_it_wrote() {
    let store = touched();
    let out = Cli::on(&store).args("inspect 4").succeeds();
    let (_, outputs) = out.split_once("outputs (1)\n").unwrap();
    assert!(outputs.starts_with("  models/high_tip  model  hash:"), "{outputs}");
    assert!(outputs.lines().next().unwrap().ends_with("  v2.msgpack"), "{outputs}");
}
