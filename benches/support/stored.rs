//! A store of made runs, for questions.

use std::path::{Path, PathBuf};

use mltrace::{Tracer, scoped};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::measure::Result;
use super::pipeline;

/// Runs from the end of a chain to its beginning.
pub(crate) const CHAIN: usize = 101;

/// A file with runs in it, open for both sides: each has its own connection.
pub(crate) struct Stored {
    pub(crate) tracer: Tracer,
    pub(crate) connection: Connection,
    _folder: TempDir,
}

/// Records so many runs, in chains, by an annotated function.
pub(crate) fn fill(runs: usize) -> Result<Stored> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file: PathBuf = folder.path().join("store.db");
    let tracer = Tracer::open(&file)?;
    {
        let _guard = scoped(&tracer);
        for made in pipeline::chains(runs, CHAIN) {
            pipeline::call(&made);
        }
    }
    drop(tracer);
    Ok(Stored { tracer: Tracer::open_existing(&file)?, connection: open(&file)?, _folder: folder })
}

fn open(file: &Path) -> Result<Connection> {
    Ok(Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}
