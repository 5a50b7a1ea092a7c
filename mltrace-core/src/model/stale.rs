use chrono::{DateTime, Utc};
use serde::Serialize;

use super::RunId;

/// One reason why a run is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Stale {
    /// Which rule.
    pub kind: StaleKind,
    /// The reason as a sentence.
    pub message: String,
    /// The component that the reason points at.
    pub component: String,
    /// The run that the reason points at: the old input's writer, the old run itself, the fresher run, or the stale run
    /// directly upstream.
    pub run: RunId,
    /// From the stale run directly upstream, the shortest way to a run that is stale by itself. Empty for the other rules.
    pub chain: Vec<StaleLink>,
}

/// A run on the way to the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StaleLink {
    /// The run.
    pub run: RunId,
    /// Its component.
    pub component: String,
    /// The first rule by which it is stale.
    pub kind: StaleKind,
}

/// The rules by which a run is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StaleKind {
    /// An upstream run ended long before this one started.
    OldInput,
    /// The run is older than its component allows.
    OldRun,
    /// Upstream has written something newer since.
    FresherUpstream,
    /// Upstream is stale itself.
    StaleUpstream,
}

/// The latest completed run of a component's partition, and why it is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Judgement {
    /// The component.
    pub component: String,
    /// The partition; `None` for the runs that have none.
    pub partition: Option<String>,
    /// The run that was judged.
    pub run: RunId,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// Why it is stale; empty where it is fresh.
    pub stale: Vec<Stale>,
}
