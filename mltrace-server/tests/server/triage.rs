//! Flags, notes, tags, retraction.

use mltrace_server::Role;
use serde_json::json;

use crate::client::Server;

#[tokio::test]
async fn an_output_is_flagged_reviewed_and_unflagged() {
    let server = Server::new();
    server.run("inference", "model", "rides/1");
    let flag = "/v1/pointers/rides/1/flag";
    let flagged = server.ask("PUT", flag).gives(200).await;
    assert_eq!((&flagged["name"], &flagged["written_by"]), (&json!("rides/1"), &json!(1)));
    server.ask("PUT", flag).gives(200).await;
    let review = server.get("/v1/review?by=coverage").gives(200).await;
    assert_eq!(review["runs"][0]["run"]["component"], "inference");
    assert_eq!(server.ask("DELETE", flag).gives(200).await["items"].as_array().unwrap().len(), 1);
    assert!(server.ask("DELETE", flag).refuses(404).await.contains("not flagged"));
}

#[tokio::test]
async fn a_run_is_noted_and_a_component_tagged() {
    let server = Server::new();
    server.run("etl/clean", "raw", "rides");
    let run = server.post("/v1/runs/1/notes", &json!({"text": "the vendor resent it"})).gives(201).await;
    assert_eq!(run["notes"][0]["text"], "the vendor resent it");
    server.post("/v1/runs/1/notes", &json!({"text": " "})).refuses(422).await;
    server.post("/v1/runs/9/notes", &json!({"text": "x"})).refuses(404).await;
    let tags = server.ask("PUT", "/v1/components/etl/clean/tags").json(&json!({"tags": ["nightly"]}));
    assert_eq!(tags.gives(200).await["tags"], json!(["nightly"]));
    let listed = server.get("/v1/tags").gives(200).await;
    assert_eq!(listed["items"], json!([{"tag": "nightly", "components": ["etl/clean"]}]));
}

#[tokio::test]
async fn a_note_is_edited_as_long_as_it_says_what_whoever_edits_it_read() {
    let server = Server::new();
    server.run("etl/clean", "raw", "rides");
    let run = server.post("/v1/runs/1/notes", &json!({"text": "the vender resent it"})).gives(201).await;
    let edit = |text| server.ask("PUT", "/v1/runs/1/notes").json(&json!({"note": run["notes"][0], "text": text}));
    let edited = edit("the vendor resent it").gives(200).await;
    assert_eq!(edited["notes"][0]["text"], "the vendor resent it");
    assert_eq!(edited["notes"][0]["written_at"], run["notes"][0]["written_at"]);
    assert!(edit("").refuses(404).await.contains("edited or taken away"));
    let away = json!({"note": edited["notes"][0], "text": ""});
    assert_eq!(server.ask("PUT", "/v1/runs/1/notes").json(&away).gives(200).await["notes"], json!([]));
}

#[tokio::test]
async fn a_retraction_carries_the_name_of_who_came_with_a_token() {
    let server = Server::new();
    server.tracer.label("raw", "customer/7").write().unwrap();
    let token = server.token(Role::Review);
    let retract =
        |reason: &str| server.post("/v1/labels/customer/7/retract", &json!({"reason": reason})).bearer(&token);
    let first = retract("consent withdrawn").gives(200).await;
    assert_eq!((&first["retracted_by"], &first["is_new"]), (&json!("review"), &json!(true)));
    assert_eq!(retract("again").gives(200).await["reason"], "consent withdrawn");
    retract("").refuses(422).await;
    let labels = server.get("/v1/labels").bearer(&token).gives(200).await;
    assert_eq!(labels["items"][0]["retraction"]["reason"], "consent withdrawn");
}
