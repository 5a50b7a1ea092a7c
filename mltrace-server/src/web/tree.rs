//! A lineage as lists within lists: for the keyboard, and for who has it read aloud.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use askama::filters::HtmlSafe;
use mltrace_core::__tree::{Link, Node, Tree};
use mltrace_core::__words::marks;
use mltrace_core::{Dependency, Graph, IoPointer, RunId, RunRecord, Version};

use super::graph::Way;
use super::words::{self, Data, Few, data};

/// Runs of which each read from the next, or was read by it. What else they lead to branches off.
#[derive(Template)]
#[template(path = "web/branch.html")]
pub(super) struct Branch<'g> {
    rows: Vec<Row<'g>>,
}

impl HtmlSafe for Branch<'_> {}

/// A run in its place, or some that nothing tells apart.
struct Row<'g> {
    way: Way,
    run: &'g RunRecord,
    /// More than one where they stand together.
    runs: Vec<RunId>,
    /// By what it is reached, unless it is a root.
    by: Option<Reached<'g>>,
    /// What it leads to besides, which stands at another place.
    elsewhere: Few<Reached<'g>>,
    /// What it read that nobody wrote, or what it wrote that nobody read.
    ends: Few<Data<'g>>,
    branches: Vec<Branch<'g>>,
}

/// The step between two runs.
struct Reached<'g> {
    run: RunId,
    component: &'g str,
    /// None where the dependency was declared.
    names: Few<Data<'g>>,
    /// The runs that wrote what these names were read as, each with whether it is shown.
    writers: Vec<(RunId, bool)>,
    marks: Vec<String>,
    is_shown: bool,
}

/// A graph from its root on.
pub(super) fn branches(graph: &Graph, way: Way) -> Vec<Branch<'_>> {
    let asked = graph.root.pointer.as_ref().map(|pointer| pointer.name.as_str());
    let tree = match way {
        Way::Upstream => Tree::upstream(graph),
        Way::Downstream => Tree::downstream(graph, asked.as_slice()),
    };
    let telling = Telling { tree, way, is_whole: graph.truncated.is_none() };
    match telling.tree.root {
        Some(root) => vec![telling.branch(None, root)],
        None => telling.tree.children(None).iter().map(|&run| telling.branch(None, run)).collect(),
    }
}

struct Telling<'g> {
    tree: Tree<'g>,
    way: Way,
    is_whole: bool,
}

impl<'g> Telling<'g> {
    fn branch(&self, mut from: Node, first: RunId) -> Branch<'g> {
        let mut rows = Vec::new();
        let mut next = Some(first);
        while let Some(run) = next {
            let (trunk, others) = match self.tree.children(Some(run)) {
                [trunk, others @ ..] => (Some(*trunk), others),
                [] => (None, [].as_slice()),
            };
            let branches = others.iter().map(|&other| self.branch(Some(run), other)).collect();
            rows.push(self.row(from, run, branches));
            (from, next) = (Some(run), trunk);
        }
        Branch { rows }
    }

    fn row(&self, from: Node, id: RunId, branches: Vec<Branch<'g>>) -> Row<'g> {
        let run = self.tree.runs[&id];
        let by = self.tree.links(from).iter().find(|link| link.to == id).filter(|_| self.tree.root != Some(id));
        let by = by.map(|link| Reached { run: from.unwrap_or(id), ..self.reached(from, link) });
        let children = self.tree.children(Some(id));
        let here: Vec<RunId> = children.iter().flat_map(|&child| self.tree.fold_of(child)).collect();
        let elsewhere = self.tree.links(Some(id)).iter().filter(|link| !here.contains(&link.to));
        let elsewhere = Few::of(elsewhere).map(|link| self.reached(Some(id), link));
        let runs = self.tree.fold_of(id);
        let ends = self.ends(&runs);
        Row { way: self.way, run, runs, by, elsewhere, ends, branches }
    }

    fn reached(&self, from: Node, link: &Link<'g>) -> Reached<'g> {
        let mut marks: Vec<String> = link.why.iter().flat_map(|dependency| marks(dependency)).collect();
        marks.sort();
        marks.dedup();
        let readers = match self.way {
            Way::Upstream => from.into_iter().collect(),
            Way::Downstream => self.tree.fold_of(link.to),
        };
        let writers: BTreeSet<RunId> = link.why.iter().map(|dependency| dependency.run).collect();
        let handed_on = |name: &'g str| {
            // Runs that are told as one may have read several versions.
            (name, words::one_version(readers.iter().map(|&reader| self.version_read(reader, name, &writers))))
        };
        let names = Few::of(link.names.iter().copied()).map(handed_on);
        let is_shown = |run| self.tree.order.contains_key(&run);
        let writers = writers.into_iter().map(|run| (run, is_shown(run))).collect();
        Reached { run: link.to, component: link.component, names, writers, marks, is_shown: is_shown(link.to) }
    }

    /// In which one version a run read what some of these wrote, or what nobody did. What was read instead of what was written
    /// comes from nowhere.
    fn version_read(&self, reader: RunId, name: &str, writers: &BTreeSet<RunId>) -> Option<&'g Version> {
        let reader = self.tree.runs.get(&reader)?;
        let is_it = |to: &&Dependency| to.pointer.as_deref() == Some(name) && writers.contains(&to.run);
        let mut all = reader.dependencies.iter().filter(is_it);
        let by = all.next();
        if all.next().is_some() {
            return None;
        }
        let writer = by.and_then(|by| self.tree.runs.get(&by.run));
        if let Some(written) = writer.and_then(|writer| writer.outputs.iter().find(|output| output.name == name)) {
            return written.version.as_ref();
        }
        if by.is_some_and(|by| by.modified) {
            return None;
        }
        let read = reader.inputs.iter().map(|input| &input.pointer).filter(|pointer| pointer.name == name);
        words::one_version(read.map(|pointer| pointer.version.as_ref()))
    }

    /// What stands at the end of a row of runs.
    fn ends(&self, runs: &[RunId]) -> Few<Data<'g>> {
        let told = runs.iter().filter_map(|run| self.tree.runs.get(run)).copied();
        match self.way {
            Way::Upstream => each_once(told.flat_map(RunRecord::sources)),
            Way::Downstream => {
                let asked_of = self.tree.root.filter(|_| self.tree.asks_for_a_pointer);
                let told = told.filter(|run| self.is_whole && asked_of != Some(run.id));
                each_once(told.flat_map(|run| self.unread(run)))
            }
        }
    }

    fn unread(&self, run: &'g RunRecord) -> impl Iterator<Item = &'g IoPointer> {
        let links = self.tree.links(Some(run.id));
        run.outputs.iter().filter(|output| !links.iter().any(|link| link.names.contains(&output.name.as_str())))
    }
}

/// Each name once, in the version that it has wherever it stands, if that is one.
fn each_once<'g>(pointers: impl Iterator<Item = &'g IoPointer>) -> Few<Data<'g>> {
    let mut told: Vec<Data<'g>> = Vec::new();
    let mut places = HashMap::new();
    for (name, version) in pointers.map(data) {
        let place = *places.entry(name).or_insert(told.len());
        match told.get_mut(place) {
            Some(known) if known.1 == version => {}
            Some(known) => known.1 = None,
            None => told.push((name, version)),
        }
    }
    Few::of(told)
}
