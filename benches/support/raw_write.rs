//! The baseline for writing: what a careful program would do by hand on rusqlite for the same rows.
//!
//! It has the project's own schema and settings, and every statement prepared once. In one transaction a run it interns
//! the definition, the names and the versions, and seeks the producer of each input by the whole rule, as mltrace does.
//! It does without what only mltrace promises beyond that: it knows its process's key by heart, does not ask whether the
//! run is in the store already, nor whether an earlier run declared this component upstream.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Statement, params};
use uuid::Uuid;

use super::Result;
use super::pipeline::{Made, MadeRun};

const SCHEMA: [&str; 4] = [
    include_str!("../../mltrace-core/src/store/migrations/0001_store.sql"),
    include_str!("../../mltrace-core/src/store/migrations/0002_questions.sql"),
    include_str!("../../mltrace-core/src/store/migrations/0003_monitor.sql"),
    include_str!("../../mltrace-core/src/store/migrations/0004_catalogue.sql"),
];
const SNAPSHOT: [u8; 1024] = [b'x'; 1024];

/// Creates a file with the schema and settings of a store.
pub(crate) fn create(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(&SCHEMA.concat())?;
    connection.execute(
        "INSERT INTO process (uuid, host, pid, started_at, heartbeat_at) VALUES (?1, 'bench', 1, 0, 0)",
        params![Uuid::now_v7().as_bytes()],
    )?;
    tune(&connection)?;
    Ok(connection)
}

/// Opens a store with the settings of a program that writes.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    tune(&connection)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -(16 << 10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

pub(crate) struct RawWriter<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    find_definition: Statement<'c>,
    put_component: Statement<'c>,
    put_snapshot: Statement<'c>,
    put_definition: Statement<'c>,
    put_run: Statement<'c>,
    find_text: Statement<'c>,
    put_text: Statement<'c>,
    find_version: Statement<'c>,
    put_version: Statement<'c>,
    put_output: Statement<'c>,
    put_input: Statement<'c>,
    exact_ended: Statement<'c>,
    exact_open: Statement<'c>,
    named_ended: Statement<'c>,
    named_open: Statement<'c>,
}

/// What the seeks of an input are bound to.
struct Reading {
    name: i64,
    version: i64,
    captured_at: i64,
    run: i64,
    ended_at: i64,
}

