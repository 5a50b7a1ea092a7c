//! Labels: what they are attached to, and their retractions.

use std::ops::Range;

use super::engine::{Row, Value};
use super::read::{limit, seek};
use super::rows::{Coded, version_text};
use super::{LabelId, NameId, VersionId, View, Write};
use crate::clock::{from_micros, to_micros};
use crate::error::Result;
use crate::model::{IoPointer, LabelledPointer, Match, Retraction, RunEntry, RunId, Version, VersionKind};

/// Retractions as [`retraction`] reads them.
const RETRACTIONS: &str =
    "SELECT l.name, r.retracted_at, r.retracted_by, r.reason FROM retraction r JOIN label l ON l.id = r.label";

/// What a label is attached to.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) name: NameId,
    pub(crate) version: Option<VersionId>,
    pub(crate) pointer: LabelledPointer,
}

impl Write<'_> {
    /// Attaches a run's labels to each of its inputs, in the version that was read; those of a run without inputs to its
    /// outputs, because there it is the source.
    pub(super) fn put_labels(&self, entry: &RunEntry) -> Result<()> {
        let inputs: Vec<&IoPointer> = entry.inputs.iter().map(|input| &input.pointer).collect();
        let pointers = if inputs.is_empty() { entry.outputs.iter().collect() } else { inputs };
        for label in &entry.labels {
            for pointer in &pointers {
                let version = pointer.version.as_ref().map(|version| self.version_id(version)).transpose()?.flatten();
                self.attach(self.label(label)?, self.text(&pointer.name)?, version, to_micros(entry.started_at))?;
            }
        }
        Ok(())
    }

    /// The key of a label, new or known.
    pub(crate) fn label(&self, name: &str) -> Result<LabelId> {
        match self.label_id(name)? {
            Some(id) => Ok(id),
            None => self.insert("INSERT INTO label (name) VALUES (?1)", &[name.into()]).map(LabelId),
        }
    }

    /// Attaches a label to a name or to one version of it, and says whether it was not there before. Of two times the
    /// earlier stands, whichever comes first.
    pub(crate) fn attach(
        &self,
        label: LabelId,
        name: NameId,
        version: Option<VersionId>,
        attached_at: i64,
    ) -> Result<bool> {
        let values = [label.into(), name.into(), version.into(), attached_at.into()];
        let written = self.execute(
            "INSERT INTO label_pointer (label, name, version, attached_at) SELECT ?1, ?2, ?3, ?4
             WHERE NOT EXISTS (
                SELECT 1 FROM label_pointer WHERE label = ?1 AND name = ?2 AND version IS NOT DISTINCT FROM ?3)",
            &values,
        )?;
        if written == 0 {
            self.execute(
                "UPDATE label_pointer SET attached_at = ?4
                 WHERE label = ?1 AND name = ?2 AND version IS NOT DISTINCT FROM ?3 AND attached_at > ?4",
                &values,
            )?;
        }
        Ok(written > 0)
    }

    /// Retracts a label.
    pub(crate) fn retract(&self, label: LabelId, retracted_at: i64, retracted_by: &str, reason: &str) -> Result<()> {
        self.execute(
            "INSERT INTO retraction (label, retracted_at, retracted_by, reason) VALUES (?1, ?2, ?3, ?4)",
            &[label.into(), Value::from(retracted_at), retracted_by.into(), reason.into()],
        )
        .map(drop)
    }
}

