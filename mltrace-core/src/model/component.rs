use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{RunId, Status};

/// A stage of a pipeline. Its metadata is that of the run with the latest start that stated any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Component {
    /// The component's name, unique in a store.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Whom to ask about it.
    pub owner: Option<String>,
    /// Tags from the code and tags added by hand, sorted.
    pub tags: Vec<String>,
    /// Age after which its runs count as old, in seconds.
    pub stale_after_s: Option<u64>,
    /// Its run with the latest start.
    pub last_run: Option<RunId>,
    /// How that run stands.
    pub last_status: Option<Status>,
    /// When that run started.
    pub last_started_at: Option<DateTime<Utc>>,
}
