use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{RunId, Status};

/// What is needed of a run by who counts many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunBrief {
    /// The number people type.
    pub id: RunId,
    /// The component that ran.
    pub component: String,
    /// How it stands.
    pub status: Status,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<DateTime<Utc>>,
}
