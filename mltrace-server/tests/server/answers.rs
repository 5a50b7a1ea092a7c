//! The questions.

use serde_json::{Value, json};

use crate::client::Server;

/// A pipeline of two stages, whose names hold slashes.
fn pipeline() -> Server {
    let server = Server::new();
    server.run("etl/clean", "raw.csv", "/data/rides.csv");
    server.run("train", "/data/rides.csv", "models/forest");
    server
}

fn names(page: &Value, key: &str) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_last_runs_come_in_pages() {
    let server = pipeline();
    server.run("inference", "models/forest", "ride-1");
    let first = server.get("/v1/runs?limit=2").gives(200).await;
    assert_eq!(names(&first, "component"), ["inference", "train"]);
    let after = first["next"].as_str().unwrap();
    let rest = server.get(&format!("/v1/runs?limit=2&after={after}")).gives(200).await;
    assert_eq!((names(&rest, "component"), &rest["next"]), (vec!["etl/clean".to_owned()], &Value::Null));
}

#[tokio::test]
async fn a_run_is_found_by_its_number_and_by_its_uuid() {
    let server = pipeline();
    let by_number = server.get("/v1/runs/2").gives(200).await;
    assert_eq!(by_number["component"], "train");
    assert_eq!(by_number["dependencies"][0]["run"], 1);
    let uuid = by_number["uuid"].as_str().unwrap();
    assert_eq!(server.get(&format!("/v1/runs/{uuid}")).gives(200).await, by_number);
    assert!(server.get("/v1/runs/7").refuses(404).await.contains("no run 7"));
    server.get("/v1/runs/0197f3c0-0000-7000-8000-000000000001").refuses(404).await;
    server.get("/v1/runs/seven").refuses(404).await;
}

#[tokio::test]
async fn a_component_and_its_runs_are_found_though_its_name_holds_slashes() {
    let server = pipeline();
    for name in ["etl/clean", "etl%2Fclean"] {
        let component = server.get(&format!("/v1/components/{name}")).gives(200).await;
        assert_eq!((&component["name"], &component["last_run"]), (&json!("etl/clean"), &json!(1)));
        let runs = server.get(&format!("/v1/components/{name}/runs?status=completed")).gives(200).await;
        assert_eq!(runs["items"][0]["id"], 1);
    }
    assert!(server.get("/v1/components/etl").refuses(404).await.contains("there are etl/clean, train"));
    let all = server.get("/v1/components?limit=1").gives(200).await;
    assert_eq!((names(&all, "name"), &all["next"]), (vec!["etl/clean".to_owned()], &json!("etl/clean")));
    assert_eq!(names(&server.get("/v1/components?after=etl/clean").gives(200).await, "name"), ["train"]);
}

#[tokio::test]
async fn the_runs_of_a_component_come_in_pages_either_way() {
    let server = Server::new();
    for number in 0..3 {
        server.run("stage", "in", &format!("out-{number}"));
    }
    let first = server.get("/v1/components/stage/runs?limit=2&oldest_first=true").gives(200).await;
    let ids = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [1, 2]);
    let after = first["next"].as_str().unwrap();
    let rest = server.get(&format!("/v1/components/stage/runs?oldest_first=true&after={after}")).gives(200).await;
    assert_eq!(ids(&rest), [3]);
    server.get("/v1/components/stage/runs?after=nonsense").refuses(422).await;
}

#[tokio::test]
async fn a_pointer_is_found_by_a_name_that_begins_with_a_slash() {
    let server = pipeline();
    let pointer = server.get("/v1/pointers//data/rides.csv").gives(200).await;
    assert_eq!((&pointer["name"], &pointer["type"]), (&json!("/data/rides.csv"), &json!("data")));
    server.get("/v1/pointers/nothing").refuses(404).await;
}

#[tokio::test]
async fn lineage_is_walked_both_ways() {
    let server = pipeline();
    let trace = server.get("/v1/trace?output=models/forest").gives(200).await;
    assert_eq!(trace["runs"].as_array().unwrap().len(), 2);
    assert_eq!(trace["edges"][0]["pointer"], "/data/rides.csv");
    let short = server.get("/v1/trace?run=2&depth=0").gives(200).await;
    assert_eq!(short["truncated"]["runs"], 1);
    let impact = server.get("/v1/impact?pointer=raw.csv").gives(200).await;
    assert_eq!(impact["runs"].as_array().unwrap().len(), 2);
    server.tracer.label("raw.csv", "customer-7").write().unwrap();
    let label = server.get("/v1/impact?label=customer-7").gives(200).await;
    assert_eq!((&label["label"]["name"], label["runs"].as_array().unwrap().len()), (&json!("customer-7"), 2));
    for question in ["/v1/trace", "/v1/trace?output=a&run=1", "/v1/impact?run=1&label=x"] {
        assert!(server.get(question).refuses(422).await.starts_with("give "));
    }
}

