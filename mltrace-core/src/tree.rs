//! A graph of runs as a tree that shows each run once. Nothing here recurses, so that no history is too long for it.
//!
//! Of the runs that a run leads to, upstream or downstream, the one from which the way goes on the longest is its trunk,
//! which stands in the same column, and the others branch off before it. So a chain of ten thousand stages does not indent
//! at all, and a ladder of diamonds by one step. Downstream, many runs that nothing tells apart, as the batches of a month,
//! are drawn as one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::model::{Dependency, Graph, RunId, RunRecord, StaleKind, Status};

/// Which way a tree grows from its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Upstream,
    Downstream,
}

/// Where lines begin: a run, or `None` for a root that is none.
pub type Node = Option<RunId>;

/// The step from one run to the next.
pub struct Link<'g> {
    pub to: RunId,
    pub component: &'g str,
    /// The names that were read; none where the dependency was declared.
    pub names: Vec<&'g str>,
    /// The dependencies that it stands for; none where something was read that another run wrote, or none.
    pub why: Vec<&'g Dependency>,
}

/// So many runs that are alike are still drawn one by one.
const FEW: usize = 3;

/// The graph, with one place for each run.
pub struct Tree<'g> {
    pub direction: Direction,
    pub root: Node,
    /// It grows only from what was read of its root.
    pub asks_for_a_pointer: bool,
    pub runs: HashMap<RunId, &'g RunRecord>,
    links: HashMap<Node, Vec<Link<'g>>>,
    /// The runs that are drawn at a run, trunk first.
    children: HashMap<Node, Vec<RunId>>,
    /// Runs that are drawn as one, by the one that is a child.
    folds: HashMap<RunId, Vec<RunId>>,
    /// The line order of the runs.
    pub order: HashMap<RunId, usize>,
}

impl<'g> Tree<'g> {
    /// What stands behind the root.
    pub fn upstream(graph: &'g Graph) -> Self {
        let links = graph.runs.iter().map(|found| (Some(found.run.id), upstream_links(&found.run))).collect();
        Self::of(graph, Direction::Upstream, links)
    }

    /// What the root has touched. Of a root that is a pointer or pointers, that is who read those.
    pub fn downstream(graph: &'g Graph, asked: &[&'g str]) -> Self {
        let mut links = downstream_links(graph);
        if !asked.is_empty() {
            links.insert(graph.root.run, readers(graph, asked));
        }
        Self::of(graph, Direction::Downstream, links)
    }

    fn of(graph: &'g Graph, direction: Direction, links: HashMap<Node, Vec<Link<'g>>>) -> Self {
        let root = graph.root.run;
        let runs: HashMap<_, _> = graph.runs.iter().map(|found| (found.run.id, &found.run)).collect();
        let next: HashMap<_, Vec<_>> = links
            .iter()
            .map(|(&from, links)| (from, links.iter().map(|link| link.to).filter(|to| runs.contains_key(to)).collect()))
            .collect();
        let children = spanning(root, next);
        let asks_for_a_pointer = graph.root.pointer.is_some();
        let (folds, order) = (HashMap::new(), HashMap::new());
        let mut tree = Self { direction, root, asks_for_a_pointer, runs, links, children, folds, order };
        if direction == Direction::Downstream {
            tree.fold();
        }
        tree.order = order_of(&tree);
        tree
    }

    /// Draws runs that are alike as one.
    fn fold(&mut self) {
        let alike: Vec<_> = self.children.keys().flat_map(|&parent| self.alike(parent)).collect();
        let one_of_each = alike.iter().flat_map(|runs| &runs[1..]).copied().collect::<HashSet<_>>();
        for children in self.children.values_mut() {
            children.retain(|run| !one_of_each.contains(run));
        }
        self.folds = alike.into_iter().map(|runs| (runs[0], runs)).collect();
    }

    /// Groups of a node's children that are alike, where they are more than a few.
    fn alike(&self, parent: Node) -> Vec<Vec<RunId>> {
        let links: HashMap<_, _> = self.links(parent).iter().map(|link| (link.to, link)).collect();
        let mut groups: HashMap<_, Vec<RunId>> = HashMap::new();
        for &child in self.children(parent) {
            if let Some(likeness) = links.get(&child).and_then(|link| self.likeness(link)) {
                groups.entry(likeness).or_default().push(child);
            }
        }
        groups.into_values().filter(|group| group.len() > FEW).collect()
    }

    /// What a run must share with others to be drawn with them; `None` where there is more to tell of it.
    fn likeness(&self, link: &Link<'g>) -> Option<Likeness<'g>> {
        let run = self.runs.get(&link.to)?;
        let is_plain = run.status == Status::Completed && run.error.is_none();
        let is_proven = link.why.iter().all(|dependency| !dependency.modified && !dependency.overlapping);
        if !is_plain || !is_proven || !self.children(Some(link.to)).is_empty() {
            return None;
        }
        Some(Likeness {
            component: &run.component,
            partition: run.partition.as_deref(),
            stale: stale_for(run),
            read: link.names.clone(),
            from: link.why.iter().map(|dependency| dependency.run).collect(),
            links: self.links(Some(link.to)).iter().map(|link| (link.to, link.names.clone())).collect(),
        })
    }

    /// The runs that are drawn as one with this child, from the first to the last; itself if it is drawn alone.
    pub fn fold_of(&self, child: RunId) -> Vec<RunId> {
        let mut runs = self.folds.get(&child).cloned().unwrap_or_else(|| vec![child]);
        runs.sort_unstable();
        runs
    }

    pub fn children(&self, of: Node) -> &[RunId] {
        self.children.get(&of).map_or(&[], Vec::as_slice)
    }

    pub fn links(&self, from: Node) -> &[Link<'g>] {
        self.links.get(&from).map_or(&[], Vec::as_slice)
    }
}

