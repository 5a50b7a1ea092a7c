use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::RunId;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// The check's name.
    pub name: String,
    /// Whether it held.
    pub status: CheckStatus,
    /// Why not.
    pub message: Option<String>,
}

/// Whether a check held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It held.
    Passed,
    /// It did not.
    Failed,
}

/// The result of a check, and the run that it was part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunCheck {
    /// The run.
    pub run: RunId,
    /// Its component.
    pub component: String,
    /// When the run started.
    pub started_at: DateTime<Utc>,
    /// The result.
    pub check: Check,
}
