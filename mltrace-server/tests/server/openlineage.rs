//! Events of OpenLineage: what they make of a store, and that nothing about their coming matters.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use mltrace_core::{CheckStatus, ComponentRun, RunRecord, Status};
use mltrace_server::{Config, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Server;
use crate::events::store_after;

pub(crate) const RUN: &str = "0197f3c0-0000-7000-8000-000000000001";

/// An event of the run, at this minute.
pub(crate) fn event(kind: &str, minute: u32) -> Value {
    json!({
        "eventType": kind, "eventTime": format!("2026-02-01T08:{minute:02}:00Z"),
        "producer": "https://example.com/scheduler", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": RUN, "facets": {}}, "job": {"namespace": "etl", "name": "clean", "facets": {}},
        "inputs": [], "outputs": [],
    })
}

pub(crate) fn dataset(name: &str) -> Value {
    json!({"namespace": "s3://lake", "name": name})
}

pub(crate) async fn take(server: &Server, event: &Value) -> Value {
    server.post("/v1/lineage", event).gives(201).await
}

pub(crate) fn the_run(server: &Server) -> RunRecord {
    let id = server.tracer.run_id(RUN.parse().unwrap()).unwrap().unwrap();
    server.tracer.run(id).unwrap()
}

fn names<'r>(pointers: impl IntoIterator<Item = &'r mltrace_core::IoPointer>) -> Vec<&'r str> {
    pointers.into_iter().map(|pointer| pointer.name.as_str()).collect()
}

#[tokio::test]
async fn a_run_that_starts_and_completes_is_one_run_with_all_that_was_read_and_written() {
    let server = Server::new();
    let mut start = event("START", 0);
    start["inputs"] = json!([dataset("raw")]);
    start["outputs"] = json!([dataset("rides")]);
    let answer = take(&server, &start).await;
    assert_eq!((&answer["run"]["uuid"], &answer["set_aside"]), (&json!(RUN), &json!([])));
    let run = the_run(&server);
    assert_eq!((run.status, run.outputs.len()), (Status::Running, 0), "what is announced is not there yet");
    let mut complete = event("COMPLETE", 5);
    complete["inputs"] = json!([dataset("zones")]);
    take(&server, &complete).await;
    let run = the_run(&server);
    assert_eq!(
        (run.component.as_str(), run.status, run.duration_ms),
        ("etl/clean", Status::Completed, Some(300_000.0))
    );
    assert_eq!(names(run.inputs.iter().map(|input| &input.pointer)), ["s3://lake/raw", "s3://lake/zones"]);
    assert_eq!(names(&run.outputs), ["s3://lake/rides"]);
}

#[tokio::test]
async fn an_event_that_is_sent_again_changes_nothing_and_is_answered_as_before() {
    let server = Server::new();
    let first = take(&server, &event("COMPLETE", 5)).await;
    let again = take(&server, &event("COMPLETE", 5)).await;
    assert_eq!((&first["run"]["is_new"], &again["run"]["is_new"]), (&json!(true), &json!(false)));
    assert_eq!(first["run"]["id"], again["run"]["id"]);
}

#[tokio::test]
async fn a_run_that_has_ended_is_not_opened_again_by_an_event_that_comes_late() {
    let server = Server::new();
    for (kind, minute) in [("COMPLETE", 5), ("RUNNING", 7), ("OTHER", 8), ("START", 0)] {
        take(&server, &event(kind, minute)).await;
    }
    let run = the_run(&server);
    assert_eq!((run.status, run.duration_ms), (Status::Completed, Some(300_000.0)));
}

#[tokio::test]
async fn a_run_that_failed_wrote_what_its_end_names_and_what_was_only_announced_stays_announced() {
    for (at_end, written) in [(json!([]), 0), (json!([dataset("half")]), 1)] {
        let server = Server::new();
        let mut start = event("START", 0);
        start["outputs"] = json!([dataset("rides")]);
        let mut fail = event("FAIL", 5);
        fail["outputs"] = at_end;
        fail["run"]["facets"] = json!({"errorMessage": {"message": "no rides", "programmingLanguage": "SQL"}});
        take(&server, &start).await;
        take(&server, &fail).await;
        let run = the_run(&server);
        assert_eq!((run.status, run.error.as_deref(), run.outputs.len()), (Status::Failed, Some("no rides"), written));
        assert!(run.params.contains_key("openlineage.output:s3://lake/rides"), "it is shown as announced");
    }
}

