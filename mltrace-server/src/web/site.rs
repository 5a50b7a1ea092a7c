//! How views are asked, and what they answer where something is wrong.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mltrace_core::Tracer;
use serde::de::DeserializeOwned;

use super::form::read;
use super::frame::Frame;
use super::link;
use crate::guard::{Role, Who};
use crate::lane::Lane;
use crate::problem::{HTML, Problem};
use crate::service::Service;

/// The views so far.
pub(super) struct Site {
    service: Arc<Service>,
    pub(super) router: Router,
}

/// What a view is asked.
pub(super) struct Visit<'a, P, Q> {
    pub(super) tracer: &'a Tracer,
    pub(super) path: P,
    pub(super) query: Q,
    pub(super) frame: Frame,
}

/// What a form asks to change.
pub(super) struct Change<'a, P, F> {
    pub(super) tracer: &'a Tracer,
    pub(super) path: P,
    pub(super) form: F,
    pub(super) who: Who,
}

impl Site {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, router: Router::new() }
    }

    /// Adds a view that whoever may read is shown.
    pub(super) fn view<P, Q, T>(self, path: &str, answer: fn(Visit<'_, P, Q>) -> Result<T, Problem>) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        Q: DeserializeOwned + Send + 'static,
        T: Template + 'static,
    {
        self.view_on(|service| &service.readers, path, answer)
    }

    /// The same of a view for which files are read, so that no other waits for it.
    pub(super) fn view_of_files<P, Q, T>(self, path: &str, answer: fn(Visit<'_, P, Q>) -> Result<T, Problem>) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        Q: DeserializeOwned + Send + 'static,
        T: Template + 'static,
    {
        self.view_on(|service| &service.files, path, answer)
    }

    fn view_on<P, Q, T>(
        mut self,
        lane: fn(&Service) -> &Lane,
        path: &str,
        answer: fn(Visit<'_, P, Q>) -> Result<T, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        Q: DeserializeOwned + Send + 'static,
        T: Template + 'static,
    {
        let service = Arc::clone(&self.service);
        let handler = move |request: Request| {
            let service = Arc::clone(&service);
            async move {
                let (mut parts, _) = request.into_parts();
                let frame = match frame(&service, &parts) {
                    Ok(frame) => frame,
                    Err(problem) => return refused(&parts, &problem),
                };
                let shown = async {
                    let Path(path) = Path::<P>::from_request_parts(&mut parts, &()).await.map_err(malformed)?;
                    let Query(query) = Query::<Q>::try_from_uri(&parts.uri).map_err(malformed)?;
                    let frame = frame.clone();
                    let ask = move |tracer: &Tracer| answer(Visit { tracer, path, query, frame });
                    lane(&service).run(move |tracer| ask(tracer).and_then(|page| render(&page))).await?
                };
                match shown.await {
                    Ok(page) => html(StatusCode::OK, page),
                    Err(problem) => trouble(frame, &problem),
                }
            }
        };
        self.router = self.router.route(path, get(handler));
        self
    }

    /// Adds what a form does that whoever may review may send; it leads to the page that it gives.
    pub(super) fn change<P, F>(self, path: &str, answer: fn(Change<'_, P, F>) -> Result<String, Problem>) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: DeserializeOwned + Send + 'static,
    {
        self.change_as(path, |_| Role::Review, answer)
    }

    /// Adds what a form does for whoever has the role that this needs which the form says.
    pub(super) fn change_as<P, F>(
        mut self,
        path: &str,
        needed: fn(&F) -> Role,
        answer: fn(Change<'_, P, F>) -> Result<String, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: DeserializeOwned + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        let handler = move |request: Request| {
            let service = Arc::clone(&service);
            async move {
                let (mut parts, body) = request.into_parts();
                let frame = match frame(&service, &parts) {
                    Ok(frame) => frame,
                    Err(problem) => return refused(&parts, &problem),
                };
                let done = async {
                    let Path(path) = Path::<P>::from_request_parts(&mut parts, &()).await.map_err(malformed)?;
                    let form = read::<F>(&service.reading, body).await?;
                    let role = needed(&form);
                    let who = service.guard.allow(&parts.headers, role)?;
                    let lane = if role == Role::Read { &service.readers } else { &service.writer };
                    lane.run(move |tracer| answer(Change { tracer, path, form, who })).await?
                };
                match done.await {
                    Ok(place) => see(&place),
                    Err(problem) => trouble(frame, &problem),
                }
            }
        };
        self.router = self.router.route(path, post(handler));
        self
    }
}

/// What stands around the page, for whoever may read it.
fn frame(service: &Service, parts: &Parts) -> Result<Frame, Problem> {
    let who = service.guard.allow(&parts.headers, Role::Read)?;
    let may_review = service.guard.allow(&parts.headers, Role::Review).is_ok();
    let here = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Frame { who: who.0, may_review, theme: theme(&parts.headers), here })
}

/// Which colours were chosen; those of the system unless any were.
fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).map(str::trim);
    pairs.find_map(|pair| match pair {
        "mltrace_theme=light" => Some("light"),
        "mltrace_theme=dark" => Some("dark"),
        _ => None,
    })
}

/// Who may not read is led to the login, and back from there.
fn refused(parts: &Parts, problem: &Problem) -> Response {
    if problem.status() != StatusCode::UNAUTHORIZED {
        return trouble(Frame::default(), problem);
    }
    see(&link::to("/login", &[("to", parts.uri.path_and_query().map_or("/", |path| path.as_str()))]))
}

fn malformed(error: impl std::fmt::Display) -> Problem {
    Problem::bad_request(error.to_string())
}

/// All of a kind, or the one by a name that cannot stand in a path.
#[derive(Template)]
pub(super) enum Shown<A: Template, O: Template> {
    #[template(source = "{{ page|safe }}", ext = "html")]
    All { page: Box<A> },
    #[template(source = "{{ page|safe }}", ext = "html")]
    One { page: Box<O> },
}

/// What is wrong, and what to do.
#[derive(Template)]
#[template(path = "web/problem.html")]
struct Trouble<'p> {
    frame: Frame,
    problem: &'p Problem,
}

fn trouble(frame: Frame, problem: &Problem) -> Response {
    let page = render(&Trouble { frame, problem }).unwrap_or_default();
    html(problem.status(), page)
}

fn render(page: &impl Template) -> Result<String, Problem> {
    page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be made");
        Problem::internal()
    })
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(CONTENT_TYPE, HTML)], page).into_response()
}

fn see(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}
