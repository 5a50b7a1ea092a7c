use std::time::Duration;

use mltrace_core::IoPointer;
use serde_json::{Value, json};

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::{Store, at};

const DAY: i64 = 24 * 60;

fn file(name: &str, version: &str) -> IoPointer {
    IoPointer::new(name).at_version(version)
}

/// January is cleaned anew after the model was trained on it, the model is served weeks later, and a report reads January
/// of a download that knows no partitions.
fn of_a_pipeline_gone_stale() -> Store {
    let store = Store::empty();
    let clean = |minute, version: &str| {
        store.log("cleaning", minute, 3, |run| {
            run.partition("2020-01").add_input("raw/2020-01.csv").add_output(file("clean/2020-01.csv", version));
        });
    };
    clean(0, "c1");
    store.log("train", 10, 252, |run| {
        run.stale_after(Duration::from_secs(14 * 86_400));
        run.add_input(file("clean/2020-01.csv", "c1")).add_output(file("models/forest.model", "f1"));
    });
    clean(2 * DAY, "c2");
    for (day, month) in [(3, "2020-01"), (4, "2020-02")] {
        store.log("download", day * DAY, 60, |run| {
            run.add_input(format!("vendor/{month}")).add_output(file(&format!("raw/{month}.csv"), month));
        });
    }
    store.log("inference", 41 * DAY, 2, |run| {
        run.partition("2020-06").add_input(file("models/forest.model", "f1")).add_output("ride-00017");
    });
    store.log("report", 41 * DAY, 2, |run| {
        run.add_input(file("raw/2020-01.csv", "2020-01")).add_output("report.html");
    });
    store
}

const THEN: &str = "--as-of 2020-06-12";

#[test]
fn what_is_stale_stands_with_its_reasons() {
    assert_snapshot!(Cli::on(&of_a_pipeline_gone_stale()).args("stale").args(THEN).succeeds());
}

#[test]
fn a_wide_screen_shows_each_reason_on_a_line() {
    let store = of_a_pipeline_gone_stale();
    assert_snapshot!(Cli::on(&store).args("stale report").args(THEN).env("COLUMNS", "200").succeeds());
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let out = Cli::on(&of_a_pipeline_gone_stale()).args("stale").args(THEN).succeeds();
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn scripts_are_told_by_the_exit_code_where_they_ask() {
    let store = of_a_pipeline_gone_stale();
    Cli::on(&store).args("stale train").args(THEN).succeeds();
    assert!(Cli::on(&store).args("stale train --exit-code").args(THEN).says_no().ends_with("\n1 stale, 0 fresh\n"));
    let document = Cli::on(&store).args("stale train --exit-code --json").args(THEN).says_no();
    assert!(serde_json::from_str::<Value>(&document).is_ok(), "{document}");
    assert_eq!(Cli::on(&store).args("stale cleaning --exit-code").args(THEN).succeeds(), "0 stale, 1 fresh\n");
}

#[test]
fn as_of_a_moment_before_the_news_nothing_is_stale() {
    let store = of_a_pipeline_gone_stale();
    assert_eq!(Cli::on(&store).args("stale --as-of 2020-05-02").succeeds(), "0 stale, 2 fresh\n");
    assert_eq!(
        Cli::on(&store).args("stale --as-of 2020-04-01").succeeds(),
        "nothing to judge: no completed run matches\n"
    );
}

#[test]
fn one_partition_is_judged_where_it_is_named() {
    let page = Cli::on(&of_a_pipeline_gone_stale()).args("stale --partition 2020-06").args(THEN).answers();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!((&items[0]["component"], &items[0]["partition"]), (&json!("inference"), &json!("2020-06")));
}

#[test]
fn every_key_is_in_the_json_of_a_judgement() {
    let store = of_a_pipeline_gone_stale();
    let page = Cli::on(&store).args("stale inference").args(THEN).answers();
    let ended_at = at(41 * DAY) + chrono::TimeDelta::seconds(2);
    let cause = "#2 train is stale: it is 41 days old; the `stale_after` of its component is 14 days";
    let expected = json!({
        "component": "inference", "partition": "2020-06", "run": 6, "ended_at": ended_at,
        "stale": [
            {
                "kind": "old_input", "component": "train", "run": 2, "chain": [],
                "message": "it started 40 days after #2 train had written `models/forest.model`; the limit is 30 days",
            },
            {
                "kind": "stale_upstream", "component": "train", "run": 2,
                "chain": [{"run": 2, "component": "train", "kind": "old_run"}],
                "message": cause,
            },
        ],
    });
    assert_eq!(page, json!({"items": [expected], "next": null}));
}

#[test]
fn a_component_that_is_not_there_is_answered_with_those_that_are() {
    let error = Cli::on(&of_a_pipeline_gone_stale()).args("stale trian").fails(2);
    assert!(error.contains("there is no component `trian`") && error.contains("train"), "{error}");
}

#[test]
fn a_run_is_inspected_as_of_now_and_as_of_its_start() {
    let store = of_a_pipeline_gone_stale();
    let sections = |run| {
        let out = Cli::on(&store).args("inspect").arg(run).succeeds();
        out[out.find("\nstale").unwrap() + 1..].to_owned()
    };
    let report = "\
stale now, and when it started
  old input         it started 37 days after #4 download had written
                    `raw/2020-01.csv`; the limit is 30 days
  fresher upstream  it read `raw/2020-01.csv` from #4 download; #5 download is
                    newer by 24 h. #5 read other inputs than #4: if that is
                    another batch, tell them apart by `partition`
";
    assert_eq!(sections("7"), report);
    assert!(sections("2").starts_with("stale now, fresh when it started\n  old run  "), "{}", sections("2"));
}

#[test]
fn a_run_that_was_stale_otherwise_at_its_start_is_told_twice() {
    let store = Store::empty();
    let clean = |minute, version: &str| {
        store.log("cleaning", minute, 1, |run| {
            run.add_output(file("rides", version));
        });
    };
    clean(0, "1");
    clean(10, "2");
    store.log("train", 20, 1, |run| {
        run.add_input(file("rides", "1"));
    });
    clean(30, "3");
    let out = Cli::on(&store).args("inspect 3").succeeds();
    let expected = "
stale now
  fresher upstream  it read `rides` from #1 cleaning; #4 cleaning has written
                    over it, 30 min later

stale when it started
  fresher upstream  it read `rides` from #1 cleaning; #2 cleaning has written
                    over it, 10 min later
";
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn of_a_thousand_reasons_the_first_are_shown_and_the_rest_counted() {
    let store = Store::empty();
    for day in 0..25 {
        store.log(&format!("source-{day:02}"), day, 1, |run| {
            run.add_output(file(&format!("rides/{day}"), "r1"));
        });
    }
    store.log("train", 60 * DAY, 1, |run| {
        for day in 0..25 {
            run.add_input(file(&format!("rides/{day}"), "r1"));
        }
    });
    for args in ["stale train", "inspect 26"] {
        let out = Cli::on(&store).args(args).succeeds();
        assert_eq!(out.matches("old input").count(), 10, "{out}");
        assert!(out.contains("  ... and 15 more, see --json\n"), "{out}");
    }
    let stale = Cli::on(&store).args("stale train").answers();
    assert_eq!(stale["items"][0]["stale"].as_array().unwrap().len(), 25);
}
