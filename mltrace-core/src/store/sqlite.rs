//! SQLite behind the engine trait: its settings, its types, and what its errors mean.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::engine::{Access, Engine, Mark, Row, Space, Value};
use super::log::Log;
use crate::error::{Error, ErrorKind, Result};

/// "mltr": what `file` and other programs see in the header.
const APPLICATION_ID: i64 = 0x6d6c_7472;
const BUSY_TIMEOUT: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(30) };

const UNEXPECTED: &str = "the store holds a value of an unexpected type, or lacks one; restore the file from a backup";
/// Of a connection that writes, in KiB and negative as SQLite wants it. Random names touch pages all over an index, and a
/// batch that does not fit is written to the log twice.
const CACHE_SIZE: i64 = -(16 << 10);
/// Behind a table of runs: those of a component and a partition are sought as such. Where there may be no partition, SQLite
/// would rather pass by all runs of the component.
pub(super) const BY_PARTITION: &str = "INDEXED BY run_by_partition";

/// What a commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The death of the process at any moment, but not a loss of power, which can cost the last commits.
    #[default]
    Normal,
    /// A loss of power too. A commit waits for the disk.
    Full,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An empty database.
    Nothing,
    /// A store of this schema number, with the oldest schema number that can read it.
    Store { schema: i64, min_reader: i64 },
}

pub(crate) struct Sqlite(Connection, Patience);

/// How long a connection waits for a lock that another has.
#[derive(Clone)]
struct Patience(Arc<AtomicU64>);

impl Patience {
    fn new() -> Self {
        let patience = Self(Arc::default());
        patience.set(BUSY_TIMEOUT);
        patience
    }

