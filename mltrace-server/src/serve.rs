//! The server on a socket: how heads are read, how many connections there are, and how all of it ends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use mltrace_core::Tracer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::app::app;
use crate::impatient::Impatient;
use crate::service::{Config, Limits};
use crate::token::Tokens;

/// What a server waits after it could not take a connection, as where the process has no file left for one.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a store until the process is told to end (by SIGTERM, or Ctrl-C), and finishes what is under way then. Says at
/// which address, once it can be called.
///
/// Without a token only a loopback address is served that has no name for others; and none as soon as there are any.
///
/// # Errors
/// The address cannot be had, or is not a loopback address and there are no tokens; or as [`app`].
pub fn run(store: &Tracer, listen: SocketAddr, mut config: Config, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    // What has a name of its own stands behind a proxy, which others reach.
    config.needs_token |= !listen.ip().is_loopback() || !config.hosts.is_empty();
    if config.needs_token && !has_tokens(&config)? {
        let called = config.hosts.first().cloned().unwrap_or_else(|| listen.to_string());
        let message = format!(
            "{called} can be reached from other machines, and there are no tokens: make one with `mltrace token add`, or \
             listen at 127.0.0.1 without a name"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let limits = config.limits;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = app(store, config)?;
        let listener = TcpListener::bind(listen).await?;
        let [mut terminate, mut interrupt] = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let mut hangup = if outlives_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
        ready(listener.local_addr()?);
        serve(listener, app, limits, async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                Some(()) = async { hangup.as_mut()?.recv().await } => {}
            }
        })
        .await;
        Ok(())
    })
}

/// Whether this was started to go on when its terminal is closed, as by `nohup`: who listens for the signal that is ignored
/// then would end all the same. Where it cannot be told the signal is left alone.
fn outlives_terminal() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_none_or(|signals| signals & HANGUP != 0)
}

fn has_tokens(config: &Config) -> io::Result<bool> {
    let Some(path) = &config.tokens else { return Ok(false) };
    Ok(!Tokens::at(path.clone()).list()?.is_empty())
}

/// Serves [`app`] at a socket until `end` comes, and then finishes what is under way, for as long as the limits say.
///
/// Whoever reaches the socket is let in as the [`Config`] of the app says: by default everybody, while there are no tokens.
/// [`run`] is what refuses an address that others reach; here [`Config::needs_token`] is the caller's to set.
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, end: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_patience).max_buf_size(limits.head.max(8 << 10));
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut end => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let stream = Impatient::new(stream, limits.body_patience);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.farewell, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off: they took longer than the time there is to finish");
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be taken");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}
