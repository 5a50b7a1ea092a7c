//! One event, as it comes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::facets::{self, LONGEST};
use super::names::Names;
use super::time;
use super::told::{Dataset, End, Facet, Head, How, Job, Of, Place, Side, Told};
use crate::problem::{Fault, Problem};

/// An event of OpenLineage, of any version of its specification. What is not described here is taken as it comes.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it only describes the body")]
pub(crate) enum Event {
    /// Of a run.
    Run(RunEvent),
    /// Of a job apart from any run, of which nothing is kept.
    Job { job: Value },
    /// Of a dataset apart from any run, of which nothing is kept.
    Dataset { dataset: Value },
}

/// What happened to a run.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[allow(dead_code, reason = "it only describes the body")]
pub(crate) struct RunEvent {
    /// When it happened; without an offset it is UTC.
    event_time: DateTime<Utc>,
    /// `START`, `RUNNING`, `COMPLETE`, `FAIL`, `ABORT` or `OTHER`.
    #[schemars(default)]
    event_type: Value,
    /// Which run, with facets.
    run: RunOfEvent,
    /// Whose run, with facets.
    job: JobOfEvent,
    /// What it reads.
    #[schemars(default)]
    inputs: Value,
    /// What it writes.
    #[schemars(default)]
    outputs: Value,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[allow(dead_code, reason = "it only describes the body")]
struct RunOfEvent {
    /// A UUID; anything else stands for one that is made of it.
    #[schemars(length(min = 1))]
    run_id: String,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "it only describes the body")]
struct JobOfEvent {
    /// Where the name is from.
    namespace: String,
    #[schemars(length(min = 1))]
    name: String,
}

/// What an event tells.
pub(crate) struct Read {
    /// Of which run, and what; nothing where it is of none. A statement is told of the run that executes it.
    pub(crate) told: Option<(Uuid, Told)>,
    /// What of it cannot be used, and why.
    pub(crate) set_aside: Vec<Fault>,
}

/// Reads an event. Only one that cannot be said of any run, or of no moment, is refused: to who sends it that means that it
/// is lost.
pub(crate) fn read(event: &Value, names: &Names<'_>) -> Result<Read, Problem> {
    let refused = |detail: &str| Problem::bad_request(format!("this is no event of OpenLineage: {detail}"));
    let Some(event) = event.as_object() else { return Err(refused("it is no object")) };
    if event.get("run").is_none_or(Value::is_null) {
        let Some(of) = ["job", "dataset"].into_iter().find(|part| event.contains_key(*part)) else {
            return Err(refused("it has neither `run` nor `job` nor `dataset`"));
        };
        let detail = format!("of a {of} apart from any run nothing is kept");
        return Ok(Read { told: None, set_aside: vec![Fault { index: 0, pointer: format!("/{of}"), detail }] });
    }
    let text = |place: &str| {
        let found = event_text(event, place);
        found.ok_or_else(|| refused(&format!("`{place}` is missing, or no text")))
    };
    let told_at = time::parse(text("/eventTime")?).ok_or_else(|| refused("`/eventTime` is no time"))?;
    let run = text("/run/runId").and_then(|id| uuid(id).ok_or_else(|| refused("`/run/runId` is empty")))?;
    let (namespace, name) = (text("/job/namespace")?, text("/job/name")?);
    if name.is_empty() {
        return Err(refused("`/job/name` is empty"));
    }
    let too_long = || Problem::refused(format!("the job's name has more than {LONGEST} bytes"));
    let job = Job::named(told_at, namespace, name).ok_or_else(too_long)?;
    let kind = event.get("eventType").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase();
    let how = match kind.as_str() {
        "COMPLETE" => Some(How::Complete),
        "ABORT" => Some(How::Abort),
        "FAIL" => Some(How::Fail),
        _ => None,
    };
    let head = Head {
        job,
        first_told_at: told_at,
        started_at: (kind == "START").then_some(told_at),
        end: how.map(|how| End { at: told_at, how }),
    };
    let told = Told { head, datasets: BTreeMap::new(), facets: BTreeMap::new() };
    let mut reader = Reader { told, told_at, names, set_aside: Vec::new() };
    reader.producer(event.get("producer"));
    reader.facets(&Of::Run, "/run/facets", event_part(event, "run", "facets"));
    reader.facets(&Of::Job, "/job/facets", event_part(event, "job", "facets"));
    reader.datasets(Side::Input, event.get("inputs"), how.is_some());
    reader.datasets(Side::Output, event.get("outputs"), how.is_some());
    let Reader { told, set_aside, .. } = reader;
    Ok(Read { told: told.as_statement(run, &kind).or(Some((run, told))), set_aside })
}

