//! Where an output came from, drawn: below a run stands what it read, and below that the run that wrote it. And what came
//! of something: below a run stands what others read from it, and below that the run that read it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use anstyle::Style;
use mltrace_core::__tree::{Direction, Link, Node, Tree};
use mltrace_core::{Graph, IoPointer, LabelImpact, RunId, RunRecord, Status};

use super::labels;
use super::run::{name_of, partition};
use super::text::{
    BAD, DIM, NEWS, PLAIN, SOURCE, STRONG, UNREAD, commit, count, cut_end, first_few, first_line, marks, metric,
    one_line, paint, param, run_name, style_of, version, width,
};
use super::time::{age, duration, local};
use crate::session::Screen;

/// Where an output came from.
pub(crate) fn trace(graph: &Graph, screen: Screen) -> String {
    let head = pointer_head(graph, screen);
    format!("{head}\n{}{}", drawing(Tree::upstream(graph), graph, screen), truncated(graph, "upstream"))
}

/// What a pointer or a run has touched.
pub(crate) fn impact(graph: &Graph, screen: Screen) -> String {
    let asked = graph.root.pointer.as_ref().map(|pointer| pointer.name.as_str());
    let tree = Tree::downstream(graph, asked.as_slice());
    let unread = asked.is_some() && tree.children(graph.root.run).is_empty() && graph.truncated.is_none();
    let unread = if unread { format!("{}\n", paint(DIM, UNREAD)) } else { String::new() };
    let head = if asked.is_some() { format!("{}{unread}\n", pointer_head(graph, screen)) } else { String::new() };
    format!("{head}{}{}", drawing(tree, graph, screen), truncated(graph, "downstream"))
}

/// Everything that carries a label.
pub(crate) fn label_impact(impact: &LabelImpact, screen: Screen) -> String {
    const SHOWN: usize = 3;
    let LabelImpact { label, pointers, graph, .. } = impact;
    let retracted = label.retraction.as_ref().map(|by| paint(BAD, labels::retracted_by(by)) + "\n");
    let names: Vec<_> = label.pointers.iter().map(labels::name).collect();
    let on = first_few(&names.iter().map(String::as_str).collect::<Vec<_>>(), SHOWN);
    let carried = format!(
        "carried by {} and {}",
        count(graph.runs.len() as u64, "run"),
        count(pointers.len() as u64, "pointer"),
    );
    let asked: Vec<_> = label.pointers.iter().map(|pointer| pointer.name.as_str()).collect();
    let tree = drawing(Tree::downstream(graph, &asked), graph, screen);
    let name = paint(STRONG, one_line(&label.name));
    let gap = if tree.is_empty() { "" } else { "\n" };
    format!("{name}  {}\n{}{carried}\n{gap}{tree}", paint(DIM, format!("on {on}")), retracted.unwrap_or_default())
}

fn drawing(tree: Tree<'_>, graph: &Graph, screen: Screen) -> String {
    let mut drawing = Drawing { tree, is_whole: graph.truncated.is_none(), room: screen.width, lines: Vec::new() };
    drawing.draw();
    drawing.lines.concat()
}

fn truncated(graph: &Graph, direction: &str) -> String {
    let Some(cut) = graph.truncated else { return String::new() };
    let runs = count(cut.runs, "more run");
    format!("\n{}\n", paint(NEWS, format!("... {runs} {direction}: raise --depth")))
}

/// The pointer that was asked about.
fn pointer_head(graph: &Graph, screen: Screen) -> String {
    let Some(pointer) = &graph.root.pointer else { return String::new() };
    let kind = paint(DIM, format!("{}, {}", pointer.pointer_type, version(pointer.version.as_ref())));
    let writer = graph.runs.iter().find(|found| Some(found.run.id) == graph.root.run).map(|found| &found.run);
    let written = |run: &RunRecord| format!("written by {}, {}", name_of(run), age(run.started_at, screen.now));
    let origin = writer.map_or_else(|| paint(DIM, SOURCE), written);
    format!("{}  {kind}\n{origin}\n", paint(STRONG, one_line(&pointer.name)))
}