#[tokio::test]
async fn an_aborted_run_is_cancelled_and_a_run_of_which_only_the_end_came_is_whole() {
    let server = Server::new();
    let mut abort = event("ABORT", 5);
    abort["inputs"] = json!([dataset("raw")]);
    take(&server, &abort).await;
    let run = the_run(&server);
    assert_eq!((run.status, run.started_at, run.inputs.len()), (Status::Cancelled, run.ended_at.unwrap(), 1));
}

#[tokio::test]
async fn a_rust_stage_that_reads_the_path_that_a_job_wrote_finds_that_job() {
    let server = Server::new();
    let path = server.folder.path().join("rides.csv");
    let mut complete = event("COMPLETE", 5);
    complete["outputs"] = json!([{"namespace": "file", "name": path}]);
    take(&server, &complete).await;
    let mut stage = ComponentRun::new("train");
    stage.start().add_input(path.as_path()).add_output("forest.model").end();
    server.tracer.log_component_run(stage).unwrap();
    let behind = server.tracer.trace("forest.model").get().unwrap();
    assert_eq!(behind.runs.iter().map(|node| node.run.component.as_str()).collect::<Vec<_>>(), ["train", "etl/clean"]);
}

#[tokio::test]
async fn facets_that_the_store_has_a_place_for_are_found_there() {
    let server = Server::new();
    let mut complete = event("COMPLETE", 5);
    complete["run"]["facets"] = json!({
        "parent": {"run": {"runId": "0197f3c0-0000-7000-8000-000000000002"}, "job": {"namespace": "etl", "name": "dag"}},
        "processing_engine": {"version": "3.5", "name": "spark"},
        "test": {"tests": [{"name": "unique", "status": "pass"}, {"name": "rows", "status": "fail", "description": "9 < 10"},
                           {"name": "later", "status": "skip"}]},
    });
    complete["job"]["facets"] = json!({
        "sql": {"query": "select 1"}, "documentation": {"description": "Cleans"},
        "ownership": {"owners": [{"name": "team:data", "type": "OWNER"}, {"name": "anna"}]},
        "tags": {"tags": [{"key": "tier", "value": "gold"}, {"key": "taxi", "value": "true", "source": "dbt"}]},
        "sourceCodeLocation": {"type": "git", "url": "https://example.com/clean.sql", "version": "abc123"},
    });
    complete["inputs"] = json!([{
        "namespace": "s3://lake", "name": "raw", "facets": {"version": {"datasetVersion": "81"}},
        "inputFacets": {"dataQualityAssertions": {"assertions": [
            {"assertion": "unique", "success": true, "column": "id"}, {"assertion": "not_null", "success": false}]}},
    }]);
    assert_eq!(take(&server, &complete).await["set_aside"], json!([]));
    let run = the_run(&server);
    assert_eq!(run.parent.unwrap().to_string(), "0197f3c0-0000-7000-8000-000000000002");
    assert_eq!(run.git.commit.as_deref(), Some("abc123"));
    assert_eq!(run.inputs[0].pointer.version.as_ref().unwrap().to_string(), "stated:81");
    assert_eq!(run.code.snapshot.as_deref(), Some("select 1"));
    assert_eq!(run.params["openlineage.run.processing_engine"]["name"], "spark");
    let checks: Vec<_> = run.checks.iter().map(|check| (check.name.as_str(), check.status)).collect();
    let (held, broken) = (CheckStatus::Passed, CheckStatus::Failed);
    let expected = [("not_null of s3://lake/raw", broken), ("rows", broken), ("unique(id) of s3://lake/raw", held)];
    assert_eq!(checks, expected, "the test `unique` is the assertion, and one that was skipped found nothing");
    let component = server.tracer.component("etl/clean").unwrap();
    assert_eq!(component.owner.as_deref(), Some("team:data, anna"));
    assert_eq!(
        (component.description.as_deref(), component.tags),
        (Some("Cleans"), vec!["taxi".into(), "tier=gold".into()])
    );
}

