//! What retention asks and takes away. What may go is `lineage::retain`'s to say.

use std::collections::HashMap;

use super::engine::{Engine, Mark, Value};
use super::rows::{Coded, uuid};
use super::{ComponentId, NameId, OPEN, Reading, Store, VersionId, View, Write, lock, write_by};
use crate::error::Result;
use crate::model::{Code, Definition, Match, Process, RunId, Status};

/// What every run has that its keeping may depend on. Times are microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) run: RunId,
    pub(crate) component: ComponentId,
    /// The key of its partition.
    pub(crate) partition: Option<NameId>,
    pub(crate) status: Status,
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) uuid: uuid::Uuid,
    pub(crate) is_whole: bool,
    pub(crate) states_metadata: bool,
}

/// The latest flag and the latest label that was attached, by number and time: both keep runs from being removed. Both, for
/// a number is given again once the last flag was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Protection {
    flags: (i64, i64),
    labels: (i64, i64),
}

impl Protection {
    /// Before every flag and every label.
    pub(crate) const NONE: Self = Self { flags: (i64::MIN, i64::MIN), labels: (i64::MIN, i64::MIN) };
}

/// Tables of what is stored once and referred to from many rows, and the columns that refer to them. A table stands
/// before those that it refers to.
const SHARED: &[(&str, &[(&str, &str)])] = &[
    ("definition", &[("run", "definition")]),
    ("snapshot", &[("definition", "snapshot")]),
    ("process", &[("run", "process")]),
    ("version", &[("input", "version"), ("output", "version"), ("flag", "version"), ("label_pointer", "version")]),
    (
        "text",
        &[
            ("input", "name"),
            ("input", "spelled"),
            ("output", "name"),
            ("output", "spelled"),
            ("run", "partition"),
            ("param", "name"),
            ("metric", "name"),
            ("flag", "name"),
            ("label_pointer", "name"),
        ],
    ),
];

