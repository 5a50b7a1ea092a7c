use mltrace_core::IoPointer;
use serde_json::{Map, Value, json};

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

mod before {
    /// Fits a forest.
    #[mltrace::component(name = "fit", outputs(forest))]
    pub(super) fn fit(rides: &str) -> String {
        let depth = 10;
        let forest = format!("forest of {rides}, {depth} deep");
        forest
    }
}

mod after {
    /// Fits a forest.
    #[mltrace::component(name = "fit", outputs(forest))]
    pub(super) fn fit(rides: &str) -> String {
        let depth = 12;
        let forest = format!("forest of {rides}, {depth} deep");
        forest
    }
}

fn file(name: &str, version: &str) -> IoPointer {
    IoPointer::new(name).at_version(version)
}

/// A pipeline twice: the vendor has sent January anew, and somebody has tuned the model.
fn of_two_trainings() -> Store {
    let store = Store::empty();
    for (minute, turn, depth) in [(0, "one", 10), (1_440, "two", 12)] {
        store.log("cleaning", minute, 3, |run| {
            run.add_input(file("raw/2020-01.csv", turn)).add_output(file("clean/2020-01.csv", turn));
        });
        store.log("zones", minute, 1, |run| {
            run.add_input(file("raw/zones.csv", "z")).add_output(file("zones.csv", "z"));
        });
        store.log("train", minute + 10, 252 + 60 * (depth - 10), |run| {
            run.add_input(file("clean/2020-01.csv", turn)).add_input(file("zones.csv", "z"));
            run.add_output(file("models/forest.model", turn));
            run.param("depth", depth).unwrap().param("trees", 100).unwrap().param("criterion", "gini").unwrap();
            run.metric("train_f1", 0.7312).metric("valid_f1", if turn == "one" { 0.7288 } else { 0.7301 });
            if turn == "two" {
                run.param("class_weight", "balanced").unwrap();
                run.add_output("models/forest.onnx");
            }
        });
    }
    store
}

#[test]
fn two_trainings_are_told_apart() {
    assert_snapshot!(Cli::on(&of_two_trainings()).args("diff 3 6").succeeds());
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let out = Cli::on(&of_two_trainings()).args("diff 3 6").succeeds();
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn what_was_added_and_removed_is_coloured() {
    let out = Cli::on(&of_two_trainings()).args("diff 3 6").env("CLICOLOR_FORCE", "1").succeeds();
    assert!(out.contains("\u{1b}[32m+\u{1b}[0m") && out.contains("\u{1b}[33m~\u{1b}[0m"), "{out:?}");
    let out = Cli::on(&of_two_trainings()).args("diff 6 3").env("CLICOLOR_FORCE", "1").succeeds();
    assert!(out.contains("\u{1b}[31m-\u{1b}[0m"), "{out:?}");
}

#[test]
fn two_runs_of_other_code_show_its_lines() {
    let store = Store::empty();
    let guard = mltrace::scoped(&store.tracer);
    before::fit("rides");
    after::fit("rides");
    drop(guard);
    let out = Cli::on(&store).args("diff 1 2").succeeds();
    assert!(
        out.contains("\n  the runs themselves, by code; all that they read from other runs is the same\n"),
        "{out}"
    );
    assert!(out.contains("\n  -        let depth = 10;\n  +        let depth = 12;\n"), "{out}");
    let diff = Cli::on(&store).args("diff 1 2").answers();
    let unified = diff["code"]["unified"].as_str().unwrap();
    assert!(
        unified.starts_with("--- ") && unified.contains("\n-        let depth = 10;\n+        let depth = 12;\n"),
        "{unified}"
    );
    let out = Cli::on(&store).args("diff 1 1").succeeds();
    assert!(out.contains("the same: code"), "{out}");
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let out = Cli::on(&of_two_trainings()).args("diff 3 3 --exit-code").succeeds();
    assert!(out.contains("\nno difference\nthe same: 3 params, 2 metrics, 2 inputs, 1 output\n"), "{out}");
}

#[test]
fn scripts_are_told_by_the_exit_code_where_they_ask() {
    let store = of_two_trainings();
    Cli::on(&store).args("diff 3 6").succeeds();
    Cli::on(&store).args("diff 3 6 --exit-code").says_no();
    let document = Cli::on(&store).args("diff 3 6 --exit-code --json").says_no();
    assert!(serde_json::from_str::<Value>(&document).is_ok(), "{document}");
    Cli::on(&store).args("diff 2 5 --exit-code").succeeds();
}

#[test]
fn a_long_list_is_shortened_with_its_count() {
    let store = Store::empty();
    for turn in ["one", "two"] {
        store.log("inference", 0, 1, |run| {
            for ride in 0..25 {
                run.add_output(file(&format!("ride-{ride:02}"), turn));
            }
        });
    }
    let out = Cli::on(&store).args("diff 1 2").succeeds();
    assert!(out.contains("  ~  ride-09  stated:one  → stated:two\n  ... and 15 more, see --json\n"), "{out}");
}

#[test]
fn every_key_is_in_the_json_of_a_diff() {
    let diff = Cli::on(&of_two_trainings()).args("diff 3 6").answers();
    let keys =
        |object: &Value| object.as_object().map(Map::keys).into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&diff),
        "after before code commit component duration_ms inputs metrics outputs params partings partition status"
    );
    assert_eq!(keys(&diff["code"]), "after before is_same unified");
    assert_eq!(keys(&diff["params"]), "added changed removed same");
    assert_eq!(keys(&diff["inputs"]), "added changed removed same");
    assert_eq!(diff["params"]["changed"], json!({"depth": {"before": 10, "after": 12}}));
    assert_eq!(
        diff["partings"],
        json!([{"depth": 1, "before": 1, "after": 4, "component": "cleaning", "differs": ["inputs"]}])
    );
    assert_eq!((&diff["before"], &diff["component"]), (&json!(3), &Value::Null));
}

#[test]
fn a_run_that_is_not_there_is_answered_with_those_that_are() {
    let error = Cli::on(&of_two_trainings()).args("diff 3 77").fails(2);
    assert!(error.contains("there is no run 77") && error.contains("runs up to 6"), "{error}");
}
