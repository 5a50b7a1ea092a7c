//! Every refusal has one form.

use mltrace_server::{Config, Limits, Role};
use serde_json::json;

use crate::client::{Answer, Asking, Server};

#[tokio::test]
async fn whatever_refuses_a_request_answers_with_a_problem() {
    let server = Server::new();
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

/// A problem of this status that is a page with a frame.
async fn page(asking: Asking, status: u16) -> Answer {
    let answer = asking.send().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (status, &"text/html; charset=utf-8".parse().unwrap()),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains(" role=\"alert\">") && answer.text().contains("<nav"), "{}", answer.text());
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    answer
}

#[tokio::test]
async fn people_are_told_by_a_page_what_went_wrong_and_programs_by_json() {
    let server = Server::new();
    assert!(page(server.get("/run/7"), 404).await.text().contains("nothing at this address"));
    page(server.get("/assets/0/nothing.js"), 404).await;
    page(server.get("/runs/forest"), 400).await;
    page(server.get("/").header("host", "evil.example"), 421).await;
    page(server.ask("POST", "/unflag-all").header("origin", "https://evil.example"), 403).await;
    page(server.ask("POST", "/flag").body("x"), 400).await;
    assert_eq!(page(server.ask("DELETE", "/stale"), 405).await.headers["allow"], "GET,HEAD");
    server.get("/api/nothing").refuses(404).await;
    server.get("/api/v1/runs").header("host", "evil.example").refuses(421).await;
    server.ask("POST", "/healthz").refuses(405).await;
    server.ask("POST", "/metrics").refuses(405).await;
}

#[tokio::test]
async fn a_login_that_cannot_be_read_is_answered_by_a_page() {
    let server = Server::new();
    server.token(Role::Read);
    let missing = page(server.ask("POST", "/login").body("to=/stale"), 400).await.text();
    assert!(missing.contains("missing field `token`"), "{missing}");
    page(server.get("/login?to=/stale&to=/labels"), 400).await;
    let large = page(server.ask("POST", "/login").body("x".repeat(5 << 10)), 413).await.text();
    for page in [missing, large] {
        assert!(page.contains("<a href=\"/login\">"), "there is a way back to the form: {page}");
    }
    page(server.ask("POST", "/login").header("origin", "https://evil.example"), 403).await;
    page(server.ask("DELETE", "/login"), 405).await;
}

#[tokio::test]
async fn who_asks_too_much_is_told_by_a_page_when_to_come_again() {
    let server = Server::with(Config { limits: Limits { requests: 0, ..Limits::default() }, ..Config::default() });
    assert_eq!(page(server.get("/"), 503).await.headers["retry-after"], "1");
    server.get("/v1/runs").refuses(503).await;
}

#[tokio::test]
async fn a_page_that_says_what_is_wrong_has_the_frame_of_whoever_asks() {
    let server = Server::new();
    let token = server.token(Role::Read);
    let ask =
        |token: &str| server.get("/run/7").header("cookie", &format!("mltrace_theme=dark; mltrace_token={token}"));
    let known = page(ask(&token), 404).await.text();
    assert!(known.contains("data-theme=\"dark\"") && known.contains("Signed in as read"), "{known}");
    let unknown = page(ask("x"), 404).await.text();
    assert!(unknown.contains("data-theme=\"dark\"") && !unknown.contains("Signed in as"), "{unknown}");
}

#[tokio::test]
async fn the_login_and_the_description_of_the_interface_have_the_chosen_colours() {
    let server = Server::new();
    let token = server.token(Role::Read);
    for (method, path, body) in [("GET", "/login", ""), ("POST", "/login", "token=x"), ("GET", "/api/docs", "")] {
        let ask = || server.ask(method, path).body(body).bearer(&token);
        assert!(!ask().send().await.text().contains("data-theme"), "{path}: the system's colours");
        for theme in ["light", "dark"] {
            let page = ask().header("cookie", &format!("mltrace_theme={theme}")).send().await.text();
            assert!(page.contains(&format!("<html lang=\"en\" data-theme=\"{theme}\">")), "{method} {path}: {page}");
        }
    }
}

#[tokio::test]
async fn the_address_of_a_form_leads_to_the_last_runs() {
    let server = Server::new();
    for form in ["/go", "/flag", "/flag/outputs", "/unflag-all", "/runs/1/notes", "/logout"] {
        let answer = server.get(form).send().await;
        assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (303, &"/".parse().unwrap()), "{form}");
    }
}
