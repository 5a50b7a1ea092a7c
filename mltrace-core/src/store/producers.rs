//! The seeks by which an input finds the run that wrote it. The rule that uses them is `lineage::resolve`.

use super::engine::{Row, Value};
use super::{ComponentId, NameId, OPEN, VersionId, View};
use crate::error::Result;
use crate::model::RunId;

/// An input as the rule sees it. Times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) run: RunId,
    pub(crate) position: i64,
    pub(crate) name: NameId,
    pub(crate) version: Option<VersionId>,
    pub(crate) captured_at: i64,
    /// The end of the run that read, [`OPEN`] if it has none yet.
    pub(crate) run_ended_at: i64,
}

/// A run that wrote a name. Ordered by lateness: its end, then its start, then its uuid; never by the store's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Producer {
    /// In microseconds; [`OPEN`] for none yet.
    pub(crate) ended_at: i64,
    pub(crate) started_at: i64,
    uuid: [u8; 16],
    pub(crate) run: RunId,
}

const LATEST: &str = "ORDER BY o.ended_at DESC, r.started_at DESC, r.uuid DESC LIMIT 1";

/// Columns 0 to 3: run, end, start, uuid.
pub(super) fn producer(row: &dyn Row) -> Result<Producer> {
    let mut uuid = [0; 16];
    let bytes = row.blob(3)?;
    if bytes.len() == uuid.len() {
        uuid.copy_from_slice(bytes);
    }
    Ok(Producer { run: RunId(row.integer(0)?), ended_at: row.integer(1)?, started_at: row.integer(2)?, uuid })
}

