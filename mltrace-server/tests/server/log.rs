//! What the log says.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use mltrace_server::Role;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
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

#[tokio::test]
async fn at_its_most_talkative_the_log_tells_of_requests_and_carries_no_token() {
    let kept = Kept::default();
    let told = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(kept.clone()).finish();
    // A call site that a thread of another test comes upon first is for ever silent where there is one subscriber
    // alone (tokio-rs/tracing#3611): with two, each is asked.
    let _second = Dispatch::new(NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(told);
    let server = Server::new();
    let token = server.token(Role::Read);
    server.get("/v1/runs").bearer(&token).gives(200).await;
    server.ask("PUT", "/v1/pointers/x/flag").bearer(&token).refuses(403).await;
    server.get("/v1/tags").header("cookie", &format!("mltrace_token={token}")).gives(200).await;
    server.get(&format!("/v1/labels?token={token}")).bearer("mltrace_wrong").refuses(400).await;
    let form = server.ask("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.body(format!("token={token}")).send().await.status, 303);
    let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    for path in ["path=\"/api/v1/runs\"", "path=\"/api/v1/labels\"", "path=\"/login\"", "/flag"] {
        assert!(log.contains(path), "{path} is not told of: {log}");
    }
    assert!(!log.contains(&token) && !log.contains("mltrace_"), "{log}");
}
