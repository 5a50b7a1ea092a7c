//! Runs, and logging them.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mltrace_core::{Note, Page, Reported, RunId, RunRecord, RunReport, Tracer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Part;
use crate::api::{Api, Asked, Call, Nothing, Operation, as_json, json};
use crate::body::{Json, expect_json};
use crate::guard::Role;
use crate::problem::{Fault, Problem};
use crate::reports::Reports;

pub(super) fn add(api: Api) -> Api {
    let log = Operation::change("post", "/runs", "logRuns", "Log a run, or an array of them", Role::Log).creates();
    let note = Operation::change("post", "/runs/{run}/notes", "addNote", "Add a note to a run", Role::Review).creates();
    api.add(Operation::get("/runs", "listRuns", "The last runs that were recorded, newest first"), recent)
        .add_async::<Nothing, Nothing, RunOrRuns, LoggedRuns, _, _>(log, log_runs)
        .add(Operation::get("/runs/{run}", "getRun", "Everything about one run"), run)
        .add(note, add_note)
        .add(Operation::change("put", "/runs/{run}/notes", "editNote", "Edit a note of a run", Role::Review), edit_note)
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

/// What a remark is to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EditedNote {
    /// It as the run has it.
    note: Note,
    /// What it is to say; nothing takes it away.
    text: String,
}

fn edit_note(asked: Asked<'_, OneRun, Nothing, Json<EditedNote>>) -> Result<RunRecord, Problem> {
    let id = asked.path.id(asked.tracer)?;
    let EditedNote { note, text } = &asked.body.0;
    asked.tracer.edit_note(id, note, text)?;
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
    /// What is wrong with the others, or with the store where they belong; nothing of them was written.
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
async fn log_runs(call: Call) -> Result<Response, Problem> {
    let Call { service, parts, body, .. } = call;
    expect_json(&parts.headers)?;
    let sent = service.reading.read(body).await?;
    let (reports, written) = service.logger.log(sent, service.limits.array).await?;
    let unwritten = written.iter().filter(|written| written.is_err()).count();
    service.metrics.refusals.refuse(reports.refused.len() + unwritten);
    answer(reports, written)
}

fn answer(mut reports: Reports, written: Vec<mltrace_core::Result<Reported>>) -> Result<Response, Problem> {
    let mut runs = Vec::with_capacity(written.len());
    let mut failed = None;
    for (index, written) in std::mem::take(&mut reports.indexes).into_iter().zip(written) {
        match written {
            Ok(reported) => runs.push(LoggedRun { index, reported }),
            Err(error) => {
                let fault = reports.fault(index, error.field().unwrap_or_default(), error.to_string());
                reports.refused.push(fault);
                // Those beside it stand: to send all of them again would double them.
                failed = failed.max(Some(Problem::of(&error).status()));
            }
        }
    }
    let mut refused = reports.refused;
    refused.sort_by_key(|fault| fault.index);
    if runs.is_empty()
        && let Some(first) = refused.first()
    {
        let detail = format!("nothing was written: {}", first.detail);
        return Ok(Problem::new(failed.unwrap_or(StatusCode::BAD_REQUEST), detail).with(refused).into_response());
    }
    json(&LoggedRuns { runs, refused }).map(|json| as_json(StatusCode::CREATED, json))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use mltrace_core::Error;
    use serde_json::{Value, json};

    use super::*;

    fn reports() -> Reports {
        let run = r#"{"component": "a", "started_at": "2020-02-01T08:00:00Z"}"#;
        Reports::read(&format!("[{run}, 7, {run}]"), 3).unwrap()
    }

    /// Trouble that lies in no run.
    fn damage() -> Error {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no store").unwrap();
        Tracer::open(file.path()).map(drop).unwrap_err()
    }

    async fn told(written: Vec<mltrace_core::Result<Reported>>) -> (u16, Value) {
        let response = answer(reports(), written).unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_run_that_the_store_cannot_take_is_told_of_beside_those_that_it_took() {
        let taken = Reported { id: RunId(4), uuid: Uuid::nil(), is_new: true };
        let (status, answer) = told(vec![Ok(taken), Err(damage())]).await;
        assert_eq!((status, &answer["runs"][0]["id"]), (201, &json!(4)));
        let faults = answer["refused"].as_array().unwrap().iter().map(|fault| &fault["pointer"]);
        assert_eq!(faults.collect::<Vec<_>>(), ["/1", "/2"]);
        let (status, answer) = told(vec![Err(damage()), Err(damage())]).await;
        assert_eq!((status, answer["errors"].as_array().unwrap().len()), (500, 3), "nobody's fault but the store's");
    }
}
