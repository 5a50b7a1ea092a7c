use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

#[test]
fn components_stand_with_their_last_run() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("components").succeeds());
}

#[test]
fn a_wide_screen_shows_what_components_do() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("components").env("COLUMNS", "200").succeeds();
    assert!(out.contains("Drops rides that cannot be true\n"), "{out}");
}

#[test]
fn components_are_picked_by_tag_and_owner() {
    let store = Store::of_a_taxi_pipeline();
    for (flags, expected) in [
        ("--tag nightly", &["cleaning", "featuregen"][..]),
        ("--owner data-team", &["cleaning", "train"]),
        ("--owner data-team --tag nightly", &["cleaning"]),
        ("--tag none", &[]),
    ] {
        let page = Cli::on(&store).args(&format!("components {flags}")).answers();
        let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|found| found["name"].clone()).collect();
        assert_eq!(names, expected, "{flags}");
        assert_eq!(page["next"], json!(null));
    }
}

#[test]
fn every_key_is_in_the_json_of_a_component_that_states_nothing() {
    let store = Store::empty();
    store.log("cleaning", 0, 1, |_| ());
    assert_eq!(
        Cli::on(&store).args("components").answers()["items"][0],
        json!({
            "name": "cleaning", "description": null, "owner": null, "tags": [], "stale_after_s": null,
            "last_run": 1, "last_status": "completed", "last_started_at": "2020-05-01T06:00:00Z",
        })
    );
}

#[test]
fn tags_stand_with_their_components() {
    let store = Store::of_a_taxi_pipeline();
    assert_snapshot!(Cli::on(&store).args("tags").succeeds());
    let items = json!([
        {"tag": "nightly", "components": ["cleaning", "featuregen"]},
        {"tag": "serving", "components": ["inference"]},
    ]);
    assert_eq!(Cli::on(&store).args("tags").answers(), json!({"items": items, "next": null}));
}

#[test]
fn an_empty_catalogue_is_no_error() {
    let store = Store::empty();
    assert_eq!(Cli::on(&store).args("components").succeeds(), "no components match\n");
    assert_eq!(Cli::on(&store).args("tags").succeeds(), "no tags yet: mltrace tag COMPONENT TAG\n");
}

#[test]
fn a_tag_is_told_in_a_line_and_stands_with_its_component() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(Cli::on(&store).args("tag train monthly gpu").succeeds(), "train is tagged gpu, monthly\n");
    assert_eq!(Cli::on(&store).args("tag train gpu").answers()["tags"], json!(["gpu", "monthly"]));
}