#[tokio::test]
async fn runs_are_compared_judged_and_verified() {
    let server = pipeline();
    server.run("train", "/data/rides.csv", "models/forest");
    let diff = server.get("/v1/diff?before=2&after=3").gives(200).await;
    assert_eq!((&diff["before"], &diff["inputs"]["same"]), (&json!(2), &json!(1)));
    let stale = server.get("/v1/stale?limit=1").gives(200).await;
    assert_eq!(names(&stale, "component"), ["etl/clean"]);
    let after = stale["next"].as_str().unwrap().replace('\0', "%00");
    let rest = server.get(&format!("/v1/stale?after={after}")).gives(200).await;
    assert_eq!(names(&rest, "component"), ["train"]);
    assert_eq!(server.get("/v1/verify").gives(200).await["changed"], 0);
    server.get("/v1/diff?before=1").refuses(400).await;
}

#[tokio::test]
async fn tasks_take_outputs_and_late_labels_and_tell_how_good_they_were() {
    let server = Server::new();
    let outputs = json!([{"id": "ride-1", "value": 0.9}, {"id": "ride-2", "value": 0.4}]);
    assert_eq!(server.post("/v1/tasks/taxi/tip/outputs", &outputs).gives(201).await, json!({"logged": 2}));
    let feedback = json!([{"id": "ride-1", "value": 1.0, "at": "2030-01-01T00:00:00Z"}]);
    server.post("/v1/tasks/taxi/tip/feedback", &feedback).gives(201).await;
    assert_eq!(server.get("/v1/tasks").gives(200).await["items"], json!(["taxi/tip"]));
    let metrics = server.get("/v1/tasks/taxi/tip/metrics?metric=accuracy").gives(200).await;
    assert_eq!((&metrics["items"][0]["figure"], &metrics["items"][0]["labelled"]), (&json!(1.0), &json!(1)));
    server.get("/v1/tasks/taxi/tip/metrics?metric=beauty").refuses(400).await;
    server.get("/v1/tasks/other/metrics?metric=f1").refuses(404).await;
    server.get("/v1/tasks/taxi/tip/drift").refuses(404).await;
    let retrain = server.get("/v1/tasks/taxi/tip/retrain").gives(200).await;
    assert_eq!((&retrain["task"], &retrain["answer"]), (&json!("taxi/tip"), &json!("too_little_to_know")));
}

#[tokio::test]
async fn the_data_of_a_task_is_shown_in_figures() {
    let server = Server::new();
    let outputs = json!([
        {"id": "a", "value": 0.2, "at": "2020-03-01T23:59:59Z"},
        {"id": "b", "value": 0.4, "at": "2020-03-02T00:00:00Z"},
        {"id": "c", "value": 0.6, "at": "2020-03-03T12:00:00Z"},
        {"id": "d", "value": 0.8, "at": "2020-03-04T00:00:00Z"},
    ]);
    server.post("/v1/tasks/taxi/tip/outputs", &outputs).gives(201).await;
    let profile = server.get("/v1/tasks/taxi/tip/profile?days=2&until=2020-03-04").gives(200).await;
    assert_eq!(
        (&profile["task"], &profile["window"]),
        (&json!("taxi/tip"), &json!({"first": "2020-03-02", "days": 2}))
    );
    let column = &profile["columns"][0];
    assert_eq!(
        (&column["column"], &column["kind"], &column["count"]),
        (&json!("prediction"), &json!("numeric"), &json!(2))
    );
    assert_eq!((&column["mean"], &column["max"]), (&json!(0.5), &json!(0.6)));
    let lately = server.get("/v1/tasks/taxi/tip/profile").gives(200).await;
    assert_eq!((&lately["window"]["days"], &lately["columns"][0]["count"]), (&json!(7), &json!(0)));
    for days in ["4294967295", "800000", "0"] {
        server.get(&format!("/v1/tasks/taxi/tip/profile?days={days}")).refuses(422).await;
    }
    server.get("/v1/tasks/other/profile").refuses(404).await;
}

#[tokio::test]
async fn health_is_told_without_a_token_and_says_nothing_else() {
    let server = Server::new();
    server.token(mltrace_server::Role::Read);
    for path in ["/healthz", "/readyz"] {
        let answer = server.get(path).send().await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "ok\n"));
    }
}

#[tokio::test]
async fn a_store_that_is_damaged_is_alive_and_not_ready() {
    let server = pipeline();
    assert_eq!(server.get("/readyz").send().await.status, 200);
    std::fs::remove_file(server.folder.path().join("store.db")).unwrap();
    server.get("/readyz").refuses(503).await;
    assert_eq!(server.get("/healthz").send().await.status, 200);
}
