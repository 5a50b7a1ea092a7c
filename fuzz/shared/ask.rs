//! Every question there is, put to a store that nobody vouches for.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mltrace::{ErrorKind, Result, ReviewOrder, RunId, RunRecord, Status, Tracer};
use serde::Serialize;

/// More would only be more of the same.
const FEW: usize = 6;

/// Asks a store everything that it can tell without being written to. No answer and no error may be a fault of ours.
pub(crate) fn everything(tracer: &Tracer) {
    let runs = told(tracer.recorded_after(RunId(i64::MIN)));
    let asked = Asked::of(runs.as_deref().unwrap_or_default());
    about_all(tracer);
    asked.components.iter().for_each(|component| about_component(tracer, component));
    asked.pointers.iter().for_each(|pointer| about_pointer(tracer, pointer));
    asked.runs.iter().for_each(|run| about_run(tracer, *run));
    for label in &asked.labels {
        told(tracer.impact_label(label));
    }
    for pair in asked.runs.windows(2) {
        told(tracer.diff(pair[0], pair[1]));
    }
    // What a store says of places outside its folder is not looked up there.
    if runs.is_some_and(|runs| !runs.iter().any(leads_outside)) {
        told(tracer.verify().get());
    }
    exported(tracer);
}

/// What comes out of a store can be imported, or is refused by a message.
fn exported(tracer: &Tracer) {
    let mut lines = Vec::new();
    if told(tracer.export(&mut lines)).is_some() {
        let other = Tracer::in_memory().expect("memory");
        told(other.import(&mut lines.as_slice()));
    }
}

fn about_all(tracer: &Tracer) {
    told(tracer.recent(3));
    told(tracer.components().get());
    told(tracer.components().tag("nightly").get());
    told(tracer.tags());
    told(tracer.stale().get());
    told(tracer.stale().as_of(middle()).get());
    told(tracer.labels());
    told(tracer.retracted());
    told(tracer.doctor());
    for order in [ReviewOrder::Suspicion, ReviewOrder::Coverage] {
        told(tracer.review().by(order).get());
    }
    for before in [DateTime::<Utc>::MIN_UTC, middle(), Utc::now(), DateTime::<Utc>::MAX_UTC] {
        told(tracer.gc(before).plan());
    }
}

fn about_component(tracer: &Tracer, component: &str) {
    told(tracer.component(component));
    told(tracer.checks(component).get());
    told(tracer.stale().component(component).get());
    told(tracer.history(component).since(middle()).newest_first(false).get());
    told(tracer.history(component).partition("2024-01").nth(1));
    for status in [Status::Running, Status::Lost, Status::Completed] {
        told(tracer.history(component).status(status).get());
    }
    if let Some(next) = told(tracer.history(component).limit(1).get()).and_then(|page| page.next) {
        told(tracer.history(component).after(&next).and_then(mltrace::History::get));
    }
}

fn about_pointer(tracer: &Tracer, pointer: &str) {
    told(tracer.io_pointer(pointer));
    told(tracer.trace(pointer).get());
    told(tracer.trace(pointer).version("aa").get());
    told(tracer.trace(pointer).as_of(middle()).depth(1).get());
    told(tracer.trace(pointer).stop_at("clean").get());
    told(tracer.impact(pointer).get());
    told(tracer.impact(pointer).version("aa").depth(1).get());
    if !is_absolute(pointer) {
        told(tracer.verify().pointer(pointer).get());
    }
}

fn about_run(tracer: &Tracer, run: RunId) {
    told(tracer.trace_run(run).get());
    told(tracer.impact_run(run).get());
    told(tracer.stale_run(run).get());
    told(tracer.stale_run(run).as_of(middle()).get());
    if let Some(parent) = told(tracer.run(run)).and_then(|record| record.parent) {
        told(tracer.run_id(parent));
    }
}

/// What is asked for by name: what the small store of [`super::store`] holds, and what this one does.
struct Asked {
    components: BTreeSet<String>,
    pointers: BTreeSet<String>,
    labels: BTreeSet<String>,
    runs: Vec<RunId>,
}

impl Asked {
    fn of(runs: &[RunRecord]) -> Self {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let mut asked = Self {
            components: set(&["clean", "infer"]),
            pointers: set(&["raw.csv", "ride-1"]),
            labels: set(&["consent", "customer"]),
            runs: [1, 4].map(RunId).to_vec(),
        };
        for run in runs.iter().take(FEW) {
            asked.runs.push(run.id);
            asked.components.insert(run.component.clone());
            asked.pointers.extend(pointers(run).take(FEW).map(ToOwned::to_owned));
        }
        asked
    }
}

fn pointers(run: &RunRecord) -> impl Iterator<Item = &str> {
    run.inputs.iter().map(|input| &input.pointer).chain(&run.outputs).map(|pointer| pointer.name.as_str())
}

fn leads_outside(run: &RunRecord) -> bool {
    let pointers = run.inputs.iter().map(|input| &input.pointer).chain(&run.outputs);
    pointers.flat_map(|pointer| [Some(&pointer.name), pointer.spelled.as_ref()]).flatten().any(|name| is_absolute(name))
}

fn is_absolute(name: &str) -> bool {
    std::path::Path::new(name).is_absolute()
}

/// Amid the times of the small store.
fn middle() -> DateTime<Utc> {
    DateTime::from_timestamp(1_709_337_660, 0).expect("a time in 2024")
}

/// An answer that can be told as JSON, if there is one.
pub(crate) fn told<T: Serialize>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => {
            serde_json::to_string(&answer).expect("every answer has a JSON");
            Some(answer)
        }
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::Internal, "no store, however damaged, is our fault: {error}");
            None
        }
    }
}
