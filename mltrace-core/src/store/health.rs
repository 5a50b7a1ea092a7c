//! What the store says of its own state.

use super::engine::Space;
use super::rows::Coded;
use super::{Store, View, migrate};
use crate::error::Result;
use crate::model::{RunId, Status};

/// What a store holds and what that takes.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) space: Space,
    /// How many rows the tables of `space` have.
    pub(crate) rows: Vec<u64>,
}

impl View<'_> {
    /// What is wrong with the store, in sentences.
    pub(crate) fn damage(&self) -> Result<Vec<String>> {
        self.0.damage()
    }

    /// The schema number that the store has.
    pub(crate) fn schema(&self) -> Result<i64> {
        self.0.schema()
    }

    pub(crate) fn shape(&self) -> Result<Shape> {
        let mut space = self.0.space()?;
        space.tables.retain(|(table, _)| !table.starts_with("sqlite_"));
        let count = |(table, _): &(String, u64)| {
            let rows = self.one(&format!("SELECT count(*) FROM {table}"), &[], |row| row.integer(0))?;
            Ok(rows.unwrap_or_default().unsigned_abs())
        };
        let rows = space.tables.iter().map(count).collect::<Result<_>>()?;
        Ok(Shape { space, rows })
    }

    /// Runs that have not ended, by number.
    pub(crate) fn open_runs(&self) -> Result<Vec<RunId>> {
        self.all("SELECT id FROM run WHERE status = ?1 ORDER BY id", &[Status::Running.code().into()], |row| {
            row.integer(0).map(RunId)
        })
    }

    /// Declared dependencies that no run satisfies: component, the component declared upstream, and in how many runs.
    pub(crate) fn unresolved(&self) -> Result<Vec<(String, String, u64)>> {
        self.all(
            "SELECT c.name, u.name, count(*) FROM declared d JOIN run r ON r.id = d.run
             JOIN component c ON c.id = r.component JOIN component u ON u.id = d.component
             WHERE d.upstream IS NULL GROUP BY c.name, u.name ORDER BY c.name, u.name",
            &[],
            |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.integer(2)?.unsigned_abs())),
        )
    }
}

impl Store {
    /// The schema number that this program writes.
    pub(crate) fn newest_schema() -> i64 {
        migrate::SCHEMA
    }
}
