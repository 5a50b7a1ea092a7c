//! What is flagged, and the runs that lie behind it.

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::{Review, ReviewOrder, RunId, Suspect};
use serde::Deserialize;

use super::frame::Frame;
use super::site::{Change, Site, Visit};
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// So many suspects are shown unless more are asked for, and never more than the other.
const SUSPECTS: usize = 20;
const MOST: usize = 200;
/// Of what is flagged so many are shown.
const FLAGGED: usize = 100;
/// And so many components.
const COMPONENTS: usize = 50;

pub(super) fn add(site: Site) -> Site {
    site.view("/review", review).change("/unflag-all", unflag_all)
}

/// In which order, and how many.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    by: ReviewOrder,
    limit: Option<usize>,
}

/// What is flagged and what lies behind it, as a page.
#[derive(Template)]
#[template(path = "web/review.html")]
struct Reviewed {
    frame: Frame,
    review: Review,
    by: ReviewOrder,
    /// For each suspect the run before it, to compare it with.
    before: Vec<Option<RunId>>,
}

fn review(visit: Visit<'_, Nothing, Order>) -> Result<Reviewed, Problem> {
    let Visit { tracer, query: Order { by, limit }, frame, .. } = visit;
    let review = tracer.review().by(by).limit(limit.unwrap_or(SUSPECTS).min(MOST)).outputs(0).get()?;
    let before = review.runs.iter().map(|suspect| tracer.run_before(suspect.run.id)).collect::<Result<_, _>>()?;
    Ok(Reviewed { frame, review, by, before })
}

fn unflag_all(Change { tracer, .. }: Change<'_, Nothing, Nothing>) -> Result<String, Problem> {
    tracer.unflag_all()?;
    Ok("/review".to_owned())
}

impl Reviewed {
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
        let place = |(name, order)| (name, link::to("/review", &[("by", name)]), self.by == order);
        [("suspicion", ReviewOrder::Suspicion), ("coverage", ReviewOrder::Coverage)].map(place)
    }

    /// The same page with more suspects, as many as there are or as are shown at all.
    fn more(&self) -> Option<(u64, Option<String>)> {
        let left_out = self.review.truncated?.runs;
        let shown = self.review.runs.len();
        let all = shown.saturating_add(usize::try_from(left_out).unwrap_or(usize::MAX)).min(MOST).to_string();
        let by = if self.by == ReviewOrder::Coverage { "coverage" } else { "suspicion" };
        Some((left_out, (shown < MOST).then(|| link::to("/review", &[("by", by), ("limit", &all)]))))
    }
}
