use mltrace_core::IoPointer;
use serde_json::{Map, Value, json};

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().map(Map::keys).into_iter().flatten().map(String::as_str).collect()
}

#[test]
fn a_run_is_shown_in_sections() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("inspect 6").succeeds());
}

#[test]
fn a_long_list_is_shortened_with_its_count() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("inspect 8").succeeds());
}

#[test]
fn an_error_is_shown_with_all_its_lines() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("inspect 7").succeeds());
}

#[test]
fn an_input_that_was_changed_outside_is_marked_in_words() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("inspect 4").succeeds();
    assert!(out.contains("    written by #3 cleaning\n    modified: bytes differ from what #3 wrote\n"), "{out}");
}

#[test]
fn an_input_is_told_from_a_source_and_from_an_own_output() {
    let store = Store::empty();
    store.log("ledger", 0, 1, |run| {
        let ledger = || IoPointer::new("ledger").at_version("81");
        run.add_input("raw").add_input(ledger()).add_output(ledger());
    });
    let out = Cli::on(&store).args("inspect 1").succeeds();
    assert!(out.contains("    source: no traced run wrote it\n"), "{out}");
    assert!(out.contains("    written by this run itself\n"), "{out}");
    let traced = Cli::on(&store).args("trace ledger").succeeds();
    assert_eq!(traced.matches("source").count(), 1, "{traced}");
}

#[test]
fn an_input_that_was_read_too_early_is_marked_in_words() {
    let store = Store::empty();
    store.log("download", 0, 600, |run| {
        run.add_output("raw");
    });
    store.log("cleaning", 1, 1, |run| {
        run.add_input("raw");
    });
    let out = Cli::on(&store).args("inspect 2").succeeds();
    assert!(out.contains("    overlapping: #1 had not ended when it was read\n"), "{out}");
}

#[test]
fn a_number_sign_before_the_id_is_welcome() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(Cli::on(&store).args("inspect #6").succeeds(), Cli::on(&store).args("inspect 6").succeeds());
}

#[test]
fn every_key_is_in_the_json_of_a_run_that_knows_nothing() {
    let store = Store::empty();
    store.log("cleaning", 0, 1, |run| {
        run.add_input("raw").add_output("clean");
    });
    let run = Cli::on(&store).args("inspect 1").answers();
    #[rustfmt::skip]
    let expected = [
        "checks", "code", "collected_at", "component", "dependencies", "duration_ms", "ended_at", "error", "git", "host",
        "id", "inputs", "labels", "metrics", "notes", "outputs", "params", "parent", "partition", "pid", "stale",
        "stale_at_start", "started_at", "status", "uuid", "violations",
    ];
    let mut found = keys(&run);
    found.sort_unstable();
    assert_eq!(found, expected);
    for (part, expected) in [
        (&run["inputs"][0], "captured_at flagged labels name spelled type version"),
        (&run["outputs"][0], "flagged labels name spelled type version"),
        (&run["git"], "commit dirty source tags"),
        (&run["code"], "crate_version file line snapshot"),
    ] {
        let mut found = keys(part);
        found.sort_unstable();
        assert_eq!(found.join(" "), expected);
    }
    assert_eq!(run["error"], Value::Null);
    assert_eq!(run["params"], json!({}));
}

#[test]
fn the_json_holds_what_the_text_shortens() {
    let run = Cli::on(&Store::of_a_taxi_pipeline()).args("inspect 8").answers();
    assert_eq!(run["outputs"].as_array().unwrap().len(), 256);
    let declared = json!({
        "run": 3, "component": "cleaning", "pointer": null, "match": "declared", "modified": false, "overlapping": false,
    });
    assert!(run["dependencies"].as_array().unwrap().contains(&declared), "{run}");
}

#[test]
fn a_note_is_told_in_a_line_and_stands_with_its_run() {
    let store = Store::of_a_taxi_pipeline();
    let out = Cli::on(&store).args("note 8").arg("the vendor resent this month").succeeds();
    assert_eq!(out, "noted on #8 inference [2020-05]\n");
    let shown = Cli::on(&store).args("inspect 8").succeeds();
    assert!(shown.contains("\nnotes\n") && shown.contains("  the vendor resent this month\n"), "{shown}");
    let run = Cli::on(&store).args("note 8").arg("fixed upstream").answers();
    assert_eq!(run["notes"][1]["text"], "fixed upstream");
}