impl View<'_> {
    /// The labels, by name.
    pub(crate) fn labels(&self) -> Result<Vec<(LabelId, String)>> {
        self.all("SELECT id, name FROM label ORDER BY name", &[], |row| {
            Ok((LabelId(row.integer(0)?), row.text(1)?.to_owned()))
        })
    }

    /// The labels whose names begin so, sorted, from the one after a name on.
    pub(crate) fn labels_after(
        &self,
        beginning: &str,
        after: Option<&str>,
        at_most: usize,
    ) -> Result<Vec<(LabelId, String)>> {
        let (from, beyond) = seek(beginning, after);
        let mut labels = self.all(
            &format!("SELECT id, name FROM label WHERE name {beyond} ?1 ORDER BY name LIMIT ?2"),
            &[from.into(), limit(at_most)],
            |row| Ok((LabelId(row.integer(0)?), row.text(1)?.to_owned())),
        )?;
        labels.truncate(labels.partition_point(|(_, name)| name.starts_with(beginning)));
        Ok(labels)
    }

    /// The key of a label, if there is such a label.
    pub(crate) fn label_id(&self, name: &str) -> Result<Option<LabelId>> {
        self.one("SELECT id FROM label WHERE name = ?1", &[name.into()], label)
    }

    /// What a label is attached to, by name.
    pub(crate) fn attached(&self, label: LabelId) -> Result<Vec<Attached>> {
        self.some_attached(label, usize::MAX)
    }

    /// As [`attached`](Self::attached), at most so much of it.
    pub(crate) fn some_attached(&self, label: LabelId, at_most: usize) -> Result<Vec<Attached>> {
        self.all(
            "SELECT p.name, p.version, n.text, v.kind, v.value, l.name, p.attached_at,
                    EXISTS (SELECT 1 FROM output o WHERE o.name = p.name)
                    OR EXISTS (SELECT 1 FROM input i WHERE i.name = p.name)
             FROM (SELECT * FROM label_pointer WHERE label = ?1 ORDER BY name, version LIMIT ?2) p
             JOIN label l ON l.id = p.label
             JOIN text n ON n.id = p.name
             LEFT JOIN version v ON v.id = p.version
             ORDER BY n.text, p.id",
            &[label.into(), limit(at_most)],
            attached,
        )
    }

    /// The labels attached to what a run wrote at these positions, each with the output's: to the name, or to the version
    /// written.
    pub(crate) fn labels_on_outputs(&self, run: RunId, positions: &Range<u32>) -> Result<Vec<(i64, LabelId)>> {
        self.all(
            "SELECT o.position, l.label FROM output o JOIN label_pointer l ON l.name = o.name
             WHERE o.run = ?1 AND o.position >= ?2 AND o.position < ?3 AND (l.version IS NULL OR l.version = o.version)",
            &[run.into(), Value::from(i64::from(positions.start)), i64::from(positions.end).into()],
            |row| Ok((row.integer(0)?, LabelId(row.integer(1)?))),
        )
    }

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
             WHERE i.run = ?1 AND (l.version IS NULL OR l.version = i.version OR i.match = ?2 AND l.version IN (
                SELECT o.version FROM output o WHERE o.run = i.upstream AND o.name = i.name))",
            &[run.into(), Match::Name.code().into()],
            |row| Ok((row.integer(0)?, LabelId(row.integer(1)?))),
        )
    }

    /// The run behind each input of a run, in the order of the inputs.
    pub(crate) fn input_upstreams(&self, run: RunId) -> Result<Vec<Option<RunId>>> {
        self.all("SELECT upstream FROM input WHERE run = ?1 ORDER BY position", &[run.into()], |row| {
            Ok(row.optional_integer(0)?.map(RunId))
        })
    }

    /// A label's name, if there is such a label.
    pub(crate) fn label_name(&self, label: LabelId) -> Result<Option<String>> {
        self.one("SELECT name FROM label WHERE id = ?1", &[label.into()], |row| row.text(0).map(ToOwned::to_owned))
    }

    /// A label's retraction; of several, as two stores that became one may hold, the first.
    pub(crate) fn retraction(&self, label: LabelId) -> Result<Option<Retraction>> {
        self.one(
            &format!("{RETRACTIONS} WHERE r.label = ?1 ORDER BY r.retracted_at, r.retracted_by, r.reason LIMIT 1"),
            &[label.into()],
            retraction,
        )
    }

    /// Every retraction, the second of a label too.
    pub(crate) fn retractions(&self) -> Result<Vec<Retraction>> {
        self.all(&format!("{RETRACTIONS} ORDER BY r.id"), &[], retraction)
    }
}

fn label(row: &dyn Row) -> Result<LabelId> {
    row.integer(0).map(LabelId)
}

fn attached(row: &dyn Row) -> Result<Attached> {
    let version = match row.optional_integer(3)? {
        Some(kind) => {
            let kind = VersionKind::decode(kind)?;
            Some(Version { kind, value: version_text(kind, row.blob(4)?)? })
        }
        None => None,
    };
    Ok(Attached {
        name: NameId(row.integer(0)?),
        version: row.optional_integer(1)?.map(VersionId),
        pointer: LabelledPointer {
            name: row.text(2)?.to_owned(),
            version,
            label: row.text(5)?.to_owned(),
            attached_at: from_micros(row.integer(6)?),
            known: row.integer(7)? != 0,
        },
    })
}

/// A row of [`RETRACTIONS`].
pub(super) fn retraction(row: &dyn Row) -> Result<Retraction> {
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
