//! Where did an output come from? A breadth-first walk upstream that visits each run once, so that diamonds, ladders and
//! cycles cost what they hold and no more.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Dependency, Edge, Graph, GraphRoot, GraphRun, IoPointer, RunId, Truncated};
use crate::store::View;

/// How far to walk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// The most hops from the root.
    pub(crate) depth: Option<u32>,
    /// The walk shows the runs of this component and goes no further behind them.
    pub(crate) stop_at: Option<String>,
}

/// The runs behind a run.
pub(crate) fn upstream(view: &View<'_>, root: RunId, pointer: Option<IoPointer>, reach: &Reach) -> Result<Graph> {
    let walk = Walk::from(view, root, reach)?;
    let ids: Vec<RunId> = walk.reached.iter().map(|&(_, id)| id).collect();
    let records = view.runs(&ids)?;
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
    Ok(Graph { root: GraphRoot { pointer, run: root }, runs, edges, truncated })
}

/// The ids that a walk found.
struct Walk {
    /// With the fewest hops from the root, ordered by those and then by id.
    reached: Vec<(u32, RunId)>,
    /// How many runs lie beyond its reach.
    beyond: u64,
}

impl Walk {
    fn from(view: &View<'_>, root: RunId, reach: &Reach) -> Result<Self> {
        let stop_at = reach.stop_at.as_deref().map(|name| view.component_id(name)).transpose()?.flatten();
        let mut seen = HashSet::from([root]);
        let mut reached = Vec::new();
        let mut cut = Vec::new();
        let mut level = vec![root];
        for depth in 0.. {
            let mut next = Vec::new();
            for id in level {
                reached.push((depth, id));
                let upstream = view.upstream_ids(id)?;
                let stops = stop_at.map_or(Ok(false), |component| view.is_of(id, component))?;
                if stops || reach.depth == Some(depth) {
                    cut.extend(upstream);
                } else {
                    next.extend(upstream.into_iter().filter(|&to| seen.insert(to)));
                }
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        reached.sort_unstable();
        Ok(Self { reached, beyond: count_unseen(view, cut, &mut seen)? })
    }
}

/// How many runs lie behind these that the walk did not show.
fn count_unseen(view: &View<'_>, from: Vec<RunId>, seen: &mut HashSet<RunId>) -> Result<u64> {
    let mut runs = 0;
    let mut open = from;
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            runs += 1;
            open.extend(view.upstream_ids(id)?);
        }
    }
    Ok(runs)
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
