//! Where did an output come from, and what came of it? A breadth-first walk along the edges that visits each run once, so
//! that diamonds, ladders and cycles cost what they hold and no more.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Dependency, Edge, Graph, GraphRoot, GraphRun, IoPointer, RunId, Truncated};
use crate::store::{Pointers, View};

/// How far to walk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// The most hops from the root.
    pub(crate) depth: Option<u32>,
    /// The walk shows the runs of this component and goes no further behind them.
    pub(crate) stop_at: Option<String>,
    /// The most runs: the nearest, and of those as near the latest.
    pub(crate) most: Option<usize>,
    /// The most outputs that are told of a run.
    pub(crate) outputs: Option<u32>,
}

/// Of what a limit on runs cuts off no more are counted: to count them is to walk.
pub(crate) const COUNTED: usize = 10_000;

impl Reach {
    /// How many runs make a difference to what is shown and counted.
    pub(crate) fn seen(&self) -> Option<usize> {
        self.most.map(|most| most.saturating_add(COUNTED))
    }
}

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Upstream,
    Downstream,
}

impl Direction {
    fn next(self, view: &View<'_>, run: RunId, reach: &Reach) -> Result<Vec<RunId>> {
        match self {
            Self::Upstream => view.upstream_ids(run),
            Self::Downstream => view.downstream_ids(run, reach.seen()),
        }
    }
}

/// The runs behind a run.
pub(crate) fn upstream(view: &View<'_>, root: RunId, pointer: Option<IoPointer>, reach: &Reach) -> Result<Graph> {
    let walk = Walk::from(view, Direction::Upstream, Some(root), None, reach)?;
    graph(view, GraphRoot { pointer, run: Some(root) }, &walk, reach)
}

/// The runs that a root has touched. Where `first` is given, those are all that it leads to at once: a pointer leads to
/// the runs that read it, not to those that read something else from the run that wrote it.
pub(crate) fn downstream(view: &View<'_>, root: GraphRoot, first: Option<Vec<RunId>>, reach: &Reach) -> Result<Graph> {
    let walk = Walk::from(view, Direction::Downstream, root.run, first, reach)?;
    graph(view, root, &walk, reach)
}

/// These runs and all that depend on them.
pub(crate) fn touched(view: &View<'_>, first: Vec<RunId>) -> Result<Vec<RunId>> {
    let walk = Walk::from(view, Direction::Downstream, None, Some(first), &Reach::default())?;
    Ok(walk.reached.into_iter().map(|(_, id)| id).collect())
}

fn graph(view: &View<'_>, root: GraphRoot, walk: &Walk, reach: &Reach) -> Result<Graph> {
    let ids: Vec<RunId> = walk.reached.iter().map(|&(_, id)| id).collect();
    let records = view.runs_with(&ids, &Pointers::with_outputs(reach.outputs))?;
    if records.len() < ids.len() {
        return Err(missing());
    }
    let shown: HashSet<RunId> = ids.iter().copied().collect();
    let mut edges: Vec<Edge> = records
        .iter()
        .flat_map(|run| run.dependencies.iter().map(|dependency| edge(run.id, dependency)))
        .filter(|edge| shown.contains(&edge.to))
        .collect();
    edges.sort_by(|a, b| (a.from, a.to, &a.pointer).cmp(&(b.from, b.to, &b.pointer)));
    let depths = walk.reached.iter().map(|&(depth, _)| depth);
    let runs = std::iter::zip(depths, records).map(|(depth, run)| GraphRun { depth, run }).collect();
    let truncated = (walk.beyond > 0).then_some(Truncated { runs: walk.beyond });
    Ok(Graph { root, runs, edges, truncated })
}

/// The ids that a walk found.
struct Walk {
    /// With the fewest hops from the root, ordered by those and then by id.
    reached: Vec<(u32, RunId)>,
    /// How many runs lie beyond its reach.
    beyond: u64,
}

impl Walk {
    fn from(
        view: &View<'_>,
        direction: Direction,
        root: Option<RunId>,
        first: Option<Vec<RunId>>,
        reach: &Reach,
    ) -> Result<Self> {
        let stop_at = reach.stop_at.as_deref().map(|name| view.component_id(name)).transpose()?.flatten();
        let mut reached = Vec::new();
        let mut seen = HashSet::new();
        let mut cut = Vec::new();
        let (nearest, mut level) = match first {
            None => (0, root.into_iter().collect()),
            Some(first) => {
                reached.extend(root.map(|root| (0, root)));
                (1, first)
            }
        };
        for depth in nearest.. {
            if reach.depth.is_some_and(|most| depth > most) {
                cut.append(&mut level);
            }
            level.retain(|&id| seen.insert(id));
            let left = reach.most.map_or(usize::MAX, |most| most.saturating_sub(reached.len()));
            if level.len() > left {
                level.sort_unstable_by(|a, b| b.cmp(a));
                for id in level.drain(left..) {
                    seen.remove(&id);
                    cut.push(id);
                }
            }
            if level.is_empty() {
                break;
            }
            let mut next = Vec::new();
            for id in level {
                // A root that does not lead to all of its neighbours does once the walk comes back to it.
                if depth == 0 || root != Some(id) {
                    reached.push((depth, id));
                }
                let stops = stop_at.map_or(Ok(false), |component| view.is_of(id, component))?;
                let behind = direction.next(view, id, reach)?;
                if stops { cut.extend(behind) } else { next.extend(behind) }
            }
            level = next;
        }
        reached.sort_unstable();
        let unseen = unseen(view, direction, cut, seen, reach)?;
        Ok(Self { reached, beyond: unseen.into_iter().filter(|&id| root != Some(id)).count() as u64 })
    }
}

/// These runs and those behind them that the walk has not seen. Where no more are counted than these, none is walked behind.
fn unseen(
    view: &View<'_>,
    direction: Direction,
    from: Vec<RunId>,
    mut seen: HashSet<RunId>,
    reach: &Reach,
) -> Result<Vec<RunId>> {
    let most = if reach.most.is_some() { COUNTED } else { usize::MAX };
    let mut unseen = Vec::new();
    let mut found = from;
    for at in 0.. {
        unseen.extend(found.into_iter().filter(|&id| seen.insert(id)));
        if unseen.len() >= most {
            break;
        }
        let Some(&id) = unseen.get(at) else { break };
        found = direction.next(view, id, reach)?;
    }
    unseen.truncate(most);
    Ok(unseen)
}

fn edge(from: RunId, to: &Dependency) -> Edge {
    Edge {
        from,
        to: to.run,
        pointer: to.pointer.clone(),
        matched: to.matched,
        modified: to.modified,
        overlapping: to.overlapping,
    }
}

pub(super) fn missing() -> Error {
    Error::new(ErrorKind::Damaged, "a run that another depends on is not in the store: restore the file from a backup")
}
