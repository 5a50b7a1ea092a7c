//! Whether a store's file is still where it was opened. SQLite goes on with a file that was deleted or replaced, and what it
//! writes there nobody would find.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use crate::error::{Error, ErrorKind, Result};

/// What tells a file from any other, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
    /// Numbers are given again.
    created_at: Option<SystemTime>,
}

/// The files of a store, as they were when it was opened. Where files have no identity it never changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    file: Option<Identity>,
    /// That of the log, which SQLite keeps beside the file and shares among all who have it open.
    index: Option<(PathBuf, Identity)>,
}

impl Place {
    /// That of a file which is about to be opened: one that is replaced at this moment is then found replaced.
    pub(super) fn before_opening(path: &Path) -> Self {
        Self { file: Identity::of(path).ok(), index: None }
    }

    /// The same once it was opened and read from.
    pub(super) fn opened(mut self, path: &Path) -> Self {
        let index = beside(path, "-shm");
        let found = Identity::of(&index).ok();
        self.index = found.filter(|_| !self.has_changed(path)).map(|found| (index, found));
        self
    }

    /// Whether there is another file now, or none. One that cannot be looked at is taken for the same.
    pub(super) fn has_changed(&self, path: &Path) -> bool {
        self.file.is_some_and(|file| match Identity::of(path) {
            Ok(now) => now != file,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        })
    }

    /// Fails where the log is still there while the file is not: SQLite would take it for that of the next file.
    pub(super) fn expect_vacated(&self) -> Result<()> {
        match &self.index {
            Some((path, index)) if Identity::of(path).is_ok_and(|now| now == *index) => Err(Error::new(
                ErrorKind::Io,
                "the file was deleted or replaced while it was open, but those beside it that end in -wal and -shm are still \
                 those of the old one: remove both, and runs are recorded again",
            )),
            _ => Ok(()),
        }
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), number: found.ino(), created_at: found.created().ok() })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file that SQLite keeps beside a store's: beside the real one, where the path leads through a link.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside: OsString = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into();
    beside.push(ending);
    beside.into()
}
