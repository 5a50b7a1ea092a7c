//! Events that are hard to keep: of many datasets, of long names, malformed, or no JSON. None of them may cost what else is
//! known of a run.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use axum::body::{Body, Bytes};
use mltrace_core::{CheckStatus, Status, Tracer};
use mltrace_server::{Config, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Server;
use crate::events::store_after;
use crate::limits::Ready;
use crate::openlineage::{RUN, dataset, event, gzip, take, the_run};

/// Events of one run, each alone.
async fn taken(events: &[&Value]) -> Server {
    let server = Server::new();
    for event in events {
        take(&server, event).await;
    }
    server
}

fn reasons(answer: &Value) -> Vec<(&str, &str)> {
    let faults = answer["set_aside"].as_array().unwrap().iter();
    faults.map(|fault| (fault["pointer"].as_str().unwrap(), fault["detail"].as_str().unwrap())).collect()
}

/// An event that ends a run which wrote this many files, of each of which it says two things.
fn wide(outputs: usize) -> Value {
    let mut complete = event("COMPLETE", 5);
    let facets = json!({"schema": {"fields": [{"name": "id"}]}, "version": {"datasetVersion": "7"}});
    complete["outputs"] = (0..outputs)
        .map(|number| json!({"namespace": "s3://lake", "name": format!("part-{number:05}"), "facets": facets}))
        .collect();
    complete["run"]["facets"] = json!({
        "parent": {"run": {"runId": "0197f3c0-0000-7000-8000-000000000002"}},
        "test": {"tests": [{"name": "rows", "status": "pass"}]}, "unknown": {},
    });
    complete["inputs"] = json!([dataset("raw")]);
    complete
}

#[tokio::test]
async fn of_a_wide_run_what_is_worth_the_least_is_cut_off_in_any_order_of_its_events() {
    for outputs in [6_000, 12_000] {
        let (start, complete) = (event("START", 0), wide(outputs));
        let servers = [taken(&[&complete, &start]).await, taken(&[&start, &complete, &start]).await];
        let [run, other] = servers.each_ref().map(the_run);
        assert_eq!((&run.params, &run.outputs, run.started_at), (&other.params, &other.outputs, other.started_at));
        // The head, the parent and the test are always kept.
        assert_eq!((run.params.len(), run.outputs.len()), (10_000, outputs.min(9_997)));
        assert_eq!((run.parent.is_some(), run.checks.len()), (true, 1));
        let versions = run.outputs.iter().filter(|output| output.version.is_some()).count();
        assert_eq!((versions, run.inputs.len()), if outputs == 6_000 { (3_996, 1) } else { (0, 0) });
    }
}

#[tokio::test]
async fn a_wide_event_that_is_sent_again_writes_nothing_and_each_time_is_told_what_is_cut_off() {
    let server = Server::new();
    let complete = wide(6_000);
    for is_new in [true, false] {
        let answer = take(&server, &complete).await;
        assert_eq!(answer["run"]["is_new"], is_new);
        let reason = "the run has 8005 datasets and facets more than are kept of one";
        assert_eq!(reasons(&answer), [("", reason)]);
    }
}

#[tokio::test]
async fn a_name_however_long_makes_no_run_deaf_to_later_events() {
    let mut long_producer = event("START", 0);
    long_producer["producer"] = json!("p".repeat(70_000));
    let mut odd_producer = event("START", 0);
    odd_producer["producer"] = json!("\u{1}".repeat(4_096));
    odd_producer["job"]["namespace"] = json!("\"".repeat(2_000));
    for start in [long_producer, odd_producer] {
        let server = Server::new();
        let answer = take(&server, &start).await;
        let is_long = start["producer"].as_str().unwrap().len() > 4_096;
        let expected = [("/producer", "the producer's name has 70000 bytes")];
        assert_eq!(reasons(&answer), expected[..usize::from(is_long)]);
        take(&server, &event("COMPLETE", 5)).await;
        assert_eq!(the_run(&server).status, Status::Completed);
    }
}

#[tokio::test]
async fn a_job_whose_name_cannot_be_kept_is_refused_alone() {
    let long = |namespace: &str, name: &str| {
        let mut start = event("START", 0);
        start["job"] = json!({"namespace": namespace, "name": name});
        start
    };
    let server = Server::new();
    let slashes = "/".repeat(70_000);
    let batch = json!([
        long(&format!("etl{slashes}"), "clean"),
        long("etl", &format!("{slashes}clean")),
        // It grows by what stands for a NUL.
        long("", &format!("\0{}", "x".repeat(4_095))),
        event("COMPLETE", 5),
    ]);
    let answer = server.post("/v1/lineage/batch", &batch).gives(200).await;
    assert_eq!(answer["summary"], json!({"received": 4, "successful": 1, "failed": 3}), "{answer}");
    assert_eq!(the_run(&server).status, Status::Completed);
}

#[tokio::test]
async fn a_dataset_by_a_long_name_is_set_aside_and_one_by_a_long_spelling_too() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    let spelled = format!("/data/{}rides.csv", "./".repeat(40_000));
    complete["outputs"] = json!([{"namespace": "file", "name": spelled}, dataset("rides")]);
    let answer = take(&server, &complete).await;
    assert_eq!(reasons(&answer), [("/outputs/0", "the dataset's name has 80015 bytes")]);
    assert_eq!(the_run(&server).outputs.len(), 1);
}

