//! Whether the server lives, and whether it can answer. Both need no token, and tell nothing else but the mark of the store.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::mark::MARK;
use crate::problem::Problem;
use crate::service::Service;

/// What takes longer than this is not ready. Who asks seldom waits for more than a second.
const PATIENCE: Duration = Duration::from_millis(900);

pub(super) fn alive(service: &Service) -> Router {
    let mark = service.mark.clone().map(|mark| [(MARK, mark)]);
    Router::new().route("/healthz", get(async || (mark, "ok\n")))
}

pub(super) fn ready(service: Arc<Service>) -> Router {
    Router::new().route("/readyz", get(is_ready)).with_state(service)
}

async fn is_ready(State(service): State<Arc<Service>>) -> Result<&'static str, Problem> {
    let asked = service.readers.run(|tracer| tracer.recent(1).map(drop));
    let slow = |_| Problem::overloaded("the store is not read in time");
    tokio::time::timeout(PATIENCE, asked).await.map_err(slow)??.map(|()| "ok\n").map_err(|error| {
        tracing::error!(%error, "the store cannot be read");
        Problem::overloaded("the store cannot be read")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use axum::body::Body;
    use axum::http::Request;
    use mltrace_core::Tracer;
    use tower::ServiceExt;

    use super::*;
    use crate::service::{Config, Limits};

    #[tokio::test(start_paused = true)]
    async fn a_server_whose_readers_are_busy_is_not_ready_and_says_so_in_time() {
        let limits = Limits { readers: 1, ..Limits::default() };
        let config = Config { limits, ..Config::default() };
        let service = Arc::new(Service::new(&Tracer::in_memory().unwrap(), config).unwrap());
        let (release, held) = mpsc::channel::<()>();
        let readers = service.readers.clone();
        let long = tokio::spawn(async move { readers.run(move |_| held.recv().is_err()).await });
        tokio::task::yield_now().await;
        let answer = ready(service).oneshot(Request::get("/readyz").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 503);
        drop(release);
        assert!(long.await.unwrap().unwrap(), "it was under way all the time");
    }
}
