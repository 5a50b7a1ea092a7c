//! Labels, and their retraction.

use askama::Template;
use mltrace_core::{LabelBrief, LabelledPointer};
use serde::Deserialize;

use super::frame::Frame;
use super::label::{self, One, Places};
use super::site::{Change, Shown, Site, Visit};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many labels at a time.
const PART: u32 = 50;
/// Of what a label is on, a list shows so much.
const SHOWN: usize = 3;

pub(super) fn add(site: Site) -> Site {
    site.view("/labels", labels).view("/labels/{name}", label::label).change("/labels", retract)
}

/// Which labels: one, from some places of its lists on, or all from one on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    name: Option<String>,
    runs: usize,
    heedless: usize,
    after: Option<String>,
}

/// The labels, as a page.
#[derive(Template)]
#[template(path = "web/labels.html")]
struct All {
    frame: Frame,
    labels: Vec<LabelBrief>,
    is_first: bool,
    /// Where the list goes on.
    next: Option<String>,
}

fn labels(visit: Visit<'_, Nothing, Asked>) -> Result<Shown<All, One>, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    if let Some(name) = query.name {
        let places = Places { runs: query.runs, heedless: query.heedless };
        return Ok(Shown::One { page: Box::new(label::one(tracer, &name, &places, frame)?) });
    }
    let page = tracer.label_briefs("", query.after.as_deref(), PART)?;
    let next = page.next.map(|next| link::to("/labels", &[("after", &next)]));
    let all = All { frame, labels: page.items, is_first: query.after.is_none(), next };
    Ok(Shown::All { page: Box::new(all) })
}

impl All {
    fn some(brief: &LabelBrief) -> &[LabelledPointer] {
        &brief.label.pointers[..brief.label.pointers.len().min(SHOWN)]
    }

    /// On how much more than is shown the label is.
    fn more(brief: &LabelBrief) -> Option<String> {
        let more = brief.label.pointers.len().saturating_sub(SHOWN);
        let or_more = if brief.has_more { " or more" } else { "" };
        (more > 0).then(|| format!("+{more}{or_more}"))
    }
}

/// Which label, and why.
#[derive(Debug, Deserialize)]
struct Reason {
    name: String,
    reason: String,
}

fn retract(change: Change<'_, Nothing, Reason>) -> Result<String, Problem> {
    let Reason { name, reason } = change.form;
    let mut question = change.tracer.retract(&name, reason.trim());
    if let Some(by) = change.who.0 {
        question = question.by(by);
    }
    question.write()?;
    Ok(link::of("/labels", &name))
}
