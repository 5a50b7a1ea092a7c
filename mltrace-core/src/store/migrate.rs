//! Numbered migrations, never edited once landed. A file's schema number is its `user_version`.

use super::engine::{Access, Engine};
use super::sqlite::{Found, Sqlite};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_store.sql"),
    include_str!("migrations/0002_questions.sql"),
    include_str!("migrations/0003_monitor.sql"),
    include_str!("migrations/0004_catalogue.sql"),
];

/// The schema number that this program writes.
#[allow(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub(super) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// The oldest schema number whose programs can read what this one writes.
const MIN_READER: i64 = 1;

/// Brings a file to this program's schema where it can be written, and says whether it may be.
pub(super) fn prepare(engine: &Sqlite) -> Result<bool> {
    if engine.is_read_only()? {
        return check_readable(engine).map(|()| false);
    }
    bring_up_to_date(engine)
}

/// Brings a file to this program's schema, and says whether it may be written.
///
/// Ten processes may do this at once: the number is read again under the write lock, so that each step is taken by one.
fn bring_up_to_date(engine: &Sqlite) -> Result<bool> {
    match check(engine.inspect()?)? {
        Found::Store { schema, .. } if schema >= SCHEMA => return Ok(schema == SCHEMA),
        Found::Store { .. } => {}
        Found::Nothing => engine.prepare_new()?,
    }
    engine.begin(Access::Write)?;
    let migrated = engine.inspect_inside().and_then(check).and_then(|found| apply(engine, found));
    match migrated {
        Ok(writable) => engine.commit().map(|()| writable),
        Err(error) => {
            engine.rollback();
            Err(error)
        }
    }
}

fn apply(engine: &Sqlite, found: Found) -> Result<bool> {
    let from = match found {
        Found::Nothing => 0,
        Found::Store { schema, .. } => schema,
    };
    for (number, sql) in (1..).zip(MIGRATIONS) {
        if number > from {
            engine.migrate(sql, number)?;
        }
    }
    if from == 0 {
        let now = clock::to_micros(clock::now());
        engine
            .execute("INSERT INTO store (min_reader, created_at) VALUES (?1, ?2)", &[MIN_READER.into(), now.into()])?;
    } else if from < SCHEMA {
        engine.execute("UPDATE store SET min_reader = ?1", &[MIN_READER.into()])?;
    }
    Ok(from <= SCHEMA)
}

/// As [`bring_up_to_date`], for a file that cannot be written: says whether it can be read.
fn check_readable(engine: &Sqlite) -> Result<()> {
    match check(engine.inspect()?)? {
        Found::Store { schema, .. } if schema < SCHEMA => Err(Error::new(
            ErrorKind::ReadOnly,
            format!(
                "this store has schema {schema} and cannot be written here, so that it cannot be brought to schema {SCHEMA}: \
                 open it once where it can be written, or copy it there"
            ),
        )),
        Found::Store { .. } => Ok(()),
        Found::Nothing => {
            Err(Error::new(ErrorKind::NotAStore, "this file is empty and cannot be written; name another file"))
        }
    }
}

/// Refuses a file that this program cannot read.
fn check(found: Found) -> Result<Found> {
    match found {
        Found::Store { schema, min_reader } if min_reader > SCHEMA => Err(Error::new(
            ErrorKind::NewerStore,
            format!(
                "this store has schema {schema} and needs an mltrace that reads schema {min_reader}; this one ({}) reads up to {SCHEMA}. Install a newer mltrace",
                env!("CARGO_PKG_VERSION")
            ),
        )),
        found => Ok(found),
    }
}
