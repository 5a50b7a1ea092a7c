//! Answers as text for people. JSON needs no renderer: it is what the core's answers serialise to.

mod care;
mod catalogue;
mod chart;
mod checks;
mod diff;
mod drift;
mod labels;
mod metrics;
mod outputs;
mod profile;
mod retrain;
mod review;
mod run;
mod runs;
#[cfg(feature = "server")]
mod serving;
mod stale;
mod table;
mod text;
mod time;
mod trace;
mod verify;
mod wrap;

pub(crate) use care::{exported, gc, health, imported};
pub(crate) use catalogue::{components, tagged, tags};
pub(crate) use diff::diff;
pub(crate) use drift::drift;
pub(crate) use labels::{labelled, labels, retracted, retraction};
pub(crate) use metrics::metrics;
pub(crate) use outputs::outputs;
pub(crate) use profile::{run_profile, task_profile};
pub(crate) use retrain::retrain;
pub(crate) use review::{Origin, flagged, flagged_of_task, review, unflagged};
pub(crate) use run::{name_of, run};
pub(crate) use runs::{RunTable, history, recent};
#[cfg(feature = "server")]
pub(crate) use serving::{new_token, serving, tokens};
pub(crate) use stale::stale;
pub(crate) use trace::{impact, label_impact, trace};
pub(crate) use verify::verify;
