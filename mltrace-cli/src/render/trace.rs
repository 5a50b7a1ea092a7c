//! Where an output came from, drawn: below a run stands what it read, and below that the run that wrote it.

use std::collections::HashSet;
use std::rc::Rc;

use anstyle::Style;
use mltrace_core::{Graph, IoPointer, RunId, RunRecord, Status};

use super::run::{is_own, name_of};
use super::text::{
    BAD, DIM, NEWS, PLAIN, SOURCE, STRONG, commit, count, cut_end, first_few, first_line, marks, metric, one_line,
    paint, param, run_name, style_of, version, width,
};
use super::time::{age, duration, local};
use super::tree::{Link, Tree};
use crate::session::Screen;

/// Where an output came from.
pub(crate) fn trace(graph: &Graph, screen: Screen) -> String {
    let mut drawing = Drawing { tree: Tree::of(graph), room: screen.width, lines: Vec::new() };
    drawing.draw(graph.root.run);
    let rest = graph.truncated.map(|cut| {
        let runs = count(cut.runs, "more run");
        format!("\n{}\n", paint(NEWS, format!("... {runs} upstream: raise --depth")))
    });
    format!("{}\n{}{}", head(graph, screen), drawing.lines.concat(), rest.unwrap_or_default())
}

/// The output that was asked about.
fn head(graph: &Graph, screen: Screen) -> String {
    let Some(pointer) = &graph.root.pointer else { return String::new() };
    let kind = paint(DIM, format!("{}, {}", pointer.pointer_type, version(pointer.version.as_ref())));
    let writer = graph.runs.iter().find(|found| found.run.id == graph.root.run).map(|found| &found.run);
    let written = writer.map(|run| format!("written by {}, {}\n", name_of(run), age(run.started_at, screen.now)));
    format!("{}  {kind}\n{}", paint(STRONG, one_line(&pointer.name)), written.unwrap_or_default())
}

/// A run to be drawn.
struct Place {
    run: RunId,
    /// The run that read from it; `None` for the root.
    reader: Option<RunId>,
    /// What the reader's lines begin with.
    prefix: Rc<str>,
    /// It stands beside the reader's column rather than in it.
    branches: bool,
}

struct Drawing<'g> {
    tree: Tree<'g>,
    room: usize,
    lines: Vec<String>,
}

impl Drawing<'_> {
    fn draw(&mut self, root: RunId) {
        let mut open = vec![Place { run: root, reader: None, prefix: "".into(), branches: false }];
        while let Some(Place { run, reader, prefix, branches }) = open.pop() {
            if let Some(reader) = reader {
                self.edge(reader, run, &prefix, branches);
            }
            let prefix = if branches { format!("{prefix}│ ").into() } else { prefix };
            self.run(run, &prefix);
            // The trunk comes first in the list, so last off the stack.
            open.extend(self.tree.children(run).iter().enumerate().map(|(nth, &child)| Place {
                run: child,
                reader: Some(run),
                prefix: Rc::clone(&prefix),
                branches: nth > 0,
            }));
        }
    }

    /// The line between a run and one that it read from.
    fn edge(&mut self, reader: RunId, writer: RunId, prefix: &str, branches: bool) {
        let Some(link) = self.tree.links[&reader].iter().find(|link| link.to == writer) else { return };
        let (first, below) = if branches { ("├─╮ ↑ ", "│ │   ") } else { ("│ ↑ ", "│   ") };
        let reads = reads(link, self.room_after(prefix, first));
        let parts = [(PLAIN, reads), (NEWS, link_marks(link))];
        self.line(&format!("{prefix}{first}"), &parts, &format!("{prefix}{below}"));
    }

    fn run(&mut self, id: RunId, prefix: &str) {
        let run = self.tree.runs[&id];
        self.lines.push(format!("{}● {}\n", paint(DIM, prefix), title(run)));
        let leaves: Vec<_> = self.elsewhere(id, prefix).into_iter().chain(sources(run)).collect();
        let goes_on = !self.tree.children(id).is_empty();
        let below = format!("{prefix}{}", if goes_on || !leaves.is_empty() { "│   " } else { "    " });
        let error = run.error.as_deref().map(first_line).unwrap_or_default();
        for (style, fact) in [(BAD, error), (DIM, facts(run))] {
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

    /// The runs behind this one that are drawn at another place, or not at all.
    fn elsewhere(&self, id: RunId, prefix: &str) -> Vec<Leaf> {
        let room = self.room_after(prefix, "├─ ");
        let drawn_here: HashSet<_> = self.tree.children(id).iter().collect();
        let links = self.tree.links[&id].iter().filter(|link| !drawn_here.contains(&link.to));
        links
            .map(|link| {
                let place = match self.tree.order.get(&link.to) {
                    None => "not shown: deeper than --depth",
                    Some(place) if *place <= self.tree.order[&id] => "shown above",
                    Some(_) => "shown below",
                };
                let from = format!("from {} ({place})", run_name(link.to, link.component));
                vec![(PLAIN, reads(link, room)), (PLAIN, from), (NEWS, link_marks(link))]
            })
            .collect()
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
    const SHOWN: usize = 3;
    let names: Vec<_> = link.why.iter().filter_map(|dependency| dependency.pointer.as_deref()).collect();
    if names.is_empty() {
        return "declared upstream".to_owned();
    }
    let mut fewer = (1..=SHOWN).rev().map(|shown| first_few(&names, shown));
    fewer.find(|text| width(text) <= room).unwrap_or_else(|| first_few(&names, 1))
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
    let written: HashSet<_> = run.dependencies.iter().filter_map(|dependency| dependency.pointer.as_deref()).collect();
    let inputs = run.inputs.iter().map(|input| &input.pointer);
    let sources: Vec<_> =
        inputs.filter(|input| !written.contains(input.name.as_str()) && !is_own(run, input)).collect();
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

/// Metrics, then params, on one line.
fn facts(run: &RunRecord) -> String {
    const LONGEST: usize = 24;
    let metrics = run.metrics.iter().map(|(name, value)| format!("{} {}", one_line(name), metric(*value)));
    let params =
        run.params.iter().map(|(name, value)| format!("{}={}", one_line(name), cut_end(&param(value), LONGEST)));
    metrics.chain(params).collect::<Vec<_>>().join("  ")
}