/// The identity of a run. A producer's own is kept to one that is always the same.
pub(super) fn uuid(id: &str) -> Option<Uuid> {
    let id = id.trim();
    let made = || {
        let hash = blake3::hash(id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    };
    (!id.is_empty()).then(|| id.parse().unwrap_or_else(|_| made()))
}

/// A text as the store can hold it.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn event_text<'e>(event: &'e Map<String, Value>, place: &str) -> Option<&'e str> {
    let mut parts = place.split('/').skip(1);
    let first = event.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))?.as_str()
}

fn event_part<'e>(event: &'e Map<String, Value>, part: &str, field: &str) -> Option<&'e Value> {
    event.get(part)?.get(field)
}

/// An event while it is read.
struct Reader<'n> {
    told: Told,
    told_at: DateTime<Utc>,
    names: &'n Names<'n>,
    set_aside: Vec<Fault>,
}

impl Reader<'_> {
    fn aside(&mut self, pointer: String, detail: impl Into<String>) {
        self.set_aside.push(Fault { index: 0, pointer, detail: detail.into() });
    }

    fn producer(&mut self, producer: Option<&Value>) {
        let producer = producer.and_then(Value::as_str).map(clean);
        let bytes = producer.as_ref().map_or(0, String::len);
        if bytes > LONGEST {
            return self.aside("/producer".to_owned(), format!("the producer's name has {bytes} bytes"));
        }
        self.told.head.job.producer = producer;
    }

    fn facets(&mut self, of: &Of, place: &str, facets: Option<&Value>) {
        let facets = match facets {
            None | Some(Value::Null) => return,
            Some(Value::Object(facets)) => facets,
            Some(_) => return self.aside(place.to_owned(), "facets are an object"),
        };
        for (key, value) in facets.iter().filter(|(_, value)| !value.is_null()) {
            let at = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
            let target = Place { of: of.clone(), key: key.clone() };
            if !target.has_param() {
                self.aside(at, "a facet's key is a word");
                continue;
            }
            let mut value = value.clone();
            if let Some(fields) = value.as_object_mut() {
                fields.remove(super::kept::TOLD_AT);
            }
            let (value, reason) = facets::checked(&target, value);
            if let Some(reason) = reason {
                self.aside(at, reason);
            }
            self.told.facets.insert(target, Facet { told_at: self.told_at, value });
        }
    }

    fn datasets(&mut self, side: Side, datasets: Option<&Value>, at_end: bool) {
        let place = format!("/{}s", side.as_str());
        let datasets = match datasets {
            None | Some(Value::Null) => return,
            Some(Value::Array(datasets)) => datasets,
            Some(_) => return self.aside(place, "datasets are a list"),
        };
        for (index, dataset) in datasets.iter().enumerate() {
            self.dataset(side, &format!("{place}/{index}"), dataset, at_end);
        }
    }

    fn dataset(&mut self, side: Side, place: &str, dataset: &Value, at_end: bool) {
        let text = |field: &str| dataset.get(field).and_then(Value::as_str).map(clean);
        let (Some(namespace), Some(name)) = (text("namespace"), text("name").filter(|name| !name.is_empty())) else {
            return self.aside(place.to_owned(), "a dataset has a `namespace` and a `name`");
        };
        let pointer = self.names.pointer(&namespace, &name);
        // Its param has a name, too, and what that holds is no longer than a facet.
        let bytes = pointer.len().max(namespace.len()).max(name.len());
        if bytes > LONGEST - 64 {
            return self.aside(place.to_owned(), format!("the dataset's name has {bytes} bytes"));
        }
        let of = Of::Dataset(side, pointer.clone());
        let told = Told {
            head: self.told.head.clone(),
            datasets: BTreeMap::from([((side, pointer), Dataset { namespace, name, at_end })]),
            facets: BTreeMap::new(),
        };
        // A dataset may be named twice.
        self.told.join(told);
        for field in ["facets", &format!("{}Facets", side.as_str())] {
            self.facets(&of, &format!("{place}/{field}"), dataset.get(field));
        }
    }
}