impl View<'_> {
    /// The latest candidate that wrote exactly the version read and had ended by the capture.
    pub(crate) fn exact_ended(&self, reading: &Reading, version: VersionId) -> Result<Option<Producer>> {
        self.exact(reading, version, "o.ended_at <= ?3")
    }

    /// The latest candidate that wrote exactly the version read and had not ended by the capture.
    pub(crate) fn exact_open(&self, reading: &Reading, version: VersionId) -> Result<Option<Producer>> {
        self.exact(reading, version, "o.ended_at > ?3")
    }

    fn exact(&self, reading: &Reading, version: VersionId, when: &str) -> Result<Option<Producer>> {
        self.candidate(reading, "o.version", version.into(), when)
    }

    /// The latest candidate of those that an index keeps together, and that stand so to the capture, `?3`.
    fn candidate(&self, reading: &Reading, key: &str, value: Value<'_>, when: &str) -> Result<Option<Producer>> {
        self.one(
            &format!(
                "SELECT o.run, o.ended_at, r.started_at, r.uuid FROM output o JOIN run r ON r.id = o.run
                 WHERE o.name = ?1 AND {key} = ?2 AND {when} AND o.run <> ?4 AND r.started_at <= ?5 {LATEST}"
            ),
            &[reading.name.into(), value, reading.captured_at.into(), reading.run.into(), reading.run_ended_at.into()],
            producer,
        )
    }

    /// The latest candidate that had ended by the capture, completed ones before the others.
    pub(crate) fn named_ended(&self, reading: &Reading) -> Result<Option<Producer>> {
        for completed in [true, false] {
            let found = self.named(reading, completed, "o.ended_at <= ?3")?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The latest candidate that was open at the capture: begun, and not ended.
    pub(crate) fn named_open(&self, reading: &Reading) -> Result<Option<Producer>> {
        self.named_either(reading, "o.ended_at > ?3 AND r.started_at <= ?3")
    }

    /// The latest candidate that had not ended by the capture.
    pub(crate) fn named_later(&self, reading: &Reading) -> Result<Option<Producer>> {
        self.named_either(reading, "o.ended_at > ?3")
    }

    fn named_either(&self, reading: &Reading, when: &str) -> Result<Option<Producer>> {
        Ok(self.named(reading, true, when)?.max(self.named(reading, false, when)?))
    }

    fn named(&self, reading: &Reading, completed: bool, when: &str) -> Result<Option<Producer>> {
        self.candidate(reading, "o.completed", completed.into(), when)
    }

    /// Whether a run wrote exactly this version of a name.
    pub(crate) fn wrote(&self, run: RunId, name: NameId, version: VersionId) -> Result<bool> {
        let found = self.one(
            "SELECT 1 FROM output WHERE run = ?1 AND name = ?2 AND version = ?3 LIMIT 1",
            &[run.into(), name.into(), version.into()],
            |row| row.integer(0),
        )?;
        Ok(found.is_some())
    }

    /// Whether a run wrote some version of a name whose kind can be compared with this version's.
    pub(crate) fn wrote_comparable(&self, run: RunId, name: NameId, version: VersionId) -> Result<bool> {
        let found = self.one(
            "SELECT 1 FROM output o JOIN version v ON v.id = o.version
             WHERE o.run = ?1 AND o.name = ?2 AND v.kind = (SELECT kind FROM version WHERE id = ?3) LIMIT 1",
            &[run.into(), name.into(), version.into()],
            |row| row.integer(0),
        )?;
        Ok(found.is_some())
    }

    /// The key of a name that some run wrote or read. Other texts, such as spellings, have keys too.
    pub(crate) fn pointer_id(&self, name: &str) -> Result<Option<NameId>> {
        let Some(id) = self.name_id(name)? else { return Ok(None) };
        let used = self.one(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM output WHERE name = ?1) OR EXISTS (SELECT 1 FROM input WHERE name = ?1)",
            &[id.into()],
            |row| row.integer(0),
        )?;
        Ok(used.map(|_| id))
    }

    /// The latest run that wrote a name, of those that had ended by a time if one is given.
    pub(crate) fn latest_writer(&self, name: NameId, ended_by: Option<i64>) -> Result<Option<Producer>> {
        let latest = |completed: bool| {
            self.one(
                &format!(
                    "SELECT o.run, o.ended_at, r.started_at, r.uuid FROM output o JOIN run r ON r.id = o.run
                     WHERE o.name = ?1 AND o.completed = ?2 AND o.ended_at <= ?3 {LATEST}"
                ),
                &[name.into(), completed.into(), ended_by.unwrap_or(OPEN).into()],
                producer,
            )
        };
        Ok(latest(true)?.max(latest(false)?))
    }

    /// The latest run that wrote a version of a name, of those that had ended by a time if one is given.
    pub(crate) fn latest_writer_of(
        &self,
        name: NameId,
        version: VersionId,
        ended_by: Option<i64>,
    ) -> Result<Option<Producer>> {
        self.one(
            &format!(
                "SELECT o.run, o.ended_at, r.started_at, r.uuid FROM output o JOIN run r ON r.id = o.run
                 WHERE o.name = ?1 AND o.version = ?2 AND o.ended_at <= ?3 {LATEST}"
            ),
            &[name.into(), version.into(), ended_by.unwrap_or(OPEN).into()],
            producer,
        )
    }

    /// The inputs of a name in other runs that ended at or after a time.
    pub(crate) fn readings_of(&self, name: NameId, ended_from: i64, other_than: RunId) -> Result<Vec<Reading>> {
        self.all(
            "SELECT run, position, version, captured_at, ended_at FROM input
             WHERE name = ?1 AND ended_at >= ?2 AND run <> ?3",
            &[name.into(), ended_from.into(), other_than.into()],
            |row| {
                Ok(Reading {
                    run: RunId(row.integer(0)?),
                    position: row.integer(1)?,
                    name,
                    version: row.optional_integer(2)?.map(VersionId),
                    captured_at: row.integer(3)?,
                    run_ended_at: row.integer(4)?,
                })
            },
        )
    }

    /// The latest run of a component, other than one, that had ended by a time.
    pub(crate) fn latest_run(&self, component: ComponentId, ended_by: i64, other_than: RunId) -> Result<Option<RunId>> {
        self.one(
            "SELECT id FROM run WHERE component = ?1 AND ended_at <= ?2 AND id <> ?3
             ORDER BY ended_at DESC, started_at DESC, uuid DESC LIMIT 1",
            &[component.into(), ended_by.into(), other_than.into()],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The runs that declared a component upstream and started at or after a time, with their starts.
    pub(crate) fn declarations_of(&self, component: ComponentId, started_from: i64) -> Result<Vec<(RunId, i64)>> {
        self.all(
            "SELECT run, started_at FROM declared WHERE component = ?1 AND started_at >= ?2",
            &[component.into(), Value::from(started_from)],
            |row| Ok((RunId(row.integer(0)?), row.integer(1)?)),
        )
    }
}
