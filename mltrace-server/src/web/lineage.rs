//! Where something came from, and what came of it: as a graph, and as a list for whoever does not look at graphs.

use askama::Template;
use mltrace_core::{Graph, GraphRun, RunId};
use serde::Deserialize;

use super::frame::Frame;
use super::graph::{Drawing, Way, draw};
use super::site::{Site, Visit};
use super::{link, words};
use crate::problem::Problem;

/// More runs than these are not drawn at once.
const MOST: usize = 300;

pub(super) fn add(site: Site) -> Site {
    site.view("/trace", traced_by_question)
        .view("/trace/{name}", traced)
        .view("/impact", touched_by_question)
        .view("/impact/{name}", touched)
}

/// What it is about.
#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// How far to go.
#[derive(Debug, Default, Deserialize)]
struct Reach {
    name: Option<String>,
    run: Option<RunId>,
    version: Option<String>,
    depth: Option<u32>,
    stop_at: Option<String>,
}

/// A lineage, as a page.
#[derive(Template)]
#[template(path = "web/lineage.html")]
struct Lineage {
    frame: Frame,
    way: Way,
    asked: String,
    depth: Option<u32>,
    /// The deepest run of all that were found.
    deepest: u32,
    graph: Graph,
    drawing: Drawing,
    /// How many runs were found and are not shown.
    left_out: u64,
}

fn traced(visit: Visit<'_, Named, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, path, query, frame } = visit;
    let mut question = tracer.trace(path.name.as_str());
    if let Some(version) = query.version {
        question = question.version(version);
    }
    if let Some(hops) = query.depth {
        question = question.depth(hops);
    }
    if let Some(component) = query.stop_at {
        question = question.stop_at(component);
    }
    Ok(Lineage::of(frame, Way::Upstream, path.name, query.depth, question.get()?))
}

fn traced_by_question(visit: Visit<'_, crate::api::Nothing, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, mut query, frame, .. } = visit;
    if let Some(name) = query.name.take() {
        return traced(Visit { tracer, path: Named { name }, query, frame });
    }
    let run = query.run.ok_or_else(|| Problem::bad_request("give a `name` or a `run`"))?;
    let mut question = tracer.trace_run(run);
    if let Some(hops) = query.depth {
        question = question.depth(hops);
    }
    Ok(Lineage::of(frame, Way::Upstream, format!("#{run}"), query.depth, question.get()?))
}

fn touched(visit: Visit<'_, Named, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, path, query, frame } = visit;
    let mut question = tracer.impact(path.name.as_str());
    if let Some(version) = query.version {
        question = question.version(version);
    }
    if let Some(hops) = query.depth {
        question = question.depth(hops);
    }
    Ok(Lineage::of(frame, Way::Downstream, path.name, query.depth, question.get()?))
}

fn touched_by_question(visit: Visit<'_, crate::api::Nothing, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, mut query, frame, .. } = visit;
    if let Some(name) = query.name.take() {
        return touched(Visit { tracer, path: Named { name }, query, frame });
    }
    let run = query.run.ok_or_else(|| Problem::bad_request("give a `name` or a `run`"))?;
    let mut question = tracer.impact_run(run);
    if let Some(hops) = query.depth {
        question = question.depth(hops);
    }
    Ok(Lineage::of(frame, Way::Downstream, format!("#{run}"), query.depth, question.get()?))
}

impl Lineage {
    fn of(frame: Frame, way: Way, asked: String, depth: Option<u32>, mut graph: Graph) -> Self {
        let deepest = graph.runs.iter().map(|found| found.depth).max().unwrap_or_default();
        let found = graph.runs.len();
        // Nearest first: what is left out lies furthest away.
        graph.runs.truncate(MOST);
        let beyond = graph.truncated.map_or(0, |truncated| truncated.runs);
        let left_out = beyond + (found - graph.runs.len()) as u64;
        let drawing = draw(&graph, way);
        Self { frame, way, asked, depth, deepest, graph, drawing, left_out }
    }

    /// The same page, so deep.
    fn at_depth(&self, depth: u32) -> String {
        let here = self.frame.here.split('?').next().unwrap_or_default();
        link::to(here, &[("depth", &depth.to_string())])
    }

    fn marks(&self, found: &GraphRun) -> Vec<&'static str> {
        let edges = self.graph.edges.iter().filter(|edge| edge.from == found.run.id);
        let mut marks: Vec<_> = edges
            .flat_map(|edge| {
                [edge.modified.then_some("read modified bytes"), edge.overlapping.then_some("overlapping")]
            })
            .flatten()
            .collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}