impl View<'_> {
    /// Hands every run to `each`, by its number.
    pub(crate) fn each_life(&self, each: &mut dyn FnMut(Life) -> Result<()>) -> Result<()> {
        self.0.query(
            "SELECT r.id, r.component, r.partition, r.status, r.started_at, r.ended_at, r.uuid, r.collected_at,
                    d.states_metadata
             FROM run r JOIN definition d ON d.id = r.definition ORDER BY r.id",
            &[],
            &mut |row| {
                each(Life {
                    run: RunId(row.integer(0)?),
                    component: ComponentId(row.integer(1)?),
                    partition: row.optional_integer(2)?.map(NameId),
                    status: Status::decode(row.integer(3)?)?,
                    started_at: row.integer(4)?,
                    ended_at: row.optional_integer(5)?,
                    uuid: uuid(row.blob(6)?)?,
                    is_whole: row.optional_integer(7)?.is_none(),
                    states_metadata: row.integer(8)? != 0,
                })
            },
        )
    }

    /// The process of a run, if it is known.
    pub(crate) fn process_of(&self, run: RunId) -> Result<Option<Process>> {
        let process =
            self.one("SELECT process FROM run WHERE id = ?1", &[run.into()], |row| row.optional_integer(0))?.flatten();
        Ok(process.map(|id| self.process_record(id)).transpose()?.map(|record| record.process))
    }

    /// The runs that wrote an output that was flagged since: in the flagged version, or where none was frozen those that
    /// count as the name's writers, now and when it was flagged.
    pub(crate) fn flagged_writers(&self, since: &Protection) -> Result<Vec<RunId>> {
        let since = [since.flags.0.into(), since.flags.1.into()];
        let mut writers = self.all(
            "SELECT DISTINCT o.run FROM flag f JOIN output o ON o.name = f.name AND o.version = f.version
             WHERE f.id > ?1 OR f.flagged_at > ?2",
            &since,
            |row| row.integer(0).map(RunId),
        )?;
        let sql = "SELECT name, flagged_at FROM flag WHERE version IS NULL AND (id > ?1 OR flagged_at > ?2)";
        let bare = self.all(sql, &since, |row| Ok((NameId(row.integer(0)?), row.integer(1)?)))?;
        for (name, flagged_at) in bare {
            let found = [self.latest_writer(name, None)?, self.latest_writer(name, Some(flagged_at))?];
            writers.extend(found.into_iter().flatten().map(|producer| producer.run));
        }
        Ok(writers)
    }

    /// The runs that read or wrote what a label was attached to since.
    pub(crate) fn labelled(&self, since: &Protection) -> Result<Vec<RunId>> {
        self.all(
            "SELECT i.run FROM label_pointer l JOIN input i ON i.name = l.name
             WHERE (l.id > ?1 OR l.attached_at > ?2) AND (l.version IS NULL OR l.version = i.version)
             UNION
             SELECT o.run FROM label_pointer l JOIN output o ON o.name = l.name
             WHERE (l.id > ?1 OR l.attached_at > ?2) AND (l.version IS NULL OR l.version = o.version)",
            &[since.labels.0.into(), since.labels.1.into()],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The inputs of a run for which another than the run they depend on was decisive.
    pub(crate) fn indirect_readings(&self, run: RunId) -> Result<Vec<Reading>> {
        self.all(
            "SELECT position, name, version, captured_at, ended_at FROM input
             WHERE run = ?1 AND version IS NOT NULL AND (upstream IS NULL OR overlapping = 1 AND match = ?2)",
            &[run.into(), Match::Name.code().into()],
            |row| {
                Ok(Reading {
                    run,
                    position: row.integer(0)?,
                    name: NameId(row.integer(1)?),
                    version: row.optional_integer(2)?.map(VersionId),
                    captured_at: row.integer(3)?,
                    run_ended_at: row.integer(4)?,
                })
            },
        )
    }

    /// Whether a run is still there, and ended (or if it is open, began) before a time.
    pub(crate) fn is_before(&self, run: RunId, cutoff: i64) -> Result<bool> {
        let found = self.one(
            "SELECT 1 FROM run WHERE id = ?1 AND COALESCE(ended_at, started_at) < ?2",
            &[run.into(), cutoff.into()],
            |row| row.integer(0),
        )?;
        Ok(found.is_some())
    }

    /// What tells that a flag or a label has come.
    pub(crate) fn protection(&self) -> Result<Protection> {
        let latest = |sql: &str| {
            let latest = self.one(sql, &[], |row| Ok((row.optional_integer(0)?, row.optional_integer(1)?)))?;
            let (number, time) = latest.unwrap_or_default();
            Ok::<_, crate::error::Error>((number.unwrap_or(i64::MIN), time.unwrap_or(i64::MIN)))
        };
        Ok(Protection {
            flags: latest("SELECT MAX(id), MAX(flagged_at) FROM flag")?,
            labels: latest("SELECT MAX(id), MAX(attached_at) FROM label_pointer")?,
        })
    }

    /// Rows of a table of shared content that nothing refers to.
    fn orphans(&self, table: &str, references: &[(&str, &str)]) -> Result<Vec<i64>> {
        let columns: Vec<_> = references
            .iter()
            .map(|(child, column)| format!("SELECT {column} FROM {child} WHERE {column} IS NOT NULL"))
            .collect();
        let sql = format!("SELECT id FROM {table} WHERE id NOT IN ({})", columns.join(" UNION ALL "));
        self.all(&sql, &[], |row| row.integer(0))
    }

    /// How many rows of shared content nothing refers to, by table.
    pub(crate) fn orphan_counts(&self) -> Result<Vec<(String, u64)>> {
        let count = |(table, references): &(&str, &[(&str, &str)])| {
            Ok(((*table).to_owned(), self.orphans(table, references)?.len() as u64))
        };
        SHARED.iter().map(count).collect()
    }
}

impl Write<'_> {
    /// Takes away all of a run but its place in the lineage and where its code stood.
    pub(crate) fn make_tombstones(&self, runs: &[RunId], collected_at: i64) -> Result<()> {
        let mut stripped = HashMap::new();
        for &run in runs {
            for table in ["param", "metric", "check_result", "note"] {
                self.execute(&format!("DELETE FROM {table} WHERE run = ?1"), &[run.into()])?;
            }
            let definition =
                self.one("SELECT definition FROM run WHERE id = ?1", &[run.into()], |row| row.integer(0))?;
            let Some(definition) = definition else { continue };
            let without_text = match stripped.get(&definition) {
                Some(&known) => known,
                None => self.definition(&without_text(self.definition_record(definition)?))?.1,
            };
            stripped.insert(definition, without_text);
            self.execute(
                "UPDATE run SET error = NULL, definition = ?2, collected_at = ?3 WHERE id = ?1",
                &[run.into(), Value::from(without_text), collected_at.into()],
            )?;
        }
        Ok(())
    }

    /// Removes runs with all their rows. No other run depends on them.
    pub(crate) fn remove(&self, runs: &[RunId]) -> Result<()> {
        const OF_A_RUN: [&str; 8] =
            ["input", "declared", "output", "param", "metric", "check_result", "run_profile", "note"];
        for &run in runs {
            for table in OF_A_RUN {
                self.execute(&format!("DELETE FROM {table} WHERE run = ?1"), &[run.into()])?;
            }
        }
        for &run in runs {
            self.execute("DELETE FROM run WHERE id = ?1", &[run.into()])?;
        }
        Ok(())
    }
}

