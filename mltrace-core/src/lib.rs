//! The store, recording and lineage behind [mltrace](https://docs.rs/mltrace). Programs use the crate `mltrace`, which adds
//! `#[component]`; this one is for libraries that only log by hand or only ask.
//!
//! A run of a component has inputs and outputs; which run depends on which follows from those and is never declared.
//! [`Tracer`] writes runs to a local SQLite file and answers questions about them:
//!
//! ```
//! use mltrace_core::{ComponentRun, Tracer};
//!
//! let tracer = Tracer::in_memory()?;
//! for (component, input, output) in [("clean", "raw.csv", "rides.csv"), ("train", "rides.csv", "forest.model")] {
//!     let mut run = ComponentRun::new(component);
//!     run.start().add_input(input).add_output(output).end();
//!     tracer.log_component_run(run)?;
//! }
//! let behind = tracer.trace("forest.model").get()?;
//! assert_eq!(behind.runs.len(), 2);
//! # Ok::<(), mltrace_core::Error>(())
//! ```

mod artifact;
mod capture;
#[cfg(feature = "care")]
mod care;
pub mod check;
mod clock;
#[cfg(test)]
mod clock_tests;
mod component_run;
mod error;
mod fingerprint;
mod fork;
mod identity;
mod limits;
mod lineage;
mod model;
#[cfg(feature = "monitor")]
pub mod monitor;
mod outcome;
mod provenance;
mod query;
mod record;
mod store;
#[cfg(test)]
mod testing;
mod tracer;
mod writer;

pub use artifact::Artifact;
pub use capture::{Capture, Captured};
#[cfg(feature = "care")]
pub use care::{
    CodeReport, ExportReport, Finding, Gc, GcComponent, GcReport, GitReport, Health, ImportReport, OpenRun,
    PointerReport, Reported, RunReport, TableSize,
};
pub use component_run::ComponentRun;
pub use error::{Error, ErrorKind, Result};
pub use model::{
    Blame, Changed, Check, CheckStatus, CodeDiff, CodeRecord, CommitSource, Compared, Component, Dependency, Diff,
    Edge, Entries, Flagged, GitRecord, Graph, GraphRoot, GraphRun, InputRecord, IoPointer, Judgement, Label,
    LabelBrief, LabelCarriers, LabelImpact, LabelledPointer, Match, Note, Page, Parted, Parting, PointerType, Pointers,
    Recorded, Retracted, Retraction, Review, ReviewOrder, RunBrief, RunCheck, RunId, RunPart, RunRecord, Stale,
    StaleKind, StaleLink, Status, Suspect, SuspectComponent, Truncated, Verified, VerifyReport, VerifyStatus, Version,
    VersionKind, Violation,
};
pub use query::{
    ByStart, Checks, Components, History, Impact, Labelling, Retracting, Reviewing, StaleRun, Staleness, Trace, Verify,
};
pub use record::{Run, RunHandle};
pub use store::Durability;
pub use tracer::{Scoped, Tracer, TracerBuilder, init, log_component_run, queue_component_run, scoped};
pub use writer::Stats;

/// How the command line and the page tell times and sizes. Not a stable API.
#[doc(hidden)]
#[path = "words.rs"]
pub mod __words;

/// How both draw a graph as a tree. Not a stable API.
#[doc(hidden)]
#[path = "tree.rs"]
pub mod __tree;

/// What `#[component]` expands to. Not a stable API: it changes with the attribute.
#[doc(hidden)]
pub mod __private {
    pub use crate::capture::Capture;
    pub use crate::model::PointerType;
    pub use crate::outcome::*;
    pub use crate::record::{
        Direction, Ended, Guard, InRun, Meta, Run, RunHandle, Slot, Verdict, call_once, in_run, refused, verdict,
    };
}

/// Threads share tracers, and futures that hold a run stay `Send`.
const _: () = {
    const fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Tracer>();
    assert_send_sync::<Run>();
    assert_send_sync::<RunHandle>();
    assert_send_sync::<Error>();
};
