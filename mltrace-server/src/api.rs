//! The operations of the interface: each is routed, guarded, answered on a thread of its lane, and described, in one place.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use mltrace_core::Tracer;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::body::{FromBody, Sent};
use crate::guard::{Role, Who};
use crate::lane::Lane;
use crate::openapi::Document;
use crate::problem::Problem;
use crate::service::{Limits, Service};

/// How an operation is called, and what it is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// By which programs that are made from the description call it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    /// Which role may call it.
    pub(crate) role: Role,
    /// That of an answer which is not a problem.
    pub(crate) status: StatusCode,
    lane: fn(&Service) -> &Lane,
}

impl Operation {
    /// A question.
    pub(crate) const fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method: "get",
            path,
            id,
            summary,
            role: Role::Read,
            status: StatusCode::OK,
            lane: |service| &service.readers,
        }
    }

    /// A question for which files are read, which takes long.
    pub(crate) const fn of_files(mut self) -> Self {
        self.lane = |service| &service.files;
        self
    }

    /// A change.
    pub(crate) const fn change(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        role: Role,
    ) -> Self {
        Self { method, path, id, summary, role, status: StatusCode::OK, lane: |service| &service.writer }
    }

    /// Says that it makes something.
    pub(crate) const fn creates(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    fn filter(self) -> MethodFilter {
        match self.method {
            "post" => MethodFilter::POST,
            "put" => MethodFilter::PUT,
            "delete" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        }
    }
}

/// What an operation is asked.
pub(crate) struct Asked<'a, P, Q, B> {
    pub(crate) tracer: &'a Tracer,
    pub(crate) path: P,
    pub(crate) query: Q,
    pub(crate) body: B,
    pub(crate) who: Who,
    pub(crate) limits: Limits,
}

/// A request of somebody who may make it.
pub(crate) struct Call {
    pub(crate) service: Arc<Service>,
    pub(crate) who: Who,
    pub(crate) parts: Parts,
    pub(crate) body: Body,
}

/// Neither parts of a path nor questions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The operations so far.
pub(crate) struct Api {
    pub(crate) service: Arc<Service>,
    pub(crate) router: Router,
    pub(crate) document: Document,
}

impl Api {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service, router: Router::new(), document: Document::new() }
    }

    /// Adds an operation that asks the store.
    pub(crate) fn add<P, Q, B, A>(
        self,
        operation: Operation,
        answer: fn(Asked<'_, P, Q, B>) -> Result<A, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: FromBody,
        A: Serialize + JsonSchema + 'static,
    {
        self.add_async::<P, Q, B::Described, A, _, _>(operation, move |call| async move {
            let Call { service, who, mut parts, body } = call;
            let (path, query) = asked::<P, Q>(&mut parts).await?;
            let sent = if B::IS_NONE { Sent::default() } else { service.reading.read(body).await? };
            let (headers, limits) = (parts.headers, service.limits);
            (operation.lane)(&service)
                .run(move |tracer| {
                    let body = B::from_body(&headers, &sent)?;
                    answer(Asked { tracer, path, query, body, who, limits }).and_then(|found| json(&found))
                })
                .await?
                .map(|json| as_json(operation.status, json))
        })
    }

    /// Adds an operation that answers in its own way; the types only describe it.
    pub(crate) fn add_async<P, Q, B, A, H, F>(mut self, operation: Operation, handler: H) -> Self
    where
        P: JsonSchema,
        Q: JsonSchema,
        B: JsonSchema,
        A: JsonSchema,
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, Problem>> + Send,
    {
        self.document.add::<P, Q, B, A>(operation);
        let service = Arc::clone(&self.service);
        let handler = move |request: Request| {
            let (parts, body) = request.into_parts();
            let allowed = service.guard.allow(&parts.headers, operation.role);
            let answer = allowed.map(|who| handler(Call { service: Arc::clone(&service), who, parts, body }));
            async move {
                match answer {
                    Ok(answer) => answer.await.unwrap_or_else(IntoResponse::into_response),
                    Err(refused) => refused.into_response(),
                }
            }
        };
        self.router = self.router.route(&format!("/api/v1{}", operation.path), on(operation.filter(), handler));
        self
    }
}

/// The path and the question of a request.
async fn asked<P, Q>(parts: &mut Parts) -> Result<(P, Q), Problem>
where
    P: DeserializeOwned + Send + 'static,
    Q: DeserializeOwned,
{
    let Path(path) =
        Path::<P>::from_request_parts(parts, &()).await.map_err(|refused| Problem::bad_request(refused.body_text()))?;
    let Query(query) =
        Query::<Q>::try_from_uri(&parts.uri).map_err(|refused| Problem::bad_request(refused.body_text()))?;
    Ok((path, query))
}

pub(crate) fn json<A: Serialize>(answer: &A) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::internal()
    })
}

pub(crate) fn as_json(status: StatusCode, json: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
