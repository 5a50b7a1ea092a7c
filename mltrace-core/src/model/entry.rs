use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{Check, IoPointer, Note, Status};

/// What a writer hands to the store about one run, all at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunEntry {
    pub(crate) uuid: Uuid,
    /// Counts the reports of an open run; of two, the later stands.
    pub(crate) report: u32,
    pub(crate) definition: Arc<Definition>,
    /// Never [`Status::Lost`], which is computed on reading.
    pub(crate) status: Status,
    pub(crate) started_at: DateTime<Utc>,
    /// `None` while the run is open.
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) partition: Option<String>,
    pub(crate) inputs: Vec<InputEntry>,
    pub(crate) outputs: Vec<IoPointer>,
    /// Components declared upstream where I/O cannot show it.
    pub(crate) upstream: Vec<String>,
    pub(crate) params: BTreeMap<String, serde_json::Value>,
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) checks: Vec<Check>,
    /// Labels of everything it reads.
    pub(crate) labels: Vec<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) profiles: Vec<ProfileEntry>,
    pub(crate) error: Option<String>,
    /// When all but its place in the lineage was taken away; `None` for a run that is whole.
    pub(crate) collected_at: Option<DateTime<Utc>>,
}

impl RunEntry {
    /// About how much memory it takes, in bytes: what bounds a batch and a queue.
    pub(crate) fn bytes(&self) -> usize {
        /// A value with its place in a list or tree.
        const VALUE: usize = 64;
        let pointer = |pointer: &IoPointer| size_of::<IoPointer>() + VALUE + pointer.name.len();
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>()
            + self.inputs.iter().map(|input| pointer(&input.pointer)).sum::<usize>()
            + self.outputs.iter().map(pointer).sum::<usize>()
            + self.params.iter().map(|(name, value)| VALUE + name.len() + json_bytes(value)).sum::<usize>()
            + self.metrics.keys().map(|name| VALUE + name.len()).sum::<usize>()
            + self.checks.iter().map(|check| VALUE + check.name.len() + optional(&check.message)).sum::<usize>()
            + self.upstream.iter().chain(&self.labels).map(|text| VALUE + text.len()).sum::<usize>()
            + self.notes.iter().map(|note| VALUE + note.text.len()).sum::<usize>()
            + self.profiles.iter().map(|profile| VALUE + profile.name.len() + profile.bytes.len()).sum::<usize>()
            + optional(&self.partition)
            + optional(&self.error)
    }
}

fn json_bytes(value: &serde_json::Value) -> usize {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String};
    size_of::<serde_json::Value>()
        + match value {
            Null | Bool(_) | Number(_) => 0,
            String(text) => text.len(),
            Array(items) => items.iter().map(json_bytes).sum(),
            Object(fields) => fields.iter().map(|(name, value)| name.len() + json_bytes(value)).sum(),
        }
}

/// An input and the moment its name was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputEntry {
    pub(crate) pointer: IoPointer,
    pub(crate) captured_at: DateTime<Utc>,
}

/// What data of a run looks like, in the form in which profiles are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileEntry {
    /// What the run calls the data.
    pub(crate) name: String,
    /// Of which day's data alone, UTC; `None` of all.
    pub(crate) day: Option<NaiveDate>,
    pub(crate) bytes: Vec<u8>,
}

/// What the source said of a component when a run of it started: metadata and code. Stored once per content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Hash of all the other fields.
    pub(crate) identity: [u8; 16],
    pub(crate) component: String,
    /// Whether the source stated metadata at all; a run logged by hand may leave that to others.
    pub(crate) states_metadata: bool,
    pub(crate) description: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) stale_after_s: Option<u64>,
    pub(crate) code: Option<Code>,
    /// The commit the code was compiled from, where the build said so.
    pub(crate) build_commit: Option<String>,
    /// Whether the source file lies in the repository of the working directory, so that its commit is the code's.
    pub(crate) in_repository: bool,
}

/// Where a component's code stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// `None` where only the text is known.
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) crate_version: Option<String>,
    /// `None` for a run logged by hand.
    pub(crate) snapshot: Option<Snapshot>,
}

/// The source text of a function. Two texts of the same tokens are one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Hash of the tokens.
    pub(crate) identity: [u8; 16],
    pub(crate) text: String,
}
