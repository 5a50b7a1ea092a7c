//! The only SQL. Above it nobody knows which database there is; below the engine trait nobody knows what a run is.
#![cfg_attr(
    not(all(feature = "care", feature = "monitor")),
    allow(dead_code, reason = "some of what a store can do is asked of it by those features alone")
)]

mod brief;
mod by_start;
mod checks;
#[cfg(feature = "care")]
mod collect;
mod components;
mod engine;
mod file_system;
mod flags;
#[cfg(feature = "care")]
mod health;
mod labels;
#[cfg(any(feature = "care", feature = "monitor"))]
pub(crate) mod lag;
mod liveness;
mod log;
mod migrate;
#[cfg(feature = "monitor")]
mod monitor;
#[cfg(all(test, feature = "monitor"))]
mod monitor_tests;
mod place;
mod producers;
mod profiles;
mod read;
mod records;
mod rows;
mod sqlite;
mod staleness;
#[cfg(any(feature = "care", feature = "monitor"))]
mod tasks;
#[cfg(feature = "care")]
mod transfer;
mod verify;
mod walk;
mod write;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::error::{Error, ErrorKind, Result};
use crate::fork;
pub(crate) use checks::{CheckFilter, CheckKey};
#[cfg(feature = "care")]
pub(crate) use collect::{Life, Protection};
pub(crate) use components::{Describes, Listed, Sought};
use engine::{Access, Engine, Row, Value};
pub(crate) use flags::Flag;
#[cfg(feature = "care")]
pub(crate) use health::Shape;
use log::Log;
#[cfg(feature = "monitor")]
pub(crate) use monitor::{Answered, Arrived, KeptReport, Observed, Pair, ReadModel, Span};
use place::Place;
pub(crate) use producers::{Producer, Reading};
pub(crate) use read::{HistoryFilter, HistoryKey};
pub(crate) use records::Pointers;
pub use sqlite::Durability;
use sqlite::{Found, Sqlite};
pub(crate) use staleness::{Standing, Upstream};
#[cfg(feature = "care")]
pub(crate) use tasks::{MovedAnswer, Told, answer_json};
#[cfg(any(feature = "care", feature = "monitor"))]
pub(crate) use tasks::{MovedPart, TaskId};
#[cfg(feature = "care")]
pub(crate) use transfer::{Mentioned, Moved, Noticed};
pub(crate) use verify::{Names, Origin};
pub(crate) use walk::Node;
pub(crate) use write::{Change, Proof, Put, Rules};

/// The key of an interned name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameId(i64);

/// The key of an interned version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VersionId(i64);

/// The key of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LabelId(i64);

/// The key of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ComponentId(i64);

type Connection = Option<Box<dyn Engine>>;

/// How long a process that is about to fork waits for a store to come to rest.
const FORK_PATIENCE: Duration = Duration::from_secs(1);

/// Stands for the end of a run that is still open, after every real end.
pub(crate) const OPEN: i64 = i64::MAX;

/// A store: one connection that writes, one that reads beside it, and one that moves the log into the file. Those of a
/// file are opened when they are needed.
pub(crate) struct Store {
    writer: Mutex<Connection>,
    /// Readers of a file do not wait for its writer. A store in memory has one connection only.
    reader: Mutex<Connection>,
    tidier: Mutex<Connection>,
    log: Arc<Log>,
    path: Option<PathBuf>,
    place: RwLock<Place>,
    /// How often the file was found deleted or replaced.
    moves: AtomicU32,
    durability: Durability,
    opened: Opened,
    writable: bool,
    /// How many connections there are, counted before they are opened and after they are closed.
    open: AtomicU32,
    /// How deep in a line of forks this is used; see [`crate::fork`].
    depth: u32,
    /// The process was forked while the store was in use.
    is_cut_off: bool,
}

/// How a store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// To be made where there is none.
    Creating,
    /// Only if it was there.
    Existing,
    /// Read without locks, so each question opens the file anew and sees what others have written since.
    Immutable,
}

impl Store {
    pub(crate) fn in_memory() -> Result<Self> {
        Self::over(Sqlite::in_memory()?, None, Place::default(), Durability::Normal)
    }

