//! A lineage drawn: runs and what they handed on, in layers from left to right.
//!
//! It is laid out here rather than in the browser, so that it is there without a script, and soon.

use std::collections::{BTreeMap, HashMap};

use mltrace_core::{Edge, Graph, RunId, RunRecord};
use rust_sugiyama::configure::Config;
use rust_sugiyama::from_vertices_and_edges;

use super::link;

/// Which way was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Upstream,
    Downstream,
}

/// In units of the drawing.
const WIDTH: f64 = 190.0;
const HEIGHT: f64 = 46.0;
const LAYER: f64 = 44.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 12.0;
/// What of a text has room in a box.
const LETTERS: usize = 24;

/// Boxes and lines.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Box>,
    pub(super) lines: Vec<Line>,
}

/// A run, or what was read or written.
#[derive(Debug)]
pub(super) struct Box {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) link: String,
    pub(super) title: String,
    pub(super) detail: String,
    /// All of it, where it does not fit.
    pub(super) whole: String,
    pub(super) class: String,
}

/// Something that was handed on.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) class: &'static str,
    pub(super) whole: String,
}

/// A place in the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Node<'g> {
    Run(RunId),
    /// Names that are handed on alike, from one run or from none.
    Pointers(Option<RunId>, &'g str),
}

/// Draws a graph whose runs may have been cut off at the end.
pub(super) fn draw(graph: &Graph, way: Way) -> Drawing {
    let runs: HashMap<RunId, &RunRecord> = graph.runs.iter().map(|found| (found.run.id, &found.run)).collect();
    let steps = steps(graph, &runs, way);
    let mut nodes: Vec<Node<'_>> = runs.keys().map(|&id| Node::Run(id)).collect();
    nodes.extend(steps.iter().flat_map(|step| [step.from.clone(), step.to.clone()]));
    nodes.sort();
    nodes.dedup();
    let places: HashMap<&Node<'_>, u32> = nodes.iter().zip(0..).collect();
    let edges: Vec<(u32, u32)> = steps.iter().map(|step| (places[&step.from], places[&step.to])).collect();
    let (at, width, height) = layout(nodes.len(), &edges);
    let boxes = nodes.iter().zip(&at).map(|(node, &(x, y))| boxed(node, &runs, x, y)).collect();
    let lines = steps.iter().zip(&edges).map(|(step, &(from, to))| line(step, at[from as usize], at[to as usize]));
    let lines = lines.collect();
    Drawing { width, height, boxes, lines }
}

/// One line: from who wrote to who read.
struct Step<'g> {
    from: Node<'g>,
    to: Node<'g>,
    modified: bool,
    overlapping: bool,
}

fn steps<'g>(graph: &'g Graph, runs: &HashMap<RunId, &'g RunRecord>, way: Way) -> Vec<Step<'g>> {
    let mut steps: BTreeMap<(Node<'g>, Node<'g>), (bool, bool)> = BTreeMap::new();
    let mut add = |from: Node<'g>, to: Node<'g>, modified: bool, overlapping: bool| {
        let marks = steps.entry((from, to)).or_default();
        *marks = (marks.0 | modified, marks.1 | overlapping);
    };
    let shown = graph.edges.iter().filter(|edge| runs.contains_key(&edge.from) && runs.contains_key(&edge.to));
    for Edge { from, to, pointer, modified, overlapping, .. } in shown {
        let (reader, writer) = (Node::Run(*from), Node::Run(*to));
        match pointer {
            Some(name) => {
                let handed = Node::Pointers(Some(*to), name);
                add(writer, handed.clone(), false, false);
                add(handed, reader, *modified, *overlapping);
            }
            None => add(writer, reader, *modified, *overlapping),
        }
    }
    if way == Way::Upstream {
        // What nobody wrote is where a lineage begins.
        for run in runs.values() {
            let is_written = |name: &str| run.dependencies.iter().any(|to| to.pointer.as_deref() == Some(name));
            for input in run.inputs.iter().filter(|input| !is_written(&input.pointer.name)) {
                add(Node::Pointers(None, &input.pointer.name), Node::Run(run.id), false, false);
            }
        }
    }
    if let (Some(pointer), Some(root)) = (&graph.root.pointer, graph.root.run) {
        let asked = Node::Pointers(Some(root), pointer.name.as_str());
        if way == Way::Upstream {
            add(Node::Run(root), asked, false, false);
        }
    }
    steps.into_iter().map(|((from, to), (modified, overlapping))| Step { from, to, modified, overlapping }).collect()
}

