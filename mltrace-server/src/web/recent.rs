//! The last runs, live, endless.

use askama::Template;
use mltrace_core::{RunId, RunRecord};
use serde::Deserialize;

use super::frame::Frame;
use super::site::{Site, Visit};
use super::words;
use crate::api::Nothing;
use crate::problem::Problem;

/// So many runs at a time.
const PART: u32 = 50;

pub(super) fn add(site: Site) -> Site {
    site.view("/", recent).view("/recent/older", older).view("/recent/newer", newer)
}

/// The last runs, as a page.
#[derive(Template)]
#[template(path = "web/recent.html")]
struct Recent {
    frame: Frame,
    part: Part,
}

/// Some runs, newest first, and where those before them begin.
#[derive(Template)]
#[template(path = "web/recent_part.html")]
struct Part {
    runs: Vec<RunRecord>,
    next: Option<String>,
}

/// Runs that were recorded since the page was made.
#[derive(Template)]
#[template(path = "web/recent_newer.html")]
struct Newer {
    runs: Vec<RunRecord>,
    /// The newest that the page has now.
    newest: RunId,
    /// There are more than are put in at a time.
    is_cut: bool,
}

/// Where to go on.
#[derive(Debug, Deserialize)]
struct From {
    run: Option<RunId>,
}

fn part(visit: &Visit<'_, Nothing, From>) -> Result<Part, Problem> {
    let page = visit.tracer.recent_before(visit.query.run.unwrap_or(RunId(i64::MAX)), PART)?;
    Ok(Part { runs: page.items, next: page.next })
}

fn recent(visit: Visit<'_, Nothing, From>) -> Result<Recent, Problem> {
    Ok(Recent { part: part(&visit)?, frame: visit.frame })
}

fn older(visit: Visit<'_, Nothing, From>) -> Result<Part, Problem> {
    part(&visit)
}

fn newer(visit: Visit<'_, Nothing, From>) -> Result<Newer, Problem> {
    let known = visit.query.run.unwrap_or(RunId(0));
    let mut ids: Vec<_> = visit.tracer.briefs_after(known, PART + 1)?.into_iter().map(|run| run.id).collect();
    let is_cut = ids.len() > PART as usize;
    if is_cut {
        ids.clear();
    }
    ids.reverse();
    let newest = ids.first().copied().unwrap_or(known);
    Ok(Newer { runs: visit.tracer.runs(&ids)?, newest, is_cut })
}

impl Recent {
    fn newest(&self) -> RunId {
        self.part.runs.first().map_or(RunId(0), |run| run.id)
    }
}
