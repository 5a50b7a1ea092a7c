//! Events of OpenLineage, at the paths at which its clients look for them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use mltrace_core::{Reported, Tracer};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::api::{Api, Call, Nothing, Operation, as_json, json};
use crate::body::{Sent, expect_room};
use crate::guard::Role;
use crate::openlineage::{Event, Names, Read, Told, parse, read};
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
    /// The run of which it tells, or which executes the statement of which it tells; `null` where it tells of a job or a
    /// dataset alone, of which nothing is kept.
    run: Option<Reported>,
    /// What of it cannot be used or kept, and why.
    set_aside: Vec<Fault>,
}

/// What became of several events.
#[derive(Debug, Serialize, JsonSchema)]
struct TakenBatch {
    status: BatchStatus,
    summary: Summary,
    failed_events: Vec<FailedEvent>,
    /// What of the others cannot be used or kept, and why.
    set_aside: Vec<Fault>,
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

async fn take_event(call: Call) -> Result<Response, Problem> {
    let sent = call.service.reading.read(call.body).await?;
    let mut outcomes = take(&call.service, sent, |sent| Ok(vec![Ok(event(sent)?)])).await?;
    let taken = outcomes.pop().ok_or_else(Problem::internal)??;
    answer(StatusCode::CREATED, &taken)
}

async fn take_events(call: Call) -> Result<Response, Problem> {
    let sent = call.service.reading.read(call.body).await?;
    let limit = call.service.limits.array;
    let outcomes = take(&call.service, sent, move |text| events(text, limit)).await?;
    let received = outcomes.len();
    let (mut failed_events, mut set_aside) = (Vec::new(), Vec::new());
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(taken) => set_aside.extend(taken.set_aside.into_iter().map(|fault| Fault { index, ..fault })),
            Err(problem) => failed_events.push(FailedEvent { index, reason: problem.to_string(), retriable: false }),
        }
    }
    let failed = failed_events.len();
    let status = match received - failed {
        _ if failed == 0 => BatchStatus::Success,
        0 => BatchStatus::Failure,
        _ => BatchStatus::PartialSuccess,
    };
    let summary = Summary { received, successful: received - failed, failed };
    answer(StatusCode::OK, &TakenBatch { status, summary, failed_events, set_aside })
}

fn event(text: &str) -> Result<Value, Problem> {
    parse(text, &mut String::new()).map_err(unreadable)
}

/// The events of an array; of which each can be read or not by itself.
fn events(text: &str, limit: usize) -> Result<Vec<Result<Value, Problem>>, Problem> {
    let mut mended = String::new();
    let events: Vec<&RawValue> = parse(text, &mut mended).map_err(unreadable)?;
    expect_room(events.len(), limit)?;
    Ok(events.into_iter().map(|text| event(text.get())).collect())
}

#[allow(clippy::needless_pass_by_value, reason = "as errors are mapped")]
fn unreadable(error: serde_json::Error) -> Problem {
    Problem::bad_request(format!("the body cannot be read: {error}"))
}

fn answer(status: StatusCode, taken: &impl Serialize) -> Result<Response, Problem> {
    json(taken).map(|json| as_json(status, json))
}

/// Commits what events tell, and answers after that. One that is sent again changes nothing. The body is read as JSON whatever
/// it is said to be: some clients say nothing.
async fn take(
    service: &Service,
    sent: Sent,
    read: impl FnOnce(&str) -> Result<Vec<Result<Value, Problem>>, Problem> + Send + 'static,
) -> Result<Vec<Outcome>, Problem> {
    let slow = |_| Problem::overloaded_meanwhile("the store takes long");
    let taken = service.writer.run(move |tracer| commit(tracer, read(sent.json()?)?));
    let outcomes = tokio::time::timeout(PATIENCE, taken).await.map_err(slow)???;
    service.metrics.refusals.refuse(outcomes.iter().filter(|outcome| outcome.is_err()).count());
    Ok(outcomes)
}

fn commit(tracer: &Tracer, events: Vec<Result<Value, Problem>>) -> Result<Vec<Outcome>, Problem> {
    let names = Names(tracer);
    let read: Vec<_> = events.into_iter().map(|event| read(&event?, &names)).collect();
    let mut runs: BTreeMap<Uuid, Told> = BTreeMap::new();
    for (run, told) in read.iter().flatten().filter_map(|read| read.told.as_ref()) {
        match runs.get_mut(run) {
            Some(known) => known.join(told.clone()),
            None => drop(runs.insert(*run, told.clone())),
        }
    }
    let (ids, told): (Vec<Uuid>, Vec<Told>) = runs.into_iter().unzip();
    let cut = vec![Cell::new(0); ids.len()];
    let written = tracer.amend_runs(&ids, |place, known| {
        // A run of which nobody told in events is known from a better source.
        let before = match known {
            Some(known) => Some(Told::of_params(&known.params)?),
            None => None,
        };
        let mut joined = told[place].clone();
        if let Some(before) = &before {
            joined.join(before.clone());
        }
        cut[place].set(joined.cut());
        (before.as_ref() != Some(&joined)).then(|| joined.run())
    })?;
    let written: BTreeMap<Uuid, _> = ids.into_iter().zip(written.into_iter().zip(cut)).collect();
    let outcome = |read: Result<Read, Problem>| {
        let Read { told, mut set_aside } = read?;
        let run = match told.and_then(|(run, _)| written.get(&run)) {
            None => None,
            Some((Ok(reported), cut)) => {
                if cut.get() > 0 {
                    let detail = format!("the run has {} datasets and facets more than are kept of one", cut.get());
                    set_aside.push(Fault { index: 0, pointer: String::new(), detail });
                }
                Some(*reported)
            }
            Some((Err(error), _)) => return Err(Problem::of(error)),
        };
        Ok(Taken { run, set_aside })
    };
    Ok(read.into_iter().map(outcome).collect())
}
