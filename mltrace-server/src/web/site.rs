//! How views are asked, and what they answer where something is wrong.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use mltrace_core::Tracer;
use serde::de::DeserializeOwned;

use super::form::read;
use super::frame::Frame;
use super::trouble::Typed;
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
                let frame = Frame::of(&service, &parts.uri, &parts.headers)?;
                let Path(path) = Path::<P>::from_request_parts(&mut parts, &()).await.map_err(malformed)?;
                let Query(query) = Query::<Q>::try_from_uri(&parts.uri).map_err(malformed)?;
                let ask = move |tracer: &Tracer| answer(Visit { tracer, path, query, frame });
                let page = lane(&service).run(move |tracer| ask(tracer).and_then(|page| render(&page))).await??;
                Ok::<_, Problem>(([(CONTENT_TYPE, HTML)], page))
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
        self.change_as(path, |_| Role::Review, |_| String::new(), answer)
    }

    /// Adds what a form does for whoever has the role that this needs which the form says, and which text it gives
    /// stands in the bar again where nothing comes of it.
    pub(super) fn change_as<P, F>(
        mut self,
        path: &str,
        needed: fn(&F) -> Role,
        typed: fn(&F) -> String,
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
                let mut text = String::new();
                let done = async {
                    // Nothing is read of whoever may not read.
                    service.guard.allow(&parts.headers, Role::Read)?;
                    let Path(path) = Path::<P>::from_request_parts(&mut parts, &()).await.map_err(malformed)?;
                    let form = read::<F>(&service.reading, body).await?;
                    text = typed(&form);
                    let role = needed(&form);
                    let who = service.guard.allow(&parts.headers, role)?;
                    let lane = if role == Role::Read { &service.readers } else { &service.writer };
                    lane.run(move |tracer| answer(Change { tracer, path, form, who })).await?
                };
                match done.await {
                    Ok(place) => see(&place),
                    Err(problem) => (Extension(Typed(text)), problem).into_response(),
                }
            }
        };
        self.router = self.router.route(path, post(handler));
        self
    }
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

pub(super) fn render(page: &impl Template) -> Result<String, Problem> {
    page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be made");
        Problem::internal()
    })
}

pub(crate) fn see(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}
