//! Whether the server lives, and whether it can answer. Both need no token, and tell nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::problem::Problem;
use crate::service::Service;

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(service)
}

async fn ready(State(service): State<Arc<Service>>) -> Result<&'static str, Problem> {
    let asked = service.readers.run(|tracer| tracer.recent(1).map(drop)).await?;
    asked.map(|()| "ok\n").map_err(|error| {
        tracing::error!(%error, "the store cannot be read");
        Problem::overloaded("the store cannot be read")
    })
}
