//! What went wrong, as `application/problem+json` (RFC 9457).

use std::any::Any;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mltrace_core::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// After what time who is told to come again may do so.
const RETRY: Duration = Duration::from_secs(1);

/// An answer that says what went wrong and what to do about it. The answer carries it along, for a page to be made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says of which type the problem is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong and what to do about it, in a sentence.
    detail: String,
    /// What is wrong with which part of the body, where that is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// What is wrong with a part of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// Which element of an array it is, counted from 0.
    pub(crate) index: usize,
    /// Which part of the body, as a JSON pointer (RFC 6901) from its beginning.
    pub(crate) pointer: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Unknown");
        Self { kind: "about:blank", title, status: status.as_u16(), detail: detail.into(), errors: Vec::new() }
    }

    /// It does not have the form that is described.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// It has the form that is described, and cannot be meant.
    pub(crate) fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Nothing was done, and it may be tried again.
    pub(crate) fn overloaded(what: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{what}; nothing was done, try again in a second"))
    }

    /// It may have been done, and to try it again changes nothing then.
    pub(crate) fn overloaded_meanwhile(what: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{what}; try again in a second"))
    }

    pub(crate) fn internal() -> Self {
        let detail = "a fault in mltrace itself: the server's log says more under this answer's x-request-id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The answer of what panicked, of which the log says more.
    pub(crate) fn panicked(cause: &(dyn Any + Send)) -> Self {
        let text = cause.downcast_ref::<&str>().copied();
        let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        tracing::error!("a fault in mltrace itself: an answer panicked: {text}");
        Self::internal()
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    pub(crate) fn with(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

impl Problem {
    pub(crate) fn of(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Busy | ErrorKind::ReadOnly | ErrorKind::Io => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(%error, "the store cannot answer");
        }
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mltrace\""));
        }
        (status, headers, Extension(self), body).into_response()
    }
}

/// Gives the answers of routers and layers, such as 405 and 413, the form of all others.
pub(crate) async fn unify(response: Response) -> Response {
    let status = response.status();
    let is_ours = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE || kind == HTML);
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "this path has other methods: the header `allow` names them",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large: send less at a time",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "the body is encoded in a way that is not read here: send it plain or as gzip"
        }
        _ => "the request cannot be answered",
    };
    let (mut parts, _) = response.into_parts();
    let (problem, body) = Problem::new(status, detail).into_response().into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(problem.headers);
    parts.extensions.extend(problem.extensions);
    Response::from_parts(parts, body)
}

/// The media type of pages, which say themselves what is wrong.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The answer of a request that panicked.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub(crate) fn of_panic(cause: Box<dyn Any + Send>) -> Response<Body> {
    Problem::panicked(&*cause).into_response()
}
