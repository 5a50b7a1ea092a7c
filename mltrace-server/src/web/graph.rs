//! A lineage drawn: runs and what they handed on, in layers from left to right.
//!
//! It is laid out here rather than in the browser, so that it is there without a script, and soon. Runs that nothing tells
//! apart stand in one box, and so do names that went from one run to the same others: a run may write thousands.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use mltrace_core::__tree::stale_for;
use mltrace_core::__words::count;
use mltrace_core::{Dependency, Graph, RunId, RunRecord, Status, Truncated, Version};
use rust_sugiyama::configure::Config;
use rust_sugiyama::from_vertices_and_edges;

use super::{link, words};

/// Which way was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Upstream,
    Downstream,
}

/// Which runs stand in one box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boxes {
    /// Those that nothing tells apart.
    Runs,
    /// All of a component.
    Components,
}

/// In units of the drawing.
pub(super) const WIDTH: f64 = 204.0;
pub(super) const HEIGHT: f64 = 46.0;
const LAYER: f64 = 44.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 12.0;
/// What of a title has room in a box, and of what stands smaller below it.
const LETTERS: usize = 25;
const SMALL_LETTERS: usize = 32;
/// So many that are alike still stand one by one.
const FEW: usize = 3;
/// More lines than these take long to lay out, and nobody can follow them.
const MOST_LINES: usize = 2_000;
/// The same of runs, or of components.
const MOST_BOXES: usize = 300;

/// Boxes and lines.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Box>,
    pub(super) lines: Vec<Line>,
}

/// Runs, or what they read or wrote.
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
    /// None where it stands for what was read or written.
    pub(super) runs: Vec<RunId>,
}

/// Something that was handed on.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) class: &'static str,
    pub(super) whole: &'static str,
}

/// A place in the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    /// A run, or the first of those that stand with it.
    Run(RunId),
    Names(usize),
}

/// What is worth knowing about a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Marks {
    modified: bool,
    overlapping: bool,
}

impl Marks {
    fn of(to: &Dependency) -> Self {
        Self { modified: to.modified, overlapping: to.overlapping }
    }

    /// Whatever is worth knowing about either.
    fn or(self, other: Self) -> Self {
        Self { modified: self.modified | other.modified, overlapping: self.overlapping | other.overlapping }
    }
}

/// A name on its way, from the run that wrote it, if any did, to one that read it, if any did.
#[derive(Debug, Clone, Copy)]
struct Step<'g> {
    writer: Option<RunId>,
    /// `None` where the dependency was declared.
    name: Option<&'g str>,
    reader: Option<RunId>,
    marks: Marks,
}

/// Names that went from the same to the same.
#[derive(Debug)]
struct Bundle<'g> {
    writer: Option<RunId>,
    readers: BTreeMap<RunId, Marks>,
    names: Vec<&'g str>,
}

/// Cuts the farther runs off a graph, where there would be too many boxes or lines to draw all of it.
pub(super) fn fit(graph: &mut Graph, way: Way, boxes: Boxes) {
    loop {
        let sketch = Sketch::of(graph, way, boxes);
        let is_drawn = sketch.lines.len() <= MOST_LINES && sketch.together.len() <= MOST_BOXES;
        if is_drawn || graph.runs.len() <= 1 {
            return;
        }
        let kept = graph.runs.len() / 2;
        let beyond = graph.truncated.map_or(0, |truncated| truncated.runs) + (graph.runs.len() - kept) as u64;
        graph.runs.truncate(kept);
        graph.truncated = Some(Truncated { runs: beyond });
    }
}

/// Draws a graph, of which the root may have been asked about in one version.
pub(super) fn draw(graph: &Graph, way: Way, boxes: Boxes, is_in_version: bool) -> Drawing {
    let asked = graph.root.pointer.as_ref().filter(|_| is_in_version);
    let version = asked.and_then(|asked| asked.version.as_ref());
    Sketch { version, ..Sketch::of(graph, way, boxes) }.laid_out()
}