fn without_text(definition: Definition) -> Definition {
    let code = definition.code.map(|code| Code { snapshot: None, ..code });
    Definition { code, ..definition }.identified()
}

/// Rows that nothing referred to when they were looked for.
struct Orphans {
    ids: Vec<i64>,
    /// They are so as long as nobody writes.
    as_of: Mark,
}

impl Store {
    /// Removes shared content that nothing refers to any more, except processes that may write again. Each step is one
    /// transaction of bounded size, but for the last: what was ever said of components is little.
    pub(crate) fn sweep(&self, may_write: &dyn Fn(&Process) -> bool) -> Result<()> {
        for (table, references) in SHARED {
            let mut orphans = None;
            while self.sweep_step(table, references, may_write, &mut orphans)? > 0 {}
        }
        self.write(None, |tx| tx.forget_descriptions().map(drop))
    }

    fn sweep_step(
        &self,
        table: &str,
        references: &[(&str, &str)],
        may_write: &dyn Fn(&Process) -> bool,
        known: &mut Option<Orphans>,
    ) -> Result<u64> {
        const STEP: usize = 5_000;
        let mut connection = lock(&self.writer);
        let engine = self.connected(&mut connection)?;
        let unchecked = Unchecked::over(engine)?;
        let removed = write_by(engine, None, |tx| {
            let now = engine.mark()?;
            let mut ids = match known.take() {
                Some(orphans) if orphans.as_of == now => orphans.ids,
                _ => tx.orphans(table, references)?,
            };
            if table == "process" {
                ids = tx.without_processes(ids, may_write)?;
            }
            let rest = ids.split_off(STEP.min(ids.len()));
            for &id in &ids {
                tx.execute(&format!("DELETE FROM {table} WHERE id = ?1"), &[id.into()])?;
            }
            *known = Some(Orphans { ids: rest, as_of: now });
            Ok(ids.len() as u64)
        })
        .map_err(|error| self.locate(error))?;
        drop(unchecked);
        if let Some(orphans) = known {
            // What this step wrote itself is known.
            orphans.as_of.by_this = engine.mark()?.by_this;
        }
        Ok(removed)
    }

    /// Gives free space back to the file system, as far as those who read at this moment allow it.
    pub(crate) fn shrink(&self) -> Result<()> {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        let step = |step: &dyn Fn(&dyn Engine) -> Result<bool>| {
            let mut connection = lock(&self.writer);
            let engine = self.connected(&mut connection)?;
            engine.wait_for_locks(Some(PATIENCE))?;
            step(engine)
        };
        while step(&|engine| engine.give_back()).map_err(|error| self.locate(error))? {}
        step(&|engine| engine.empty_log().map(|()| false)).map_err(|error| self.locate(error)).map(drop)
    }

