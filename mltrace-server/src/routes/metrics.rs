//! What Prometheus scrapes.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::guard::Role;
use crate::problem::Problem;
use crate::service::Service;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Problem> {
    service.guard.allow(&headers, Role::Read)?;
    let found = service.metrics.scrape().await?;
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    let (kind, written) = if accepted.into_iter().any(|accepted| accepted.contains("application/openmetrics-text")) {
        (OPEN_METRICS, found.open_metrics())
    } else {
        (PROMETHEUS, found.prometheus())
    };
    let written = written.map_err(|_| Problem::internal())?;
    Ok(([(CONTENT_TYPE, kind)], written).into_response())
}