/// A run to be drawn.
struct Place {
    run: RunId,
    /// What it is drawn at; `None` for a root.
    parent: Option<Node>,
    /// What the parent's lines begin with.
    prefix: Rc<str>,
    /// It stands beside the parent's column rather than in it.
    branches: bool,
}

struct Drawing<'g> {
    tree: Tree<'g>,
    /// Nothing was cut off.
    is_whole: bool,
    room: usize,
    lines: Vec<String>,
}

impl Drawing<'_> {
    fn draw(&mut self) {
        let mut open = match self.tree.root {
            Some(run) => vec![Place { run, parent: None, prefix: "".into(), branches: false }],
            None => self.places(None, &"".into()),
        };
        while let Some(Place { run, parent, prefix, branches }) = open.pop() {
            if let Some(parent) = parent {
                self.edge(parent, run, &prefix, branches);
            }
            let prefix = if branches { format!("{prefix}│ ").into() } else { prefix };
            self.run(run, &prefix);
            open.extend(self.places(Some(run), &prefix));
        }
    }

    /// What is drawn at a node, the last first.
    fn places(&self, parent: Node, prefix: &Rc<str>) -> Vec<Place> {
        // The trunk comes first in the list, so last off the stack.
        let children = self.tree.children(parent).iter().enumerate();
        let place = |(nth, &run)| Place { run, parent: Some(parent), prefix: Rc::clone(prefix), branches: nth > 0 };
        children.map(place).collect()
    }

    /// The line between two runs, one of which read from the other.
    fn edge(&mut self, from: Node, to: RunId, prefix: &str, branches: bool) {
        let Some(link) = self.tree.links(from).iter().find(|link| link.to == to) else { return };
        let arrow = if self.tree.direction == Direction::Upstream { '↑' } else { '↓' };
        let (lead, below) = if branches { ("├─╮", "│ │   ") } else { ("│", "│   ") };
        let first = format!("{lead} {arrow} ");
        let reads = reads(link, self.room_after(prefix, &first));
        let parts = [(PLAIN, reads), (DIM, self.other_writers(from, link)), (NEWS, link_marks(link))];
        self.line(&format!("{prefix}{first}"), &parts, &format!("{prefix}{below}"));
    }

    /// At a root: the runs that wrote what was read, where those are not the root.
    fn other_writers(&self, from: Node, link: &Link<'_>) -> String {
        if self.tree.direction == Direction::Upstream || from != self.tree.root {
            return String::new();
        }
        let others = link.why.iter().filter(|dependency| Some(dependency.run) != from);
        let mut others: Vec<_> = others.map(|dependency| run_name(dependency.run, &dependency.component)).collect();
        others.dedup();
        if others.is_empty() { String::new() } else { format!("from {}", others.join(", ")) }
    }

    fn run(&mut self, id: RunId, prefix: &str) {
        let fold: Vec<_> = self.tree.fold_of(id).iter().map(|id| self.tree.runs[id]).collect();
        let run = self.tree.runs[&id];
        let title = if fold.len() == 1 { title(run) } else { title_of_many(&fold) };
        self.lines.push(format!("{}● {title}\n", paint(DIM, prefix)));
        let ends = match self.tree.direction {
            Direction::Upstream => sources(run),
            Direction::Downstream => self.unread(&fold, prefix),
        };
        let leaves: Vec<_> = self.elsewhere(id, prefix).into_iter().chain(ends).collect();
        let goes_on = !self.tree.children(Some(id)).is_empty();
        let below = format!("{prefix}{}", if goes_on || !leaves.is_empty() { "│   " } else { "    " });
        let error = run.error.as_deref().map(first_line).unwrap_or_default();
        let facts = if fold.len() == 1 { facts(run) } else { String::new() };
        for (style, fact) in [(BAD, error), (DIM, facts)] {
            if !fact.is_empty() {
                self.line(&below, &[(style, fact)], &below);
            }
        }
        let last = leaves.len().saturating_sub(1);
        for (nth, leaf) in leaves.iter().enumerate() {
            let ends = nth == last && !goes_on;
            let (first, below) = if ends { ("└─ ", "     ") } else { ("├─ ", "│    ") };
            self.line(&format!("{prefix}{first}"), leaf, &format!("{prefix}{below}"));
        }
    }

    /// The runs that this one leads to and that are drawn at another place, or not at all; those drawn as one told as one.
    fn elsewhere(&self, id: RunId, prefix: &str) -> Vec<Leaf> {
        let drawn_here: HashSet<_> = self.tree.children(Some(id)).iter().filter_map(|run| self.place(*run)).collect();
        let links = self.tree.links(Some(id)).iter();
        let elsewhere = links.filter(|link| self.place(link.to).is_none_or(|place| !drawn_here.contains(&place)));
        let mut told: Vec<(&Link<'_>, u64)> = Vec::new();
        let mut places = HashMap::new();
        for link in elsewhere {
            let alike = self.place(link.to).map(|place| (place, &link.names, link_marks(link)));
            let nth = alike.map_or(told.len(), |alike| *places.entry(alike).or_insert(told.len()));
            match told.get_mut(nth) {
                Some((_, runs)) => *runs += 1,
                None => told.push((link, 1)),
            }
        }
        told.into_iter().map(|(link, runs)| self.reference(id, link, runs, prefix)).collect()
    }

    /// A run, or several drawn as one, that stand at another place.
    fn reference(&self, from: RunId, link: &Link<'_>, runs: u64, prefix: &str) -> Leaf {
        let word = if self.tree.direction == Direction::Upstream { "from" } else { "to" };
        let name = match runs {
            1 => run_name(link.to, link.component),
            _ => format!("{runs} runs of {}", one_line(link.component)),
        };
        let place = match self.place(link.to) {
            None => "not shown: deeper than --depth",
            Some(place) if Some(place) <= self.place(from) => "shown above",
            Some(_) => "shown below",
        };
        let reads = reads(link, self.room_after(prefix, "├─ "));
        vec![(PLAIN, reads), (PLAIN, format!("{word} {name} ({place})")), (NEWS, link_marks(link))]
    }

    /// Where in the drawing a run stands.
    fn place(&self, run: RunId) -> Option<usize> {
        self.tree.order.get(&run).copied()
    }

    /// What runs drawn as one wrote and nobody read, where that is known and was asked about.
    fn unread(&self, runs: &[&RunRecord], prefix: &str) -> Vec<Leaf> {
        let is_sibling = runs.iter().any(|run| self.tree.root == Some(run.id)) && self.tree.asks_for_a_pointer;
        if is_sibling || !self.is_whole {
            return Vec::new();
        }
        let links = runs.iter().flat_map(|run| self.tree.links(Some(run.id)));
        let read: HashSet<_> = links.flat_map(|link| &link.names).copied().collect();
        let names = runs.iter().flat_map(|run| &run.outputs).map(|output| output.name.as_str());
        let mut unread: Vec<_> = names.filter(|name| !read.contains(name)).collect();
        unread.dedup();
        let room = self.room_after(prefix, "├─ ").saturating_sub(width(GAP) + width(UNREAD));
        let leaf = || vec![(PLAIN, as_many_as_fit(&unread, room)), (DIM, UNREAD.to_owned())];
        if unread.is_empty() { Vec::new() } else { vec![leaf()] }
    }

    /// How many columns text has after what leads it.
    fn room_after(&self, prefix: &str, lead: &str) -> usize {
        self.room.saturating_sub(width(prefix) + width(lead)).max(NARROWEST)
    }

    /// Parts of text, as many on a line as fit.
    fn line(&mut self, first: &str, parts: &[(Style, String)], below: &str) {
        let mut lead = first;
        let mut room = self.room_after(lead, "");
        let mut line = Vec::new();
        let mut used = 0;
        for (style, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
            if used > 0 && used + GAP.len() + width(text) > room {
                self.lines.push(format!("{}{}\n", paint(DIM, lead), line.join(GAP)));
                line.clear();
                lead = below;
                room = self.room_after(lead, "");
                used = 0;
            }
            let text = cut_end(text, room);
            used += if used > 0 { GAP.len() } else { 0 } + width(&text);
            line.push(paint(*style, text));
        }
        self.lines.push(format!("{}{}\n", paint(DIM, lead), line.join(GAP)));
    }
}