    /// What the store takes on disk, or of memory, with its log, in bytes.
    pub(crate) fn bytes(&self) -> Result<u64> {
        match self.path() {
            Some(path) => Ok(std::fs::metadata(path).map_or(0, |file| file.len()) + self.log_bytes()),
            None => Ok(self.read(|view| view.0.space())?.total),
        }
    }
}

impl View<'_> {
    fn without_processes(&self, ids: Vec<i64>, which: &dyn Fn(&Process) -> bool) -> Result<Vec<i64>> {
        let mut others = Vec::new();
        for id in ids {
            if !which(&self.process_record(id)?.process) {
                others.push(id);
            }
        }
        Ok(others)
    }
}

/// Deleting does not look for references until this is dropped.
struct Unchecked<'e>(&'e dyn Engine);

impl<'e> Unchecked<'e> {
    fn over(engine: &'e dyn Engine) -> Result<Self> {
        engine.check_references(false)?;
        Ok(Self(engine))
    }
}

impl Drop for Unchecked<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.check_references(true) {
            tracing::error!(%error, "references are no longer checked on this connection");
        }
    }
}

impl Life {
    /// By what [`View::is_before`] judges: its end, or if it is open its start.
    pub(crate) fn moment(&self) -> i64 {
        self.ended_at.unwrap_or(self.started_at)
    }

    /// By what the latest run is told: end, start, uuid.
    pub(crate) fn lateness(&self) -> (i64, i64, uuid::Uuid) {
        (self.ended_at.unwrap_or(OPEN), self.started_at, self.uuid)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::run;

    #[test]
    fn the_sweep_knows_every_reference_to_shared_content() {
        let store = Store::in_memory().unwrap();
        let all =
            |view: &View<'_>, sql: &str, column: usize| view.all(sql, &[], |row| Ok(row.text(column)?.to_owned()));
        let stated = store
            .read(|view| {
                let mut stated = BTreeSet::new();
                for table in all(view, "SELECT name FROM sqlite_master WHERE type = 'table'", 0)? {
                    let sql = format!("SELECT \"table\", \"from\" FROM pragma_foreign_key_list('{table}')");
                    let references =
                        view.all(&sql, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
                    stated.extend(references.into_iter().map(|(shared, column)| (shared, table.clone(), column)));
                }
                Ok(stated)
            })
            .unwrap();
        for (shared, references) in SHARED {
            let found: BTreeSet<_> = stated.iter().filter(|(of, ..)| of == shared).cloned().collect();
            let own =
                |(table, column): &(&str, &str)| ((*shared).to_owned(), (*table).to_owned(), (*column).to_owned());
            assert_eq!(found, references.iter().map(own).collect(), "{shared}");
        }
    }

    #[test]
    fn a_writer_between_two_steps_of_the_sweep_keeps_what_it_uses() {
        let store = Store::in_memory().unwrap();
        let reader = store.put(&run("reader", 0, 1).reads("kept").reads("gone")).unwrap();
        store.write(None, |tx| tx.remove(&[reader])).unwrap();
        let (table, references) = SHARED.last().unwrap();
        let mut orphans = None;
        {
            let mut connection = lock(&store.writer);
            let engine = store.connected(&mut connection).unwrap();
            let as_of = engine.mark().unwrap();
            let ids = View(engine).orphans(table, references).unwrap();
            assert_eq!(ids.len(), 2);
            orphans.replace(Orphans { ids, as_of });
        }
        let second = store.put(&run("reader", 2, 3).reads("kept")).unwrap();
        assert_eq!(store.sweep_step(table, references, &|_| false, &mut orphans).unwrap(), 1);
        assert_eq!(store.get(second).inputs[0].pointer.name, "kept");
    }

    #[test]
    fn references_are_checked_again_after_a_sweep() {
        let store = Store::in_memory().unwrap();
        let id = store.put(&run("writer", 0, 1).writes("x")).unwrap();
        store.sweep(&|_| false).unwrap();
        let dangling = |tx: &Write<'_>| tx.execute("DELETE FROM run WHERE id = ?1", &[id.into()]);
        assert!(store.write(None, dangling).is_err());
    }
}