/// What runs have in common that are drawn as one.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'g> {
    component: &'g str,
    partition: Option<&'g str>,
    stale: Vec<(StaleKind, Option<RunId>)>,
    /// Between the parent and them.
    read: Vec<&'g str>,
    /// The runs that wrote that: at a root others than it may have.
    from: Vec<RunId>,
    /// The runs that they lead to.
    links: Vec<(RunId, Vec<&'g str>)>,
}

/// For what a run is stale, and which other run is to be looked at for it.
pub fn stale_for(run: &RunRecord) -> Vec<(StaleKind, Option<RunId>)> {
    let reasons = run.stale.iter().flatten();
    reasons.map(|reason| (reason.kind, Some(reason.run).filter(|&other| other != run.id))).collect()
}

/// A run's dependencies by the run they lead to, in the order of the inputs.
fn upstream_links(run: &RunRecord) -> Vec<Link<'_>> {
    let mut links: Vec<Link<'_>> = Vec::new();
    let mut places = HashMap::new();
    for dependency in &run.dependencies {
        let place = *places.entry(dependency.run).or_insert(links.len());
        if place == links.len() {
            links.push(Link::new(dependency.run, &dependency.component));
        }
        links[place].add(dependency);
    }
    links
}

/// The runs that depend on each run of a graph, in the graph's order.
fn downstream_links(graph: &Graph) -> HashMap<Node, Vec<Link<'_>>> {
    let mut links: HashMap<Node, Vec<Link<'_>>> = HashMap::new();
    for reader in graph.runs.iter().map(|found| &found.run) {
        for link in upstream_links(reader) {
            let back = Link { to: reader.id, component: &reader.component, ..link };
            links.entry(Some(link.to)).or_default().push(back);
        }
    }
    links
}

/// The runs that read what was asked about.
fn readers<'g>(graph: &'g Graph, asked: &[&'g str]) -> Vec<Link<'g>> {
    let readers = graph.runs.iter().filter(|found| found.depth == 1).map(|found| &found.run);
    let asked: HashSet<_> = asked.iter().copied().collect();
    let link = |reader: &'g RunRecord| {
        let mut link = Link::new(reader.id, &reader.component);
        let is_asked = |name: &str| asked.contains(name);
        link.names.extend(reader.inputs.iter().map(|input| input.pointer.name.as_str()).filter(|name| is_asked(name)));
        link.names.dedup();
        let dependencies = reader.dependencies.iter();
        link.why.extend(dependencies.filter(|dependency| dependency.pointer.as_deref().is_some_and(is_asked)));
        link
    };
    readers.map(link).collect()
}

impl<'g> Link<'g> {
    fn new(to: RunId, component: &'g str) -> Self {
        Self { to, component, names: Vec::new(), why: Vec::new() }
    }

    fn add(&mut self, dependency: &'g Dependency) {
        self.names.extend(dependency.pointer.as_deref());
        self.why.push(dependency);
    }
}

/// Gives each run one place, at the first run that leads to it when those with the longest way on are walked first.
fn spanning(root: Node, mut next: HashMap<Node, Vec<RunId>>) -> HashMap<Node, Vec<RunId>> {
    let heights = heights(root, &next);
    for next in next.values_mut() {
        next.sort_by_key(|id| (Reverse(heights.get(&Some(*id))), *id));
    }
    let mut children: HashMap<_, Vec<_>> = HashMap::new();
    walk(root, &next, |from, to| children.entry(from).or_default().push(to), |_| ());
    children
}

/// The longest way on from each run. In a cycle, the way back does not count.
fn heights(root: Node, next: &HashMap<Node, Vec<RunId>>) -> HashMap<Node, usize> {
    let mut heights = HashMap::new();
    walk(
        root,
        next,
        |_, _| (),
        |node| {
            let behind = next.get(&node).into_iter().flatten().filter_map(|&to| heights.get(&Some(to))).max();
            let height = behind.map_or(0, |highest| highest + 1);
            heights.insert(node, height);
        },
    );
    heights
}

/// Walks depth first: tells of each step to a run not seen before, and of each node when all that it leads to is seen.
fn walk(root: Node, next: &HashMap<Node, Vec<RunId>>, mut step: impl FnMut(Node, RunId), mut leave: impl FnMut(Node)) {
    let next = |node| next.get(&node).map_or(&[][..], Vec::as_slice).iter();
    let mut seen = HashSet::from([root]);
    let mut way = vec![(root, next(root))];
    while let Some((node, rest)) = way.last_mut() {
        let from = *node;
        if let Some(&to) = rest.find(|&&to| seen.insert(Some(to))) {
            step(from, to);
            way.push((Some(to), next(Some(to))));
        } else {
            leave(from);
            way.pop();
        }
    }
}

/// The order in which the runs are drawn.
fn order_of(tree: &Tree<'_>) -> HashMap<RunId, usize> {
    let mut order = HashMap::new();
    let mut open = vec![tree.root];
    let mut place = 0;
    while let Some(node) = open.pop() {
        if let Some(run) = node {
            order.extend(tree.fold_of(run).into_iter().map(|run| (run, place)));
            place += 1;
        }
        open.extend(tree.children(node).iter().copied().map(Some));
    }
    order
}
