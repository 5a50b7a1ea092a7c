use std::fs;

use mltrace_core::{ComponentRun, IoPointer};
use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

/// A label on the raw month, retracted before somebody trains again on what came of it.
fn retracted() -> Store {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer-7").write().unwrap();
    store.tracer.retract("customer-7", "consent withdrawn").by("anna").write().unwrap();
    let mut run = ComponentRun::new("train");
    run.start().add_input(IoPointer::new("split/train.parquet").at_version("7a17-train")).add_output("forest-2").end();
    store.tracer.log_component_run(run).unwrap();
    store
}

#[test]
fn a_label_is_told_in_a_line_and_stands_in_the_list() {
    let store = Store::of_a_taxi_pipeline();
    let label = |arguments: &str| Cli::on(&store).args(&format!("label {arguments}")).succeeds();
    assert_eq!(label("raw/2020-01.parquet customer-7"), "raw/2020-01.parquet is labelled customer-7\n");
    assert_eq!(label("raw/2020-01.parquet customer-7"), "raw/2020-01.parquet is labelled customer-7, as before\n");
    let version = "raw/2020-05.parquet customer-7 --version 5f1c";
    assert_eq!(label(version), "raw/2020-05.parquet at stated:5f1c-2020-05 is labelled customer-7\n");
    assert_snapshot!(Cli::on(&store).args("labels").succeeds());
    let items = Cli::on(&store).args("labels").answers()["items"].clone();
    assert_eq!(items[0]["name"], "customer-7");
    assert_eq!(items[0]["retraction"], json!(null));
    assert_eq!(items[0]["pointers"][1]["version"], json!({"kind": "stated", "value": "5f1c-2020-05"}));
}

#[test]
fn a_name_that_no_run_knows_can_be_labelled_and_that_is_said() {
    let store = Store::empty();
    let out = Cli::on(&store).args("label raw.csv customer-7").succeeds();
    assert!(out.starts_with("raw.csv is labelled customer-7\nno run has read or written it yet: "), "{out}");
    store.log("cleaning", 0, 1, |run| {
        run.add_input("raw.csv");
    });
    assert_eq!(Cli::on(&store).args("inspect 1").answers()["labels"], json!(["customer-7"]));
    let labelled = Cli::on(&store).args("label raw.csv customer-7").answers();
    assert_eq!([&labelled["known"], &labelled["is_new"]], [true, false]);
}

#[test]
fn a_file_is_labelled_by_the_name_that_runs_will_know_it_by() {
    let store = Store::empty();
    let folder = store.folder().join("raw");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("rides.csv"), "rides").unwrap();
    let labelled = Cli::bare().in_folder(&folder).args("label rides.csv customer-7").answers();
    assert_eq!(labelled["name"], "raw/rides.csv");
}

#[test]
fn a_version_that_no_run_has_seen_cannot_be_labelled() {
    let store = Store::of_a_taxi_pipeline();
    let error = Cli::on(&store).args("label raw/2020-01.parquet customer-7 --version ffff").fails(2);
    assert!(error.contains("no run wrote or read a version of `raw/2020-01.parquet`"), "{error}");
    assert_eq!(Cli::on(&store).args("labels").answers()["items"], json!([]));
}

#[test]
fn what_is_offered_to_be_typed_next_can_be_typed() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer 7").write().unwrap();
    let out = Cli::on(&store).args("retract --reason withdrawn").arg("customer 7").succeeds();
    assert!(out.ends_with("mltrace impact --label 'customer 7'\n"), "{out}");
}

