//! A small store, mutated: its rows by SQL, which leaves it well-formed, and its bytes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use mltrace::{ComponentRun, Tracer};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::ask;

/// What is done to the store before it is asked: rows first, then bytes.
#[derive(Debug, Arbitrary)]
pub(crate) struct Mutation {
    edits: Vec<Edit>,
    patches: Vec<Patch>,
}

/// A change that SQLite itself makes. Columns, tables and rows are counted round and round.
#[derive(Debug, Arbitrary)]
enum Edit {
    Set { column: u8, row: u8, value: Value },
    Remove { table: u8, row: u8 },
}

/// A value of any type for a column of any other.
#[derive(Debug, Arbitrary)]
enum Value {
    Null,
    /// Of the size of keys, counts and codes.
    Small(i8),
    Integer(i64),
    /// So near to one of the ends.
    Extreme(i8),
    Real(f64),
    /// Stored as text, whether it is UTF-8 or not.
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// Bytes that stand instead of others.
#[derive(Debug, Arbitrary)]
struct Patch {
    at: u16,
    bytes: Vec<u8>,
}

struct Seed {
    /// The file, in which any column takes NULL.
    bytes: Vec<u8>,
    /// Name and text of every table, as they have to be.
    schema: Vec<(String, String)>,
    tables: Vec<Table>,
    columns: Vec<(usize, String)>,
}

struct Table {
    name: String,
    key: String,
}

static SEED: LazyLock<Seed> = LazyLock::new(Seed::make);

thread_local! {
    /// One folder for all rounds of a thread: in memory where there is such a place, because there are millions.
    static PLACE: TempDir = {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let place = made.expect("a folder");
        fs::create_dir(place.path().join(".mltrace")).expect("a folder");
        place
    };
}

/// Asks a mutated store everything, which must leave it as it was, and then writes to it, which must end too.
pub(crate) fn try_out(mutation: &Mutation) {
    PLACE.with(|place| {
        let folder = place.path().join(".mltrace");
        let path = folder.join("mltrace.db");
        let mut bytes = SEED.edited(&mutation.edits, &path);
        for patch in &mutation.patches {
            for (byte, at) in patch.bytes.iter().zip(usize::from(patch.at)..) {
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
        }
        fs::write(&path, &bytes).expect("a file");
        if let Some(tracer) = ask::told(Tracer::open_existing(&path).map(Shown)) {
            ask::everything(&tracer.0);
        }
        assert!(fs::read(&path).expect("the file is there") == bytes, "asking changed the file");
        assert_eq!(names(place.path()), [".mltrace"], "asking left something beside the store");
        if let Ok(tracer) = Tracer::open(&path) {
            write(&tracer);
        }
        for name in names(&folder) {
            fs::remove_file(folder.join(name)).expect("a file");
        }
    });
}

/// A tracer is no answer, and so has no JSON.
struct Shown(Tracer);

impl serde::Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

/// Writes of every sort. Any may be refused.
fn write(tracer: &Tracer) {
    let mut run = ComponentRun::new("clean");
    run.start().add_input("raw.csv").add_output("clean.csv").set_upstream("infer").end();
    let logged = tracer.log_component_run(run);
    if let Ok(run) = logged {
        drop(tracer.add_note(run, "again"));
    }
    drop(tracer.flag("clean.csv"));
    drop(tracer.unflag("ride-1"));
    drop(tracer.label("raw.csv", "customer").write());
    drop(tracer.retract("customer", "withdrawn").write());
    drop(tracer.tag("clean", ["daily"]));
    drop(tracer.gc(chrono::Utc::now()).collect());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

impl Seed {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let tracer = Tracer::open(&path).expect("a store");
        tracer.import(&mut &include_bytes!("../seeds/import/store.jsonl")[..]).expect("an export");
        drop(tracer);
        let sql = Connection::open(&path).expect("a store");
        // Small pages: the same structure in fewer bytes.
        sql.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA writable_schema = ON;")
            .expect("settings");
        let schema = rows(&sql, "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name", |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        let names = schema.iter().map(|(name, _): &(String, String)| name.clone());
        let tables: Vec<Table> = names.map(|name| Table { key: key(&sql, &name), name }).collect();
        let columns = tables.iter().enumerate().flat_map(|(place, table)| {
            let asked = format!("SELECT name FROM pragma_table_info('{}') ORDER BY cid", table.name);
            rows(&sql, &asked, |row| row.get(0)).into_iter().map(move |column| (place, column))
        });
        let columns = columns.collect();
        sql.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'", [])
            .expect("a schema");
        drop(sql);
        let bytes = fs::read(&path).expect("the file");
        Self { bytes, schema, tables, columns }
    }

    /// The file after these edits, with the schema that it has to have.
    fn edited(&self, edits: &[Edit], path: &Path) -> Vec<u8> {
        fs::write(path, &self.bytes).expect("a file");
        let sql = Connection::open(path).expect("a store");
        sql.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN;")
            .expect("settings");
        for edit in edits {
            // SQLite may refuse it: two rows with one key.
            let _done = self.apply(edit, &sql);
        }
        sql.execute_batch("PRAGMA writable_schema = ON;").expect("a setting");
        for (name, text) in &self.schema {
            sql.execute("UPDATE sqlite_master SET sql = ?2 WHERE name = ?1", params![name, text]).expect("a schema");
        }
        sql.execute_batch("COMMIT;").expect("a commit");
        drop(sql);
        let mut bytes = fs::read(path).expect("the file");
        // The header's mark of a file with a write-ahead log.
        bytes[18..20].fill(2);
        bytes
    }

    fn apply(&self, edit: &Edit, sql: &Connection) -> rusqlite::Result<usize> {
        let at = |Table { name, key }: &Table| {
            let count = format!("max(1, (SELECT count(*) FROM {name}))");
            format!("({key}) IN (SELECT {key} FROM {name} ORDER BY {key} LIMIT 1 OFFSET ?1 % {count})")
        };
        match edit {
            Edit::Set { column, row, value } => {
                let (table, column) = &self.columns[usize::from(*column) % self.columns.len()];
                let table = &self.tables[*table];
                let (value, cast) = value.sql();
                let set = format!("UPDATE {} SET {column} = {cast} WHERE {}", table.name, at(table));
                sql.execute(&set, params![row, value])
            }
            Edit::Remove { table, row } => {
                let table = &self.tables[usize::from(*table) % self.tables.len()];
                sql.execute(&format!("DELETE FROM {} WHERE {}", table.name, at(table)), params![row])
            }
        }
    }
}

impl Value {
    /// The value that is bound, and how it is written in SQL.
    fn sql(&self) -> (Sql, &'static str) {
        match self {
            Self::Null => (Sql::Null, "?2"),
            Self::Small(value) => (Sql::Integer((*value).into()), "?2"),
            Self::Integer(value) => (Sql::Integer(*value), "?2"),
            Self::Extreme(value) => {
                let end = if *value < 0 { i64::MAX } else { i64::MIN };
                (Sql::Integer(end + i64::from(*value)), "?2")
            }
            Self::Real(value) => (Sql::Real(*value), "?2"),
            Self::Text(bytes) => (Sql::Blob(bytes.clone()), "CAST(?2 AS TEXT)"),
            Self::Blob(bytes) => (Sql::Blob(bytes.clone()), "?2"),
        }
    }
}

/// The columns that tell a row of the table.
fn key(sql: &Connection, table: &str) -> String {
    let asked = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk");
    let columns: Vec<String> = rows(sql, &asked, |row| row.get(0));
    if columns.is_empty() { "rowid".to_owned() } else { columns.join(", ") }
}

fn rows<T>(sql: &Connection, text: &str, each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut statement = sql.prepare(text).expect("a statement");
    let found = statement.query_map([], each).expect("rows");
    found.map(|row| row.expect("a row")).collect()
}