impl<'c> RawWriter<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self> {
        let prepare = |sql: &str| connection.prepare(sql);
        let seek = |condition: &str| {
            connection.prepare(&format!(
                "SELECT o.run, o.ended_at, r.started_at, r.uuid FROM output o JOIN run r ON r.id = o.run
                 WHERE o.name = ?1 AND {condition} ?3 AND o.run <> ?4 AND r.started_at <= ?5
                 ORDER BY o.ended_at DESC, r.started_at DESC, r.uuid DESC LIMIT 1"
            ))
        };
        Ok(Self {
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
            find_definition: prepare("SELECT component, id FROM definition WHERE identity = ?1")?,
            put_component: prepare("INSERT INTO component (name) VALUES (?1)")?,
            put_snapshot: prepare("INSERT INTO snapshot (identity, text) VALUES (?1, ?2)")?,
            put_definition: prepare(
                "INSERT INTO definition (identity, component, states_metadata, tags, in_repository, snapshot)
                 VALUES (?1, ?2, 1, '[]', 0, ?3)",
            )?,
            put_run: prepare(
                "INSERT INTO run (uuid, component, definition, process, status, report, started_at, ended_at)
                 VALUES (?1, ?2, ?3, 1, 1, 0, ?4, ?5)",
            )?,
            find_text: prepare("SELECT id FROM text WHERE hash = ?1 AND text = ?2")?,
            put_text: prepare("INSERT INTO text (hash, text) VALUES (?1, ?2)")?,
            find_version: prepare("SELECT id FROM version WHERE hash = ?1 AND kind = 3 AND value = ?2")?,
            put_version: prepare("INSERT INTO version (hash, kind, value) VALUES (?1, 3, ?2)")?,
            put_output: prepare(
                "INSERT INTO output (run, position, name, version, type, completed, ended_at)
                 VALUES (?1, ?2, ?3, ?4, 1, 1, ?5)",
            )?,
            put_input: prepare(
                "INSERT INTO input (run, position, name, version, type, captured_at, ended_at, upstream, match,
                                    modified, overlapping)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, 0, ?9)",
            )?,
            exact_ended: seek("o.version = ?2 AND o.ended_at <=")?,
            exact_open: seek("o.version = ?2 AND o.ended_at >")?,
            named_ended: seek("o.completed = ?2 AND o.ended_at <=")?,
            named_open: seek("o.completed = ?2 AND o.ended_at >")?,
        })
    }

    /// Commits a run.
    pub(crate) fn write(&mut self, made: &MadeRun) -> Result<()> {
        self.write_batch(std::slice::from_ref(made))
    }

    /// Commits runs in one transaction.
    pub(crate) fn write_batch(&mut self, batch: &[MadeRun]) -> Result<()> {
        self.begin.execute([])?;
        for made in batch {
            self.put(made)?;
        }
        self.commit.execute([])?;
        Ok(())
    }

    fn put(&mut self, made: &MadeRun) -> Result<()> {
        let started_at = now();
        let uuid = Uuid::now_v7();
        let ended_at = now();
        let (component, definition) = self.definition("baseline")?;
        let run = self.put_run.insert(params![uuid.as_bytes(), component, definition, started_at, ended_at])?;
        for (position, output) in (0..).zip(&made.outputs) {
            let (name, _) = self.text(&output.name)?;
            let version = self.version(output)?;
            self.put_output.execute(params![run, position, name, version, ended_at])?;
        }
        for (position, input) in (0..).zip(&made.inputs) {
            let (name, is_new) = self.text(&input.name)?;
            let version = self.version(input)?;
            let reading = Reading { name, version, captured_at: started_at, run, ended_at };
            let (upstream, proof, overlapping) = if is_new { (None, 0, false) } else { self.producer(&reading)? };
            self.put_input.execute(params![
                run,
                position,
                name,
                version,
                started_at,
                ended_at,
                upstream,
                proof,
                overlapping
            ])?;
        }
        Ok(())
    }

    fn definition(&mut self, name: &str) -> Result<(i64, i64)> {
        let identity = [7_u8; 16];
        let found = self.find_definition.query_row([identity], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
        let component = self.put_component.insert([name])?;
        let snapshot = self.put_snapshot.insert(params![identity, str::from_utf8(&SNAPSHOT)?])?;
        Ok((component, self.put_definition.insert(params![identity, component, snapshot])?))
    }

    fn text(&mut self, text: &str) -> Result<(i64, bool)> {
        let hash = hash(text);
        match self.find_text.query_row(params![hash, text], |row| row.get(0)).optional()? {
            Some(id) => Ok((id, false)),
            None => Ok((self.put_text.insert(params![hash, text])?, true)),
        }
    }

    fn version(&mut self, made: &Made) -> Result<i64> {
        let (hash, value) = (hash(&made.version), made.version.as_bytes());
        match self.find_version.query_row(params![hash, value], |row| row.get(0)).optional()? {
            Some(id) => Ok(id),
            None => Ok(self.put_version.insert(params![hash, value])?),
        }
    }

    /// The run that wrote what was read, the code of the proof, and whether it had not ended: by version, else by name.
    /// The made runs have no names that outlive a version, so what is left of the rule never applies.
    fn producer(&mut self, reading: &Reading) -> Result<(Option<i64>, i64, bool)> {
        if let Some(run) = seek(&mut self.exact_ended, reading, reading.version)? {
            return Ok((Some(run), 1, false));
        }
        if let Some(run) = seek(&mut self.exact_open, reading, reading.version)? {
            return Ok((Some(run), 1, true));
        }
        for (statement, overlapping) in [(&mut self.named_ended, false), (&mut self.named_open, true)] {
            for completed in [1, 0] {
                if let Some(run) = seek(statement, reading, completed)? {
                    return Ok((Some(run), 2, overlapping));
                }
            }
        }
        Ok((None, 0, false))
    }
}

fn seek(statement: &mut Statement<'_>, reading: &Reading, key: i64) -> Result<Option<i64>> {
    let values = params![reading.name, key, reading.captured_at, reading.run, reading.ended_at];
    Ok(statement.query_row(values, |row| row.get(0)).optional()?)
}

pub(crate) fn hash(text: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// Microseconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
