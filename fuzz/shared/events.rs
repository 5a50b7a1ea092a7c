//! Events of OpenLineage, and the store that a server makes of them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use mltrace_core::{RunRecord, Tracer};
use mltrace_server::{Config, Limits, app};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

/// Every run by its identity, with what it depends on, and the components.
pub(crate) type Contents = (BTreeMap<Uuid, Value>, Value);

/// What is in a store after it took these, some at a time.
pub(crate) fn store_after(batches: &[Vec<impl Serialize>]) -> Contents {
    let tracer = Tracer::in_memory().expect("memory");
    let limits = Limits { readers: 1, ..Limits::default() };
    let app = app(&tracer, Config { limits, ..Config::default() }).expect("a service");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for batch in batches {
        let request = Request::post("/api/v1/lineage/batch").header("host", "localhost");
        let request = request.body(Body::from(serde_json::to_string(batch).expect("JSON"))).expect("a request");
        let answer = runtime.block_on(app.clone().oneshot(request)).expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    contents(&tracer)
}

fn contents(tracer: &Tracer) -> Contents {
    let runs = tracer.recent(1_000).expect("runs").items;
    let uuids: BTreeMap<i64, Uuid> = runs.iter().map(|run| (run.id.0, run.uuid)).collect();
    let identity = |number: &Value| json!(number.as_i64().and_then(|number| uuids.get(&number)));
    let whole = |run: &RunRecord| {
        let mut record = serde_json::to_value(run).expect("JSON");
        record["id"] = Value::Null;
        for dependency in record["dependencies"].as_array_mut().expect("a list") {
            dependency["run"] = identity(&dependency["run"]);
        }
        (run.uuid, record)
    };
    let mut components = serde_json::to_value(tracer.components().get().expect("components")).expect("JSON");
    for component in components.as_array_mut().expect("a list") {
        component["last_run"] = identity(&component["last_run"]);
    }
    (runs.iter().map(whole).collect(), components)
}

/// Lines that may be events are taken, or refused one by one; in which order, and how often, changes nothing. They are sent as
/// they stand, also where a number of them is none, or half a character.
pub(crate) fn try_out(lines: &[u8]) {
    let events: Vec<Box<RawValue>> =
        lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).take(40).collect();
    if events.is_empty() {
        return;
    }
    let one_by_one: Vec<_> = events.iter().map(|event| vec![event.clone()]).collect();
    let mut backwards = events.clone();
    backwards.reverse();
    assert_eq!(store_after(&one_by_one), store_after(&[backwards, events]));
}
