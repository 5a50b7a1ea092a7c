//! What the log says.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use mltrace_server::Role;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::Server;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What all threads of all tests log from now on.
static LOG: LazyLock<Kept> = LazyLock::new(|| {
    let kept = Kept::default();
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(kept.clone());
    log.init();
    kept
});

fn log() -> String {
    String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn at_its_most_talkative_the_log_tells_of_requests_and_carries_no_token() {
    LazyLock::force(&LOG);
    let server = Server::new();
    let (token, wrong) = (server.token(Role::Read), "mltrace_0000");
    for (token, status) in [(token.as_str(), 200), (wrong, 401)] {
        assert_eq!(server.get("/v1/runs").bearer(token).send().await.status, status);
        let cookie = format!("mltrace_token={token}");
        assert_eq!(server.get("/v1/tags").header("cookie", &cookie).send().await.status, status);
        assert_eq!(server.get(&format!("/v1/labels?token={token}")).send().await.status, 401);
        let form = server.ask("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
        let logged_in = form.body(format!("token={token}")).send().await;
        assert_eq!(logged_in.status, if status == 200 { 303 } else { status });
        server.ask("PUT", "/v1/pointers/x/flag").bearer(token).send().await;
    }
    let log = log();
    for path in ["path=\"/api/v1/runs\"", "path=\"/api/v1/labels\"", "path=\"/login\"", "/flag"] {
        assert!(log.contains(path), "{path} is not told of: {log}");
    }
    assert!(!log.contains(&token) && !log.contains(wrong) && !log.contains("mltrace_token"), "{log}");
}

#[tokio::test]
async fn what_goes_wrong_on_a_thread_of_the_store_is_told_with_the_id_of_its_answer() {
    LazyLock::force(&LOG);
    let server = Server::new();
    std::fs::remove_file(server.folder.path().join("store.db")).unwrap();
    let run = json!({"component": "stage", "started_at": "2020-02-01T08:00:00Z"});
    let tags = server.ask("PUT", "/v1/components/stage/tags").json(&json!({"tags": ["t"]}));
    for asking in [server.get("/v1/runs"), server.post("/v1/runs", &run), tags] {
        let answer = asking.send().await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let log = log();
        let is_it = |line: &&str| line.contains(&id) && line.contains("the store cannot answer");
        assert!(log.lines().any(|line| is_it(&line)), "{id} is not told of: {log}");
    }
}
