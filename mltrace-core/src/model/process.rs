use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One program that wrote runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its identity, also where pids repeat.
    pub(crate) uuid: Uuid,
    /// The host's name.
    pub(crate) host: String,
    /// The process id, within `pid_namespace`.
    pub(crate) pid: u32,
    /// When the process began to trace.
    pub(crate) started_at: DateTime<Utc>,
    /// The kernel's own start time of the process, in clock ticks since boot: with the pid it names a process for good.
    pub(crate) start_ticks: Option<u64>,
    /// The boot of the host.
    pub(crate) boot_id: Option<String>,
    /// The pid namespace: pids of different containers are not comparable.
    pub(crate) pid_namespace: Option<String>,
    /// The user's name.
    pub(crate) user: Option<String>,
    /// The program's path.
    pub(crate) program: Option<String>,
}

/// The commit that a process or a binary came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The commit's hash, or `None` in a repository without commits.
    pub(crate) hash: Option<String>,
    /// Whether tracked files differed from the commit.
    pub(crate) dirty: Option<bool>,
    /// Tags that point at the commit.
    pub(crate) tags: Vec<String>,
    /// How it is known.
    pub(crate) source: CommitSource,
}

/// How a commit is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CommitSource {
    /// The binary was built from it, or the environment says so.
    Build,
    /// It was checked out in the repository of the working directory.
    Cwd,
}
