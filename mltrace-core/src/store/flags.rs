//! Flags on outputs, and the unflagged outputs to compare them with.

use std::collections::HashMap;

use super::engine::{Row, Value};
use super::rows::{Coded, damaged, version_text};
use super::{ComponentId, NameId, VersionId, View, Write};
use crate::error::Result;
use crate::model::{IoPointer, RunId, Version, VersionKind};

/// A flag as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    id: i64,
    pub(crate) name: NameId,
    /// `None` where the name had none when it was flagged.
    pub(crate) version: Option<VersionId>,
    /// Microseconds.
    pub(crate) flagged_at: i64,
    /// The flagged output as far as the flag itself knows it.
    pub(crate) pointer: IoPointer,
}

const FLAGS: &str = "SELECT f.id, f.name, f.version, f.flagged_at, n.text, v.kind, v.value
    FROM flag f JOIN text n ON n.id = f.name LEFT JOIN version v ON v.id = f.version";

fn flag(row: &dyn Row) -> Result<Flag> {
    let version = match row.optional_integer(5)? {
        Some(kind) => {
            let kind = VersionKind::decode(kind)?;
            Some(Version { kind, value: version_text(kind, row.blob(6)?)? })
        }
        None => None,
    };
    Ok(Flag {
        id: row.integer(0)?,
        name: NameId(row.integer(1)?),
        version: row.optional_integer(2)?.map(VersionId),
        flagged_at: row.integer(3)?,
        pointer: IoPointer { version, flagged: true, ..IoPointer::new(row.text(4)?) },
    })
}

impl Write<'_> {
    /// Flags a name in a version.
    pub(crate) fn put_flag(&self, name: NameId, version: Option<VersionId>, flagged_at: i64) -> Result<Flag> {
        let id = self.insert(
            "INSERT INTO flag (name, version, flagged_at) VALUES (?1, ?2, ?3)",
            &[name.into(), version.into(), Value::from(flagged_at)],
        )?;
        let flag = self.one(&format!("{FLAGS} WHERE f.id = ?1"), &[id.into()], flag)?;
        flag.ok_or_else(|| damaged("no text for a name"))
    }

    pub(crate) fn remove_flag(&self, flag: &Flag) -> Result<()> {
        self.execute("DELETE FROM flag WHERE id = ?1", &[flag.id.into()]).map(drop)
    }
}

impl View<'_> {
    /// All flags, in the order of flagging.
    pub(crate) fn flags(&self) -> Result<Vec<Flag>> {
        self.all(&format!("{FLAGS} ORDER BY f.id"), &[], flag)
    }

    /// The flags on a name.
    pub(crate) fn flags_of(&self, name: NameId) -> Result<Vec<Flag>> {
        self.all(&format!("{FLAGS} WHERE f.name = ?1 ORDER BY f.id"), &[name.into()], flag)
    }

    /// Adds to each run the number of its unflagged outputs, of the runs of a component that started at or after a time.
    /// An output that a later run wrote again, in the same version, is that run's.
    pub(crate) fn count_unflagged(
        &self,
        component: ComponentId,
        started_from: i64,
        counts: &mut HashMap<RunId, u64>,
    ) -> Result<()> {
        // Two searches for a later writer, because each has its own index.
        let sql = "SELECT o.run FROM run r JOIN output o ON o.run = r.id
             WHERE r.component = ?1 AND r.started_at >= ?2
               AND NOT EXISTS (SELECT 1 FROM flag f
                   WHERE f.name = o.name AND (f.version IS NULL OR f.version = o.version))
               AND NOT EXISTS (SELECT 1 FROM output l JOIN run w ON w.id = l.run
                   WHERE l.name = o.name AND l.version = o.version AND l.ended_at >= o.ended_at
                     AND (l.ended_at, w.started_at, w.uuid) > (o.ended_at, r.started_at, r.uuid))
               AND NOT EXISTS (SELECT 1 FROM output l JOIN run w ON w.id = l.run
                   WHERE o.version IS NULL AND l.version IS NULL
                     AND l.name = o.name AND l.completed IN (0, 1) AND l.ended_at >= o.ended_at
                     AND (l.ended_at, w.started_at, w.uuid) > (o.ended_at, r.started_at, r.uuid))";
        self.0.query(sql, &[component.into(), Value::from(started_from)], &mut |row| {
            *counts.entry(RunId(row.integer(0)?)).or_default() += 1;
            Ok(())
        })
    }
}