/// A line that nothing stands below: its parts.
type Leaf = Vec<(Style, String)>;

/// Text keeps so many columns however far its line is indented.
const NARROWEST: usize = 20;
const GAP: &str = "  ";

/// The names that one run read from another, as many as there is room for.
fn reads(link: &Link<'_>, room: usize) -> String {
    if link.names.is_empty() { "declared upstream".to_owned() } else { as_many_as_fit(&link.names, room) }
}

fn as_many_as_fit(names: &[&str], room: usize) -> String {
    const SHOWN: usize = 3;
    let mut fewer = (1..=SHOWN).rev().map(|shown| first_few(names, shown));
    fewer.find(|text| width(text) <= room).unwrap_or_else(|| first_few(names, 1))
}

fn link_marks(link: &Link<'_>) -> String {
    let mut marks: Vec<_> = link.why.iter().flat_map(|dependency| marks(dependency)).collect();
    marks.sort();
    marks.dedup();
    marks.join("; ")
}

/// The inputs that no run wrote.
fn sources(run: &RunRecord) -> Vec<Leaf> {
    const SHOWN: usize = 5;
    let sources: Vec<_> = run.sources().collect();
    let source = |input: &&IoPointer| vec![(PLAIN, one_line(&input.name)), (DIM, SOURCE.to_owned())];
    let rest = sources.len().saturating_sub(SHOWN);
    let rest = (rest > 0).then(|| vec![(DIM, format!("... and {}", count(rest as u64, "more source")))]);
    sources.iter().take(SHOWN).map(source).chain(rest).collect()
}