#[test]
fn a_retraction_is_told_and_a_second_one_leaves_the_first() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer-7").write().unwrap();
    let retract = |reason: &str| Cli::on(&store).args("retract customer-7 --by anna --reason").arg(reason).succeeds();
    let out = retract("consent withdrawn");
    assert!(out.starts_with("customer-7 retracted ") && out.contains(" by anna: consent withdrawn\n"), "{out}");
    assert!(out.ends_with("mltrace impact --label customer-7\n"), "{out}");
    let again = retract("asked twice");
    assert!(again.contains(" by anna: consent withdrawn\nit was retracted before, and that stands\n"), "{again}");
    let retraction = Cli::on(&store).args("labels").answers()["items"][0]["retraction"].clone();
    assert_eq!([&retraction["retracted_by"], &retraction["reason"]], ["anna", "consent withdrawn"]);
}

#[test]
fn the_user_retracts_unless_told() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer-7").write().unwrap();
    let retraction = Cli::on(&store).env("USER", "berta").args("retract customer-7 --reason recalled").answers();
    assert_eq!([&retraction["retracted_by"], &retraction["is_new"]], [&json!("berta"), &json!(true)]);
}

#[test]
fn a_label_that_is_not_there_is_answered_with_the_nearest() {
    let store = Store::of_a_taxi_pipeline();
    let error = Cli::on(&store).args("impact --label customer-7").fails(2);
    assert_eq!(error, "mltrace: there is no label `customer-7`: there are no labels yet\n");
    for label in ["batch-3", "customer-7", "customer-8"] {
        store.tracer.label("raw/2020-01.parquet", label).write().unwrap();
    }
    for command in ["retract custmer-8 --reason recalled", "impact --label custmer-8"] {
        let error = Cli::on(&store).args(command).fails(2);
        assert_eq!(error, "mltrace: there is no label `custmer-8`: there are customer-8, customer-7, batch-3\n");
    }
    let error = Cli::on(&store).args("retract customer-7 --reason").arg(" ").fails(2);
    assert!(error.contains("the reason is empty"), "{error}");
}

#[test]
fn the_retracted_stand_with_the_runs_that_read_them_since() {
    let store = retracted();
    let out = Cli::on(&store).args("retracted").succeeds();
    assert!(out.starts_with("customer-7  ") && out.contains(" ago\nretracted 2"), "{out}");
    assert!(out.contains(" by anna: consent withdrawn\n"), "{out}");
    assert!(out.contains("\n1 run read what carries it since\nid  component  status "), "{out}");
    assert!(out.contains("\n#9  train      completed  ") && out.ends_with("  forest-2\n"), "{out}");
    let items = Cli::on(&store).args("retracted").answers()["items"].clone();
    assert_eq!(items[0]["label"], "customer-7");
    assert_eq!(items[0]["runs"].as_array().unwrap().len(), 1);
    assert_eq!(items[0]["runs"][0]["id"], 9);
}

#[test]
fn a_store_without_labels_says_so() {
    let store = Store::empty();
    assert_eq!(Cli::on(&store).args("labels").succeeds(), "no labels yet: mltrace label POINTER LABEL\n");
    assert_eq!(Cli::on(&store).args("retracted").succeeds(), "nothing was retracted\n");
}

#[test]
fn a_violation_stands_at_the_top_of_its_run() {
    let store = retracted();
    let out = Cli::on(&store).args("inspect 9").succeeds();
    let mut lines = out.lines();
    assert_eq!(lines.next(), Some("#9 train  completed"));
    assert_eq!(lines.next(), Some("VIOLATION: it read data whose label had been retracted before it started"));
    assert_eq!(lines.next(), Some("  split/train.parquet carries customer-7"));
    assert!(lines.next().unwrap().ends_with(" by anna: consent withdrawn"), "{out}");
    assert!(out.contains("\n  forest-2  unknown  no version\n    labels customer-7\n"), "{out}");
    let run = Cli::on(&store).args("inspect 9").answers();
    assert_eq!(run["violations"][0]["pointer"], "split/train.parquet");
    assert_eq!(run["violations"][0]["label"], "customer-7");
    let before = Cli::on(&store).args("inspect 6").answers();
    assert_eq!([&before["violations"], &before["labels"]], [&json!([]), &json!(["customer-7"])]);
}