/// What is to be drawn, without its place.
struct Sketch<'g> {
    boxes: Boxes,
    /// The name that was asked about, and the box of the run that wrote it, if any did.
    asked: Option<(Option<RunId>, &'g str)>,
    /// The one version of it that was asked about.
    version: Option<&'g Version>,
    root: Option<RunId>,
    runs: HashMap<RunId, &'g RunRecord>,
    /// The runs of each box, by the first of them.
    together: BTreeMap<RunId, Vec<RunId>>,
    bundles: Vec<Bundle<'g>>,
    lines: BTreeMap<(Node, Node), Marks>,
}

impl<'g> Sketch<'g> {
    fn of(graph: &'g Graph, way: Way, boxes: Boxes) -> Self {
        let runs: HashMap<_, _> = graph.runs.iter().map(|found| (found.run.id, &found.run)).collect();
        let asked = graph.root.pointer.as_ref().map(|pointer| pointer.name.as_str());
        let steps = steps(graph, &runs, way, asked);
        let together = match boxes {
            Boxes::Runs => alike(graph, &steps, asked),
            Boxes::Components => of_a_component(graph),
        };
        let first: HashMap<_, _> =
            together.iter().flat_map(|(&first, runs)| runs.iter().map(move |&run| (run, first))).collect();
        let root = graph.root.run.and_then(|root| first.get(&root)).copied();
        let asked = asked.map(|asked| (root, asked));
        let bundles = bundles(&steps, &first, asked);
        let mut lines: BTreeMap<(Node, Node), Marks> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.name.is_none()) {
            if let (Some(writer), Some(reader)) = (step.writer, step.reader)
                && first[&writer] != first[&reader]
            {
                lines.insert((Node::Run(first[&writer]), Node::Run(first[&reader])), Marks::default());
            }
        }
        for (at, bundle) in bundles.iter().enumerate() {
            let writer = bundle.writer.map(|writer| ((Node::Run(writer), Node::Names(at)), Marks::default()));
            let readers = bundle.readers.iter().map(|(&reader, &marks)| ((Node::Names(at), Node::Run(reader)), marks));
            lines.extend(writer.into_iter().chain(readers));
        }
        Self { boxes, asked, version: None, root: graph.root.run, runs, together, bundles, lines }
    }

    fn laid_out(&self) -> Drawing {
        let runs = self.together.keys().map(|&run| Node::Run(run));
        let nodes: Vec<Node> = runs.chain((0..self.bundles.len()).map(Node::Names)).collect();
        let places: BTreeMap<Node, u32> = nodes.iter().copied().zip(0..).collect();
        let edges: Vec<(u32, u32)> = self.lines.keys().map(|(from, to)| (places[from], places[to])).collect();
        let (at, width, height) = layout(nodes.len(), &edges);
        let boxes = nodes.iter().zip(&at).map(|(node, &at)| self.boxed(*node, at)).collect();
        let lines = self.lines.values().zip(&edges);
        let lines = lines.map(|(marks, &(from, to))| line(*marks, at[from as usize], at[to as usize])).collect();
        Drawing { width, height, boxes, lines }
    }

    fn boxed(&self, node: Node, (x, y): (f64, f64)) -> Box {
        let drawn = match node {
            Node::Names(bundle) => self.names(&self.bundles[bundle]),
            Node::Run(first) => match self.together[&first].as_slice() {
                [only] if self.boxes == Boxes::Runs => self.run(self.runs[only]),
                runs => self.several(runs),
            },
        };
        Box { x, y, ..drawn }
    }

    fn run(&self, run: &RunRecord) -> Box {
        let RunRecord { id, component, status, .. } = run;
        let partition = run.partition.as_ref().map(|partition| format!(" [{partition}]")).unwrap_or_default();
        let stale = if is_stale(run) { ", stale" } else { "" };
        let asked = if self.asked.is_none() && self.root == Some(*id) { " asked" } else { "" };
        Box {
            x: 0.0,
            y: 0.0,
            link: format!("/runs/{id}"),
            title: cut(component, LETTERS),
            detail: cut(&format!("#{id}{partition} {status}{stale}"), SMALL_LETTERS),
            whole: format!("#{id} {component}{partition}, {status}{stale}"),
            class: format!("run {status}{}{asked}", if is_stale(run) { " stale" } else { "" }),
            runs: vec![*id],
        }
    }

    fn several(&self, ids: &[RunId]) -> Box {
        let runs: Vec<_> = ids.iter().map(|id| self.runs[id]).collect();
        let component = runs.first().map(|run| run.component.as_str()).unwrap_or_default();
        let how_many = |of: &dyn Fn(&RunRecord) -> bool| runs.iter().filter(|run| of(run)).count();
        let is_bad = |run: &RunRecord| matches!(run.status, Status::Failed | Status::Panicked | Status::Lost);
        let (bad, stale) = (how_many(&is_bad), how_many(&is_stale));
        let told = [
            Some(count(ids.len() as u64, "run")),
            (bad > 0).then(|| format!("{bad} failed")),
            (stale > 0).then(|| format!("{stale} stale")),
        ];
        let detail = told.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let numbers = match ids {
            [first, .., last] => format!(", #{first} to #{last}"),
            [only] => format!(", #{only}"),
            [] => String::new(),
        };
        let asked = if self.asked.is_none() && ids.iter().any(|id| self.root == Some(*id)) { " asked" } else { "" };
        let status = if bad > 0 { Status::Failed } else { Status::Completed };
        Box {
            x: 0.0,
            y: 0.0,
            link: link::of("/components", component),
            title: cut(component, LETTERS),
            whole: format!("{component}: {detail}{numbers}"),
            detail: cut(&detail, SMALL_LETTERS),
            class: format!("run several {status}{}{asked}", if stale > 0 { " stale" } else { "" }),
            runs: ids.to_vec(),
        }
    }

    fn names(&self, bundle: &Bundle<'_>) -> Box {
        const SHOWN: usize = 10;
        let names = &bundle.names;
        let name = names.first().copied().unwrap_or_default();
        let more = names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        let rest = names.len().saturating_sub(1);
        let is_asked = self.asked == Some((bundle.writer, name));
        let source = if bundle.writer.is_none() && !is_asked { "source" } else { "" };
        let detail = match (rest, source) {
            (0, source) => source.to_owned(),
            (rest, "") => format!("and {rest} more"),
            (rest, source) => format!("and {}", count(rest as u64, &format!("more {source}"))),
        };
        // Where many went together, what they are stands on the page of a run that they went by.
        let run = bundle.writer.or_else(|| bundle.readers.keys().next().copied()).filter(|_| rest > 0);
        let asked = if is_asked { " asked" } else { "" };
        // Read in whichever version, as it was asked about.
        let is_of_all = is_asked && !bundle.readers.is_empty();
        let version = self.version.filter(|_| is_asked);
        let version = version.or_else(|| self.written_or_read(bundle, name).filter(|_| !is_of_all));
        Box {
            x: 0.0,
            y: 0.0,
            link: run.map_or_else(|| words::place_of(name, version), |run| format!("/runs/{run}")),
            title: cut_start(name),
            detail,
            whole: names.iter().take(SHOWN).copied().collect::<Vec<_>>().join("\n") + &more,
            class: format!("pointer{}{asked}", if source.is_empty() { "" } else { " source" }),
            runs: Vec::new(),
        }
    }

    /// In which version a name was written, or else read, where the box stands for one alone.
    fn written_or_read(&self, bundle: &Bundle<'_>, name: &str) -> Option<&'g Version> {
        let is_of_many = bundle.writer.is_some_and(|writer| self.together[&writer].len() > 1);
        if is_of_many || self.boxes == Boxes::Components {
            return None;
        }
        let mut written = bundle.writer.into_iter().flat_map(|writer| &self.runs[&writer].outputs);
        if let Some(written) = written.find(|output| output.name == name) {
            return written.version.as_ref();
        }
        if bundle.readers.values().any(|marks| marks.modified) {
            return None;
        }
        let readers = bundle.readers.keys().flat_map(|first| &self.together[first]).map(|reader| self.runs[reader]);
        let read = readers.flat_map(|reader| &reader.inputs).map(|input| &input.pointer);
        words::one_version(read.filter(|pointer| pointer.name == name).map(|pointer| pointer.version.as_ref()))
    }
}

