//! The nouns, as plain data. Nothing here knows the store, the clock or the file system.

mod brief;
mod check;
mod component;
mod diff;
mod entry;
mod graph;
mod label;
mod part;
mod pointer;
mod process;
mod review;
mod run;
mod stale;
mod verify;

pub use brief::RunBrief;
pub use check::{Check, CheckStatus, RunCheck};
pub use component::Component;
pub use diff::{Changed, CodeDiff, Diff, Entries, Parted, Parting, Pointers};
pub(crate) use entry::{Code, Definition, InputEntry, ProfileEntry, RunEntry, Snapshot};
pub use graph::{Edge, Graph, GraphRoot, GraphRun, Truncated};
pub use label::{
    Label, LabelBrief, LabelCarriers, LabelImpact, LabelledPointer, Recorded, Retracted, Retraction, Violation,
};
pub use part::RunPart;
pub use pointer::{IoPointer, PointerType, Version, VersionKind};
pub use process::CommitSource;
pub(crate) use process::{Commit, Process};
pub use review::{Blame, Compared, Flagged, Review, ReviewOrder, Suspect, SuspectComponent};
pub use run::{CodeRecord, Dependency, GitRecord, InputRecord, Match, Note, Page, RunId, RunRecord, Status};
pub use stale::{Judgement, Stale, StaleKind, StaleLink};
pub use verify::{Verified, VerifyReport, VerifyStatus};