#[tokio::test]
async fn the_reason_why_a_facet_is_set_aside_is_short_and_kept_with_it() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    let facet = json!({"run": "\u{1}".repeat(5_000)});
    complete["run"]["facets"] = json!({"parent": facet});
    let answer = take(&server, &complete).await;
    assert!(reasons(&answer)[0].1.chars().count() < 400);
    let kept = &the_run(&server).params["openlineage.run.parent"];
    assert_eq!((&kept["facet"], &kept["_setAside"]), (&facet, &json!(reasons(&answer)[0].1)));
}

#[tokio::test]
async fn a_facet_that_cannot_be_read_does_not_take_the_place_of_one_that_can() {
    let told = |minute, facet: Value| {
        let mut running = event("RUNNING", minute);
        running["job"]["facets"] = json!({"documentation": facet});
        running
    };
    let (good, bad) = (told(1, json!({"description": "Cleans"})), told(2, json!({"description": 7})));
    for events in [[&good, &bad], [&bad, &good]] {
        let server = taken(&events).await;
        assert_eq!(server.tracer.component("etl/clean").unwrap().description.as_deref(), Some("Cleans"));
    }
}

#[tokio::test]
async fn a_facet_whose_key_holds_a_colon_is_kept_of_a_run_and_set_aside_of_a_dataset() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    complete["run"]["facets"] = json!({"acme:cost": {"usd": 3}});
    complete["inputs"] = json!([{"namespace": "s3://lake", "name": "raw", "facets": {"acme:cost": {"usd": 3}}}]);
    for _ in 0..2 {
        let answer = take(&server, &complete).await;
        assert_eq!(reasons(&answer), [("/inputs/0/facets/acme:cost", "a facet's key is a word")]);
    }
    assert_eq!(the_run(&server).params["openlineage.run.acme:cost"]["usd"], 3);
}

