use std::collections::BTreeMap;

use serde::Serialize;

use super::{CodeRecord, GitRecord, IoPointer, RunId, Status};

/// What differs between two runs. Keys that are equal in both are counted or `None`; ids and times differ always and are
/// left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Diff {
    /// The one run.
    pub before: RunId,
    /// The other.
    pub after: RunId,
    /// The components, where they are two.
    pub component: Option<Changed<String>>,
    /// The partitions.
    pub partition: Option<Changed<Option<String>>>,
    /// How the runs stand.
    pub status: Option<Changed<Status>>,
    /// Wall times in milliseconds. They are told for their own sake and are no difference.
    pub duration_ms: Option<Changed<Option<f64>>>,
    /// The commits, where their hash differs, or whether tracked files differed from it.
    pub commit: Option<Changed<GitRecord>>,
    /// The code.
    pub code: CodeDiff,
    /// Parameters.
    pub params: Entries<serde_json::Value>,
    /// Metrics.
    pub metrics: Entries<f64>,
    /// What the runs read.
    pub inputs: Pointers,
    /// What they wrote.
    pub outputs: Pointers,
    /// Where their lineages part, furthest upstream first: matching runs that differ although all that they read from
    /// other runs is the same. Empty where nothing upstream differs, nor the runs themselves.
    pub partings: Vec<Parting>,
}

impl Diff {
    /// Whether the runs differ in anything but the time they took.
    pub fn is_different(&self) -> bool {
        self.component.is_some()
            || self.partition.is_some()
            || self.status.is_some()
            || self.commit.is_some()
            || self.code.is_same == Some(false)
            || self.params.is_different()
            || self.metrics.is_different()
            || self.inputs.is_different()
            || self.outputs.is_different()
            || !self.partings.is_empty()
    }
}

/// A value in the one run and in the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ChangedOf{T}"))]
pub struct Changed<T> {
    /// In the one.
    pub before: T,
    /// In the other.
    pub after: T,
}

/// The code of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CodeDiff {
    /// Whether the snapshots are the same; `None` where one of the runs has none.
    pub is_same: Option<bool>,
    /// The code of the one run.
    pub before: CodeRecord,
    /// The code of the other.
    pub after: CodeRecord,
    /// The snapshots as a unified diff with three lines of context; `None` where they are the same or not known.
    pub unified: Option<String>,
}

/// Named values of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "EntriesOf{T}"))]
#[non_exhaustive]
pub struct Entries<T> {
    /// Only in the other run.
    pub added: BTreeMap<String, T>,
    /// Only in the one.
    pub removed: BTreeMap<String, T>,
    /// In both, and not the same.
    pub changed: BTreeMap<String, Changed<T>>,
    /// How many are the same.
    pub same: u64,
}

impl<T> Entries<T> {
    /// Whether there is any difference.
    pub fn is_different(&self) -> bool {
        !(self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty())
    }
}

/// Inputs or outputs of two runs, by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Pointers {
    /// Names only in the other run.
    pub added: Vec<IoPointer>,
    /// Names only in the one.
    pub removed: Vec<IoPointer>,
    /// Names in both, in different versions.
    pub changed: Vec<Changed<IoPointer>>,
    /// How many are the same; a name without a version in either run counts as the same.
    pub same: u64,
}

impl Pointers {
    /// Whether there is any difference.
    pub fn is_different(&self) -> bool {
        !(self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty())
    }
}

/// Two matching runs at which two lineages part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Parting {
    /// The fewest hops from the runs that were compared; 0 for these themselves.
    pub depth: u32,
    /// The run behind the one.
    pub before: RunId,
    /// The run behind the other.
    pub after: RunId,
    /// Its component.
    pub component: String,
    /// In what they differ.
    pub differs: Vec<Parted>,
}

/// In what two runs differ that read the same from other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Parted {
    /// Their code.
    Code,
    /// Their commits.
    Commit,
    /// Their parameters.
    Params,
    /// What they read: that no traced run wrote, that was changed since, or other things of one run.
    Inputs,
    /// The stages that they depend on.
    Upstream,
    /// What they wrote.
    Outputs,
}
