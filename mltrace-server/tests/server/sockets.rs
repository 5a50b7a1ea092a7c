//! The server on a socket: slow and huge heads, and how it ends.

use std::time::{Duration, Instant};

use mltrace_core::RunId;
use mltrace_server::{Config, Limits, run, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Server;

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) address: std::net::SocketAddr,
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn limited(limits: Limits) -> Running {
    start(Server::with(Config { limits, ..Config::default() }), limits).await
}

pub(crate) async fn start(server: Server, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, told) = oneshot::channel::<()>();
    let app = server.app.clone();
    let ended = tokio::spawn(async move { serve(listener, app, limits, async { drop(told.await) }).await });
    Running { server, address, end, ended }
}

/// Sends this and gives all that comes until the server closes.
async fn talk(address: std::net::SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses may close before it has read everything.
    let _reset = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server hangs");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(more: &str) -> String {
    format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{more}\r\n")
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let running = limited(Limits { head_patience: Duration::from_millis(100), ..Limits::default() }).await;
    let began = Instant::now();
    talk(running.address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow:").await;
    assert!(began.elapsed() < Duration::from_secs(5), "far longer than there was: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = limited(Limits::default()).await;
    let ask = async |size: usize| {
        talk(running.address, &get(&format!("connection: close\r\nx-large: {}\r\n", "x".repeat(size)))).await
    };
    let answer = ask(20 << 10).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = ask(12 << 10).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

/// Asks on a connection that stays, and waits for the answer.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(get("").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_connection_waits_while_there_are_as_many_as_there_may_be() {
    let running = limited(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    ask(&mut first).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(get("").as_bytes()).await.unwrap();
    for _ in 0..100 {
        ask(&mut first).await;
    }
    let early = second.try_read(&mut [0]).unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "it was served beside the first");
    drop(first);
    ask(&mut second).await;
}

#[tokio::test]
async fn a_client_that_takes_no_answer_loses_its_connection() {
    let limits = Limits { connections: 1, body_patience: Duration::from_millis(100), ..Limits::default() };
    let running = limited(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut first = socket.connect(running.address).await.unwrap();
    // Far more than what lies between the two can hold.
    let request = "GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    first.write_all(request.repeat(400).as_bytes()).await.unwrap();
    let mut second = TcpStream::connect(running.address).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), ask(&mut second)).await.expect("the first keeps its place");
}

#[tokio::test]
async fn what_takes_longer_than_the_farewell_is_cut_off() {
    let running = limited(Limits { farewell: Duration::from_millis(100), ..Limits::default() }).await;
    let stream = under_way(running.address, 10).await;
    running.end.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.ended).await.expect("it waits for the body").unwrap();
    drop(stream);
}

/// A request to log a run, of which the server waits for the body.
async fn under_way(address: std::net::SocketAddr, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "the request is under way");
    stream
}

#[tokio::test]
async fn a_server_that_is_told_to_end_answers_what_is_under_way() {
    let running = limited(Limits::default()).await;
    let body = r#"{"component":"stage","started_at":"2020-02-01T08:00:00Z","ended_at":"2020-02-01T08:05:00Z"}"#;
    let mut stream = under_way(running.address, body.len()).await;
    running.end.send(()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201 Created"), "{}", String::from_utf8_lossy(&answer));
    running.ended.await.unwrap();
    assert_eq!(running.server.tracer.run(RunId(1)).unwrap().component, "stage");
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody new is let in");
}

#[test]
fn an_address_that_others_reach_is_not_served_without_a_token() {
    let server = Server::new();
    let config = || Config { tokens: Some(server.tokens.path().to_owned()), ..Config::default() };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = run(&server.tracer, address.parse().unwrap(), config(), |_| panic!("it listens"));
        assert!(refused.unwrap_err().to_string().contains("make one with `mltrace token add`"));
    }
}
