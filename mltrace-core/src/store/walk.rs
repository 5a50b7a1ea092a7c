//! Runs as a walk over the lineage sees them, read in batches: a walk may pass millions.

use uuid::Uuid;

use super::records::{BATCH, IDS, values};
use super::rows::uuid;
use super::{ComponentId, View};
use crate::error::Result;
use crate::model::RunId;

/// A run and the runs it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) run: RunId,
    /// The same in every store that knows the run.
    pub(crate) uuid: Uuid,
    pub(crate) component: ComponentId,
    /// Microseconds.
    pub(crate) started_at: i64,
    /// Each once, sorted.
    pub(crate) upstream: Vec<RunId>,
}

impl View<'_> {
    /// These runs, in this order. Those that are not there are left out.
    pub(crate) fn nodes(&self, ids: &[RunId]) -> Result<Vec<Node>> {
        let mut nodes = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            nodes.extend(self.batch_of_nodes(ids)?);
        }
        Ok(nodes)
    }

    fn batch_of_nodes(&self, ids: &[RunId]) -> Result<Vec<Node>> {
        let sql = format!("SELECT id, component, started_at, uuid FROM run WHERE id IN {IDS}");
        let mut nodes = self.all(&sql, &values(ids), |row| {
            Ok(Node {
                run: RunId(row.integer(0)?),
                component: ComponentId(row.integer(1)?),
                started_at: row.integer(2)?,
                uuid: uuid(row.blob(3)?)?,
                upstream: Vec::new(),
            })
        })?;
        nodes.sort_by_key(|node| ids.iter().position(|&id| id == node.run));
        let sql = format!(
            "SELECT run, upstream FROM input WHERE run IN {IDS} AND upstream IS NOT NULL
             UNION ALL SELECT run, upstream FROM declared WHERE run IN {IDS} AND upstream IS NOT NULL"
        );
        self.0.query(&sql, &values(ids), &mut |row| {
            let (run, upstream) = (RunId(row.integer(0)?), RunId(row.integer(1)?));
            if let Some(node) = nodes.iter_mut().find(|node| node.run == run) {
                node.upstream.push(upstream);
            }
            Ok(())
        })?;
        for node in &mut nodes {
            node.upstream.sort_unstable();
            node.upstream.dedup();
        }
        Ok(nodes)
    }
}
