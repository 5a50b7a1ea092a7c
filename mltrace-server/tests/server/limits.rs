//! What requests may take of the machine.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use mltrace_core::RunId;
use mltrace_server::{Config, Limits};
use serde_json::json;

use crate::client::Server;

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
struct Ready<I>(I);

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
async fn an_array_that_is_too_long_is_refused_whole() {
    let server = limited(Limits { array: 2, ..Limits::default() });
    server.post("/v1/runs", &json!([run(), run(), run()])).refuses(413).await;
    let value = json!({"id": "a", "value": 1.0});
    server.post("/v1/tasks/t/outputs", &json!([value, value, value])).refuses(413).await;
    assert!(server.tracer.recent(1).unwrap().items.is_empty());
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
