//! Every refusal has one form.

use serde_json::json;

use crate::client::Server;

#[tokio::test]
async fn whatever_refuses_a_request_answers_with_a_problem() {
    let server = Server::new();
    server.get("/nothing").refuses(404).await;
    server.get("/v1/nothing").refuses(404).await;
    server.get("/v1/runs?limit=none").refuses(400).await;
    server.get("/v1/runs?limit=0").refuses(400).await;
    server.get("/v1/runs?after=x").refuses(422).await;
    server.get("/v1/runs?colour=red").refuses(400).await;
    server.get("/v1/components/%ff").refuses(400).await;
    server.post("/v1/runs", &json!({})).header("content-type", "text/plain").refuses(415).await;
    server.post("/v1/runs", &json!({})).header("content-encoding", "br").refuses(415).await;
    server.ask("POST", "/v1/runs/1/notes").body("{}").refuses(415).await;
    server.post("/v1/runs/1/notes", &json!({"texts": 1})).refuses(400).await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_with_those_that_it_has() {
    let server = Server::new();
    let answer = server.ask("DELETE", "/v1/runs").send().await;
    assert_eq!((answer.status.as_u16(), &answer.headers["allow"]), (405, &"GET,HEAD,POST".parse().unwrap()));
    assert_eq!(answer.json()["detail"], "this path has other methods: the header `allow` names them");
}

#[tokio::test]
async fn a_wrong_field_of_a_body_is_named_with_its_place() {
    let server = Server::new();
    let answer =
        server.post("/v1/tasks/t/outputs", &json!([{"id": "a", "value": 1.0}, {"id": "b", "value": "c"}])).send().await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/1/value");
}

#[tokio::test]
async fn every_answer_has_an_id_by_which_the_log_knows_it() {
    let server = Server::new();
    let ids = [server.get("/v1/runs").send().await, server.get("/v1/nothing").send().await];
    assert!(ids.iter().all(|answer| answer.headers["x-request-id"].len() == 36));
    assert_ne!(ids[0].headers["x-request-id"], ids[1].headers["x-request-id"]);
}
