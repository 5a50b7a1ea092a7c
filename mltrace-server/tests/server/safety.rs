//! The sentences of the design about safety, one test each; those about limits are in `limits`.

use axum::http::header::SET_COOKIE;
use mltrace_server::{Config, Role};
use serde_json::json;

use crate::client::Server;

#[tokio::test]
async fn on_loopback_nobody_needs_a_token_until_there_is_one() {
    let server = Server::new();
    server.get("/v1/runs").gives(200).await;
    let token = server.token(Role::Read);
    let answer = server.get("/v1/runs").send().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["www-authenticate"]),
        (401, &"Bearer realm=\"mltrace\"".parse().unwrap())
    );
    server.get("/v1/runs").bearer(&token).gives(200).await;
    server.tokens.revoke("read").unwrap();
    server.get("/v1/runs").refuses(401).await;
}

#[tokio::test]
async fn a_server_that_needs_a_token_lets_nobody_in_while_there_is_none() {
    let server = Server::with(Config { needs_token: true, ..Config::default() });
    server.get("/v1/runs").refuses(401).await;
    server.get("/api/openapi.json").refuses(401).await;
    let token = server.token(Role::Read);
    server.get("/v1/runs").bearer(&token).gives(200).await;
    server.tokens.revoke("read").unwrap();
    server.get("/v1/runs").bearer(&token).refuses(401).await;
}

#[tokio::test]
async fn each_role_is_refused_what_it_may_not_do() {
    let server = Server::new();
    server.run("stage", "in", "out");
    server.tracer.label("in", "mark").write().unwrap();
    let run = json!({"component": "s", "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"});
    let values = json!([{"id": "a", "value": 1.0}]);
    for (role, may_read, may_log, may_review) in [
        (Role::Read, true, false, false),
        (Role::Log, false, true, false),
        (Role::Review, true, false, true),
        (Role::Admin, true, true, true),
    ] {
        let token = server.token(role);
        let reading = ["/v1/runs", "/v1/trace?output=out", "/v1/verify", "/api/openapi.json", "/v1/tasks"];
        let logging = [("/v1/runs", &run), ("/v1/tasks/t/outputs", &values), ("/v1/tasks/t/feedback", &values)];
        let note = json!({"text": "x"});
        let (reason, tags) = (json!({"reason": "x"}), json!({"tags": ["t"]}));
        let reviewing = [
            ("POST", "/v1/runs/1/notes", &note),
            ("POST", "/v1/labels/mark/retract", &reason),
            ("PUT", "/v1/components/stage/tags", &tags),
            ("PUT", "/v1/pointers/out/flag", &json!(null)),
            ("DELETE", "/v1/pointers/out/flag", &json!(null)),
        ];
        let asked = reading
            .map(|path| (server.get(path), may_read))
            .into_iter()
            .chain(logging.map(|(path, body)| (server.post(path, body), may_log)))
            .chain(reviewing.map(|(method, path, body)| (server.ask(method, path).json(body), may_review)));
        for (asking, may) in asked {
            let answer = asking.bearer(&token).send().await;
            assert_eq!(answer.status == 403, !may, "{role}: {}", answer.text());
            assert_eq!(answer.status.is_success(), may, "{role}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_wrong_token_is_no_token() {
    let server = Server::new();
    let token = server.token(Role::Admin);
    for wrong in ["", "mltrace_", &token[..token.len() - 1], &format!("{token}0"), &token.to_uppercase()] {
        server.get("/v1/runs").bearer(wrong).refuses(401).await;
        server.get("/v1/runs").header("cookie", &format!("mltrace_token={wrong}")).refuses(401).await;
    }
    server.get("/v1/runs").header("authorization", &format!("Basic {token}")).refuses(401).await;
    server.get(&format!("/v1/runs?token={token}")).refuses(400).await;
}

#[tokio::test]
async fn the_login_page_sets_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let server = Server::new();
    let token = server.token(Role::Read);
    let docs = server.get("/api/docs").send().await;
    assert_eq!((docs.status.as_u16(), &docs.headers["location"]), (303, &"/login".parse().unwrap()));
    assert!(server.get("/login").send().await.text().contains("<form method=\"post\" action=\"/login\">"));
    let log_in = |token: &str| {
        let form = server.ask("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
        form.body(format!("token={token}"))
    };
    let refused = log_in("mltrace_wrong").send().await;
    assert_eq!((refused.status.as_u16(), refused.headers.get(SET_COOKIE)), (401, None));
    assert!(refused.text().contains("This token is not known here."));
    let answer = log_in(&token).header("origin", "http://localhost:8080").send().await;
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    assert_eq!(cookie, format!("mltrace_token={token}; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"));
    let brought = cookie.split(';').next().unwrap();
    server.get("/v1/runs").header("cookie", &format!("theme=dark; {brought}")).gives(200).await;
    let by_tls = log_in(&token).header("host", "localhost").header("origin", "https://localhost").send().await;
    assert!(by_tls.headers[SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
    let out = server.ask("POST", "/logout").send().await;
    assert!(out.headers[SET_COOKIE].to_str().unwrap().starts_with("mltrace_token=; Path=/; Max-Age=0"));
}

#[tokio::test]
async fn a_name_that_was_made_to_lead_here_is_refused() {
    let server = Server::with(Config { hosts: vec!["Traces.Example".to_owned()], ..Config::default() });
    for host in ["evil.example", "localhost.evil.example", "evil.example:8080", "", "127.0.0.1.evil.example", "[::1"] {
        server.get("/v1/runs").header("host", host).refuses(421).await;
        server.get("/healthz").header("host", host).refuses(421).await;
    }
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7", "traces.example:443"] {
        server.get("/v1/runs").header("host", host).gives(200).await;
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let server = Server::new();
    server.run("stage", "in", "out");
    let change = || server.ask("PUT", "/v1/pointers/out/flag");
    for origin in ["https://evil.example", "null", "http://localhost", "http://localhost:8080.evil.example"] {
        assert!(change().header("origin", origin).refuses(403).await.contains("another site"));
    }
    for site in ["cross-site", "same-site", ""] {
        change().header("sec-fetch-site", site).refuses(403).await;
        change().header("sec-fetch-site", site).header("origin", "http://localhost:8080").refuses(403).await;
    }
    server.ask("POST", "/login").header("origin", "https://evil.example").refuses(403).await;
    assert!(server.tracer.review().get().unwrap().flagged.is_empty());
    server.get("/v1/runs").header("sec-fetch-site", "cross-site").gives(200).await;
    change().header("sec-fetch-site", "same-origin").header("origin", "http://localhost:8080").gives(200).await;
    change().gives(200).await;
}

#[tokio::test]
async fn no_page_may_run_what_this_server_does_not_serve() {
    let server = Server::new();
    for path in ["/api/docs", "/login", "/v1/runs", "/nothing", "/healthz"] {
        let answer = server.get(path).send().await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
        let page = answer.text();
        for inline in ["<script", "<style", " style=", " onclick=", "javascript:", "//cdn"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}