    fn set(&self, at_most: Duration) {
        self.0.store(u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What SQLite calls where it finds a lock taken, with how often it has called before: whether to try again.
    fn waiter(self) -> impl FnMut(i32) -> bool {
        let mut begun = Instant::now();
        move |tries| {
            if tries == 0 {
                begun = Instant::now();
            }
            let is_patient = begun.elapsed() < Duration::from_millis(self.0.load(Ordering::Relaxed));
            if is_patient {
                thread::sleep(pause(tries.unsigned_abs()));
            }
            is_patient
        }
    }
}

/// How long to wait before another try: longer and longer, and each time by chance, so that those who wait do not meet again.
fn pause(tries: u32) -> Duration {
    let longest = 500 << tries.min(5);
    Duration::from_micros(fastrand::u64(longest / 4..=longest))
}

impl Sqlite {
    pub(super) fn in_memory() -> Result<Self> {
        Self::with(Connection::open_in_memory().map_err(error)?)
    }

    /// Opens an existing file; for reading alone where it cannot be written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::with(Connection::open_with_flags(path, flags).map_err(error)?)
    }

    /// Opens a file that nobody can write, without the files that SQLite would keep beside it.
    pub(super) fn open_immutable(path: &Path) -> Result<Self> {
        let escaped = |byte: &u8| match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
            byte => format!("%{byte:02x}"),
        };
        let path: String = path.as_os_str().as_encoded_bytes().iter().map(escaped).collect();
        let uri = format!("file:{path}?immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::with(Connection::open_with_flags(uri, flags).map_err(error)?)
    }

    fn with(mut connection: Connection) -> Result<Self> {
        let patience = Patience::new();
        connection.busy_handler(Some(patience.clone().waiter())).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Without it SQLite prepares a cached statement again whenever its values were cleared, because the plan might
        // depend on them: that was 38 % of the time of a run. The store has no statistics by which plans could differ.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
        // A store has none, and one in the place of a table could keep a question busy for ever.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).map_err(error)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(error)?;
        Ok(Self(connection, patience))
    }

    pub(super) fn is_read_only(&self) -> Result<bool> {
        self.0.is_readonly(rusqlite::MAIN_DB).map_err(error)
    }

    /// Says what the file is, without changing it.
    pub(super) fn inspect(&self) -> Result<Found> {
        // One transaction, so that a store that is being created is seen before or after, never in between.
        self.begin(Access::Read)?;
        let found = self.inspect_inside();
        self.rollback();
        found
    }

    /// As [`Self::inspect`], within a transaction that is open already.
    pub(super) fn inspect_inside(&self) -> Result<Found> {
        let tables = self.integer("SELECT count(*) FROM sqlite_master")?;
        let application = self.integer("PRAGMA application_id")?;
        match (tables, application) {
            (0, 0) => return Ok(Found::Nothing),
            (0, APPLICATION_ID) => {
                let message = "this file is a store that has lost its tables; restore it from a backup";
                return Err(Error::new(ErrorKind::Damaged, message));
            }
            _ => {}
        }
        if application != APPLICATION_ID {
            return Err(Error::new(
                ErrorKind::NotAStore,
                "this SQLite file belongs to another program; it was left as it was. Name another file for the store",
            ));
        }
        let schema = self.integer("PRAGMA user_version")?;
        let min_reader = self.integer("SELECT min_reader FROM store")?;
        Ok(Found::Store { schema, min_reader })
    }

    /// Settings that must stand before the first table does.
    pub(super) fn prepare_new(&self) -> Result<()> {
        self.0.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(error)?;
        // Switching to WAL needs the file for itself, and SQLite does not call the busy handler for it.
        let mut wait = Patience::new().waiter();
        let mut tries = 0..;
        loop {
            match self.0.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
                Err(rusqlite::Error::SqliteFailure(failure, _))
                    if failure.code == ErrorCode::DatabaseBusy && tries.next().is_some_and(&mut wait) => {}
                Err(other) => return Err(error(other)),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Settings of each connection that writes.
    pub(super) fn tune(&mut self, durability: Durability, log: &Arc<Log>) -> Result<()> {
        let synchronous = match durability {
            Durability::Normal => "NORMAL",
            Durability::Full => "FULL",
        };
        self.0.pragma_update(None, "synchronous", synchronous).map_err(error)?;
        self.0.pragma_update(None, "cache_size", CACHE_SIZE).map_err(error)?;
        let log = Arc::clone(log);
        // In place of the one by which SQLite moves the log in the commit that made it long.
        let committed = move |wal: &mut Wal, pages: i32| {
            log.grew_to(pages.unsigned_abs());
            if log.is_too_long()
                && let Ok((_, moved)) = wal.checkpoint_v2(CheckpointMode::PASSIVE)
            {
                log.moved(moved.unsigned_abs());
            }
            // The commit stands, whatever becomes of the log.
            Ok(())
        };
        self.0.wal_hook(Some(committed)).map_err(error)
    }

    /// Applies one migration's statements; the caller holds the write transaction.
    pub(super) fn migrate(&self, sql: &str, schema: i64) -> Result<()> {
        self.0.execute_batch(sql).map_err(error)?;
        self.0.pragma_update(None, "application_id", APPLICATION_ID).map_err(error)?;
        self.0.pragma_update(None, "user_version", schema).map_err(error)
    }

    fn integer(&self, sql: &str) -> Result<i64> {
        self.0.query_row(sql, [], |row| row.get(0)).map_err(error)
    }

    fn bytes(&self, pages: &str) -> Result<u64> {
        Ok((self.integer(pages)? * self.integer("PRAGMA page_size")?).unsigned_abs())
    }

    fn dangling_references(&self) -> Result<Vec<String>> {
        let mut dangling: BTreeMap<(String, String), u64> = BTreeMap::new();
        self.query("PRAGMA foreign_key_check", &[], &mut |row| {
            *dangling.entry((row.text(0)?.to_owned(), row.text(2)?.to_owned())).or_default() += 1;
            Ok(())
        })?;
        let told =
            |((from, to), rows)| format!("rows of `{from}` that refer to rows of `{to}` which are not there: {rows}");
        Ok(dangling.into_iter().map(told).collect())
    }
}

impl Engine for Sqlite {
    fn begin(&self, access: Access) -> Result<()> {
        let sql = match access {
            Access::Read => "BEGIN",
            Access::Write => "BEGIN IMMEDIATE",
        };
        self.execute(sql, &[]).map(drop)
    }

    fn wait_for_locks(&self, at_most: Option<Duration>) -> Result<()> {
        self.1.set(at_most.unwrap_or(BUSY_TIMEOUT));
        Ok(())
    }

    fn schema(&self) -> Result<i64> {
        let mut schema = 0;
        self.query("PRAGMA user_version", &[], &mut |row| {
            schema = row.integer(0)?;
            Ok(())
        })?;
        Ok(schema)
    }

    fn commit(&self) -> Result<()> {
        self.execute("COMMIT", &[]).map(drop)
    }

    fn rollback(&self) {
        // Nothing to roll back where SQLite has done so itself, as on a full disk.
        if !self.0.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK", &[])
        {
            tracing::error!(%error, "cannot roll back");
        }
    }

    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql).map_err(error)?;
        bind(&mut statement, values)?;
        statement.raw_execute().map_err(error)
    }

    /// Not by `RETURNING`, for which SQLite opens a journal of the statement.
    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<i64> {
        self.execute(sql, values)?;
        Ok(self.0.last_insert_rowid())
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql).map_err(error)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(error)? {
            each(row)?;
        }
        Ok(())
    }

    fn mark(&self) -> Result<Mark> {
        Ok(Mark { by_others: self.integer("PRAGMA data_version")?, by_this: self.0.total_changes() })
    }

    fn check_references(&self, checked: bool) -> Result<()> {
        self.0.pragma_update(None, "foreign_keys", checked).map_err(error)
    }

    fn give_back(&self) -> Result<bool> {
        let free = self.integer("PRAGMA freelist_count")?;
        // 8 MiB at a time. The pragma takes a step for each page and gives no row.
        self.query("PRAGMA incremental_vacuum(2048)", &[], &mut |_| Ok(()))?;
        let left = self.integer("PRAGMA freelist_count")?;
        Ok(0 < left && left < free)
    }

    fn move_log(&self) -> Result<Option<u32>> {
        let mut moved = -1;
        self.query("PRAGMA wal_checkpoint(PASSIVE)", &[], &mut |row| {
            moved = row.integer(2)?;
            Ok(())
        })?;
        Ok(u32::try_from(moved).ok())
    }

