//! What is flagged, and the runs that lie behind it.

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::{Flagged, Review, ReviewOrder, RunId, Suspect};
use serde::Deserialize;

use super::frame::Frame;
use super::site::{Change, Site, Visit};
use super::words::Next;
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many suspects are shown unless more are asked for, and never more than the other.
const SUSPECTS: usize = 20;
const MOST: usize = 200;
/// Of what is flagged so many are shown at a time.
const FLAGGED: usize = 100;
/// And so many components.
const COMPONENTS: usize = 50;

pub(super) fn add(site: Site) -> Site {
    site.view("/review", review).change("/unflag-all", unflag_all)
}

/// In which order, how many, and from where on what is flagged is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    by: ReviewOrder,
    limit: Option<usize>,
    after: Option<String>,
}

/// What is flagged and what lies behind it, as a page.
#[derive(Template)]
#[template(path = "web/review.html")]
struct Reviewed {
    frame: Frame,
    review: Review,
    asked: Asked,
    /// For each suspect the run before it, to compare it with.
    before: Vec<Option<RunId>>,
    /// Of what is flagged, by name, the part that is shown.
    flagged: Vec<Flagged>,
    next: Next,
}

fn review(visit: Visit<'_, Nothing, Asked>) -> Result<Reviewed, Problem> {
    let Visit { tracer, query: asked, frame, .. } = visit;
    let review = tracer.review().by(asked.by).limit(asked.limit.unwrap_or(SUSPECTS).min(MOST)).outputs(0).get()?;
    let before = review.runs.iter().map(|suspect| tracer.run_before(suspect.run.id)).collect::<Result<_, _>>()?;
    let mut all: Vec<(String, &Flagged)> = review.flagged.iter().map(|flagged| (key(flagged), flagged)).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let rest = &all[asked.after.as_ref().map_or(0, |after| all.partition_point(|(key, _)| key <= after))..];
    let (shown, more) = rest.split_at(rest.len().min(FLAGGED));
    let flagged = shown.iter().map(|(_, flagged)| (*flagged).clone()).collect();
    let link = link::with(&frame.here, "after", shown.last().map(|(last, _)| last.as_str())) + "#flagged";
    let next = Next { link, more: more.len(), what: "flagged outputs" };
    Ok(Reviewed { frame, review, asked, before, flagged, next })
}

/// By what the flagged are ordered: they go on behind it also where what had it was unflagged meanwhile.
fn key(Flagged { pointer, written_by, .. }: &Flagged) -> String {
    let version = pointer.version.as_ref().map(ToString::to_string);
    let run = written_by.map(|run| run.to_string());
    [pointer.name.clone(), version.unwrap_or_default(), run.unwrap_or_default()].join("\n")
}

fn name(order: ReviewOrder) -> &'static str {
    if order == ReviewOrder::Coverage { "coverage" } else { "suspicion" }
}

fn unflag_all(Change { tracer, .. }: Change<'_, Nothing, Nothing>) -> Result<String, Problem> {
    tracer.unflag_all()?;
    Ok("/review".to_owned())
}

impl Reviewed {
    /// Where what is flagged begins, unless that is here.
    fn first(&self) -> Option<String> {
        let is_behind = self.asked.after.is_some() && !self.review.flagged.is_empty();
        is_behind.then(|| link::with(&self.frame.here, "after", None) + "#flagged")
    }

    /// Of the flagged outputs, those that a run wrote.
    fn produced(&self) -> usize {
        self.review.flagged.len() - self.review.unproduced.len()
    }

    /// What the suspects are judged by.
    fn head(&self) -> Option<[String; 3]> {
        let compared = self.review.compared.as_ref()?;
        let others = if compared.outputs == 1 { "1 other".to_owned() } else { format!("{} others", compared.outputs) };
        let flagged = count(self.produced() as u64, "flagged output");
        Some([flagged, others, compared.components.join(", ")])
    }

    /// How many outputs the flagged ones are compared with.
    fn others(&self) -> u64 {
        self.review.compared.as_ref().map_or(0, |compared| compared.outputs)
    }

    fn suspects(&self) -> impl Iterator<Item = (&Suspect, Option<RunId>)> {
        self.review.runs.iter().zip(self.before.iter().copied())
    }

    /// The orders to choose from: where they are shown, and whether that is here.
    fn orders(&self) -> [(&'static str, String, bool); 2] {
        [ReviewOrder::Suspicion, ReviewOrder::Coverage]
            .map(|order| (name(order), link::with(&self.frame.here, "by", Some(name(order))), self.asked.by == order))
    }

    /// The same page with more suspects, as many as there are or as are shown at all.
    fn more(&self) -> Option<(u64, Option<String>)> {
        let left_out = self.review.truncated?.runs;
        let shown = self.review.runs.len();
        let all = shown.saturating_add(usize::try_from(left_out).unwrap_or(usize::MAX)).min(MOST).to_string();
        let more = || link::with(&self.frame.here, "limit", Some(&all));
        Some((left_out, (shown < MOST).then(more)))
    }
}
