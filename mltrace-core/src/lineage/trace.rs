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
    let mut seen = HashSet::from([root]);
    let mut runs = Vec::new();
    let mut edges = Vec::new();
    let mut beyond = Vec::new();
    let mut level = vec![root];
    for depth in 0.. {
        let mut next = Vec::new();
        for id in level {
            let run = view.run(id)?.ok_or_else(|| missing(id))?;
            let ends_here = reach.depth == Some(depth) || reach.stop_at.as_ref() == Some(&run.component);
            let upstream = run.dependencies.iter().map(|dependency| dependency.run);
            if ends_here {
                beyond.extend(upstream);
            } else {
                next.extend(upstream.filter(|&to| seen.insert(to)));
            }
            edges.extend(run.dependencies.iter().map(|dependency| edge(id, dependency)));
            runs.push(GraphRun { depth, run });
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    edges.retain(|edge| seen.contains(&edge.to));
    edges.sort_by(|a, b| (a.from, a.to, &a.pointer).cmp(&(b.from, b.to, &b.pointer)));
    runs.sort_by_key(|found| (found.depth, found.run.id));
    let truncated = count_unseen(view, beyond, &mut seen)?;
    Ok(Graph { root: GraphRoot { pointer, run: root }, runs, edges, truncated })
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

/// How many runs lie behind these that the walk did not show.
fn count_unseen(view: &View<'_>, from: Vec<RunId>, seen: &mut HashSet<RunId>) -> Result<Option<Truncated>> {
    let mut runs = 0;
    let mut open = from;
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            runs += 1;
            open.extend(view.upstream_ids(id)?);
        }
    }
    Ok((runs > 0).then_some(Truncated { runs }))
}

fn missing(id: RunId) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("run {id} is depended on, but not in the store: restore the file from a backup"),
    )
}
