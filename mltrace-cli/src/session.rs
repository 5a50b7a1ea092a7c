use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mltrace_core::{ErrorKind, Tracer};
use serde::Serialize;

use crate::failure::Failure;

/// What every command needs: the store, and where and how to answer.
pub(crate) struct Session<'o> {
    pub(crate) tracer: Tracer,
    pub(crate) screen: Screen,
    json: bool,
    out: &'o mut dyn Write,
}

/// What the text is laid out for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// In columns.
    pub(crate) width: usize,
    pub(crate) now: DateTime<Utc>,
}

impl<'o> Session<'o> {
    pub(crate) fn open(db: Option<PathBuf>, json: bool, out: &'o mut dyn Write) -> Result<Self, Failure> {
        Ok(Self::over(open_store(&db.map_or_else(Tracer::default_path, Ok)?)?, json, out))
    }

    /// As [`Self::open`], and makes a store where there is none.
    pub(crate) fn create(db: Option<PathBuf>, json: bool, out: &'o mut dyn Write) -> Result<Self, Failure> {
        let tracer = match db {
            Some(path) if path == Path::new(":memory:") => return Err(in_memory()),
            Some(path) => Tracer::open(path)?,
            None if Tracer::default_path()? == Path::new(":memory:") => return Err(in_memory()),
            None => Tracer::open_default()?,
        };
        Ok(Self::over(tracer, json, out))
    }

    fn over(tracer: Tracer, json: bool, out: &'o mut dyn Write) -> Self {
        Self { tracer, screen: Screen { width: width(), now: Utc::now() }, json, out }
    }

    /// Where an answer goes that is no document.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// Answers with one document: the value as JSON, or its text.
    pub(crate) fn answer<T: Serialize>(
        &mut self,
        value: &T,
        text: impl FnOnce(&T, Screen) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer_pretty(&mut self.out, value).map_err(io::Error::from)?;
            writeln!(self.out)?;
        } else {
            self.out.write_all(text(value, self.screen).as_bytes())?;
        }
        Ok(())
    }

    /// A part of an answer that goes on: each value as a line of JSON, or their text; shown at once.
    pub(crate) fn stream<T: Serialize>(
        &mut self,
        values: &[T],
        text: impl FnOnce(&[T], Screen) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            for value in values {
                serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)?;
                writeln!(self.out)?;
            }
        } else {
            self.out.write_all(text(values, self.screen).as_bytes())?;
        }
        Ok(self.out.flush()?)
    }
}

fn open_store(path: &Path) -> Result<Tracer, Failure> {
    if path == Path::new(":memory:") {
        return Err(in_memory());
    }
    Tracer::open_existing(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Store(format!("{error} with --db PATH or MLTRACE_DB")),
        _ => Failure::Store(error.to_string()),
    })
}

fn in_memory() -> Failure {
    Failure::Store("a store in memory ends with its program: name a file with --db PATH or MLTRACE_DB".to_owned())
}

/// The terminal's width; for a pipe or a file what `COLUMNS` says, or else 80, so that output is the same anywhere.
fn width() -> usize {
    const NO_TERMINAL: usize = 80;
    const NARROWEST: usize = 40;
    let terminal = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    let stated = || env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    terminal.or_else(stated).unwrap_or(NO_TERMINAL).max(NARROWEST)
}
