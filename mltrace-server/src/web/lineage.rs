//! Where something came from, and what came of it: as a graph, and as a tree for whoever does not look at graphs.

use std::time::Duration;

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::monitor::WindowOutput;
use mltrace_core::{ErrorKind, Graph, Impact, IoPointer, RunId, RunPart, Trace, Tracer};
use serde::Deserialize;

use super::frame::Frame;
use super::graph::{Box, Boxes, Drawing, HEIGHT, WIDTH, Way, draw, fit};
use super::site::{Site, Visit};
use super::tree::{Branch, branches};
use super::words::FEW;
use super::{link, words};
use crate::api::Nothing;
use crate::problem::Problem;

/// More runs than these are not shown at once.
const MOST: usize = 300;
/// Where all of a component stand in one box, so many may.
const MOST_IN_COMPONENTS: usize = 3_000;
/// Of what a run wrote no more is read; edges are read all the same.
const OUTPUTS: u32 = 300;
const OUTPUTS_IN_COMPONENTS: u32 = 10;
/// Of what is left out no more are counted.
const COUNTED: u64 = 10_000;
/// The time for judging which of the runs are stale.
const JUDGING: Duration = Duration::from_millis(300);

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

/// How far to go, and how to show it.
#[derive(Debug, Default, Deserialize)]
struct Reach {
    name: Option<String>,
    run: Option<RunId>,
    version: Option<String>,
    depth: Option<u32>,
    stop_at: Option<String>,
    /// 1 where all runs of a component are to stand in one box.
    collapse: Option<u8>,
    /// 1 where the graph is to be no wider than the page, however small its letters get.
    fit: Option<u8>,
}

/// A lineage, as a page.
#[derive(Template)]
#[template(path = "web/lineage.html")]
struct Lineage {
    frame: Frame,
    way: Way,
    asked: String,
    reach: Reach,
    graph: Graph,
    drawing: Drawing,
    /// How many runs were found and are not shown.
    left_out: u64,
    /// How many of those that are shown were judged.
    judged: usize,
    /// The run that the walk began at, shown beside the graph until another is chosen.
    root: Option<RunPart>,
    /// Of some runs no more outputs than so many are shown.
    first_outputs: Option<u32>,
    /// What tasks gave out under the name that was asked for.
    given_out: Vec<(String, WindowOutput)>,
}

fn traced(visit: Visit<'_, Named, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, path, query: reach, frame } = visit;
    match reach.upstream(tracer.trace(path.name.as_str())).get() {
        Ok(graph) => Lineage::of(tracer, frame, Way::Upstream, path.name, reach, graph),
        // Of what no traced run wrote, there is only what came of it to show.
        Err(error) if error.kind() == ErrorKind::NotFound && data(tracer, &path.name)?.is_some() => {
            touched(Visit { tracer, path, query: reach, frame })
        }
        Err(error) => Err(error.into()),
    }
}

/// What is known of a name, if anything is.
pub(super) fn data(tracer: &Tracer, name: &str) -> Result<Option<IoPointer>, Problem> {
    match tracer.io_pointer(name) {
        Ok(pointer) => Ok(Some(pointer)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn traced_by_question(visit: Visit<'_, Nothing, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, query: reach, frame, .. } = visit;
    if let Some(name) = reach.name.clone() {
        return traced(Visit { tracer, path: Named { name }, query: reach, frame });
    }
    let run = reach.run.ok_or_else(ask_more)?;
    let graph = reach.upstream(tracer.trace_run(run)).get()?;
    Lineage::of(tracer, frame, Way::Upstream, format!("#{run}"), reach, graph)
}

fn touched(visit: Visit<'_, Named, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, path, query: reach, frame } = visit;
    let graph = reach.downstream(tracer.impact(path.name.as_str())).get()?;
    Lineage::of(tracer, frame, Way::Downstream, path.name, reach, graph)
}

fn touched_by_question(visit: Visit<'_, Nothing, Reach>) -> Result<Lineage, Problem> {
    let Visit { tracer, query: reach, frame, .. } = visit;
    if let Some(name) = reach.name.clone() {
        return touched(Visit { tracer, path: Named { name }, query: reach, frame });
    }
    let run = reach.run.ok_or_else(ask_more)?;
    let graph = reach.downstream(tracer.impact_run(run)).get()?;
    Lineage::of(tracer, frame, Way::Downstream, format!("#{run}"), reach, graph)
}

fn ask_more() -> Problem {
    Problem::bad_request("give a `name` or a `run`")
}

impl Reach {
    fn boxes(&self) -> Boxes {
        if self.collapse == Some(1) { Boxes::Components } else { Boxes::Runs }
    }

    fn most(&self) -> usize {
        match self.boxes() {
            Boxes::Runs => MOST,
            Boxes::Components => MOST_IN_COMPONENTS,
        }
    }

    fn outputs(&self) -> u32 {
        match self.boxes() {
            Boxes::Runs => OUTPUTS,
            Boxes::Components => OUTPUTS_IN_COMPONENTS,
        }
    }

    fn upstream<'t>(&self, mut question: Trace<'t>) -> Trace<'t> {
        if let Some(version) = &self.version {
            question = question.version(version);
        }
        if let Some(hops) = self.depth {
            question = question.depth(hops);
        }
        if let Some(component) = &self.stop_at {
            question = question.stop_at(component);
        }
        question.limit(self.most()).outputs(self.outputs())
    }

    fn downstream<'t>(&self, mut question: Impact<'t>) -> Impact<'t> {
        if let Some(version) = &self.version {
            question = question.version(version);
        }
        if let Some(hops) = self.depth {
            question = question.depth(hops);
        }
        question.limit(self.most()).outputs(self.outputs())
    }
}

