//! The description of the interface for programs and for people, and the login. No page runs any script.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::body::Reading;
use crate::guard::{COOKIE_NAME, Role};
use crate::page::{self, Docs};
use crate::problem::{HTML, Problem};
use crate::service::Service;
use crate::web::form::{back, read};
use crate::web::{see, theme};

/// How long a login holds, in seconds.
const LOGIN: u32 = 7 * 86_400;
/// What the form of the login may have, in bytes, and how long it may take: whoever sends it has no token yet.
const FORM: (usize, Duration) = (4 << 10, Duration::from_secs(5));

#[derive(Clone)]
struct Pages {
    service: Arc<Service>,
    form: Arc<Reading>,
    json: Bytes,
    docs: Arc<Docs>,
}

pub(super) fn router(service: Arc<Service>, document: Value) -> Router {
    let (limit, patience) = FORM;
    let form = Arc::new(Reading { limit, patience, large: Arc::new(Semaphore::new(0)) });
    let pages = Pages { service, form, docs: Docs::of(&document).into(), json: document.to_string().into() };
    Router::new()
        .route("/api/openapi.json", get(openapi))
        .route("/api/docs", get(docs))
        .route("/login", get(login).post(log_in))
        .route("/logout", axum::routing::post(log_out))
        .with_state(pages)
}

async fn openapi(State(pages): State<Pages>, headers: HeaderMap) -> Result<Response, Problem> {
    pages.service.guard.allow(&headers, Role::Read)?;
    Ok(([(CONTENT_TYPE, "application/json")], pages.json).into_response())
}

async fn docs(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    match pages.service.guard.allow(&headers, Role::Read) {
        Ok(_) => html(StatusCode::OK, page::docs(&pages.docs, theme(&headers))),
        Err(refused) if refused.status() == StatusCode::UNAUTHORIZED => see("/login?to=/api/docs"),
        Err(refused) => html(refused.status(), page::login(Some(&refused.to_string()), "/api/docs", theme(&headers))),
    }
}

/// Which page is shown once somebody has logged in.
#[derive(Deserialize)]
struct Towards {
    to: Option<String>,
}

async fn login(Query(Towards { to }): Query<Towards>, headers: HeaderMap) -> Response {
    html(StatusCode::OK, page::login(None, &back(to), theme(&headers)))
}

/// What the login page sends.
#[derive(Deserialize)]
struct Credentials {
    token: String,
    to: Option<String>,
}

async fn log_in(State(pages): State<Pages>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let Credentials { token, to } = read(&pages.form, body).await?;
    let (secret, to) = (token.trim(), back(to));
    if pages.service.guard.token(secret)?.is_none() {
        let page = page::login(Some("This token is not known here."), &to, theme(&parts.headers));
        return Ok(html(StatusCode::UNAUTHORIZED, page));
    }
    let mut response = see(&to);
    // A token that came over TLS must not leave without it; TLS is a proxy's, so that only the page's own origin tells.
    let is_secure = parts.headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    set_cookie(&mut response, secret, LOGIN, is_secure);
    Ok(response)
}

async fn log_out() -> Response {
    let mut response = see("/login");
    set_cookie(&mut response, "", 0, false);
    response
}

fn set_cookie(response: &mut Response, secret: &str, age: u32, is_secure: bool) {
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE_NAME}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(CONTENT_TYPE, HTML)], page).into_response()
}
