use serde_json::Value;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect()
}

#[test]
fn a_component_stands_above_its_runs() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("history cleaning").succeeds());
}

#[test]
fn a_part_of_a_history_says_how_to_see_the_rest() {
    let out = Cli::on(&Store::of_a_chain(3)).args("history step 2").succeeds();
    assert!(out.ends_with("... and older ones: mltrace history step 10\n"), "{out}");
}

#[test]
fn runs_are_picked_by_status_partition_and_time() {
    let store = Store::of_a_taxi_pipeline();
    for (flags, expected) in [
        ("inference", &[8, 7][..]),
        ("inference --status failed", &[7]),
        ("cleaning --partition 2020-01", &[1]),
        ("cleaning --since 2020-05-01T12:00:00Z", &[3]),
        ("cleaning --until 2020-05-01T12:00:00Z", &[1]),
        ("cleaning --since 2020-05-02", &[]),
        ("cleaning --since 1d", &[]),
        ("cleaning --until 1d", &[3, 1]),
        ("cleaning 1", &[3]),
    ] {
        let page = Cli::on(&store).args(&format!("history {flags}")).answers();
        assert_eq!(ids(&page), expected, "{flags}");
    }
}

#[test]
fn runs_that_do_not_match_are_said_to_be_none() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("history train --status lost").succeeds();
    assert!(out.ends_with("\nno runs match\n"), "{out}");
}

#[test]
fn the_next_of_an_answer_leads_to_the_rest() {
    let store = Store::of_a_chain(3);
    for list in ["recent 2", "history step 2"] {
        let page = Cli::on(&store).args(list).answers();
        let next = page["next"].as_str().unwrap();
        let rest = Cli::on(&store).args(&format!("{list} --after {next}")).answers();
        assert_eq!((ids(&page), ids(&rest)), (vec![3, 2], vec![1]), "{list}");
        assert!(rest["next"].is_null());
    }
}
