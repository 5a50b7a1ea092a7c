//! Events of OpenLineage, at the paths at which its clients look for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use mltrace_core::{Reported, Tracer};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::expect_room;
use crate::api::{Api, Nothing, Operation, as_json};
use crate::guard::Role;
use crate::openlineage::{Event, Names, Told, read};
use crate::problem::{Fault, Problem};
use crate::service::Service;

/// How long a client is kept waiting: some of them give up after five seconds, and drop what they have sent.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) fn add(api: Api) -> Api {
    let one = Operation::change("post", "/lineage", "takeEvent", "Take an event of OpenLineage", Role::Log).creates();
    let batch =
        Operation::change("post", "/lineage/batch", "takeEvents", "Take several events of OpenLineage", Role::Log);
    api.add_async::<Nothing, Nothing, Event, Taken, _, _>(one, take_event)
        .add_async::<Nothing, Nothing, Vec<Value>, TakenBatch, _, _>(batch, take_events)
}

/// What became of an event.
#[derive(Debug, Serialize, JsonSchema)]
struct Taken {
    /// The run of which it tells, or which executes the statement of which it tells; `null` where it tells of a job or a dataset alone, of which nothing is kept.
    run: Option<Reported>,
    /// What of it cannot be used, and why.
    set_aside: Vec<Fault>,
}

/// What became of several events.
#[derive(Debug, Serialize, JsonSchema)]
struct TakenBatch {
    status: BatchStatus,
    summary: Summary,
    failed_events: Vec<FailedEvent>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BatchStatus {
    /// All were taken.
    Success,
    /// Some were.
    PartialSuccess,
    /// None was.
    Failure,
}

/// How many events there were.
#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    received: usize,
    successful: usize,
    failed: usize,
}

/// An event that was not taken.
#[derive(Debug, Serialize, JsonSchema)]
struct FailedEvent {
    /// Which of the array it was, from 0.
    index: usize,
    /// Why.
    reason: String,
    /// Whether it may be taken another time.
    retriable: bool,
}

/// What became of each event.
type Outcome = Result<Taken, Problem>;

async fn take_event(service: Arc<Service>, parts: Parts, request: Request) -> Result<Response, Problem> {
    let event: Value = body(&service, &parts, request).await?;
    let mut outcomes = take(&service, vec![event]).await?;
    let taken = outcomes.pop().ok_or_else(Problem::internal)??;
    answer(StatusCode::CREATED, &taken)
}

async fn take_events(service: Arc<Service>, parts: Parts, request: Request) -> Result<Response, Problem> {
    let events: Vec<Value> = body(&service, &parts, request).await?;
    expect_room(events.len(), service.limits.array)?;
    let outcomes = take(&service, events).await?;
    let received = outcomes.len();
    let failure = |(index, outcome): (usize, Outcome)| {
        let problem = outcome.err()?;
        Some(FailedEvent { index, reason: problem.to_string(), retriable: false })
    };
    let failed_events: Vec<FailedEvent> = outcomes.into_iter().enumerate().filter_map(failure).collect();
    let failed = failed_events.len();
    let status = match received - failed {
        _ if failed == 0 => BatchStatus::Success,
        0 => BatchStatus::Failure,
        _ => BatchStatus::PartialSuccess,
    };
    let summary = Summary { received, successful: received - failed, failed };
    answer(StatusCode::OK, &TakenBatch { status, summary, failed_events })
}

/// The body, whatever it is said to be: some clients say nothing.
async fn body<T: serde::de::DeserializeOwned>(
    service: &Service,
    parts: &Parts,
    request: Request,
) -> Result<T, Problem> {
    service.guard.allow(&parts.headers, Role::Log)?;
    let body = service.reading.read(request.into_body()).await?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

fn answer(status: StatusCode, taken: &impl Serialize) -> Result<Response, Problem> {
    serde_json::to_vec(taken).map(|json| as_json(status, json)).map_err(|_| Problem::internal())
}

/// Commits what events tell, and answers after that. One that is sent again changes nothing.
async fn take(service: &Service, events: Vec<Value>) -> Result<Vec<Outcome>, Problem> {
    let slow = |_| Problem::overloaded_meanwhile("the store takes long");
    let taken = service.writer.run(move |tracer| commit(tracer, &events));
    let outcomes = tokio::time::timeout(PATIENCE, taken).await.map_err(slow)???;
    service.metrics.refusals.refuse(outcomes.iter().filter(|outcome| outcome.is_err()).count());
    Ok(outcomes)
}

fn commit(tracer: &Tracer, events: &[Value]) -> Result<Vec<Outcome>, Problem> {
    let names = Names(tracer);
    let read: Vec<_> = events.iter().map(|event| read(event, &names)).collect();
    let mut runs: BTreeMap<Uuid, Told> = BTreeMap::new();
    for (run, told) in read.iter().flatten().filter_map(|read| read.told.as_ref()) {
        match runs.get_mut(run) {
            Some(known) => known.join(told.clone()),
            None => drop(runs.insert(*run, told.clone())),
        }
    }
    let (ids, told): (Vec<Uuid>, Vec<Told>) = runs.into_iter().unzip();
    let written = tracer.amend_runs(&ids, |place, known| {
        let Some(known) = known else { return Some(told[place].run()) };
        // A run of which nobody told in events is known from a better source.
        let before = Told::of_params(&known.params)?;
        let mut joined = before.clone();
        joined.join(told[place].clone());
        (joined != before).then(|| joined.run())
    })?;
    let written: BTreeMap<Uuid, _> = ids.into_iter().zip(written).collect();
    let outcome = |read: Result<crate::openlineage::Read, Problem>| {
        let read = read?;
        let run = match read.told.and_then(|(run, _)| written.get(&run)) {
            None => None,
            Some(Ok(reported)) => Some(*reported),
            Some(Err(error)) => return Err(Problem::of(error)),
        };
        Ok(Taken { run, set_aside: read.set_aside })
    };
    Ok(read.into_iter().map(outcome).collect())
}
