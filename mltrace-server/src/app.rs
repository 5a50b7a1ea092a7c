//! The whole service: routes, and the layers through which every request passes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use mltrace_core::Tracer;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::guard::check_origin;
use crate::problem::{self, Problem};
use crate::service::{Config, Service};
use crate::{names, routes, web};

/// The service over a store. It can be called without a socket, as tests do, or handed to [`serve`](crate::serve).
///
/// ```
/// use axum::body::Body;
/// use axum::http::Request;
/// use mltrace_core::Tracer;
/// use mltrace_server::{Config, app};
/// use tower::ServiceExt;
///
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let app = app(&Tracer::in_memory()?, Config::default())?;
/// let request = Request::get("/api/v1/runs").header("host", "localhost").body(Body::empty())?;
/// assert_eq!(app.oneshot(request).await?.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The store or the tokens cannot be read, or threads cannot be started.
pub fn app(store: &Tracer, config: Config) -> io::Result<Router> {
    let service = Arc::new(Service::new(store, config)?);
    let limits = service.limits;
    let routes =
        routes::all(&service).layer(RequestDecompressionLayer::new()).layer(RequestBodyLimitLayer::new(limits.body));
    Ok(Router::new()
        .fallback_service(routes.into_service().map_request(names::encode))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), admit))
        .layer(middleware::map_response_with_state(Arc::clone(&service), count))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(middleware::map_response(problem::unify))
        .layer(middleware::from_fn_with_state(service, web::show))
        .layer(middleware::map_response(protect))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(tell))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid)))
}

/// What the log says of a request: nothing of its question or its headers, which may hold a token.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

/// A fault is told; that too much is asked at once is not, or the log would be what takes the time then. Both are counted.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn tell(fault: ServerErrorsFailureClass, took: Duration, _: &tracing::Span) {
    match fault {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {
            tracing::debug!(took_ms = took.as_millis(), "turned away");
        }
        fault => tracing::error!(%fault, took_ms = took.as_millis(), "a request failed"),
    }
}

/// Lets a request in, if it comes by a right way.
async fn admit(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri(), request.headers());
    let checked = service.guard.check_host(uri, headers).and_then(|()| check_origin(request.method(), uri, headers));
    if let Err(refused) = checked {
        return refused.into_response();
    }
    next.run(request).await
}

/// Lets a request in, if there is room.
pub(crate) async fn limit_requests(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let Ok(_room) = service.requests.try_acquire() else {
        return Problem::overloaded("too many requests are under way").into_response();
    };
    next.run(request).await
}

async fn count(State(service): State<Arc<Service>>, response: Response) -> Response {
    service.metrics.refusals.answer(response.status());
    response
}

/// Nothing that a page holds is run, but what this server itself serves.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers that keep browsers from doing more with an answer than it is meant for.
async fn protect(mut response: Response) -> Response {
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What never changes says so itself.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The answer where there is nothing.
pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    let detail = if web::is_for_programs(uri.path()) {
        "there is nothing at this path: /api/docs lists what there is"
    } else {
        "there is nothing at this address: search for it by its name in the bar above, or begin with the last runs"
    };
    Problem::new(StatusCode::NOT_FOUND, detail)
}