#[tokio::test]
async fn an_event_is_taken_though_a_facet_of_it_is_no_json() {
    let odd = r#"{"nulls": NaN, "most": -Infinity, "sum": 1e400, "file": "raw-\udcff.csv"}"#;
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let text = |minute| {
        let mut event = event("COMPLETE", minute);
        event["run"]["facets"] = json!({"odd": "ODD", "deep": {"list": "DEEP"}});
        event.to_string().replace(r#""ODD""#, odd).replace(r#""DEEP""#, &deep)
    };
    let server = Server::new();
    let answer = server.ask("POST", "/v1/lineage").body(text(5)).gives(201).await;
    assert_eq!(reasons(&answer), [("/run/facets/deep", "the facet nests more than 60 deep")]);
    let kept = &the_run(&server).params["openlineage.run.odd"];
    let fields = ["nulls", "most", "sum", "file"].map(|field| kept[field].as_str().unwrap());
    assert_eq!(fields, ["NaN", "-Infinity", "1e400", "raw-\u{fffd}.csv"]);
    // In a batch it costs the others nothing either.
    let batch = format!("[{}, 7, {}]", event("START", 0), text(6));
    let answer = server.ask("POST", "/v1/lineage/batch").body(batch).gives(200).await;
    assert_eq!(answer["summary"], json!({"received": 3, "successful": 2, "failed": 1}));
    assert_eq!((&answer["set_aside"][0]["index"], answer["set_aside"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(the_run(&server).duration_ms, Some(360_000.0));
}

#[tokio::test]
async fn a_test_of_a_run_is_counted_once_and_no_failure_is_lost() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    complete["run"]["facets"] = json!({"test": {"tests": [
        {"name": "not_null", "status": "fail", "expected": 0, "actual": 3},
        {"name": "unique_rides_id", "status": "pass"}, {"name": "range_rides_fare", "status": "fail"},
    ]}});
    complete["inputs"] = json!([{"namespace": "s3://lake", "name": "rides", "inputFacets": {
        "dataQualityAssertions": {"assertions": [
            {"assertion": "not_null", "success": true, "column": "a"},
            {"assertion": "unique", "name": "unique_rides_id", "success": true, "column": "id"},
            {"assertion": "range", "name": "range_rides_fare", "success": false, "column": "fare",
             "description": "fares", "expected": "0..500", "actual": "-4"},
        ]},
    }}]);
    assert_eq!(take(&server, &complete).await["set_aside"], json!([]));
    let run = the_run(&server);
    let checks: Vec<_> =
        run.checks.iter().map(|check| (check.name.as_str(), check.status, check.message.as_deref())).collect();
    let (held, broken) = (CheckStatus::Passed, CheckStatus::Failed);
    assert_eq!(
        checks,
        [
            ("not_null", broken, Some("expected 0, found 3")),
            ("not_null(a) of s3://lake/rides", held, None),
            ("range(fare) of s3://lake/rides", broken, Some("fares: expected 0..500, found -4")),
            ("unique(id) of s3://lake/rides", held, None),
        ]
    );
}

#[tokio::test]
async fn a_statement_that_spells_the_job_of_its_run_otherwise_does_not_rename_it() {
    let mut statement = event("COMPLETE", 9);
    statement["run"] = json!({"runId": "statement", "facets": {
        "parent": {"run": {"runId": RUN}, "job": {"namespace": "ETL", "name": "clean"}}}});
    statement["job"] = json!({"namespace": "etl", "name": "clean.sql.1", "facets": {"jobType": {"jobType": "SQL"}}});
    let complete = event("COMPLETE", 5);
    for events in [[&complete, &statement], [&statement, &complete]] {
        assert_eq!(the_run(&taken(&events).await).component, "etl/clean");
    }
}

#[tokio::test]
async fn an_event_that_does_not_say_of_which_type_it_is_tells_what_it_tells() {
    let mut running = event("", 3);
    running.as_object_mut().unwrap().remove("eventType");
    running["inputs"] = json!([dataset("raw")]);
    let run = the_run(&taken(&[&running]).await);
    assert_eq!((run.status, run.inputs.len()), (Status::Running, 1));
}

#[tokio::test]
async fn facets_that_are_only_shown_are_kept_under_their_names_as_they_came() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    let facet = |value: &str| json!({"_producer": "p", "value": value, "list": [1.5, null]});
    let all = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), facet(key))).collect::<Value>();
    complete["run"]["facets"] = all(&["nominalTime", "processing_engine"]);
    complete["job"]["facets"] = all(&["jobType"]);
    complete["job"]["facets"]["sourceCode"] = json!({"language": "python", "sourceCode": "run()"});
    complete["inputs"] = json!([{"namespace": "s3://lake", "name": "raw",
        "facets": all(&["schema", "lifecycleStateChange"]),
        "inputFacets": all(&["dataQualityMetrics", "inputStatistics"])}]);
    complete["outputs"] = json!([{"namespace": "s3://lake", "name": "rides",
        "facets": all(&["columnLineage"]), "outputFacets": all(&["outputStatistics"])}]);
    assert_eq!(take(&server, &complete).await["set_aside"], json!([]));
    let run = the_run(&server);
    for (place, key, pointer) in [
        ("run", "nominalTime", ""),
        ("run", "processing_engine", ""),
        ("job", "jobType", ""),
        ("input", "schema", ":s3://lake/raw"),
        ("input", "lifecycleStateChange", ":s3://lake/raw"),
        ("input", "dataQualityMetrics", ":s3://lake/raw"),
        ("input", "inputStatistics", ":s3://lake/raw"),
        ("output", "columnLineage", ":s3://lake/rides"),
        ("output", "outputStatistics", ":s3://lake/rides"),
    ] {
        let mut kept = run.params[&format!("openlineage.{place}.{key}{pointer}")].clone();
        assert_eq!(kept.as_object_mut().unwrap().remove("_toldAt").unwrap(), "2026-02-01T08:05:00Z");
        assert_eq!(kept, facet(key));
    }
    assert_eq!(run.params["openlineage.job.sourceCode"]["language"], "python");
    assert_eq!(run.code.snapshot.as_deref(), Some("run()"));
}

