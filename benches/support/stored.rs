//! Stores of made runs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use mltrace::{Tracer, scoped};
use rusqlite::Connection;

use super::Result;
use super::pipeline::{self, MadeRun};

/// A file with runs in it, open for both sides: each has its own connection.
pub(crate) struct Stored {
    pub(crate) tracer: Tracer,
    pub(crate) connection: Connection,
}

impl Stored {
    pub(crate) fn open(file: &Path) -> Result<Self> {
        Ok(Self { tracer: Tracer::open_existing(file)?, connection: Connection::open(file)? })
    }
}

/// Records so many of these runs by annotated functions, and gives the store's file.
pub(crate) fn fill(file: PathBuf, runs: &mut dyn Iterator<Item = MadeRun>, count: u32) -> Result<PathBuf> {
    const AT_ONCE: u32 = 10_000;
    let begun = Instant::now();
    let tracer = Tracer::builder(&file).buffered(true).open()?;
    let _guard = scoped(&tracer);
    for (number, made) in (1..=count).zip(runs) {
        pipeline::call(&made);
        if number.is_multiple_of(AT_ONCE) {
            // Nothing may be dropped because the queue is full.
            tracer.flush()?;
        }
        if number.is_multiple_of(20 * AT_ONCE) {
            eprintln!("  {number} runs in the store after {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
    tracer.flush()?;
    if tracer.stats().dropped > 0 {
        return Err("runs were dropped".into());
    }
    Ok(file)
}
