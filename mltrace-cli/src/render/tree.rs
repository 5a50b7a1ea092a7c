//! A graph of runs as a tree that shows each run once. Nothing here recurses, so that no history is too long for it.
//!
//! Of the runs behind a run, the one with the longest history is its trunk, which goes on in the same column, and the
//! others branch off before it. So a chain of ten thousand stages does not indent at all, and a ladder of diamonds by one
//! step.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use mltrace_core::{Dependency, Graph, RunId, RunRecord};

/// What a run depends on one upstream run for.
pub(super) struct Link<'g> {
    pub(super) to: RunId,
    pub(super) component: &'g str,
    pub(super) why: Vec<&'g Dependency>,
}

/// The graph, with one place for each run.
pub(super) struct Tree<'g> {
    pub(super) runs: HashMap<RunId, &'g RunRecord>,
    pub(super) links: HashMap<RunId, Vec<Link<'g>>>,
    /// The upstream runs that are drawn at a run, trunk first.
    children: HashMap<RunId, Vec<RunId>>,
    /// The line order of the runs.
    pub(super) order: HashMap<RunId, usize>,
}

impl<'g> Tree<'g> {
    pub(super) fn of(graph: &'g Graph) -> Self {
        let runs: HashMap<_, _> = graph.runs.iter().map(|found| (found.run.id, &found.run)).collect();
        let links: HashMap<_, _> = runs.iter().map(|(&id, run)| (id, links(run))).collect();
        let upstream: HashMap<_, Vec<_>> = links
            .iter()
            .map(|(&id, links)| (id, links.iter().map(|link| link.to).filter(|to| runs.contains_key(to)).collect()))
            .collect();
        let children = spanning(graph.root.run, upstream);
        let order = order(graph.root.run, &children);
        Self { runs, links, children, order }
    }

    pub(super) fn children(&self, id: RunId) -> &[RunId] {
        self.children.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// A run's dependencies by the run they lead to, in the order of the inputs.
fn links(run: &RunRecord) -> Vec<Link<'_>> {
    let mut links: Vec<Link<'_>> = Vec::new();
    let mut places = HashMap::new();
    for dependency in &run.dependencies {
        let place = *places.entry(dependency.run).or_insert(links.len());
        if place == links.len() {
            links.push(Link { to: dependency.run, component: &dependency.component, why: Vec::new() });
        }
        links[place].why.push(dependency);
    }
    links
}

/// Gives each run one place, at the first run that leads to it when those with the longest history are walked first.
fn spanning(root: RunId, mut upstream: HashMap<RunId, Vec<RunId>>) -> HashMap<RunId, Vec<RunId>> {
    let heights = heights(root, &upstream);
    for next in upstream.values_mut() {
        next.sort_by_key(|id| (Reverse(heights.get(id)), *id));
    }
    let mut children: HashMap<_, Vec<_>> = HashMap::new();
    walk(root, &upstream, |from, to| children.entry(from).or_default().push(to), |_| ());
    children
}

/// The longest way from each run to a source. In a cycle, the way back does not count.
fn heights(root: RunId, upstream: &HashMap<RunId, Vec<RunId>>) -> HashMap<RunId, usize> {
    let mut heights = HashMap::new();
    walk(
        root,
        upstream,
        |_, _| (),
        |id| {
            let behind = upstream.get(&id).into_iter().flatten().filter_map(|to| heights.get(to)).max();
            let height = behind.map_or(0, |highest| highest + 1);
            heights.insert(id, height);
        },
    );
    heights
}

/// Walks depth first: tells of each step to a run not seen before, and of each run when all behind it is seen.
fn walk(
    root: RunId,
    upstream: &HashMap<RunId, Vec<RunId>>,
    mut step: impl FnMut(RunId, RunId),
    mut leave: impl FnMut(RunId),
) {
    let next = |id| upstream.get(&id).map_or(&[][..], Vec::as_slice).iter();
    let mut seen = HashSet::from([root]);
    let mut way = vec![(root, next(root))];
    while let Some((id, rest)) = way.last_mut() {
        let from = *id;
        if let Some(&to) = rest.find(|&&to| seen.insert(to)) {
            step(from, to);
            way.push((to, next(to)));
        } else {
            leave(from);
            way.pop();
        }
    }
}

/// The order in which the runs are drawn.
fn order(root: RunId, children: &HashMap<RunId, Vec<RunId>>) -> HashMap<RunId, usize> {
    let mut order = HashMap::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        order.insert(id, order.len());
        open.extend(children.get(&id).into_iter().flatten());
    }
    order
}
