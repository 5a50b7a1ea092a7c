use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Check, CommitSource, IoPointer, Stale, Violation};

/// The small number by which people name a run. It holds in one store; [`RunRecord::uuid`] holds everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim_start_matches('#').parse().map(Self)
    }
}

/// How a run stands. Only an explicit return of the function makes `Completed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It has started and not ended.
    Running,
    /// The function returned, and not an `Err`.
    Completed,
    /// The function returned `Err`.
    Failed,
    /// The function panicked.
    Panicked,
    /// The future was dropped before it finished.
    Cancelled,
    /// Its process died; computed when read, never stored.
    Lost,
}

impl Status {
    /// Every status, in the order in which they are documented.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Completed, Self::Failed, Self::Panicked, Self::Cancelled, Self::Lost];

    /// The status as it is written in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything the store knows about one run of a component.
///
/// Its JSON is stable: every key is always there, `null` where unknown, times in RFC 3339 UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunRecord {
    /// The number people type.
    pub id: RunId,
    /// The identity that holds across stores.
    pub uuid: Uuid,
    /// The component that ran.
    pub component: String,
    /// How it stands.
    pub status: Status,
    /// The key that splits the component's runs, such as a month.
    pub partition: Option<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// Wall time from start to end, in milliseconds.
    pub duration_ms: Option<f64>,
    /// The run inside which this one was called.
    pub parent: Option<Uuid>,
    /// What it read.
    pub inputs: Vec<InputRecord>,
    /// What it wrote.
    pub outputs: Vec<IoPointer>,
    /// The runs it depends on, and why.
    pub dependencies: Vec<Dependency>,
    /// Why it is stale now; `None` where the answer did not judge it, as in lists.
    pub stale: Option<Vec<Stale>>,
    /// Why it was stale when it started; `None` where the answer did not judge it.
    pub stale_at_start: Option<Vec<Stale>>,
    /// The commit its code came from.
    pub git: GitRecord,
    /// Where its code stands, and the text.
    pub code: CodeRecord,
    /// Parameters, as JSON.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Metrics.
    pub metrics: BTreeMap<String, f64>,
    /// Results of checks.
    pub checks: Vec<Check>,
    /// Labels its inputs carry; `None` where the answer did not walk the lineage for them.
    pub labels: Option<Vec<String>>,
    /// What it read although a label of it was retracted before; `None` where the answer did not walk the lineage for it.
    pub violations: Option<Vec<Violation>>,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
    /// The error or panic message.
    pub error: Option<String>,
    /// The host it ran on.
    pub host: Option<String>,
    /// The process it ran in.
    pub pid: Option<u32>,
    /// When `gc` took away all but its place in the lineage; `None` for a run that is whole.
    pub collected_at: Option<DateTime<Utc>>,
}

impl RunRecord {
    /// The inputs that no traced run is known to have written.
    pub fn sources(&self) -> impl Iterator<Item = &IoPointer> {
        let written: HashSet<_> = self.dependencies.iter().filter_map(|to| to.pointer.as_deref()).collect();
        let unwritten = move |input: &&InputRecord| !input.read_back && !written.contains(input.pointer.name.as_str());
        self.inputs.iter().filter(unwritten).map(|input| &input.pointer)
    }
}

/// An input and when its name was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InputRecord {
    /// What was read.
    #[serde(flatten)]
    pub pointer: IoPointer,
    /// When it was read.
    pub captured_at: DateTime<Utc>,
    /// The run read back the very bytes that it wrote itself, and no other is known to have written them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_back: bool,
}

/// An edge from a run to the run it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dependency {
    /// The run depended on.
    pub run: RunId,
    /// Its component.
    pub component: String,
    /// The input's name that proves the edge; `None` for a declared one.
    pub pointer: Option<String>,
    /// What the proof is.
    #[serde(rename = "match")]
    pub matched: Match,
    /// The bytes that were read are not those that run wrote.
    pub modified: bool,
    /// That run had not ended when its output was read.
    pub overlapping: bool,
}

/// What proves an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The very bytes.
    Version,
    /// The name and the times.
    Name,
    /// The program said so.
    Declared,
}

/// The commit behind a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GitRecord {
    /// The commit's hash.
    pub commit: Option<String>,
    /// Whether tracked files differed from it.
    pub dirty: Option<bool>,
    /// Tags that point at it.
    pub tags: Vec<String>,
    /// How it is known.
    pub source: Option<CommitSource>,
}

/// Where a run's code stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeRecord {
    /// The source file, as the compiler named it.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The version of the crate it stands in.
    pub crate_version: Option<String>,
    /// The function's source text.
    pub snapshot: Option<String>,
}

/// A remark on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// What it says.
    pub text: String,
}

/// A part of a list, and the key where the next part begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it back to get the next part; `None` at the end.
    pub next: Option<String>,
}
