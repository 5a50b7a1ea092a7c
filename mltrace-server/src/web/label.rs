//! One label: what it is on, what has read what carries it, and who did so after it was retracted.

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::{LabelBrief, RunPart, Tracer};
use serde::Deserialize;

use super::frame::Frame;
use super::site::Visit;
use super::{recent, words};
use crate::problem::Problem;

/// So many runs are looked for.
const LOOKED_FOR: usize = 2_000;
/// So many are shown.
const SHOWN: usize = 100;

/// Which label.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
}

/// A label, as a page.
#[derive(Template)]
#[template(path = "web/label.html")]
pub(super) struct One {
    frame: Frame,
    brief: LabelBrief,
    runs: Runs,
    /// Those that started after it was retracted.
    heedless: Runs,
}

/// The first of some runs.
struct Runs {
    shown: Vec<RunPart>,
    found: usize,
    /// Not all runs were looked for.
    is_cut: bool,
}

pub(super) fn label(visit: Visit<'_, Named, crate::api::Nothing>) -> Result<One, Problem> {
    one(visit.tracer, &visit.path.name, visit.frame)
}

pub(super) fn one(tracer: &Tracer, name: &str, frame: Frame) -> Result<One, Problem> {
    let carriers = tracer.label_carriers(name, LOOKED_FOR)?;
    let some = |ids: &[_]| -> Result<Runs, Problem> {
        Ok(Runs {
            shown: tracer.run_parts(&ids[..ids.len().min(SHOWN)], recent::SHOWN)?,
            found: ids.len(),
            is_cut: carriers.may_be_more,
        })
    };
    let (runs, heedless) = (some(&carriers.runs)?, some(&carriers.heedless)?);
    Ok(One { frame, brief: carriers.brief, runs, heedless })
}

impl Runs {
    /// How many there are, as far as that is known.
    fn count(&self) -> String {
        let or_more = if self.is_cut { "at least " } else { "" };
        format!("{or_more}{}", count(self.found as u64, "run"))
    }

    fn left_out(&self) -> usize {
        self.found - self.shown.len()
    }
}