#[tokio::test]
async fn a_statement_that_reads_and_writes_nothing_is_kept_with_the_run_that_executes_it() {
    let server = Server::new();
    let statement = "0197f3c0-0000-7000-8000-000000000003";
    let told = |kind: &str, minute| {
        let mut told = event(kind, minute);
        told["run"]["runId"] = json!(statement);
        told["run"]["facets"] =
            json!({"parent": {"run": {"runId": RUN}, "job": {"namespace": "etl", "name": "clean"}}});
        told["job"] = json!({"namespace": "etl", "name": "clean.sql.1", "facets": {
            "jobType": {"integration": "DBT", "jobType": "SQL"}, "sql": {"query": "select 1"}}});
        told
    };
    let runs = || server.tracer.recent(9).unwrap().items;
    // It comes before the run itself is told of.
    let answer = take(&server, &told("START", 1)).await;
    assert_eq!(answer["run"]["uuid"], RUN);
    assert_eq!((runs().len(), runs()[0].status), (1, Status::Running));
    take(&server, &event("START", 0)).await;
    let mut failed = told("FAIL", 2);
    failed["run"]["facets"]["errorMessage"] = json!({"message": "no table"});
    take(&server, &failed).await;
    take(&server, &event("COMPLETE", 3)).await;
    assert_eq!(runs().len(), 1);
    let run = the_run(&server);
    assert_eq!((run.component.as_str(), run.duration_ms), ("etl/clean", Some(180_000.0)));
    let kept = &run.params[&format!("openlineage.run.statement.{statement}")];
    let field = |name: &str| kept[name].as_str().unwrap();
    assert_eq!(["name", "eventType", "query", "error"].map(field), ["clean.sql.1", "FAIL", "select 1", "no table"]);
    // One that reads something is a run, as is one that nobody is said to have executed.
    let mut reads = told("COMPLETE", 4);
    reads["inputs"] = json!([dataset("raw")]);
    take(&server, &reads).await;
    let mut alone = told("COMPLETE", 5);
    alone["run"] = json!({"runId": "0197f3c0-0000-7000-8000-000000000004"});
    take(&server, &alone).await;
    assert_eq!(runs().len(), 3);
}

#[tokio::test]
async fn a_facet_of_a_later_event_replaces_an_earlier_one_whole_and_is_taken_back_by_a_mark() {
    let server = Server::new();
    let told = |minute, facet: Value| {
        let mut running = event("RUNNING", minute);
        running["job"]["facets"] = json!({"documentation": facet});
        running
    };
    let seen = async |event: Value| {
        take(&server, &event).await;
        server.tracer.component("etl/clean").unwrap().description
    };
    assert_eq!(seen(told(2, json!({"description": "two", "x": 1}))).await.as_deref(), Some("two"));
    assert_eq!(seen(told(1, json!({"description": "one"}))).await.as_deref(), Some("two"), "it is older");
    assert_eq!(seen(told(3, json!({"description": "three"}))).await.as_deref(), Some("three"));
    assert_eq!(the_run(&server).params["openlineage.job.documentation"].get("x"), None);
    assert_eq!(seen(told(4, json!({"_deleted": true}))).await, None);
}

#[tokio::test]
async fn a_malformed_facet_is_set_aside_with_its_reason_and_the_event_is_kept() {
    let server = Server::new();
    let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let mut complete = event("COMPLETE", 5);
    complete["run"]["facets"] = json!({
        "parent": {"run": 7}, "odd": "text", "spark.plan": {"plan": "x".repeat(100_000)}, "deep": {"list": deep},
        "": {}, "gone": null, "spark_unknown": {"_producer": "p", "any": [1, {"thing": null}]},
    });
    complete["job"]["facets"] = json!("none");
    complete["inputs"] =
        json!([dataset("raw"), {"namespace": "s3://lake"}, 7, {"namespace": "x", "name": "y".repeat(5_000)}]);
    complete["outputs"] = json!({"namespace": "s3://lake"});
    let answer = take(&server, &complete).await;
    let aside: Vec<_> =
        answer["set_aside"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        aside,
        [
            "/run/facets/",
            "/run/facets/deep",
            "/run/facets/odd",
            "/run/facets/parent",
            "/run/facets/spark.plan",
            "/job/facets",
            "/inputs/1",
            "/inputs/2",
            "/inputs/3",
            "/outputs",
        ]
    );
    let run = the_run(&server);
    assert_eq!((run.status, run.inputs.len(), run.parent), (Status::Completed, 1, None));
    let unknown = &run.params["openlineage.run.spark_unknown"];
    assert_eq!((&unknown["_producer"], &unknown["any"]), (&json!("p"), &json!([1, {"thing": null}])), "as it came");
    let parent = &run.params["openlineage.run.parent"];
    assert!(parent["_setAside"].as_str().unwrap().contains("cannot be read"), "{parent}");
    assert_eq!(parent["facet"], json!({"run": 7}));
    let plan = run.params["openlineage.run.spark.plan"]["_setAside"].as_str().unwrap().to_owned();
    assert!(plan.starts_with("the facet has 1000"), "{plan}");
}