#[tokio::test]
async fn a_compressed_event_may_come_in_chunks() {
    let server = Server::new();
    let bytes = gzip(event("COMPLETE", 5).to_string().as_bytes());
    let chunks: Vec<_> = bytes.chunks(7).map(|chunk| std::io::Result::Ok(Bytes::copy_from_slice(chunk))).collect();
    let asking = server.ask("POST", "/v1/lineage").header("content-encoding", "gzip");
    asking.body(Body::from_stream(Ready(chunks.into_iter()))).gives(201).await;
    assert_eq!(the_run(&server).status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_locked_a_client_is_told_within_five_seconds_to_come_again() {
    let server = Server::with(Config { limits: Limits { waiting: 1, ..Limits::default() }, ..Config::default() });
    let other = Tracer::open(server.folder.path().join("store.db")).unwrap();
    let (unlock, unlocked) = mpsc::channel::<()>();
    let (lock, locked) = mpsc::channel();
    let holder = thread::spawn(move || {
        let _nothing_is_made = other.amend_runs(&[Uuid::from_u128(1)], |_, _| {
            lock.send(()).unwrap();
            unlocked.recv().unwrap();
            None
        });
    });
    locked.recv().unwrap();
    let asked_at = tokio::time::Instant::now();
    let complete = event("COMPLETE", 5);
    let asked: Vec<_> = (0..4).map(|_| tokio::spawn(server.post("/v1/lineage", &complete).send())).collect();
    let mut details = Vec::new();
    for answer in asked {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
        details.push(answer.json()["detail"].as_str().unwrap().to_owned());
    }
    assert!(asked_at.elapsed() < Duration::from_secs(5));
    assert!(details.iter().any(|detail| detail.starts_with("the store takes long")), "{details:?}");
    assert!(details.iter().any(|detail| detail.starts_with("too many requests wait")), "{details:?}");
    unlock.send(()).unwrap();
    holder.join().unwrap();
    tokio::time::resume();
    loop {
        // The two that were waiting may still be in the way.
        let answer = server.post("/v1/lineage", &complete).send().await;
        if answer.status == 201 {
            break;
        }
        assert_eq!(answer.status, 503);
    }
    assert_eq!(server.tracer.recent(9).unwrap().items.len(), 1);
}

/// Events of one run, each with something that is longer than can be kept, or just not.
fn long_events() -> Vec<Value> {
    let mut events = vec![event("START", 0), event("COMPLETE", 5)];
    let mut with = |minute, part: &str, field: &str, value: Value| {
        let mut odd = event("RUNNING", minute);
        let part = if part.is_empty() { &mut odd } else { &mut odd[part] };
        part[field] = value;
        events.push(odd);
    };
    // What JSON writes with six signs.
    let odd = |signs: usize| "\u{1}".repeat(signs);
    with(1, "", "producer", json!("p".repeat(70_000)));
    with(6, "", "producer", json!(odd(4_096)));
    with(7, "job", "namespace", json!(format!("etl{}", "/".repeat(70_000))));
    with(8, "job", "namespace", json!(format!("etl{}", "/".repeat(4_093))));
    with(9, "job", "name", json!("\0".repeat(1_364)));
    with(2, "", "inputs", json!([{"namespace": "file", "name": format!("/data/{}x", "./".repeat(40_000))}]));
    with(3, "", "inputs", json!([{"namespace": odd(2_000), "name": odd(2_000)}]));
    with(4, "run", "facets", json!({"parent": {"run": odd(5_400)}, "long": {"long": odd(10_900)}}));
    with(6, "run", "facets", json!({"parent": {"run": {"runId": "day"}}, "long": {"long": odd(12_000)}}));
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_events_make_the_same_store_in_any_order(
        (events, other) in prop::sample::subsequence(long_events(), 1..=11)
            .prop_flat_map(|events| (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())),
        size in 1..5_usize,
    ) {
        let one_by_one: Vec<_> = events.iter().map(|event| vec![event.clone()]).collect();
        let batches: Vec<_> = other.chunks(size).map(<[Value]>::to_vec).collect();
        prop_assert!(store_after(&one_by_one) == store_after(&batches), "{:?}", events.len());
    }
}
