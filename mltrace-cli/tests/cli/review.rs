use mltrace_core::PointerType;
use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

/// Two models serve in turn; those who got a ride from the second complain, and one whose ride nobody knows.
fn complained() -> Store {
    let store = Store::empty();
    store.log("featuregen", 0, 60, |run| {
        run.add_output("features");
    });
    for (minute, model) in [(10, "forest"), (20, "boost")] {
        store.log("train", minute, 120, |run| {
            run.add_input("features").add_output(model);
        });
    }
    for batch in 0..6 {
        store.log("inference", 60 + batch, 2, |run| {
            run.partition(format!("batch-{batch}")).add_input("features");
            run.add_input(if batch % 2 == 0 { "boost" } else { "forest" });
            for ride in 0..10 {
                run.add_output_as(PointerType::Endpoint, format!("ride-{batch}{ride}"));
            }
        });
    }
    Cli::on(&store).args("flag ride-00 ride-01 ride-23 ride-25 ride-47 ride-99").succeeds();
    store
}

#[test]
fn the_run_to_blame_stands_first_with_the_reason() {
    assert_snapshot!(Cli::on(&complained()).args("review").succeeds());
}

#[test]
fn by_coverage_the_reason_is_coverage() {
    assert_snapshot!(Cli::on(&complained()).args("review --by coverage --limit 2").succeeds());
}

#[test]
fn a_review_fits_narrow_and_wide_screens() {
    let store = complained();
    for width in [80, 200] {
        let out = Cli::on(&store).args("review").env("COLUMNS", &width.to_string()).succeeds();
        assert!(out.lines().all(|line| line.chars().count() <= width), "{out}");
        assert_eq!(out.contains("2020-05-01 06:20:00"), width == 200, "a wide screen shows when runs started: {out}");
    }
}

#[test]
fn every_key_is_in_the_json_of_a_review() {
    let store = complained();
    let review = Cli::on(&store).args("review --limit 1").answers();
    assert_eq!(review["flagged"].as_array().unwrap().len(), 6);
    assert_eq!(review["flagged"][0]["written_by"], 4);
    assert_eq!(
        review["unproduced"],
        json!([{
            "name": "ride-99", "spelled": null, "version": null, "type": "unknown", "flagged": true, "labels": null,
        }])
    );
    assert_eq!(
        review["compared"],
        json!({"components": ["inference"], "since_run": 4, "since": "2020-05-01T07:00:00Z", "outputs": 55})
    );
    let mut first = review["runs"][0].clone();
    let run = first.as_object_mut().unwrap().remove("run").unwrap();
    assert_eq!((&run["id"], &run["component"]), (&json!(3), &json!("train")));
    let suspicion = first.as_object_mut().unwrap().remove("suspicion").unwrap().as_f64().unwrap();
    let likelier = 0.95 / (30.0 / 60.0) + 0.05;
    assert!((suspicion - likelier / (1.0 + likelier)).abs() < 1e-9, "{suspicion}");
    assert_eq!(first, json!({"depth": 1, "count": 5, "others": 25, "coverage": 1.0}));
    assert_eq!(review["truncated"], json!({"runs": 4}));
    assert_eq!(
        review["components"][0],
        json!({"component": "inference", "depth": 0, "count": 5, "others": 55, "coverage": 1.0, "suspicion": 0.5})
    );
    assert!(review["why"].as_str().unwrap().starts_with("#3 train is behind all 5 flagged outputs"));
}

#[test]
fn nothing_flagged_is_said_and_has_every_key_in_json() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(Cli::on(&store).args("review").succeeds(), "nothing is flagged: mltrace flag OUTPUT\n");
    assert_eq!(
        Cli::on(&store).args("review").answers(),
        json!({
            "flagged": [], "unproduced": [], "compared": null, "runs": [], "truncated": null, "components": [],
            "why": null,
        })
    );
}

#[test]
fn only_what_no_run_wrote_is_listed_and_no_failure() {
    let store = Store::of_a_taxi_pipeline();
    Cli::on(&store).args("flag ride-99999").succeeds();
    assert_eq!(Cli::on(&store).args("review").succeeds(), "1 flagged output that no traced run wrote\n  ride-99999\n");
}

#[test]
fn a_flag_is_told_with_where_the_output_came_from() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(
        Cli::on(&store).args("flag ride-00017 models/forest.model raw/2020-01.parquet forest.model").succeeds(),
        "flagged ride-00017, written by #8 inference [2020-05]\n\
         flagged models/forest.model (stated:f02e57), written by #6 train\n\
         flagged raw/2020-01.parquet (stated:5f1c-2020-01), which runs read, but no traced run wrote\n\
         flagged forest.model, which no traced run read or wrote\n  did you mean models/forest.model?\n\
         next: mltrace review\n"
    );
    let page = Cli::on(&store).args("flag ride-00018").answers();
    assert_eq!(page["items"][0]["written_by"], 8);
    assert_eq!(page["items"][0]["type"], "endpoint");
    assert!(Cli::on(&store).args("inspect 6").succeeds().contains("flagged"));
}

#[test]
fn flags_are_taken_away_one_by_one_or_all_at_once() {
    let store = Store::of_a_taxi_pipeline();
    Cli::on(&store).args("flag ride-00017 models/forest.model ride-00018").succeeds();
    assert_eq!(Cli::on(&store).args("unflag ride-00017").succeeds(), "unflagged ride-00017\n");
    assert_eq!(
        Cli::on(&store).args("unflag --all").succeeds(),
        "unflagged models/forest.model (stated:f02e57)\nunflagged ride-00018\n"
    );
    assert_eq!(Cli::on(&store).args("unflag --all").succeeds(), "nothing was flagged\n");
    assert_eq!(Cli::on(&store).args("unflag --all").answers(), json!({"items": [], "next": null}));
}

#[test]
fn what_cannot_be_flagged_or_unflagged_is_said() {
    let store = Store::of_a_taxi_pipeline();
    for (command, expected) in [
        ("unflag ride-00017", "mltrace: `ride-00017` is not flagged: see `mltrace review` for what is\n"),
        (
            "flag models/forest.model --version ab",
            "mltrace: no run wrote a version of `models/forest.model` that begins with `ab`\n",
        ),
    ] {
        assert_eq!(Cli::on(&store).args(command).fails(2), expected);
    }
    for command in ["flag", "unflag", "unflag ride --all", "review --by luck"] {
        let error = Cli::on(&store).args(command).fails(2);
        assert!(error.starts_with("mltrace: "), "{error}");
    }
}