#[tokio::test]
async fn what_cannot_be_said_of_any_run_or_moment_is_refused_by_what_it_lacks() {
    let server = Server::new();
    let without = |place: &[&str]| {
        let mut event = event("START", 0);
        let (last, way) = place.split_last().unwrap();
        way.iter().fold(&mut event, |value, part| &mut value[*part]).as_object_mut().unwrap().remove(*last);
        event
    };
    for (event, lacks) in [
        (json!([]), "no object"),
        (json!({}), "neither `run` nor `job` nor `dataset`"),
        (without(&["eventTime"]), "`/eventTime` is missing"),
        (without(&["run", "runId"]), "`/run/runId` is missing"),
        (without(&["job"]), "`/job/namespace` is missing"),
        (without(&["job", "name"]), "`/job/name` is missing"),
    ] {
        let refused = server.post("/v1/lineage", &event).refuses(400).await;
        assert!(refused.contains(lacks), "{refused}");
    }
    server.ask("POST", "/v1/lineage").body("{").refuses(400).await;
    assert!(server.tracer.recent(1).unwrap().items.is_empty());
}

#[tokio::test]
async fn an_event_of_a_job_or_a_dataset_alone_is_taken_and_the_answer_says_that_nothing_is_kept() {
    let server = Server::new();
    for (alone, of) in [
        (json!({"job": {"namespace": "etl", "name": "clean"}}), "/job"),
        (json!({"dataset": dataset("raw"), "run": null}), "/dataset"),
    ] {
        let answer = take(&server, &alone).await;
        assert_eq!((&answer["run"], &answer["set_aside"][0]["pointer"]), (&Value::Null, &json!(of)));
    }
    assert!(server.tracer.recent(1).unwrap().items.is_empty());
}

#[tokio::test]
async fn a_run_whose_id_is_no_uuid_is_always_the_same_run() {
    let server = Server::new();
    for kind in ["START", "COMPLETE"] {
        let mut named = event(kind, 0);
        named["run"]["runId"] = json!("nightly-2026-02-01");
        take(&server, &named).await;
    }
    let runs = server.tracer.recent(9).unwrap().items;
    assert_eq!((runs.len(), runs[0].status), (1, Status::Completed));
}

#[tokio::test]
async fn a_run_that_the_library_wrote_is_not_changed_by_what_others_tell_of_it() {
    let server = Server::new();
    let id = server.run("stage", "raw", "rides");
    let before = server.tracer.run(id).unwrap();
    let mut other = event("FAIL", 5);
    other["run"]["runId"] = json!(before.uuid);
    assert_eq!(take(&server, &other).await["run"]["is_new"], false);
    assert_eq!(server.tracer.run(id).unwrap(), before);
}

