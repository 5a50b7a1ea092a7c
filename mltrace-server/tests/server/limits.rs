//! What requests may take of the machine.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use mltrace_core::{RunId, Tracer};
use mltrace_server::{Config, Limits};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::Server;

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn limited(limits: Limits) -> Server {
    Server::with(Config { limits, ..Config::default() })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn run() -> serde_json::Value {
    json!({"component": "stage", "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"})
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_or_without_its_length() {
    let server = limited(Limits { body: 1_000, ..Limits::default() });
    let send = |body: Body| server.post("/v1/runs", &json!({})).body(body);
    send("x".repeat(1_001).into()).refuses(413).await;
    let chunks = (0..11).map(|_| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 100])));
    send(Body::from_stream(Ready(chunks))).refuses(413).await;
    server.post("/v1/runs", &run()).gives(201).await;
}

/// A stream of what is there already.
pub(crate) struct Ready<I>(pub(crate) I);

impl<I: Iterator + Unpin> futures_core::Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn a_compressed_body_is_read_and_a_bomb_is_not() {
    let server = limited(Limits { decompressed: 1 << 20, ..Limits::default() });
    let send = |body: Vec<u8>| server.post("/v1/runs", &json!({})).header("content-encoding", "gzip").body(body);
    send(gzip(run().to_string().as_bytes())).gives(201).await;
    assert_eq!(server.tracer.run(RunId(1)).unwrap().component, "stage");
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    send(bomb).refuses(413).await;
    send(b"no gzip".to_vec()).refuses(400).await;
    let whole = gzip(run().to_string().as_bytes());
    send(whole[..whole.len() - 9].to_vec()).refuses(400).await;
}

#[tokio::test]
async fn a_body_of_more_values_than_can_be_meant_is_refused_before_it_is_parsed() {
    let server = Server::new();
    let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
    for path in ["/v1/runs", "/v1/lineage", "/v1/lineage/batch", "/v1/tasks/t/outputs"] {
        let send = |body: String| server.post(path, &json!({})).body(body);
        assert!(send(zeros((1 << 20) + 1)).refuses(413).await.contains("1048576 values"));
        let quoted = format!("[\"\\\"{}\"]", ",".repeat(2 << 20));
        assert_ne!(send(quoted).send().await.status, 413, "what is quoted is one value");
    }
}

#[tokio::test]
async fn an_array_that_is_too_long_is_refused_whole() {
    let server = limited(Limits { array: 2, ..Limits::default() });
    server.run("stage", "in", "out");
    let value = json!({"id": "a", "value": 1.0});
    for (method, path, body) in [
        ("POST", "/v1/runs", json!([run(), run(), run()])),
        ("POST", "/v1/lineage/batch", json!([{}, {}, {}])),
        ("POST", "/v1/tasks/t/outputs", json!([value, value, value])),
        ("POST", "/v1/tasks/t/feedback", json!([value, value, value])),
        ("PUT", "/v1/components/stage/tags", json!({"tags": ["a", "b", "c"]})),
    ] {
        let refused = server.ask(method, path).json(&body).refuses(413).await;
        assert!(refused.contains("3 elements, and 2 are taken at a time"), "{path}: {refused}");
    }
    assert_eq!(server.tracer.recent(9).unwrap().items.len(), 1);
    assert!(server.tracer.tasks().unwrap().is_empty() && server.tracer.tags().unwrap().is_empty());
}

/// Keeps the store from being written until this is dropped.
struct Held(#[allow(dead_code, reason = "it is dropped")] mpsc::Sender<()>);

impl Held {
    fn new(store: &Tracer) -> Self {
        let (release, until) = mpsc::channel();
        let (tell, is_held) = mpsc::channel();
        let store = store.clone();
        let hold = move || {
            store.amend_runs(&[Uuid::nil()], |_, _| {
                tell.send(()).unwrap();
                let _released = until.recv();
                None
            })
        };
        thread::spawn(hold);
        is_held.recv().unwrap();
        Self(release)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_take_their_room_until_they_are_answered() {
    let server = Server::new();
    let large = |body: &serde_json::Value| format!("{body}{}", " ".repeat(1 << 20));
    let send_run = || server.post("/v1/runs", &json!({})).body(large(&run())).send();
    let outputs = large(&json!([{"id": "a", "value": 1.0}]));
    let held = Held::new(&server.tracer);
    let mut asked = JoinSet::new();
    for _ in 0..5 {
        asked.spawn(send_run());
        asked.spawn(server.post("/v1/tasks/t/outputs", &json!({})).body(outputs.clone()).send());
    }
    for _ in 0..2 {
        let refused =
            tokio::time::timeout(PATIENCE, asked.join_next()).await.expect("all of them wait").unwrap().unwrap();
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.text().contains("too many large bodies"), "{}", refused.text());
    }
    server.get("/v1/runs").gives(200).await;
    drop(held);
    for answer in asked.join_all().await {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(send_run().await.status, 201, "those that are answered leave their room");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up() {
    let server = limited(Limits { body_patience: Duration::from_secs(3), ..Limits::default() });
    let asking = server.post("/v1/runs", &json!({})).body(Body::from_stream(Never));
    assert!(asking.refuses(408).await.contains("within 3 s"));
}

/// A stream that never gives anything.
pub(crate) struct Never;

impl futures_core::Stream for Never {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn who_logs_in_has_no_token_yet_and_may_send_little_in_little_time() {
    let server = limited(Limits { requests: 1, ..Limits::default() });
    assert_eq!(server.ask("POST", "/login").body("x".repeat((4 << 10) + 1)).send().await.status, 413);
    let slow = tokio::spawn(server.ask("POST", "/login").body(Body::from_stream(Never)).send());
    tokio::task::yield_now().await;
    server.get("/v1/runs").gives(200).await;
    let slow = slow.await.unwrap();
    assert!(slow.status == 408 && slow.text().contains("within 5 s"), "{}", slow.text());
}

#[tokio::test]
async fn more_requests_than_there_is_room_for_are_told_to_come_again() {
    let server = limited(Limits { requests: 2, ..Limits::default() });
    let hang = || {
        let asking = server.post("/v1/runs", &json!({})).body(Body::from_stream(Never));
        tokio::spawn(asking.send())
    };
    let hanging = [hang(), hang()];
    // They take their room when they are first polled.
    tokio::task::yield_now().await;
    let answer = server.get("/v1/runs").send().await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(server.get("/healthz").send().await.status, 200, "it lives all the same");
    assert_eq!(server.ask("POST", "/login").body("token=x").send().await.status, 401);
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
    for hanging in hanging {
        assert!(hanging.await.unwrap_err().is_cancelled());
    }
    assert_eq!(server.get("/v1/runs").send().await.status, 200, "those who went away left their room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_cannot_take_in_time_is_refused_and_what_was_acknowledged_is_kept() {
    let server = limited(Limits { waiting: 1, ..Limits::default() });
    let asked: Vec<_> = (0..200).map(|_| tokio::spawn(server.post("/v1/runs", &run()).send())).collect();
    let (mut kept, mut refused) = (Vec::new(), 0);
    for answer in asked {
        let answer = answer.await.unwrap();
        match answer.status.as_u16() {
            201 => kept.push(answer.json()["runs"][0]["id"].as_i64().unwrap()),
            503 => {
                assert_eq!(answer.headers["retry-after"], "1");
                refused += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(refused > 0, "nobody was refused, so nothing was tested");
    kept.sort_unstable();
    let stored = server.tracer.recorded_after(RunId(0)).unwrap();
    assert_eq!(stored.iter().map(|run| run.id.0).collect::<Vec<_>>(), kept);
}
