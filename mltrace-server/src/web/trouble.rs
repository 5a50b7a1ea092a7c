//! What is wrong, as a page: people have no use for the JSON that programs are given.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::form::back;
use super::frame::Frame;
use super::link;
use super::site::{render, see};
use crate::guard::referer;
use crate::problem::{HTML, Problem};
use crate::service::Service;

/// What is wrong, and what to do.
#[derive(Template)]
#[template(path = "web/problem.html")]
struct Trouble<'p> {
    frame: Frame,
    /// Whether it came of the login, whose form is led back to then.
    is_of_login: bool,
    problem: &'p Problem,
}

/// What was typed in the bar, which the answer that nothing came of it carries along.
#[derive(Debug, Clone)]
pub(super) struct Typed(pub(super) String);

/// Whether people ask for other paths than this one.
pub(crate) fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Makes a page of every problem that a person is answered with.
pub(crate) async fn show(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    if is_for_programs(request.uri().path()) {
        return next.run(request).await;
    }
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    match problem.status() {
        StatusCode::UNAUTHORIZED => return log_in(&method, &uri, &headers),
        // Only a form is sent there: its address was reloaded, or led back to after a login.
        StatusCode::METHOD_NOT_ALLOWED if matches!(method, Method::GET | Method::HEAD) => return see("/"),
        _ => {}
    }
    let mut frame = Frame::of(&service, &uri, &headers).unwrap_or_else(|_| Frame::bare(&headers));
    if let Some(Typed(text)) = response.extensions_mut().remove() {
        frame.typed = text;
    }
    let page = render(&Trouble { frame, is_of_login: uri.path() == "/login", problem: &problem }).unwrap_or_default();
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    Response::from_parts(head, page.into())
}

/// Who may not read is led to the login, and from there to what was asked; a form cannot be sent again by that, and its
/// page is shown instead.
fn log_in(method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let asked = if method.is_safe() { uri.path_and_query().map(ToString::to_string) } else { referer(uri, headers) };
    see(&link::to("/login", &[("to", &back(asked))]))
}