/// A run on one line.
fn title(run: &RunRecord) -> String {
    let status = (run.status != Status::Completed).then(|| paint(style_of(run.status), run.status));
    let facts = [Some(local(run.started_at)), run.duration_ms.map(duration), commit(&run.git)];
    let trimmed = run.collected_at.map(|_| "trimmed".to_owned());
    let facts = facts.into_iter().chain([trimmed]).flatten().map(|fact| paint(DIM, fact));
    let all: Vec<_> = [paint(STRONG, name_of(run))].into_iter().chain(status).chain(facts).collect();
    all.join("  ")
}

/// Runs that nothing tells apart on one line; they are many, in the order of their numbers.
fn title_of_many(runs: &[&RunRecord]) -> String {
    let ([first, .., last], Some(latest)) = (runs, runs.iter().map(|run| run.started_at).max()) else {
        return String::new();
    };
    let name = [one_line(&first.component), partition(first.partition.as_deref())].concat();
    let name = paint(STRONG, format!("{} runs of {name}", runs.len()));
    let facts = paint(DIM, format!("#{} to #{}, the last at {}", first.id, last.id, local(latest)));
    format!("{name}  {facts}")
}

/// Metrics, then params, on one line.
fn facts(run: &RunRecord) -> String {
    const LONGEST: usize = 24;
    let metrics = run.metrics.iter().map(|(name, value)| format!("{} {}", one_line(name), metric(*value)));
    // What programs told of a run in events is long, and read by `inspect`.
    let params = run.params.iter().filter(|(name, _)| name.split('.').next() != Some("openlineage"));
    let params = params.map(|(name, value)| format!("{}={}", one_line(name), cut_end(&param(value), LONGEST)));
    metrics.chain(params).collect::<Vec<_>>().join("  ")
}
