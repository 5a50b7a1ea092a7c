use serde::Serialize;

use super::{IoPointer, Match, RunId, RunRecord};

/// The runs behind an output, or behind which something stands: each once, with the edges between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Graph {
    /// Where the walk began.
    pub root: GraphRoot,
    /// Every run reached, ordered by depth and then by id.
    pub runs: Vec<GraphRun>,
    /// Every edge between them, ordered by `from`, then `to`.
    pub edges: Vec<Edge>,
    /// What a depth limit cut off; `None` when the graph is whole.
    pub truncated: Option<Truncated>,
}

/// Where a walk began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GraphRoot {
    /// The pointer asked about; `None` when a run was asked about.
    pub pointer: Option<IoPointer>,
    /// The run the walk began at; `None` for a source, which no traced run wrote, and for a label.
    pub run: Option<RunId>,
}

/// A run in a graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GraphRun {
    /// The fewest hops from the root.
    pub depth: u32,
    /// The run.
    pub run: RunRecord,
}

/// An edge of a graph: `from` depends on `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Edge {
    /// The run that read.
    pub from: RunId,
    /// The run that wrote.
    pub to: RunId,
    /// The name that proves it; `None` for a declared dependency.
    pub pointer: Option<String>,
    /// What the proof is.
    #[serde(rename = "match")]
    pub matched: Match,
    /// The bytes that were read are not those that `to` wrote.
    pub modified: bool,
    /// `to` had not ended when its output was read.
    pub overlapping: bool,
}

/// What a limit cut off a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Truncated {
    /// How many runs lie beyond the limit.
    pub runs: u64,
}