#[tokio::test]
async fn a_batch_says_which_events_were_not_taken_and_keeps_the_others() {
    let server = Server::new();
    let batch = json!([event("START", 0), {"run": {}}, event("COMPLETE", 5)]);
    let answer = server.post("/v1/lineage/batch", &batch).gives(200).await;
    assert_eq!(
        (&answer["status"], &answer["summary"]),
        (&json!("partial_success"), &json!({"received": 3, "successful": 2, "failed": 1}),)
    );
    let failed = &answer["failed_events"][0];
    assert_eq!((&failed["index"], &failed["retriable"]), (&json!(1), &json!(false)));
    assert!(failed["reason"].as_str().unwrap().contains("`/eventTime` is missing"));
    assert_eq!(the_run(&server).status, Status::Completed);
    let answer = server.post("/v1/lineage/batch", &json!([1])).gives(200).await;
    assert_eq!(answer["status"], "failure");
    let answer = server.post("/v1/lineage/batch", &json!([])).gives(200).await;
    assert_eq!(answer["status"], "success");
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_event_may_be_compressed_and_one_that_grows_past_the_limit_is_refused() {
    let server =
        Server::with(Config { limits: Limits { decompressed: 1 << 20, ..Limits::default() }, ..Config::default() });
    let send = |event: &Value| {
        let asking = server.ask("POST", "/v1/lineage").header("content-encoding", "gzip");
        asking.body(gzip(event.to_string().as_bytes()))
    };
    send(&event("COMPLETE", 5)).gives(201).await;
    assert_eq!(the_run(&server).status, Status::Completed);
    let mut huge = event("COMPLETE", 6);
    huge["run"]["facets"] = json!({"plan": {"text": "x".repeat(2 << 20)}});
    send(&huge).refuses(413).await;
}

/// A piece of an event, drawn from few, so that events contradict each other.
fn some_event() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec!["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", ""]);
    let some = |names: &'static [&'static str]| prop::sample::subsequence(names.to_vec(), 0..=names.len());
    let datasets = || {
        (some(&["a", "b", "c"]), 0..3_u8).prop_map(|(names, version)| {
            let facets = json!({"version": {"datasetVersion": version.to_string()}});
            names
                .iter()
                .map(|name| json!({"namespace": "s3://lake", "name": name, "facets": facets}))
                .collect::<Value>()
        })
    };
    let facets = (some(&["parent", "errorMessage", "unknown", "odd"]), 0..3_u8).prop_map(|(keys, value)| {
        let facet = |key: &str| match key {
            "parent" => json!({"run": {"runId": format!("parent-{value}")}}),
            "errorMessage" => json!({"message": format!("error {value}")}),
            "odd" if value == 0 => json!(7),
            _ => json!({"value": value}),
        };
        keys.iter().map(|key| ((*key).to_owned(), facet(key))).collect::<serde_json::Map<_, _>>()
    });
    let job = (some(&["documentation"]), 0..3_u8).prop_map(|(keys, value)| {
        let facet = json!({"description": format!("says {value}")});
        keys.iter().map(|key| ((*key).to_owned(), facet.clone())).collect::<serde_json::Map<_, _>>()
    });
    (0..3_u8, kinds, 0..6_u32, datasets(), datasets(), facets, job, prop::bool::weighted(0.2)).prop_map(
        |(run, kind, minute, inputs, outputs, facets, job, is_statement)| {
            let mut event = event(kind, minute);
            event["run"] = json!({"runId": Uuid::from_u128(u128::from(run) + 1), "facets": facets});
            event["job"] = json!({"namespace": "etl", "name": format!("job-{run}"), "facets": job});
            if is_statement {
                event["job"]["facets"]["jobType"] = json!({"jobType": "SQL"});
                let parent = json!({"namespace": "etl", "name": "job-9"});
                event["run"]["facets"]["parent"] = json!({"run": {"runId": Uuid::from_u128(9)}, "job": parent});
            } else {
                (event["inputs"], event["outputs"]) = (inputs, outputs);
            }
            event
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_repetition_of_events_gives_the_same_store(
        (events, other) in prop::collection::vec(some_event(), 1..10).prop_flat_map(|events| {
            let again = prop::collection::vec(prop::sample::select(events.clone()), 0..6);
            let other = again.prop_map({
                let events = events.clone();
                move |again| [events.clone(), again].concat()
            });
            (Just(events), other.prop_shuffle())
        }),
        size in 1..5_usize,
    ) {
        let one_by_one: Vec<_> = events.iter().map(|event| vec![event.clone()]).collect();
        let batches: Vec<_> = other.chunks(size).map(<[Value]>::to_vec).collect();
        prop_assert_eq!(store_after(&one_by_one), store_after(&batches));
    }
}
