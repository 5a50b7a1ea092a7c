//! The nouns, as plain data. Nothing here knows the store, the clock or the file system.

mod check;
mod component;
mod entry;
mod graph;
mod label;
mod pointer;
mod process;
mod run;

pub use check::{Check, CheckStatus, RunCheck};
pub use component::Component;
pub(crate) use entry::{Code, Definition, InputEntry, RunEntry, Snapshot};
pub use graph::{Edge, Graph, GraphRoot, GraphRun, Truncated};
pub use label::{Label, LabelImpact, LabelledPointer, Recorded, Retracted, Retraction, Violation};
pub use pointer::{IoPointer, PointerType, Version, VersionKind};
pub use process::CommitSource;
pub(crate) use process::{Commit, Process};
pub use run::{
    CodeRecord, Dependency, GitRecord, InputRecord, Match, Note, Page, RunId, RunRecord, Stale, StaleKind, Status,
};