    /// Opens a store, creating the file if there is none. The path is absolute.
    pub(crate) fn create(path: &Path, durability: Durability) -> Result<Self> {
        let create = || {
            sqlite::create_file(path)?;
            let place = Place::before_opening(path);
            Self::over(Sqlite::open(path)?, Some(path), place, durability)
        };
        let mut store = create().inspect(Self::warn_of_network).map_err(|error| error.at(path.display()))?;
        store.opened = Opened::Creating;
        Ok(store)
    }

    /// Opens a store that must be there, to read and annotate it. The path is absolute.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        expect_file(path)?;
        let place = Place::before_opening(path);
        let opened = Sqlite::open(path).and_then(|engine| match engine.inspect()? {
            Found::Nothing => Err(nothing_here("nothing was traced to this file")),
            Found::Store { .. } => Self::over(engine, Some(path), place, Durability::Normal),
        });
        match opened {
            Err(error) if matches!(error.kind(), ErrorKind::ReadOnly | ErrorKind::Io) => {
                // Perhaps it is only that nothing can be written here. If not, the first error says more.
                Self::open_immutable(path)
                    .map_err(|other| if other.kind() == ErrorKind::ReadOnly { other } else { error })
            }
            opened => opened,
        }
        .inspect(Self::warn_of_network)
        .map_err(|error| error.at(path.display()))
    }

    /// Opens a store in a place where nothing can be written, not even the files that SQLite keeps beside it.
    fn open_immutable(path: &Path) -> Result<Self> {
        let mut store = Self::over(immutable(path)?, Some(path), Place::default(), Durability::Normal)?;
        store.opened = Opened::Immutable;
        Ok(store)
    }

    fn over(mut engine: Sqlite, path: Option<&Path>, place: Place, durability: Durability) -> Result<Self> {
        let log = Arc::default();
        let writable = migrate::prepare(&engine)?;
        if writable {
            engine.tune(durability, &log)?;
        }
        Ok(Self {
            writer: Mutex::new(Some(Box::new(engine))),
            reader: Mutex::default(),
            tidier: Mutex::default(),
            log,
            path: path.map(Path::to_owned),
            place: RwLock::new(path.map(|path| place.opened(path)).unwrap_or_default()),
            moves: AtomicU32::new(0),
            durability,
            opened: Opened::Existing,
            writable,
            open: AtomicU32::new(1),
            depth: fork::depth(),
            is_cut_off: false,
        })
    }

    fn connections(&self) -> [&Mutex<Connection>; 3] {
        [&self.writer, &self.reader, &self.tidier]
    }

    /// Closes the connections to a file, because the process is about to fork; they are opened again when they are needed.
    /// Of a store in memory it waits until nobody uses it.
    pub(crate) fn rest(&self) {
        if self.depth != fork::depth() {
            return;
        }
        let deadline = Instant::now() + FORK_PATIENCE;
        while !self.is_at_rest() && Instant::now() < deadline {
            for connection in self.connections() {
                // Who holds it now may be waiting for the fork, and then has none open.
                if let Ok(mut connection) = connection.try_lock() {
                    self.close(&mut connection);
                }
            }
            thread::yield_now();
        }
    }

    fn is_at_rest(&self) -> bool {
        match self.path {
            Some(_) => self.open.load(Ordering::SeqCst) == 0,
            None => !matches!(self.writer.try_lock(), Err(TryLockError::WouldBlock)),
        }
    }

    /// The same store in a process that was forked off. A store in memory goes on as it was then, unless a thread that is
    /// not here was using it.
    pub(crate) fn in_child(self: &Arc<Self>) -> Arc<Self> {
        let place = match self.place.try_read() {
            Ok(place) => Some(place.clone()),
            Err(TryLockError::Poisoned(place)) => Some(place.into_inner().clone()),
            Err(TryLockError::WouldBlock) => None,
        };
        let is_at_rest = self.is_at_rest() && place.is_some();
        if self.path.is_none() && is_at_rest {
            return Arc::clone(self);
        }
        Arc::new(Self {
            writer: Mutex::default(),
            reader: Mutex::default(),
            tidier: Mutex::default(),
            log: Arc::default(),
            path: self.path.clone(),
            place: RwLock::new(place.unwrap_or_default()),
            moves: AtomicU32::new(0),
            durability: self.durability,
            opened: self.opened,
            writable: self.writable,
            open: AtomicU32::new(0),
            depth: fork::depth(),
            is_cut_off: self.is_cut_off || !is_at_rest,
        })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Runs `body` in one transaction, which lands whole or, on an error, not at all. Waits for a locked store for as long
    /// as `patience` says, or where it says nothing for its busy time-out.
    pub(crate) fn write<T>(&self, patience: Option<Duration>, body: impl FnOnce(&Write<'_>) -> Result<T>) -> Result<T> {
        if !self.writable {
            return Err(not_written_here());
        }
        let write = || {
            self.follow(patience, self.opened == Opened::Creating)?;
            let mut connection = lock(&self.writer);
            let written = write_by(self.connected(&mut connection)?, patience, body);
            if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::ReadOnly) {
                // It was opened for reading alone and would stay so, though the file may be written again one day.
                self.close(&mut connection);
            }
            written
        };
        write().map_err(|error| self.locate(error))
    }

    /// How often the file was found deleted or replaced, so that what was written before is in another.
    pub(crate) fn moves(&self) -> u32 {
        self.moves.load(Ordering::Relaxed)
    }

    /// Goes over to the file that is at the store's path now, where that is not the one that was opened.
    fn follow(&self, patience: Option<Duration>, creates: bool) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let has_changed = self.place.read().unwrap_or_else(PoisonError::into_inner).has_changed(path);
        if !has_changed || !self.move_to(path, patience, creates)? {
            return Ok(());
        }
        tracing::warn!(
            path = %path.display(),
            "the store's file was deleted or replaced while it was open: runs go to the one that is there now, and those \
             in the old one went with it"
        );
        Ok(())
    }

    /// Says whether it was not there before.
    fn move_to(&self, path: &Path, patience: Option<Duration>, creates: bool) -> Result<bool> {
        let (mut writer, mut reader, mut tidier) = (lock(&self.writer), lock(&self.reader), lock(&self.tidier));
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        if !place.has_changed(path) {
            return Ok(false);
        }
        // All, before anything is opened: the two files may share a log.
        for connection in [&mut writer, &mut reader, &mut tidier] {
            self.close(connection);
        }
        place.expect_vacated()?;
        if creates {
            sqlite::create_file(path)?;
        } else {
            expect_file(path)?;
        }
        let next = Place::before_opening(path);
        let engine = self.connect()?;
        let prepared = engine.wait_for_locks(patience).and_then(|()| migrate::prepare(&engine));
        if let Err(error) = prepared {
            drop(engine);
            self.open.fetch_sub(1, Ordering::SeqCst);
            return Err(error);
        }
        *writer = Some(Box::new(engine));
        *place = next.opened(path);
        self.moves.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// The connection, opened where there is none.
    fn connected<'c>(&self, connection: &'c mut Connection) -> Result<&'c dyn Engine> {
        let engine = match connection.take() {
            Some(engine) => engine,
            None => Box::new(self.connect()?),
        };
        Ok(&**connection.insert(engine))
    }

    fn close(&self, connection: &mut Connection) {
        if self.path.is_some() && connection.take().is_some() {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn connect(&self) -> Result<Sqlite> {
        let Some(path) = self.path.as_ref().filter(|_| !self.is_cut_off) else {
            let message = "this process was forked while its parent was writing or reading, and cannot go on with the store: \
                           fork when nothing is being traced, or open another tracer first";
            return Err(Error::new(ErrorKind::Io, message));
        };
        loop {
            while fork::is_under_way() {
                thread::sleep(Duration::from_millis(1));
            }
            // Told first and then asked again: a fork that has not seen this connection waits for it to be counted.
            self.open.fetch_add(1, Ordering::SeqCst);
            if !fork::is_under_way() {
                break;
            }
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        let opened = Sqlite::open(path).and_then(|mut engine| {
            if self.writable {
                engine.tune(self.durability, &self.log)?;
            }
            Ok(engine)
        });
        if opened.is_err() {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        opened
    }

    /// Writes several things in one transaction. Each lands or fails by itself, unless nothing can be written at all.
    pub(crate) fn write_each<T, U>(
        &self,
        patience: Option<Duration>,
        things: &[&T],
        each: impl Fn(&Write<'_>, &T) -> Result<U>,
    ) -> Result<Vec<Result<U>>> {
        if let [only] = things {
            // The transaction itself is all the shelter it needs.
            return match self.write(patience, |tx| each(tx, only)) {
                Err(error) if !error.is_of_what_was_written() => Err(error),
                written => Ok(vec![written]),
            };
        }
        // Without savepoints at first: for each, SQLite keeps what stood before on every page that is touched.
        match self.write(patience, |tx| things.iter().map(|thing| each(tx, thing).map(Ok)).collect()) {
            Err(error) if !error.is_of_the_place() => {}
            written => return written,
        }
        let apart = |tx: &Write<'_>, thing: &&T| match tx.apart(|| each(tx, thing))? {
            Err(error) if error.is_of_the_place() => Err(error),
            written => Ok(written.map_err(|error| self.locate(error))),
        };
        let written: Vec<Result<U>> =
            self.write(patience, |tx| things.iter().map(|thing| apart(tx, thing)).collect())?;
        // Where nothing but damage was found, it is not these things that are bad.
        let is_damage = |written: &Result<U>| written.as_ref().is_err_and(|error| !error.is_of_what_was_written());
        if !written.is_empty() && written.iter().all(is_damage) {
            return written.into_iter().map(|written| written.map(Ok)).collect();
        }
        Ok(written)
    }

    /// Runs `body` over one consistent view of the store.
    pub(crate) fn read<T>(&self, body: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        let read = |engine: &dyn Engine| {
            let _transaction = Transaction::begin(engine, Access::Read)?;
            body(&View(engine))
        };
        match &self.path {
            Some(path) if self.opened == Opened::Immutable => immutable(path).and_then(|engine| read(&engine)),
            // Only a file that is written to has a connection of its own for readers.
            path => self.follow(None, false).and_then(|()| {
                let connection = if path.is_some() && self.writable { &self.reader } else { &self.writer };
                self.connected(&mut lock(connection)).and_then(read)
            }),
        }
        .map_err(|error| self.locate(error))
    }

    /// Leads trouble with the file by its path; what was asked wrongly is wrong in any store.
    fn locate(&self, error: Error) -> Error {
        match (&self.path, error.kind()) {
            (None, _) | (_, ErrorKind::Invalid | ErrorKind::NotFound) => error,
            (Some(path), _) => error.at(path.display()),
        }
    }
}

impl Drop for Store {
    /// What was inherited through a fork is the parent's to close.
    fn drop(&mut self) {
        if self.depth != fork::depth() {
            for connection in [&mut self.writer, &mut self.reader, &mut self.tidier] {
                std::mem::forget(connection.get_mut().unwrap_or_else(PoisonError::into_inner).take());
            }
        }
    }
}

fn write_by<T>(
    engine: &dyn Engine,
    patience: Option<Duration>,
    body: impl FnOnce(&Write<'_>) -> Result<T>,
) -> Result<T> {
    engine.wait_for_locks(patience)?;
    let transaction = Transaction::begin(engine, Access::Write)?;
    // A newer program may have migrated the file since it was opened.
    if engine.schema()? != migrate::SCHEMA {
        return Err(not_written_here());
    }
    let done = body(&Write(View(engine)))?;
    transaction.commit()?;
    Ok(done)
}

/// A connection to a file that nobody is writing, in a place that cannot be written.
fn immutable(path: &Path) -> Result<Sqlite> {
    if fs::metadata(place::beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        let message = "a program has the store open, or ended without closing it, and this place cannot be written, so it \
                       cannot be read here: copy it elsewhere together with the file beside it that ends in -wal";
        return Err(Error::new(ErrorKind::ReadOnly, message));
    }
    Sqlite::open_immutable(path)
}

/// Fails where there is no file, or nothing in it: asking must not make a store of it.
fn expect_file(path: &Path) -> Result<()> {
    let what = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => format!("there is no store at {}", path.display()),
        Ok(file) if file.is_file() && file.len() == 0 => {
            format!("{} is empty, nothing was traced to it", path.display())
        }
        _ => return Ok(()),
    };
    Err(nothing_here(&what))
}

fn nothing_here(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{what}: run a traced program first, or name another file"))
}

fn not_written_here() -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        "this store can be read but not written here: it is read-only, or was written by a newer mltrace",
    )
}

/// A panic while the lock was held has rolled its transaction back, so the connection behind it is sound.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // Else a fork might never get its turn among threads that write without pause.
    fork::let_pass(FORK_PATIENCE);
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rolls back unless committed.
struct Transaction<'a>(Option<&'a dyn Engine>);

