use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mltrace_core::{ComponentRun, RunId, Tracer};
use mltrace_server::{Config, Role, Tokens, app};
use serde_json::Value;
use tower::ServiceExt;

/// A service over a store of its own.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) app: Router,
    pub(crate) tracer: Tracer,
    pub(crate) tokens: Tokens,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// One request.
#[must_use = "nothing is asked until it is sent"]
pub(crate) struct Asking {
    app: Router,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Server {
    /// A page, which must be one and be found.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &"text/html; charset=utf-8".parse().unwrap()),
            "{path}"
        );
        answer.text()
    }

    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("store.db");
        let tracer = Tracer::open(&path).unwrap();
        let tokens = Tokens::beside(&path);
        let config = Config { tokens: Some(tokens.path().to_owned()), ..config };
        Self { app: app(&tracer, config).unwrap(), tracer, tokens, folder }
    }

    pub(crate) fn get(&self, path: &str) -> Asking {
        self.ask("GET", path)
    }

    pub(crate) fn post(&self, path: &str, json: &Value) -> Asking {
        self.ask("POST", path).json(json)
    }

    pub(crate) fn ask(&self, method: &'static str, path: &str) -> Asking {
        let path =
            if path.starts_with("/api") || !path.starts_with("/v1") { path.to_owned() } else { format!("/api{path}") };
        let headers = vec![("host", "localhost:8080".to_owned())];
        Asking { app: self.app.clone(), method, path, headers, body: Body::empty() }
    }

    pub(crate) fn token(&self, role: Role) -> String {
        self.tokens.add(role.as_str(), role).unwrap()
    }

    /// A run of a component that read one thing and wrote another.
    pub(crate) fn run(&self, component: &str, input: &str, output: &str) -> RunId {
        let mut run = ComponentRun::new(component);
        run.start().add_input(input).add_output(output).end();
        self.tracer.log_component_run(run).unwrap()
    }
}

impl Asking {
    pub(crate) fn json(mut self, json: &Value) -> Self {
        self.body = json.to_string().into();
        self.header("content-type", "application/json")
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a header, in place of an earlier one.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = self.app.oneshot(request.body(self.body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// An answer of this status, as JSON.
    pub(crate) async fn gives(self, status: u16) -> Value {
        let answer = self.send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        answer.json()
    }

    /// A problem of this status; gives its detail.
    pub(crate) async fn refuses(self, status: u16) -> String {
        let answer = self.send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}
