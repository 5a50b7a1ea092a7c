//! Runs in brief.

use super::View;
use super::engine::{Row, Value};
use super::liveness::{self, LIVENESS};
use super::records::{BATCH, IDS, values};
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{RunBrief, RunId};

/// Which runs have not ended.
const OPEN: &str = "r.ended_at IS NULL ORDER BY r.id DESC LIMIT ?1";

impl View<'_> {
    /// The runs recorded after a run, oldest first, at most so many.
    pub(crate) fn briefs_after(&self, run: RunId, limit: u32) -> Result<Vec<RunBrief>> {
        self.all_briefs("r.id > ?1 ORDER BY r.id LIMIT ?2", &[run.into(), i64::from(limit).into()])
    }

    pub(crate) fn last_recorded(&self) -> Result<Option<RunId>> {
        self.one("SELECT id FROM run ORDER BY id DESC LIMIT 1", &[], |row| row.integer(0).map(RunId))
    }

    /// The runs that have not ended, newest first, at most so many.
    pub(crate) fn open_briefs(&self, limit: u32) -> Result<Vec<RunBrief>> {
        self.all_briefs(OPEN, &[i64::from(limit).into()])
    }

    /// The runs recorded before a run, newest first, at most so many.
    pub(crate) fn briefs_before(&self, run: RunId, limit: u32) -> Result<Vec<RunBrief>> {
        self.all_briefs("r.id < ?1 ORDER BY r.id DESC LIMIT ?2", &[run.into(), i64::from(limit).into()])
    }

    /// These runs, in no order. Those that are not there are left out.
    pub(crate) fn briefs(&self, ids: &[RunId]) -> Result<Vec<RunBrief>> {
        let mut briefs = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            briefs.extend(self.all_briefs(&format!("r.id IN {IDS}"), &values(ids))?);
        }
        Ok(briefs)
    }

    fn all_briefs(&self, which: &str, values: &[Value<'_>]) -> Result<Vec<RunBrief>> {
        self.all(&sql(which), values, brief)
    }
}

fn sql(which: &str) -> String {
    format!(
        "SELECT r.id, c.name, r.started_at, r.ended_at, r.status, {LIVENESS}
         FROM run r JOIN component c ON c.id = r.component LEFT JOIN process w ON w.id = r.process WHERE {which}"
    )
}

fn brief(row: &dyn Row) -> Result<RunBrief> {
    Ok(RunBrief {
        id: RunId(row.integer(0)?),
        component: row.text(1)?.to_owned(),
        status: liveness::status(row, 4, 5)?,
        started_at: from_micros(row.integer(2)?),
        ended_at: row.optional_integer(3)?.map(from_micros),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn open_runs_are_sought_without_a_look_at_those_that_have_ended() {
        let plan = Store::in_memory().unwrap().plan(&sql(OPEN), 1);
        assert!(plan.contains("SCAN r USING INDEX run_open") && !plan.contains("ORDER BY"), "{plan}");
    }
}
