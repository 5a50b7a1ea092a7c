//! A store of made runs, for questions.

use mltrace::{Tracer, scoped};
use rusqlite::Connection;
use tempfile::TempDir;

use super::measure::Result;
use super::pipeline;

/// A file with runs in it, open for both sides: each has its own connection.
pub(crate) struct Stored {
    pub(crate) tracer: Tracer,
    pub(crate) connection: Connection,
    _folder: TempDir,
}

/// Records so many runs, in chains of a length, by an annotated function.
pub(crate) fn fill(runs: u32, length: u32) -> Result<Stored> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("store.db");
    let tracer = Tracer::open(&file)?;
    {
        let _guard = scoped(&tracer);
        for made in pipeline::chains(runs, length) {
            pipeline::call(&made);
        }
    }
    drop(tracer);
    let connection = Connection::open(&file)?;
    Ok(Stored { tracer: Tracer::open_existing(&file)?, connection, _folder: folder })
}
