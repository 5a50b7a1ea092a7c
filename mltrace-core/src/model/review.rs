use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{IoPointer, RunId, RunRecord, Truncated};

/// An output that somebody flagged, and the run that is asked about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Flagged {
    /// The output, in the version that is flagged; without one it is known by its name alone.
    #[serde(flatten)]
    pub pointer: IoPointer,
    /// The run that wrote it; `None` where no run did.
    pub written_by: Option<RunId>,
}

/// What lies behind the flagged outputs: the runs and the components, the likeliest culprit first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Review {
    /// Every flagged output, in the order of flagging.
    pub flagged: Vec<Flagged>,
    /// Those of them that no run wrote: nothing lies behind them, and no share counts them.
    pub unproduced: Vec<IoPointer>,
    /// The unflagged outputs that the flagged ones are compared with; `None` where no run wrote anything flagged.
    pub compared: Option<Compared>,
    /// The runs behind the flagged outputs, in the order that was asked for.
    pub runs: Vec<Suspect>,
    /// What the limit left out of `runs`; `None` when they are all there.
    pub truncated: Option<Truncated>,
    /// The components of all those runs, in the same order.
    pub components: Vec<SuspectComponent>,
    /// In words, why the first run is first.
    pub why: Option<String>,
}

/// The outputs that tell a culprit from a run that is behind everything, good or bad: those that are not flagged, of the
/// components that wrote the flagged ones, by runs since the earliest of those. An output that was written again, with the
/// same name and version, counts once, as its latest run's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Compared {
    /// The components that wrote what is flagged, sorted.
    pub components: Vec<String>,
    /// The earliest run that wrote something flagged.
    pub since_run: RunId,
    /// When that run started.
    pub since: DateTime<Utc>,
    /// How many unflagged outputs there are.
    pub outputs: u64,
}

/// How much speaks against a run or a component.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Blame {
    /// The fewest hops to it from a run that wrote a flagged output; 0 for such a run itself.
    pub depth: u32,
    /// How many of the flagged outputs that some run wrote it is behind.
    pub count: u64,
    /// How many of the unflagged outputs that they are compared with it is also behind.
    pub others: u64,
    /// `count` as a share, from 0 to 1.
    pub coverage: f64,
    /// How well it explains what is flagged, from 0 to 1; a run behind everything, good or bad, has a half.
    ///
    /// It is q / (1 + q), where q says how many times likelier a flag is, in the geometric mean over all flags, if this is the
    /// culprit than if flags fell on any output alike: 0.95 / s + 0.05 for a flag on what it is behind, where s is its share
    /// of all outputs that are compared, flagged or not; 0.05 for any other, as one flag in twenty is taken to be a stray.
    pub suspicion: f64,
}

/// A run behind flagged outputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Suspect {
    /// The run.
    pub run: RunRecord,
    /// What speaks against it.
    #[serde(flatten)]
    pub blame: Blame,
}

/// A component behind flagged outputs: it is behind an output where any of its runs is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SuspectComponent {
    /// The component's name.
    pub component: String,
    /// What speaks against it.
    #[serde(flatten)]
    pub blame: Blame,
}

/// In which order a review stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReviewOrder {
    /// Suspicion, then the nearest to the flagged outputs, then the newest.
    #[default]
    Suspicion,
    /// Coverage, then the newest.
    Coverage,
}
