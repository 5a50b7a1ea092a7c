//! The seeks by which runs are judged stale. The rule that uses them is `lineage::stale`.

use super::engine::Value;
use super::producers::{Producer, producer};
use super::rows::{Coded, damaged};
use super::{ComponentId, NameId, OPEN, VersionId, View};
use crate::error::Result;
use crate::model::{RunId, Status};

/// A run as the rule sees it.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) when: Producer,
    pub(crate) component: ComponentId,
    pub(crate) partition: Option<NameId>,
    pub(crate) upstream: Vec<Upstream>,
}

/// A dependency of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upstream {
    pub(crate) run: RunId,
    /// The name that was read; `None` where the dependency was declared.
    pub(crate) name: Option<NameId>,
}

impl View<'_> {
    /// A run with what it depends on, declared dependencies last.
    pub(crate) fn standing(&self, run: RunId) -> Result<Option<Standing>> {
        let found = self.one(
            "SELECT id, COALESCE(ended_at, ?2), started_at, uuid, component, partition FROM run WHERE id = ?1",
            &[run.into(), OPEN.into()],
            |row| {
                Ok(Standing {
                    when: producer(row)?,
                    component: ComponentId(row.integer(4)?),
                    partition: row.optional_integer(5)?.map(NameId),
                    upstream: Vec::new(),
                })
            },
        )?;
        let Some(mut standing) = found else { return Ok(None) };
        for sql in [
            "SELECT upstream, name FROM input WHERE run = ?1 AND upstream IS NOT NULL ORDER BY position",
            "SELECT upstream, NULL FROM declared WHERE run = ?1 AND upstream IS NOT NULL ORDER BY component",
        ] {
            standing.upstream.extend(self.all(sql, &[run.into()], |row| {
                Ok(Upstream { run: RunId(row.integer(0)?), name: row.optional_integer(1)?.map(NameId) })
            })?);
        }
        Ok(Some(standing))
    }

    /// The latest completed run of a component's partition that had ended by a time.
    pub(crate) fn latest_completed(
        &self,
        component: ComponentId,
        partition: Option<NameId>,
        ended_by: i64,
    ) -> Result<Option<Producer>> {
        let mut values = vec![component.into(), ended_by.into(), Status::Completed.code().into()];
        values.extend(partition.map(Value::from));
        self.one(
            &format!(
                "SELECT id, ended_at, started_at, uuid FROM run
                 WHERE component = ?1 AND ended_at <= ?2 AND status = ?3 AND {}
                 ORDER BY ended_at DESC, started_at DESC, uuid DESC LIMIT 1",
                is_partition("partition", partition)
            ),
            &values,
            producer,
        )
    }

    /// As [`latest_completed`](Self::latest_completed), of the runs that wrote a name.
    pub(crate) fn latest_completed_writer(
        &self,
        name: NameId,
        component: ComponentId,
        partition: Option<NameId>,
        ended_by: i64,
    ) -> Result<Option<Producer>> {
        let mut values = vec![component.into(), ended_by.into(), name.into()];
        values.extend(partition.map(Value::from));
        self.one(
            &format!(
                "SELECT o.run, o.ended_at, r.started_at, r.uuid FROM output o JOIN run r ON r.id = o.run
                 WHERE o.name = ?3 AND o.completed = 1 AND o.ended_at <= ?2 AND r.component = ?1 AND {}
                 ORDER BY o.ended_at DESC, r.started_at DESC, r.uuid DESC LIMIT 1",
                is_partition("r.partition", partition)
            ),
            &values,
            producer,
        )
    }

    /// A run other than this one that wrote a name and had ended by a time: one of the last, a completed one first.
    pub(crate) fn another_writer(&self, name: NameId, run: RunId, ended_by: i64) -> Result<Option<RunId>> {
        for completed in [true, false] {
            let found = self.one(
                "SELECT run FROM output WHERE name = ?1 AND completed = ?2 AND ended_at <= ?3 AND run <> ?4
                 ORDER BY ended_at DESC LIMIT 1",
                &[name.into(), completed.into(), ended_by.into(), run.into()],
                |row| row.integer(0).map(RunId),
            )?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The versions that a run wrote, sorted; one that is not known comes first.
    pub(crate) fn written_versions(&self, run: RunId) -> Result<Vec<Option<VersionId>>> {
        let mut versions = self.all("SELECT version FROM output WHERE run = ?1", &[run.into()], |row| {
            Ok(row.optional_integer(0)?.map(VersionId))
        })?;
        versions.sort_unstable();
        Ok(versions)
    }

    /// The names that a run read, each once, sorted.
    pub(crate) fn names_read(&self, run: RunId) -> Result<Vec<NameId>> {
        let mut names =
            self.all("SELECT name FROM input WHERE run = ?1", &[run.into()], |row| row.integer(0).map(NameId))?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The age in seconds after which a component's runs are old, as its run with the latest start that stated any
    /// metadata says, of those that had started by a time.
    pub(crate) fn stale_after(&self, component: ComponentId, started_by: i64) -> Result<Option<u64>> {
        // Asked first, because where nobody stated it the search for who spoke last would walk every run.
        let stated = "SELECT 1 FROM definition WHERE component = ?1 AND stale_after IS NOT NULL LIMIT 1";
        if self.one(stated, &[component.into()], |row| row.integer(0))?.is_none() {
            return Ok(None);
        }
        let stale_after = self.one(
            "SELECT d.stale_after FROM run r JOIN definition d ON d.id = r.definition
             WHERE r.component = ?1 AND d.states_metadata = 1 AND r.started_at <= ?2
             ORDER BY r.started_at DESC, r.uuid DESC LIMIT 1",
            &[component.into(), started_by.into()],
            |row| row.optional_integer(0),
        )?;
        Ok(stale_after.flatten().map(i64::cast_unsigned))
    }

    /// The partitions of a component's runs, `None` for the runs without one. A seek for each, however many runs it has.
    pub(crate) fn partitions(&self, component: ComponentId) -> Result<Vec<Option<NameId>>> {
        let without = "SELECT 1 FROM run WHERE component = ?1 AND partition IS NULL LIMIT 1";
        let without = self.one(without, &[component.into()], |row| row.integer(0))?;
        let mut partitions: Vec<_> = without.map(|_| None).into_iter().collect();
        let mut last = i64::MIN;
        while let Some(next) = self.one(
            "SELECT partition FROM run WHERE component = ?1 AND partition > ?2 ORDER BY partition LIMIT 1",
            &[component.into(), Value::from(last)],
            |row| row.integer(0),
        )? {
            partitions.push(Some(NameId(next)));
            last = next;
        }
        Ok(partitions)
    }

    /// The partitions of a component's runs that were named before one, the newest names first.
    pub(crate) fn partitions_before(
        &self,
        component: ComponentId,
        before: Option<NameId>,
        at_most: usize,
    ) -> Result<Vec<NameId>> {
        let mut partitions = Vec::new();
        let mut last = before.unwrap_or(NameId(i64::MAX));
        while partitions.len() < at_most
            && let Some(next) = self.one(
                "SELECT partition FROM run WHERE component = ?1 AND partition < ?2 ORDER BY partition DESC LIMIT 1",
                &[component.into(), last.into()],
                |row| row.integer(0).map(NameId),
            )?
        {
            partitions.push(next);
            last = next;
        }
        Ok(partitions)
    }

    /// The text of a name.
    pub(crate) fn name_text(&self, name: NameId) -> Result<String> {
        self.one("SELECT text FROM text WHERE id = ?1", &[name.into()], |row| row.text(0).map(ToOwned::to_owned))?
            .ok_or_else(|| damaged("a name that is not there"))
    }

    /// The name of a component.
    pub(crate) fn component_text(&self, component: ComponentId) -> Result<String> {
        self.one("SELECT name FROM component WHERE id = ?1", &[component.into()], |row| {
            row.text(0).map(ToOwned::to_owned)
        })?
        .ok_or_else(|| damaged("a component that is not there"))
    }
}

/// Compares a run's partition with the fourth value, or with none. Only a plain comparison is a seek in every database.
fn is_partition(column: &str, partition: Option<NameId>) -> String {
    if partition.is_some() { format!("{column} = ?4") } else { format!("{column} IS NULL") }
}