impl<'a> Transaction<'a> {
    fn begin(engine: &'a dyn Engine, access: Access) -> Result<Self> {
        engine.begin(access)?;
        Ok(Self(Some(engine)))
    }

    fn commit(mut self) -> Result<()> {
        if let Some(engine) = self.0 {
            engine.commit()?;
            self.0 = None;
        }
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(engine) = self.0 {
            engine.rollback();
        }
    }
}

/// What can be asked within a transaction.
pub(crate) struct View<'a>(&'a dyn Engine);

/// What can be done within a writing transaction.
pub(crate) struct Write<'a>(View<'a>);

impl<'a> Deref for Write<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.0
    }
}

impl View<'_> {
    fn all<T>(&self, sql: &str, values: &[Value<'_>], mut row: impl FnMut(&dyn Row) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.0.query(sql, values, &mut |columns| {
            found.push(row(columns)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The only row, or the last of several.
    fn one<T>(&self, sql: &str, values: &[Value<'_>], mut row: impl FnMut(&dyn Row) -> Result<T>) -> Result<Option<T>> {
        let mut found = None;
        self.0.query(sql, values, &mut |columns| {
            found = Some(row(columns)?);
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
impl Store {
    /// The steps by which SQLite answers a question of so many values.
    fn plan(&self, sql: &str, values: usize) -> String {
        let (explain, nothing) = (format!("EXPLAIN QUERY PLAN {sql}"), vec![Value::Null; values]);
        let steps = self.read(|view| view.all(&explain, &nothing, |row| Ok(row.text(3)?.to_owned())));
        steps.unwrap().join("; ")
    }
}

impl Write<'_> {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize> {
        self.0.0.execute(sql, values)
    }

    /// Runs `body`, and where it fails undoes what it did and nothing else. Where that cannot be done, because SQLite has
    /// ended the transaction by itself, as on a full disk, the error is that of all that is in the transaction.
    fn apart<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<Result<T>> {
        self.execute("SAVEPOINT apart", &[])?;
        let done = body();
        if let Err(error) = done {
            return match self.execute("ROLLBACK TO SAVEPOINT apart", &[]) {
                Ok(_) => self.execute("RELEASE SAVEPOINT apart", &[]).map(|_| Err(error)),
                Err(_) => Err(error),
            };
        }
        self.execute("RELEASE SAVEPOINT apart", &[])?;
        Ok(done)
    }

    /// Inserts a row and gives the key the store chose.
    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<i64> {
        self.0.0.insert(sql, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_place_is_that_of_all_runs_of_a_batch_and_a_bad_run_fails_alone() {
        let store = Store::in_memory().unwrap();
        let failing = |kind| {
            let each = move |_: &Write<'_>, number: &i32| match number {
                2 => Err(Error::new(kind, "at the second")),
                number => Ok(*number),
            };
            store
                .write_each(None, &[&1, &2, &3], each)
                .map(|written| written.iter().map(Result::is_ok).collect::<Vec<_>>())
        };
        for kind in [ErrorKind::Invalid, ErrorKind::Internal, ErrorKind::Damaged] {
            assert_eq!(failing(kind).unwrap(), vec![true, false, true]);
        }
        for kind in [ErrorKind::Io, ErrorKind::NotAStore] {
            assert_eq!(failing(kind).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn damage_that_hits_all_runs_of_a_batch_is_that_of_the_store() {
        let store = Store::in_memory().unwrap();
        let each = |_: &Write<'_>, _: &i32| Err::<(), _>(Error::new(ErrorKind::Damaged, "at each"));
        assert_eq!(store.write_each(None, &[&1, &2], each).map(drop).unwrap_err().kind(), ErrorKind::Damaged);
    }

    #[test]
    fn an_older_store_that_cannot_be_brought_up_to_date_says_where_it_could_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::create(&path, Durability::Normal).unwrap();
        lock(&store.writer).as_ref().unwrap().execute("PRAGMA user_version = 1", &[]).unwrap();
        drop(store);
        let error = Store::open_immutable(&path).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        assert!(error.to_string().contains("schema 1"), "{error}");
    }
}