fn is_stale(run: &RunRecord) -> bool {
    run.stale.as_ref().is_some_and(|stale| !stale.is_empty())
}

fn steps<'g>(
    graph: &'g Graph,
    runs: &HashMap<RunId, &'g RunRecord>,
    way: Way,
    asked: Option<&'g str>,
) -> Vec<Step<'g>> {
    let shown = graph.edges.iter().filter(|edge| runs.contains_key(&edge.from) && runs.contains_key(&edge.to));
    let mut steps: Vec<_> = shown
        .map(|edge| Step {
            writer: Some(edge.to),
            name: edge.pointer.as_deref(),
            reader: Some(edge.from),
            marks: Marks { modified: edge.modified, overlapping: edge.overlapping },
        })
        .collect();
    let step = |writer, name, reader| Step { writer, name: Some(name), reader, marks: Marks::default() };
    match way {
        // What nobody wrote is where a lineage begins.
        Way::Upstream => {
            for run in runs.values() {
                steps.extend(run.sources().map(|source| step(None, &source.name, Some(run.id))));
            }
            steps.extend(asked.map(|asked| step(graph.root.run, asked, None)));
        }
        // What nobody read is where it ends; of the writer of what was asked about, its siblings are not asked about.
        Way::Downstream => {
            let read: HashSet<_> = steps.iter().filter_map(|step| Some((step.writer?, step.name?))).collect();
            let readers: HashSet<_> =
                steps.iter().filter(|step| step.name == asked).filter_map(|step| step.reader).collect();
            if graph.truncated.is_none() {
                for run in runs.values().filter(|run| asked.is_none() || graph.root.run != Some(run.id)) {
                    let unread = run.outputs.iter().filter(|output| !read.contains(&(run.id, output.name.as_str())));
                    steps.extend(unread.map(|unread| step(Some(run.id), &unread.name, None)));
                }
            }
            if let Some(asked) = asked {
                steps.push(step(graph.root.run, asked, None));
                let nearest = graph.runs.iter().filter(|found| found.depth == 1).map(|found| &found.run);
                // Others have written it too, and who read from those is shown without them.
                let others = nearest.filter(|run| !readers.contains(&run.id));
                let others = others.filter(|run| run.inputs.iter().any(|input| input.pointer.name == asked));
                steps.extend(others.map(|run| Step {
                    marks: dependencies_on(run, asked).map(Marks::of).fold(Marks::default(), Marks::or),
                    ..step(graph.root.run, asked, Some(run.id))
                }));
            }
        }
    }
    steps
}

