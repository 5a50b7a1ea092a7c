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

/// What is for programs that log.
const LOGGING: [&str; 5] = ["/runs", "/lineage", "/lineage/batch", "/tasks/{name}/outputs", "/tasks/{name}/feedback"];

#[tokio::test]
async fn each_role_is_refused_what_it_may_not_do() {
    let server = Server::new();
    let document = server.get("/api/openapi.json").gives(200).await;
    let mut asked = vec![
        ("GET", "/api/openapi.json".to_owned(), Role::Read),
        ("GET", "/api/docs".to_owned(), Role::Read),
        ("GET", "/metrics".to_owned(), Role::Read),
    ];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| known.eq_ignore_ascii_case(method));
            let needed = match (method, path.strip_prefix("/api/v1")) {
                (Some("GET"), _) => Role::Read,
                (Some("POST"), Some(path)) if LOGGING.contains(&path) => Role::Log,
                _ => Role::Review,
            };
            assert_eq!(operation["description"], format!("Needs the role `{needed}`."), "{path}");
            asked.push((method.unwrap(), path.replace("{name}", "x").replace("{run}", "1"), needed));
        }
    }
    for role in Role::ALL {
        let token = server.token(role);
        for (method, path, needed) in &asked {
            let may = match role {
                Role::Read => *needed == Role::Read,
                Role::Log => *needed == Role::Log,
                Role::Review => *needed != Role::Log,
                Role::Admin => true,
            };
            let answer = server.ask(method, path).json(&json!({})).bearer(&token).send().await;
            assert_eq!(answer.status == 403, !may, "{role}: {method} {path}: {}", answer.text());
            assert_ne!(answer.status, 401, "{role}: {method} {path}");
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
    server.get(&format!("/v1/runs?token={token}")).refuses(401).await;
}

#[tokio::test]
async fn the_login_page_sets_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let server = Server::new();
    let token = server.token(Role::Read);
    let docs = server.get("/api/docs").send().await;
    assert_eq!((docs.status.as_u16(), &docs.headers["location"]), (303, &"/login?to=/api/docs".parse().unwrap()));
    assert!(server.get("/login").send().await.text().contains("<form method=\"post\" action=\"/login\">"));
    let runs = server.get("/trace/raw%20rides").send().await;
    assert_eq!(runs.headers["location"], "/login?to=/trace/raw%2520rides", "and back from there");
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
async fn a_login_leads_nowhere_but_to_this_site() {
    let server = Server::new();
    let token = server.token(Role::Read);
    for to in [
        "//evil.example",
        "https://evil.example",
        "/%5cevil.example",
        "/%09/evil.example",
        "/%0a/evil.example",
        "/%0d/evil.example",
        "%09//evil.example",
        "/%00/evil.example",
        "/%C2%85/evil.example",
    ] {
        let page = server.get(&format!("/login?to={to}")).send().await.text();
        assert!(page.contains("name=\"to\" value=\"/\""), "{to}: {page}");
        let answer = server.ask("POST", "/login").body(format!("token={token}&to={to}")).send().await;
        assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (303, &"/".parse().unwrap()), "{to}");
    }
}

#[tokio::test]
async fn whose_login_ends_before_a_form_is_sent_is_led_back_to_the_page_that_holds_it() {
    let server = Server::new();
    server.token(Role::Read);
    let send = || server.ask("POST", "/runs/1/notes").body("text=mine");
    let leads = async |referer: &str| send().header("referer", referer).send().await.headers["location"].clone();
    assert_eq!(send().send().await.headers["location"], "/login?to=/");
    assert_eq!(leads("http://localhost:8080/runs/1?a=b").await, "/login?to=/runs/1%3Fa%3Db");
    for elsewhere in ["http://evil.example/runs/1", "http://localhost:8080//evil.example", "/runs/1", "", "about:blank"]
    {
        assert_eq!(leads(elsewhere).await, "/login?to=/", "{elsewhere}");
    }
}

#[tokio::test]
async fn who_logged_in_and_cannot_be_shown_a_page_is_told_why() {
    let server = Server::new();
    let token = server.token(Role::Log);
    let docs = || server.get("/api/docs").header("cookie", &format!("mltrace_token={token}"));
    let refused = docs().send().await;
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["content-type"]),
        (403, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(refused.text().contains("this needs the role"), "{}", refused.text());
    std::fs::write(server.tokens.path(), "[]x").unwrap();
    let failed = docs().send().await;
    assert_eq!(failed.status, 503);
    assert!(failed.text().contains("the tokens cannot be read"), "{}", failed.text());
}

#[tokio::test]
async fn what_others_named_is_shown_on_a_page_and_not_run_by_it() {
    let server = Server::new();
    let token = server.tokens.add("<script>alert(1)</script>\"'&", Role::Log).unwrap();
    let page = server.get("/api/docs").bearer(&token).send().await.text();
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test]
async fn who_is_logged_in_can_log_out_by_the_page_and_nobody_else() {
    const FORM: &str = "<form method=\"post\" action=\"/logout\">";
    let server = Server::new();
    assert!(!server.page("/").await.contains(FORM));
    let token = server.token(Role::Read);
    let page = server.get("/").header("cookie", &format!("mltrace_token={token}")).send().await.text();
    assert!(page.contains(FORM), "{page}");
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
    assert_eq!(server.ask("POST", "/login").header("origin", "https://evil.example").send().await.status, 403);
    assert!(server.tracer.review().get().unwrap().flagged.is_empty());
    server.get("/v1/runs").header("sec-fetch-site", "cross-site").gives(200).await;
    change().header("sec-fetch-site", "same-origin").header("origin", "http://localhost:8080").gives(200).await;
    change().gives(200).await;
}

#[tokio::test]
async fn no_page_may_run_what_this_server_does_not_serve() {
    let server = Server::new();
    for path in ["/api/docs", "/login", "/v1/runs", "/v1/nothing", "/healthz"] {
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
