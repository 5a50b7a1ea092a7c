//! Runs, and logging them.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use mltrace_core::{Page, Reported, RunId, RunRecord, RunReport, Tracer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Part, expect_room};
use crate::api::{Api, Asked, Nothing, Operation, as_json};
use crate::body::{Json, as_text, expect_json, parse};
use crate::guard::Role;
use crate::problem::{Fault, Problem};
use crate::service::Service;

pub(super) fn add(api: Api) -> Api {
    let log = Operation::change("post", "/runs", "logRuns", "Log a run, or an array of them", Role::Log).creates();
    let note = Operation::change("post", "/runs/{run}/notes", "addNote", "Add a note to a run", Role::Review).creates();
    api.add(Operation::get("/runs", "listRuns", "The last runs that were recorded, newest first"), recent)
        .add_async::<Nothing, Nothing, RunOrRuns, LoggedRuns, _, _>(log, |service, parts, request| async move {
            service.guard.allow(&parts.headers, Role::Log)?;
            let body = service.reading.read(request.into_body()).await?;
            log_runs(&service, &parts, &body).await
        })
        .add(Operation::get("/runs/{run}", "getRun", "Everything about one run"), run)
        .add(note, add_note)
}

fn recent(asked: Asked<'_, Nothing, Part, ()>) -> Result<Page<RunRecord>, Problem> {
    let limit = super::limit(asked.query.limit);
    let Some(after) = asked.query.after else { return Ok(asked.tracer.recent(limit)?) };
    let last: RunId = after.parse().map_err(|_| Problem::refused("`after` is not the `next` of a list of runs"))?;
    Ok(asked.tracer.recent_before(last, limit)?)
}

/// A run in a path.
#[derive(Debug, Deserialize, JsonSchema)]
struct OneRun {
    /// Its number or its uuid.
    run: String,
}

impl OneRun {
    fn id(&self, tracer: &Tracer) -> Result<RunId, Problem> {
        if let Ok(id) = self.run.parse() {
            return Ok(id);
        }
        let unknown = || Problem::new(StatusCode::NOT_FOUND, format!("there is no run `{}` in this store", self.run));
        let uuid: Uuid = self.run.parse().map_err(|_| unknown())?;
        tracer.run_id(uuid)?.ok_or_else(unknown)
    }
}

fn run(asked: Asked<'_, OneRun, Nothing, ()>) -> Result<RunRecord, Problem> {
    Ok(asked.tracer.run(asked.path.id(asked.tracer)?)?)
}

/// A remark.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// What it says.
    #[schemars(length(min = 1))]
    text: String,
}

fn add_note(asked: Asked<'_, OneRun, Nothing, Json<NewNote>>) -> Result<RunRecord, Problem> {
    let id = asked.path.id(asked.tracer)?;
    asked.tracer.add_note(id, &asked.body.0.text)?;
    Ok(asked.tracer.run(id)?)
}

/// One run, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it only describes the body")]
enum RunOrRuns {
    Run(Box<RunReport>),
    Runs(Vec<RunReport>),
}

/// What came of each run.
#[derive(Debug, Serialize, JsonSchema)]
struct LoggedRuns {
    /// Those that are in the store now, in the order in which they were given.
    runs: Vec<LoggedRun>,
    /// What is wrong with the others, of which nothing was written.
    refused: Vec<Fault>,
}

/// A run that is in the store now.
#[derive(Debug, Serialize, JsonSchema)]
struct LoggedRun {
    /// Which element of the array it was, from 0.
    index: usize,
    #[serde(flatten)]
    reported: Reported,
}

/// Logs what a body holds, in one commit with what else waits. Each run is kept or refused by itself.
async fn log_runs(service: &Service, parts: &Parts, body: &[u8]) -> Result<Response, Problem> {
    expect_json(&parts.headers)?;
    let Parsed { is_array, runs, indexes, mut refused } = read(as_text(body)?, service.limits.array)?;
    let can_be_read = !runs.is_empty();
    let written = if runs.is_empty() { Vec::new() } else { service.logger.log(runs).await? };
    let mut logged = Vec::with_capacity(written.len());
    for (index, written) in indexes.into_iter().zip(written) {
        match written {
            Ok(reported) => logged.push(LoggedRun { index, reported }),
            Err(error) if error.kind() == mltrace_core::ErrorKind::Invalid => {
                let pointer = place(is_array, index, error.field().unwrap_or_default());
                refused.push(Fault { index, pointer, detail: error.to_string() });
            }
            // What was not written must be sent again, whole: that changes nothing of what was.
            Err(error) => return Err(error.into()),
        }
    }
    service.metrics.refusals.refuse(refused.len());
    refused.sort_by_key(|fault| fault.index);
    if logged.is_empty()
        && let Some(first) = refused.first()
    {
        let detail = format!("nothing was written: {}", first.detail);
        let problem = if can_be_read { Problem::refused(detail) } else { Problem::bad_request(detail) };
        return Ok(problem.with(refused).into_response());
    }
    let json = serde_json::to_vec(&LoggedRuns { runs: logged, refused }).map_err(|_| Problem::internal())?;
    Ok(as_json(StatusCode::CREATED, json))
}

/// The runs of a body that can be read, and which of its elements they were.
struct Parsed {
    is_array: bool,
    runs: Vec<RunReport>,
    indexes: Vec<usize>,
    refused: Vec<Fault>,
}

fn read(text: &str, limit: usize) -> Result<Parsed, Problem> {
    let no_json = |error: serde_json::Error| Problem::bad_request(format!("the body is no JSON: {error}"));
    let is_array = text.trim_start().starts_with('[');
    let elements: Vec<&RawValue> = if is_array {
        serde_json::from_str(text).map_err(no_json)?
    } else {
        vec![serde_json::from_str(text).map_err(no_json)?]
    };
    expect_room(elements.len(), limit)?;
    let mut parsed = Parsed { is_array, runs: Vec::new(), indexes: Vec::new(), refused: Vec::new() };
    for (index, element) in elements.into_iter().enumerate() {
        match parse(element.get()) {
            Ok(run) => {
                parsed.runs.push(run);
                parsed.indexes.push(index);
            }
            Err((field, detail)) => {
                parsed.refused.push(Fault { index, pointer: place(is_array, index, &field), detail });
            }
        }
    }
    Ok(parsed)
}

/// The place of a field in the body.
fn place(is_array: bool, index: usize, field: &str) -> String {
    if is_array { format!("/{index}{field}") } else { field.to_owned() }
}