fn dependencies_on<'g>(run: &'g RunRecord, name: &str) -> impl Iterator<Item = &'g Dependency> {
    run.dependencies.iter().filter(move |to| to.pointer.as_deref() == Some(name))
}

/// Runs by what tells them apart; more than a few that nothing does stand together.
fn alike(graph: &Graph, steps: &[Step<'_>], asked: Option<&str>) -> BTreeMap<RunId, Vec<RunId>> {
    let mut around: HashMap<RunId, [BTreeSet<Option<RunId>>; 2]> = HashMap::new();
    let mut marked = HashSet::new();
    for step in steps {
        if let Some(reader) = step.reader {
            around.entry(reader).or_default()[0].insert(step.writer);
            marked.extend((step.marks != Marks::default()).then_some(reader));
        }
        if let Some(writer) = step.writer {
            around.entry(writer).or_default()[1].insert(step.reader);
        }
    }
    let mut together = BTreeMap::new();
    let mut groups: HashMap<_, Vec<RunId>> = HashMap::new();
    for run in graph.runs.iter().map(|found| &found.run) {
        let is_plain = run.status == Status::Completed && run.error.is_none();
        if is_plain && !marked.contains(&run.id) && graph.root.run != Some(run.id) {
            // Whoever read what was asked about is drawn at its box, whichever run they read it from.
            let from: Vec<_> =
                asked.into_iter().flat_map(|asked| dependencies_on(run, asked)).map(|to| to.run).collect();
            let likeness =
                (run.component.as_str(), run.partition.as_deref(), stale_for(run), from, around.remove(&run.id));
            groups.entry(likeness).or_default().push(run.id);
        } else {
            together.insert(run.id, vec![run.id]);
        }
    }
    for mut runs in groups.into_values() {
        runs.sort_unstable();
        if runs.len() > FEW {
            together.insert(runs[0], runs);
        } else {
            together.extend(runs.into_iter().map(|run| (run, vec![run])));
        }
    }
    together
}

fn of_a_component(graph: &Graph) -> BTreeMap<RunId, Vec<RunId>> {
    let mut components: HashMap<&str, Vec<RunId>> = HashMap::new();
    for run in graph.runs.iter().map(|found| &found.run) {
        components.entry(&run.component).or_default().push(run.id);
    }
    let sorted = |mut runs: Vec<RunId>| {
        runs.sort_unstable();
        (runs[0], runs)
    };
    components.into_values().map(sorted).collect()
}

/// Names by where they went, between the boxes of runs. What was asked about stands for itself.
fn bundles<'g>(
    steps: &[Step<'g>],
    first: &HashMap<RunId, RunId>,
    asked: Option<(Option<RunId>, &str)>,
) -> Vec<Bundle<'g>> {
    let mut ways: BTreeMap<(Option<RunId>, &str), BTreeMap<RunId, Marks>> = BTreeMap::new();
    for step in steps {
        let Some(name) = step.name else { continue };
        let readers = ways.entry((step.writer.map(|writer| first[&writer]), name)).or_default();
        if let Some(reader) = step.reader {
            let marks = readers.entry(first[&reader]).or_default();
            *marks = marks.or(step.marks);
        }
    }
    let mut alike: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for ((writer, name), readers) in ways {
        alike.entry((writer, readers, asked == Some((writer, name)))).or_default().push(name);
    }
    let bundles = alike.into_iter().flat_map(|((writer, readers, _), names)| {
        let size = if names.len() > FEW { names.len() } else { 1 };
        let bundle = |names: &[&'g str]| Bundle { writer, readers: readers.clone(), names: names.to_vec() };
        names.chunks(size).map(bundle).collect::<Vec<_>>()
    });
    bundles.collect()
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

fn line(marks: Marks, from: (f64, f64), to: (f64, f64)) -> Line {
    let (x1, y1, x2, y2) = (from.0 + WIDTH, from.1 + HEIGHT / 2.0, to.0, to.1 + HEIGHT / 2.0);
    let bend = ((x2 - x1) / 2.0).abs().max(20.0);
    let (class, whole) = match marks {
        Marks { modified: true, .. } => {
            ("modified", "modified: the bytes that were read are not those that were written")
        }
        Marks { overlapping: true, .. } => ("overlapping", "overlapping: who wrote it had not ended when it was read"),
        _ => ("plain", ""),
    };
    let path = format!("M{x1:.1} {y1:.1} C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 + bend, x2 - bend);
    Line { path, class, whole }
}

fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(['…']).collect()
}

/// The end, which tells paths apart.
fn cut_start(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LETTERS {
        return text.to_owned();
    }
    let end: String = text.chars().skip(letters - LETTERS + 1).collect();
    // A folder is named whole or not at all, unless too little would be left.
    let whole = end.find('/').filter(|&at| at < end.len() / 2).map_or(&*end, |at| &end[at..]);
    format!("…{whole}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mltrace_core::{ComponentRun, Tracer};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A store of one run a line, which reads and writes names by their numbers.
    fn store(runs: &[(u8, Vec<u8>, Vec<u8>)]) -> Tracer {
        let tracer = Tracer::in_memory().unwrap();
        for (component, inputs, outputs) in runs {
            let mut run = ComponentRun::new(format!("stage {component}"));
            run.start();
            for input in inputs {
                run.add_input(input.to_string());
            }
            for output in outputs {
                run.add_output(output.to_string());
            }
            run.end();
            tracer.log_component_run(run).unwrap();
        }
        tracer
    }

    fn overlap(one: &Box, other: &Box) -> bool {
        (one.x - other.x).abs() < WIDTH && (one.y - other.y).abs() < HEIGHT
    }

    fn check(mut graph: Graph, way: Way, boxes: Boxes) {
        fit(&mut graph, way, boxes);
        let drawing = draw(&graph, way, boxes, false);
        let mut drawn: Vec<RunId> = drawing.boxes.iter().flat_map(|at| at.runs.clone()).collect();
        drawn.sort_unstable();
        let runs: BTreeSet<RunId> = graph.runs.iter().map(|found| found.run.id).collect();
        assert_eq!(drawn, runs.into_iter().collect::<Vec<_>>(), "each run has one box");
        for (at, one) in drawing.boxes.iter().enumerate() {
            assert!(one.x >= 0.0 && one.x + WIDTH <= drawing.width, "{one:?}");
            assert!(one.y >= 0.0 && one.y + HEIGHT <= drawing.height, "{one:?}");
            for other in &drawing.boxes[at + 1..] {
                assert!(!overlap(one, other), "{one:?} lies over {other:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_run_has_one_box_and_no_box_lies_over_another(
            runs in vec((0_u8..4, vec(0_u8..8, 0..4), vec(0_u8..8, 0..4)), 1..14),
            depth in 0_u32..4,
            most in 1_usize..8,
        ) {
            let tracer = store(&runs);
            for run in tracer.recent(20).unwrap().items.into_iter().map(|run| run.id) {
                let upstream = [tracer.trace_run(run), tracer.trace_run(run).depth(depth).limit(most)];
                let downstream = [tracer.impact_run(run), tracer.impact_run(run).limit(most)];
                for boxes in [Boxes::Runs, Boxes::Components] {
                    for question in upstream.clone() {
                        check(question.get().unwrap(), Way::Upstream, boxes);
                    }
                    for question in downstream.clone() {
                        check(question.get().unwrap(), Way::Downstream, boxes);
                    }
                }
            }
            for name in (0_u8..8).map(|name| name.to_string()) {
                for graph in [tracer.impact(&name).get(), tracer.impact(&name).limit(most).get()].into_iter().flatten() {
                    check(graph, Way::Downstream, Boxes::Runs);
                }
                if let Ok(graph) = tracer.trace(&name).get() {
                    check(graph, Way::Upstream, Boxes::Runs);
                }
            }
        }
    }

    #[test]
    fn runs_that_read_from_one_another_are_drawn() {
        let tracer = store(&[(0, vec![1], vec![0]), (1, vec![0, 1], vec![1, 0]), (0, vec![0, 1], vec![0, 1])]);
        let mut graph = tracer.trace_run(RunId(3)).get().unwrap();
        graph.edges.extend(graph.edges.clone().into_iter().map(|edge| mltrace_core::Edge {
            from: edge.to,
            to: edge.from,
            ..edge
        }));
        let itself = mltrace_core::Edge { to: RunId(3), from: RunId(3), ..graph.edges[0].clone() };
        graph.edges.push(mltrace_core::Edge { pointer: None, ..itself.clone() });
        graph.edges.push(itself);
        for boxes in [Boxes::Runs, Boxes::Components] {
            check(graph.clone(), Way::Upstream, boxes);
            check(graph.clone(), Way::Downstream, boxes);
        }
    }

    #[test]
    fn outputs_that_went_the_same_way_and_runs_that_nothing_tells_apart_stand_in_one_box() {
        let outputs: Vec<u8> = (0..=254).collect();
        let mut runs = vec![(0, vec![], outputs.clone())];
        runs.extend(outputs.iter().map(|&name| (1, vec![name], vec![])));
        let drawing = draw(&store(&runs).impact_run(RunId(1)).get().unwrap(), Way::Downstream, Boxes::Runs, false);
        let shown: Vec<_> = drawing.boxes.iter().map(|at| (at.title.as_str(), at.detail.as_str())).collect();
        assert_eq!(shown, [("stage 0", "#1 completed"), ("stage 1", "255 runs"), ("0", "and 254 more")]);
        let unread = draw(
            &store(&[(0, vec![], outputs)]).impact_run(RunId(1)).get().unwrap(),
            Way::Downstream,
            Boxes::Runs,
            false,
        );
        assert_eq!(unread.boxes.len(), 2, "what nobody read stands together too");
    }

    #[test]
    fn runs_that_are_stale_stand_in_one_box_too_where_nothing_tells_them_apart() {
        let mut runs = vec![(0, vec![], vec![0])];
        runs.extend(vec![(1, vec![0], vec![]); 6]);
        runs.push((0, vec![], vec![0]));
        let tracer = store(&runs);
        let mut graph = tracer.impact_run(RunId(1)).get().unwrap();
        let ids: Vec<RunId> = graph.runs.iter().map(|found| found.run.id).collect();
        let stale = tracer.stale_runs(&ids, std::time::Duration::MAX).unwrap();
        // The last that was judged keeps apart from the others.
        for (found, stale) in graph.runs.iter_mut().zip(stale).take(6) {
            found.run.stale = Some(stale);
        }
        let drawing = draw(&graph, Way::Downstream, Boxes::Runs, false);
        let readers: Vec<_> = drawing.boxes.iter().filter(|at| at.title == "stage 1").collect();
        let shown: Vec<_> = readers.iter().map(|at| (at.detail.as_str(), at.class.as_str())).collect();
        let last = format!("#{} completed", readers[1].runs[0]);
        assert_eq!(shown, [("5 runs, 5 stale", "run several completed stale"), (&*last, "run completed")]);
    }

    #[test]
    fn more_lines_than_can_be_followed_are_cut_off_with_their_runs() {
        let mut runs = vec![(0, vec![], (0..120).collect())];
        runs.extend((0..100).map(|run| (run + 1, (0..120).filter(|name| name % 100 != run).collect(), vec![])));
        let mut graph = store(&runs).impact_run(RunId(1)).get().unwrap();
        fit(&mut graph, Way::Downstream, Boxes::Runs);
        assert!(draw(&graph, Way::Downstream, Boxes::Runs, false).lines.len() <= MOST_LINES);
        assert_eq!(graph.runs.len(), 25, "of 101, halved until they can be followed");
    }

    #[test]
    fn more_boxes_than_can_be_looked_through_are_cut_off_with_their_runs() {
        let tracer = mltrace_core::Tracer::in_memory().unwrap();
        for number in 0..700 {
            let mut run = mltrace_core::ComponentRun::new(format!("stage {number}"));
            run.start().add_input("raw").end();
            tracer.queue_component_run(run).unwrap();
        }
        tracer.flush().unwrap();
        let mut graph = tracer.impact("raw").get().unwrap();
        fit(&mut graph, Way::Downstream, Boxes::Components);
        assert_eq!(graph.runs.len(), 175, "of 700, halved until they can be looked through");
    }
}