impl Lineage {
    fn of(
        tracer: &Tracer,
        frame: Frame,
        way: Way,
        asked: String,
        reach: Reach,
        mut graph: Graph,
    ) -> Result<Self, Problem> {
        fit(&mut graph, way, reach.boxes());
        let ids: Vec<RunId> = graph.runs.iter().map(|found| found.run.id).collect();
        let stale = if ids.is_empty() { Vec::new() } else { tracer.stale_runs(&ids, JUDGING)? };
        let judged = stale.len();
        for (found, stale) in graph.runs.iter_mut().zip(stale) {
            found.run.stale = Some(stale);
        }
        let mut root =
            graph.root.run.map(|root| tracer.run_parts(&[root], FEW)).transpose()?.and_then(|mut found| found.pop());
        if let Some(part) = &mut root {
            let found = graph.runs.iter().find(|found| found.run.id == part.run.id);
            part.run.stale = found.and_then(|found| found.run.stale.clone());
        }
        let outputs = reach.outputs();
        let is_cut = graph.runs.iter().any(|found| found.run.outputs.len() >= outputs as usize);
        let first_outputs = (way == Way::Downstream && is_cut).then_some(outputs);
        let drawing = draw(&graph, way, reach.boxes(), reach.version.is_some());
        let left_out = graph.truncated.map_or(0, |truncated| truncated.runs);
        let given_out = graph.root.pointer.as_ref().map(|asked| tracer.given_out(&asked.name)).transpose()?;
        let given_out = given_out.unwrap_or_default();
        Ok(Self { frame, way, asked, reach, graph, drawing, left_out, judged, root, first_outputs, given_out })
    }

    /// What is shown, and how much is not.
    fn told(&self) -> String {
        match self.way {
            Way::Downstream if self.left_out == 0 && self.graph.runs.iter().all(|found| found.depth == 0) => {
                "read by no traced run".to_owned()
            }
            _ => count(self.graph.runs.len() as u64, "run"),
        }
    }

    fn left_out(&self) -> String {
        if self.left_out >= COUNTED { format!("{COUNTED} or more") } else { self.left_out.to_string() }
    }

    /// The depths to choose from: where they are shown, and whether that is here.
    fn depths(&self) -> Vec<(String, String, bool)> {
        const DEEPEST: u32 = 6;
        let deepest = self.graph.runs.iter().map(|found| found.depth).max().unwrap_or_default();
        let goes_on = self.left_out > 0 || self.reach.depth.is_some();
        let few = (1..=if goes_on { DEEPEST } else { deepest.min(DEEPEST) }).map(|hops| (hops.to_string(), Some(hops)));
        let all = [("all".to_owned(), None)];
        let place = |(name, depth): (String, Option<u32>)| {
            let hops = depth.map(|hops| hops.to_string());
            (name, link::with(&self.frame.here, "depth", hops.as_deref()), self.reach.depth == depth)
        };
        few.chain(all).map(place).collect()
    }

    /// The boxes to choose from, in the same way.
    fn boxes(&self) -> [(&'static str, String, bool); 2] {
        let is_collapsed = self.reach.boxes() == Boxes::Components;
        self.either("collapse", is_collapsed, ["runs", "components"])
    }

    fn fits(&self) -> bool {
        self.reach.fit == Some(1)
    }

    /// How large the graph may be, in the same way.
    fn sizes(&self) -> [(&'static str, String, bool); 2] {
        self.either("fit", self.fits(), ["full", "fit"])
    }

    /// The same page without a part of its question, and with it.
    fn either(&self, part: &str, is_in: bool, [without, with]: [&'static str; 2]) -> [(&'static str, String, bool); 2] {
        let place = |answer| link::with(&self.frame.here, part, answer);
        [(without, place(None), !is_in), (with, place(Some("1")), is_in)]
    }

    /// The same question the other way.
    fn other_way(&self) -> Option<String> {
        if self.is_source() {
            return None;
        }
        let place = if self.way == Way::Upstream { "/impact" } else { "/trace" };
        if let (None, Some(run)) = (&self.graph.root.pointer, self.reach.run) {
            return Some(format!("{place}?run={run}"));
        }
        let version = self.reach.version.as_ref().map(|version| ("version", version.as_str()));
        Some(link::to(&link::of(place, &self.asked), version.as_slice()))
    }

    fn is_source(&self) -> bool {
        self.graph.root.run.is_none()
    }

    /// The output that was asked about, where a traced run wrote it.
    fn output(&self) -> Option<&IoPointer> {
        self.graph.root.pointer.as_ref().filter(|_| self.way == Way::Upstream && !self.is_source())
    }

    fn tree(&self) -> Vec<Branch<'_>> {
        branches(&self.graph, self.way)
    }

    /// Components with what is to be told of their runs.
    fn components(&self) -> impl Iterator<Item = &Box> {
        self.drawing.boxes.iter().filter(|at| !at.runs.is_empty())
    }
}
