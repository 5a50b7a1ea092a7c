//! Labels: what they are attached to, and their retractions.

use super::engine::{Row, Value};
use super::rows::Coded;
use super::{LabelId, NameId, VersionId, View};
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{Match, Retraction, RunId};

impl View<'_> {
    /// Whether there are labels at all.
    pub(crate) fn has_labels(&self) -> Result<bool> {
        self.holds("SELECT 1 FROM label_pointer LIMIT 1")
    }

    /// Whether any label was retracted.
    pub(crate) fn has_retractions(&self) -> Result<bool> {
        self.holds("SELECT 1 FROM retraction LIMIT 1")
    }

    fn holds(&self, sql: &str) -> Result<bool> {
        Ok(self.one(sql, &[], |row| row.integer(0))?.is_some())
    }

    /// The labels attached to a name, or to this version of it.
    pub(crate) fn labels_on(&self, name: NameId, version: Option<VersionId>) -> Result<Vec<LabelId>> {
        self.all(
            "SELECT label FROM label_pointer WHERE name = ?1 AND (version IS NULL OR version = ?2)",
            &[name.into(), version.into()],
            label,
        )
    }

    /// The labels attached to a name, or to a version of it that this run wrote.
    pub(crate) fn labels_on_output(&self, run: RunId, name: NameId) -> Result<Vec<LabelId>> {
        self.all(
            "SELECT l.label FROM output o JOIN label_pointer l ON l.name = o.name
             WHERE o.run = ?1 AND o.name = ?2 AND (l.version IS NULL OR l.version = o.version)",
            &[run.into(), name.into()],
            label,
        )
    }

    /// The labels attached to what a run read, each with the input's position: to the name, to the version read, or where
    /// the bytes do not prove the edge, to a version that the upstream run wrote.
    pub(crate) fn labels_on_inputs(&self, run: RunId) -> Result<Vec<(i64, LabelId)>> {
        self.all(
            "SELECT i.position, l.label FROM input i JOIN label_pointer l ON l.name = i.name
             WHERE i.run = ?1 AND (l.version IS NULL OR l.version = i.version OR i.match = ?2 AND EXISTS (
                SELECT 1 FROM output o WHERE o.run = i.upstream AND o.name = i.name AND o.version = l.version))",
            &[run.into(), Match::Name.code().into()],
            |row| Ok((row.integer(0)?, LabelId(row.integer(1)?))),
        )
    }

    /// The run behind each input of a run, in the order of the inputs.
    pub(crate) fn input_upstreams(&self, run: RunId) -> Result<Vec<(i64, Option<RunId>)>> {
        self.all("SELECT position, upstream FROM input WHERE run = ?1 ORDER BY position", &[run.into()], |row| {
            Ok((row.integer(0)?, row.optional_integer(1)?.map(RunId)))
        })
    }

    /// A label's name, if there is such a label.
    pub(crate) fn label_name(&self, label: LabelId) -> Result<Option<String>> {
        self.one("SELECT name FROM label WHERE id = ?1", &[label.into()], |row| row.text(0).map(ToOwned::to_owned))
    }

    /// A label's retraction; of several, as two stores that became one may hold, the first.
    pub(crate) fn retraction(&self, label: LabelId) -> Result<Option<Retraction>> {
        self.one(
            "SELECT l.name, r.retracted_at, r.retracted_by, r.reason FROM retraction r JOIN label l ON l.id = r.label
             WHERE r.label = ?1 ORDER BY r.retracted_at, r.id LIMIT 1",
            &[label.into()],
            retraction,
        )
    }
}

fn label(row: &dyn Row) -> Result<LabelId> {
    row.integer(0).map(LabelId)
}

fn retraction(row: &dyn Row) -> Result<Retraction> {
    Ok(Retraction {
        label: row.text(0)?.to_owned(),
        retracted_at: from_micros(row.integer(1)?),
        retracted_by: row.text(2)?.to_owned(),
        reason: row.text(3)?.to_owned(),
    })
}

impl From<LabelId> for Value<'_> {
    fn from(id: LabelId) -> Self {
        Self::Integer(id.0)
    }
}
