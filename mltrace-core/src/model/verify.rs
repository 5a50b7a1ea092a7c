use std::fmt;

use serde::{Deserialize, Serialize};

use super::{IoPointer, RunId, Version};

/// Whether files still hold what runs wrote and read: how many do, and which do not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct VerifyReport {
    /// Files that hold what was recorded last.
    pub intact: u64,
    /// Files that hold something else.
    pub changed: u64,
    /// Files that are not there.
    pub missing: u64,
    /// Names that nothing can be said of: no files, or without a version that was measured here.
    pub unknown: u64,
    /// What changed and what is missing; of one pointer everything.
    pub items: Vec<Verified>,
}

/// One file, compared with what the last run that wrote it, or else the last that read it, recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Verified {
    /// How it compares.
    pub status: VerifyStatus,
    /// The name of the file: the pointer's, or of an artifact that of the version's file.
    pub file: String,
    /// What was recorded.
    pub pointer: IoPointer,
    /// The run that recorded it.
    pub run: RunId,
    /// The component of that run.
    pub component: String,
    /// Whether that run wrote it; else runs only read it, and it is a source.
    pub written: bool,
    /// The version of what lies there now, measured as the recorded one was; `None` where that is unknown or nothing lies
    /// there.
    pub now: Option<Version>,
    /// Why nothing can be said, where that is so.
    pub reason: Option<String>,
}

/// How a file compares with what was recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum VerifyStatus {
    /// It holds what was recorded.
    Intact,
    /// It holds something else.
    Changed,
    /// It is not there.
    Missing,
    /// Nothing can be said of it.
    Unknown,
}

impl VerifyStatus {
    /// The status as it is written in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }

    /// Whether something other than expected lies there, or nothing at all.
    pub fn is_news(self) -> bool {
        matches!(self, Self::Changed | Self::Missing)
    }
}

impl fmt::Display for VerifyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
