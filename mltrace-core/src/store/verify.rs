//! What runs recorded last of each name, to be compared with what is there now.

use super::engine::{Row, Value};
use super::records::{INPUTS, OUTPUTS, pointer};
use super::{NameId, VersionId, View};
use crate::error::Result;
use crate::model::{IoPointer, RunId};

impl NameId {
    /// Before every name.
    pub(crate) const BEFORE_ALL: Self = Self(i64::MIN);
}

/// Which names to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Those of which a run wrote a version. Names of predictions, of which there may be millions, have none.
    Written,
    /// Those that runs only read.
    OnlyRead,
}

/// A run as people know it, and the host it ran on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) component: String,
    pub(crate) host: Option<String>,
}

impl View<'_> {
    /// The next names after one, in the order of their keys.
    pub(crate) fn names_after(&self, after: NameId, names: Names, limit: i64) -> Result<Vec<NameId>> {
        let condition = match names {
            Names::Written => "FROM output n WHERE n.version IS NOT NULL",
            Names::OnlyRead => "FROM input n WHERE NOT EXISTS (SELECT 1 FROM output o WHERE o.name = n.name)",
        };
        self.all(
            &format!("SELECT DISTINCT n.name {condition} AND n.name > ?1 ORDER BY n.name LIMIT ?2"),
            &[after.into(), Value::from(limit)],
            |row| row.integer(0).map(NameId),
        )
    }

    /// How many names runs wrote.
    pub(crate) fn count_names_written(&self) -> Result<u64> {
        self.count_distinct_names("FROM output")
    }

    /// How many names runs wrote a version of.
    pub(crate) fn count_names_written_at_a_version(&self) -> Result<u64> {
        self.count_distinct_names("FROM output WHERE version IS NOT NULL")
    }

    fn count_distinct_names(&self, of: &str) -> Result<u64> {
        let sql = format!("SELECT COUNT(*) FROM (SELECT DISTINCT name {of}) AS names");
        let count = self.one(&sql, &[], |row| row.integer(0))?;
        Ok(count.unwrap_or_default().cast_unsigned())
    }

    /// A pointer as the last run that read it, in a version if one is given, recorded it, and that run.
    pub(crate) fn last_reading(&self, name: NameId, version: Option<VersionId>) -> Result<Option<(RunId, IoPointer)>> {
        let of_version = if version.is_some() { "AND i.version = ?2" } else { "" };
        let sql = format!(
            "{INPUTS} JOIN run r ON r.id = i.run WHERE i.name = ?1 {of_version}
             ORDER BY i.ended_at DESC, i.captured_at DESC, r.started_at DESC, r.uuid DESC, i.position LIMIT 1"
        );
        let values: Vec<_> = [name.into()].into_iter().chain(version.map(Value::from)).collect();
        self.one(&sql, &values, recorded)
    }

    /// Hands on every version that runs wrote of a name, oldest run first.
    pub(crate) fn each_version_written(&self, name: NameId, mut each: impl FnMut(RunId, IoPointer)) -> Result<()> {
        let sql =
            format!("{OUTPUTS} WHERE o.name = ?1 AND o.version IS NOT NULL ORDER BY o.ended_at, o.run, o.position");
        self.0.query(&sql, &[name.into()], &mut |row| recorded(row).map(|(run, pointer)| each(run, pointer)))
    }

    /// Hands on every version that runs read of a name, oldest run first.
    pub(crate) fn each_version_read(&self, name: NameId, mut each: impl FnMut(RunId, IoPointer)) -> Result<()> {
        let sql = format!("{INPUTS} WHERE i.name = ?1 AND i.version IS NOT NULL ORDER BY i.ended_at, i.captured_at");
        self.0.query(&sql, &[name.into()], &mut |row| recorded(row).map(|(run, pointer)| each(run, pointer)))
    }

    /// Where a run comes from.
    pub(crate) fn origin(&self, run: RunId) -> Result<Option<Origin>> {
        self.one(
            "SELECT c.name, p.host FROM run r JOIN component c ON c.id = r.component
             LEFT JOIN process p ON p.id = r.process WHERE r.id = ?1",
            &[run.into()],
            |row| {
                let host = row.optional_text(1)?.map(ToOwned::to_owned);
                Ok(Origin { component: row.text(0)?.to_owned(), host })
            },
        )
    }
}

fn recorded(row: &dyn Row) -> Result<(RunId, IoPointer)> {
    Ok((RunId(row.integer(0)?), pointer(row)?))
}
