//! One label: what it is on, what has read what carries it, and who did so after it was retracted.

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::{LabelBrief, RunPart, Tracer};
use serde::Deserialize;

use super::frame::Frame;
use super::site::Visit;
use super::words::Next;
use super::{link, recent, words};
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

/// Some of some runs.
struct Runs {
    shown: Vec<RunPart>,
    next: Next,
    /// Where the list begins, unless that is here.
    first: Option<String>,
    found: usize,
    /// Not all runs were looked for.
    is_cut: bool,
}

/// From where on its lists are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Places {
    pub(super) runs: usize,
    pub(super) heedless: usize,
}

pub(super) fn label(visit: Visit<'_, Named, Places>) -> Result<One, Problem> {
    one(visit.tracer, &visit.path.name, &visit.query, visit.frame)
}

pub(super) fn one(tracer: &Tracer, name: &str, places: &Places, frame: Frame) -> Result<One, Problem> {
    let carriers = tracer.label_carriers(name, LOOKED_FOR)?;
    let some = |ids: &[_], list: &str, from: usize| -> Result<Runs, Problem> {
        let rest = ids.get(from..).unwrap_or_default();
        let (shown, more) = rest.split_at(rest.len().min(SHOWN));
        let from_on = |from: Option<usize>| {
            link::with(&frame.here, list, from.map(|from| from.to_string()).as_deref()) + "#" + list
        };
        Ok(Runs {
            shown: tracer.run_parts(shown, recent::SHOWN)?,
            next: Next { link: from_on(Some(from.saturating_add(SHOWN))), more: more.len(), what: "runs" },
            first: (from > 0).then(|| from_on(None)),
            found: ids.len(),
            is_cut: carriers.may_be_more,
        })
    };
    let runs = some(&carriers.runs, "runs", places.runs)?;
    let heedless = some(&carriers.heedless, "heedless", places.heedless)?;
    Ok(One { frame, brief: carriers.brief, runs, heedless })
}

impl Runs {
    /// How many there are, as far as that is known.
    fn count(&self) -> String {
        let or_more = if self.is_cut { "at least " } else { "" };
        format!("{or_more}{}", count(self.found as u64, "run"))
    }
}