/// The left upper corner of each node, and how large the whole is.
fn layout(nodes: usize, edges: &[(u32, u32)]) -> (Vec<(f64, f64)>, f64, f64) {
    // The library's layers lie above one another, ours beside one another: so boxes are handed over on their side.
    let vertices: Vec<(u32, (f64, f64))> = (0..).take(nodes).map(|node| (node, (HEIGHT, WIDTH))).collect();
    let config = Config { vertex_spacing: ROW, ..Config::default() };
    let mut at = vec![(MARGIN, MARGIN); nodes];
    let (mut width, mut top) = (0.0_f64, MARGIN);
    for (part, ..) in from_vertices_and_edges(&vertices, edges, &config) {
        let (mut across, mut along): (Vec<f64>, Vec<f64>) = part.iter().map(|(_, at)| *at).unzip();
        across.sort_by(f64::total_cmp);
        along.sort_by(f64::total_cmp);
        along.dedup();
        let first = across.first().copied().unwrap_or_default();
        let layer = |y: f64| along.iter().take_while(|&&other| other < y).map(|_| WIDTH + LAYER).sum::<f64>();
        for (node, (x, y)) in &part {
            at[*node] = (MARGIN + layer(*y), top + x - first);
            width = width.max(at[*node].0 + WIDTH);
        }
        top += across.last().copied().unwrap_or_default() - first + HEIGHT + ROW;
    }
    (at, width + MARGIN, top - ROW + MARGIN)
}

fn boxed(node: &Node<'_>, runs: &HashMap<RunId, &RunRecord>, x: f64, y: f64) -> Box {
    match node {
        Node::Run(id) => {
            let run = runs[id];
            let partition = run.partition.as_ref().map(|partition| format!(" [{partition}]")).unwrap_or_default();
            let whole = format!("#{id} {}{partition}, {}", run.component, run.status);
            let stale = if run.stale.as_ref().is_some_and(|stale| !stale.is_empty()) { " stale" } else { "" };
            Box {
                x,
                y,
                link: format!("/runs/{id}"),
                title: cut(&run.component),
                detail: cut(&format!("#{id}{partition} {}", run.status)),
                whole,
                class: format!("run {}{stale}", run.status),
            }
        }
        Node::Pointers(writer, name) => Box {
            x,
            y,
            link: link::of("/trace", name),
            title: cut_start(name),
            detail: if writer.is_none() { "source".to_owned() } else { String::new() },
            whole: (*name).to_owned(),
            class: if writer.is_none() { "pointer source".to_owned() } else { "pointer".to_owned() },
        },
    }
}

fn line(step: &Step<'_>, from: (f64, f64), to: (f64, f64)) -> Line {
    let (x1, y1, x2, y2) = (from.0 + WIDTH, from.1 + HEIGHT / 2.0, to.0, to.1 + HEIGHT / 2.0);
    let bend = ((x2 - x1) / 2.0).abs().max(20.0);
    let (class, whole) = match (step.modified, step.overlapping) {
        (true, _) => ("modified", "modified: the bytes that were read are not those that were written"),
        (_, true) => ("overlapping", "overlapping: who wrote it had not ended when it was read"),
        _ => ("plain", ""),
    };
    let path = format!("M{x1:.1} {y1:.1} C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 + bend, x2 - bend);
    Line { path, class, whole: whole.to_owned() }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LETTERS {
        return text.to_owned();
    }
    text.chars().take(LETTERS - 1).chain(['…']).collect()
}

/// The end, which tells paths apart.
fn cut_start(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LETTERS {
        return text.to_owned();
    }
    ['…'].into_iter().chain(text.chars().skip(letters - LETTERS + 1)).collect()
}
