//! Logging runs.

use mltrace_core::RunId;
use serde_json::{Value, json};

use crate::client::Server;

fn run(component: &str) -> Value {
    json!({"component": component, "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"})
}

#[tokio::test]
async fn a_run_is_in_the_store_when_the_answer_comes() {
    let server = Server::new();
    let mut given = run("cleaning");
    given["outputs"] = json!(["rides.csv", {"name": "table", "version": {"kind": "stated", "value": "81"}}]);
    let answer = server.post("/v1/runs", &given).gives(201).await;
    assert_eq!((&answer["runs"][0]["id"], &answer["runs"][0]["is_new"]), (&json!(1), &json!(true)));
    assert_eq!(answer["refused"], json!([]));
    assert_eq!(server.tracer.run(RunId(1)).unwrap().outputs.len(), 2);
}

#[tokio::test]
async fn a_run_that_is_sent_again_is_not_doubled() {
    let server = Server::new();
    let mut given = run("cleaning");
    given["uuid"] = json!("0197f3c0-0000-7000-8000-000000000001");
    let answers = [server.post("/v1/runs", &given).gives(201).await, server.post("/v1/runs", &given).gives(201).await];
    assert_eq!(
        answers.map(|answer| answer["runs"][0].clone()),
        [
            json!({"index": 0, "id": 1, "uuid": given["uuid"], "is_new": true}),
            json!({"index": 0, "id": 1, "uuid": given["uuid"], "is_new": false}),
        ]
    );
    assert_eq!(server.tracer.recent(9).unwrap().items.len(), 1);
}

#[tokio::test]
async fn of_an_array_the_good_runs_are_kept_and_the_bad_ones_named_with_their_fields() {
    let server = Server::new();
    let mut unknown = run("b");
    unknown["colour"] = json!("red");
    let mut no_name = run("c");
    no_name["inputs"] = json!(["raw", {"name": "x", "version": {"kind": "guessed", "value": "1"}}]);
    let mut empty = run("d");
    empty["outputs"] = json!([""]);
    let answer = server.post("/v1/runs", &json!([run("a"), unknown, no_name, empty, 7, run("f")])).gives(201).await;
    let kept: Vec<_> = answer["runs"].as_array().unwrap().iter().map(|run| run["index"].as_u64().unwrap()).collect();
    assert_eq!(kept, [0, 5]);
    let refused: Vec<_> = answer["refused"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(refused, ["/1/colour", "/2/inputs/1/version/kind", "/3/outputs/0", "/4"]);
    assert!(answer["refused"][0]["detail"].as_str().unwrap().starts_with("unknown field `colour`"));
    let stored = server.tracer.recent(9).unwrap().items;
    assert_eq!(stored.iter().map(|run| run.component.as_str()).collect::<Vec<_>>(), ["f", "a"]);
}

#[tokio::test]
async fn where_no_run_is_good_the_answer_is_a_problem_that_names_each() {
    let server = Server::new();
    let mut bad = run("");
    bad["uuid"] = json!("0197f3c0-0000-7000-8000-000000000001");
    let answer = server.post("/v1/runs", &bad).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]), (422, &json!("/component")));
    let answer = server.post("/v1/runs", &json!([bad, {}])).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]), (422, &json!("/0/component")));
    let missing = answer.json()["errors"][1]["detail"].as_str().unwrap().to_owned();
    assert!(missing.contains("missing field `component`"), "{missing}");
    let mut early = run("e");
    early["ended_at"] = json!("yesterday");
    let answer = server.post("/v1/runs", &early).send().await.json();
    assert_eq!(answer["errors"][0]["detail"], "`yesterday` is no time: write it like 2026-02-01T08:00:00Z");
    assert!(server.tracer.recent(9).unwrap().items.is_empty());
}

#[tokio::test]
async fn what_is_no_json_is_refused_and_an_empty_array_is_nothing_to_do() {
    let server = Server::new();
    for body in ["", "{", "[1,", "\u{feff}{}"] {
        let asking = server.ask("POST", "/v1/runs").header("content-type", "application/json").body(body);
        assert!(asking.refuses(400).await.contains("no JSON"));
    }
    assert_eq!(server.post("/v1/runs", &json!([])).gives(201).await, json!({"runs": [], "refused": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_log_at_once_each_get_the_number_of_their_own_run() {
    let server = Server::new();
    let log = |number: usize| {
        let asking = server.post("/v1/runs", &run(&format!("stage-{number}")));
        tokio::spawn(async move { (number, asking.gives(201).await["runs"][0]["id"].as_i64().unwrap()) })
    };
    let asked: Vec<_> = (0..100).map(log).collect();
    for answer in asked {
        let (number, id) = answer.await.unwrap();
        assert_eq!(server.tracer.run(RunId(id)).unwrap().component, format!("stage-{number}"));
    }
}