    fn empty_log(&self) -> Result<()> {
        self.query("PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |_| Ok(()))
    }

    fn damage(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let checked = self.query("PRAGMA integrity_check(20)", &[], &mut |row| {
            found.extend(Some(row.text(0)?.to_owned()).filter(|line| line != "ok"));
            Ok(())
        });
        match checked {
            Err(error) if error.kind() == ErrorKind::Damaged => found.push(error.to_string()),
            checked => checked?,
        }
        if found.is_empty() {
            found = self.dangling_references()?;
        }
        Ok(found)
    }

    fn space(&self) -> Result<Space> {
        let mut tables = Vec::new();
        let sql = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name
                   GROUP BY m.tbl_name ORDER BY m.tbl_name";
        self.query(sql, &[], &mut |row| {
            tables.push((row.text(0)?.to_owned(), row.integer(1)?.unsigned_abs()));
            Ok(())
        })?;
        Ok(Space { tables, total: self.bytes("PRAGMA page_count")?, free: self.bytes("PRAGMA freelist_count")? })
    }
}

/// Makes an empty file that only its owner can read, where there is none.
pub(super) fn create_file(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // It was not there before either: there is no way to it, or it is a link, which is not followed.
        Err(source) if !path.exists() => {
            let message = format!(
                "cannot create the store: {source}. Check that its folder exists and that you may write there, and that the \
                 path is not a link that leads nowhere"
            );
            Err(Error::new(ErrorKind::Io, message).with_source(source))
        }
        _ => Ok(()),
    }
}

fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[Value<'_>]) -> Result<()> {
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value).map_err(error)?;
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(value),
            Value::Real(value) => ValueRef::Real(value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn column<'r, T>(
    row: &'r rusqlite::Row<'_>,
    column: usize,
    read: impl FnOnce(ValueRef<'r>) -> Result<T, rusqlite::types::FromSqlError>,
) -> Result<T> {
    read(row.get_ref(column).map_err(error)?)
        .map_err(|source| Error::new(ErrorKind::Damaged, UNEXPECTED).with_source(source))
}

impl Row for rusqlite::Row<'_> {
    fn integer(&self, index: usize) -> Result<i64> {
        column(self, index, |value| value.as_i64())
    }

    fn optional_integer(&self, index: usize) -> Result<Option<i64>> {
        column(self, index, |value| value.as_i64_or_null())
    }

    fn real(&self, index: usize) -> Result<f64> {
        column(self, index, |value| value.as_f64())
    }

    fn optional_real(&self, index: usize) -> Result<Option<f64>> {
        column(self, index, |value| value.as_f64_or_null())
    }

    fn text(&self, index: usize) -> Result<&str> {
        column(self, index, |value| value.as_str())
    }

    fn optional_text(&self, index: usize) -> Result<Option<&str>> {
        column(self, index, |value| value.as_str_or_null())
    }

    fn blob(&self, index: usize) -> Result<&[u8]> {
        column(self, index, |value| value.as_blob())
    }

    fn optional_blob(&self, index: usize) -> Result<Option<&[u8]>> {
        column(self, index, |value| value.as_blob_or_null())
    }
}

/// A statement that cannot be run: statements are always the same, so it is the tables that differ.
fn is_of_the_schema(source: &rusqlite::Error) -> bool {
    matches!(source, rusqlite::Error::SqlInputError { .. }) || source.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// A row that is not there, or a value that is not what it has to be.
fn is_of_a_value(source: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows};
    matches!(
        source,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | QueryReturnedNoRows
    )
}

/// What an error of SQLite means to a user.
fn error(source: rusqlite::Error) -> Error {
    let (kind, message) = match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            (ErrorKind::NotAStore, "this file is not an mltrace store; it was left as it was. Name another file".into())
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            (ErrorKind::Damaged, "the store is damaged; it was left as it was. Restore it from a backup".into())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Busy, "another process kept the store locked for too long; try again".into())
        }
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::ReadOnly,
            "the store cannot be written: check the permissions of the file, of those beside it that end in -wal and -shm, \
             and of their folder"
                .into(),
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Io,
            "the store cannot be opened: check that the folder exists and that you may write there".into(),
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            (ErrorKind::Io, "no permission to open the store: check the mode of the file and its folder".into())
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Io, "the disk is full: make room; nothing was written".into()),
        Some(ErrorCode::SystemIoFailure) => {
            (ErrorKind::Io, "the disk reports an I/O error; nothing was written".into())
        }
        Some(ErrorCode::TooBig) => (ErrorKind::Invalid, "a value is too big for the store (1 GB)".into()),
        _ if is_of_the_schema(&source) => {
            (ErrorKind::Damaged, "the store's tables are not as they were made; restore the file from a backup".into())
        }
        _ if is_of_a_value(&source) => (ErrorKind::Damaged, UNEXPECTED.into()),
        _ => (ErrorKind::Internal, format!("the store refused a statement: {source}")),
    };
    Error::new(kind, message).with_source(source)
}
