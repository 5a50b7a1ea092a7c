//! What was sent, in a file beside the store: one for each who collects.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mltrace_core::{RunId, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    kept: Kept,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// To whom it was sent, for people who look.
    to: String,
    /// Up to which run all were sent. Its uuid tells whether the number is still that of this run.
    last: Option<(i64, Uuid)>,
    /// Runs that had not ended then; the lost ones among them were sent as such, and may come back.
    open: BTreeMap<i64, Awaited>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Awaited {
    End,
    Return,
}

impl Cursor {
    pub(super) fn beside(store: &Path, to: &str) -> io::Result<Self> {
        let hash = blake3::hash(to.as_bytes()).to_hex();
        let mut path = store.as_os_str().to_owned();
        path.push(format!(".openlineage-{}", &hash[..8]));
        let path = PathBuf::from(path);
        let kept = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                tracing::warn!(path = %path.display(), %error, "what was sent is not known: all is sent again");
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(()),
            Err(error) => return Err(error),
        };
        let kept = kept.unwrap_or_else(|()| Kept { to: to.to_owned(), ..Kept::default() });
        Ok(Self { path, kept })
    }

    pub(super) fn last(&self) -> Option<(RunId, Uuid)> {
        self.kept.last.map(|(id, uuid)| (RunId(id), uuid))
    }

    pub(super) fn open(&self) -> impl Iterator<Item = RunId> + '_ {
        self.kept.open.keys().copied().map(RunId)
    }

    /// Whether that it stands so is still to be sent of an open run.
    pub(super) fn awaits(&self, run: RunId, status: Status) -> bool {
        match self.kept.open.get(&run.0) {
            Some(Awaited::End) => status != Status::Running,
            Some(Awaited::Return) => !matches!(status, Status::Running | Status::Lost),
            None => false,
        }
    }

    pub(super) fn open_run(&mut self, run: RunId) {
        self.kept.open.insert(run.0, Awaited::End);
    }

    /// It was sent how the run has ended.
    pub(super) fn end(&mut self, run: RunId, status: Status) {
        if status == Status::Lost {
            self.kept.open.insert(run.0, Awaited::Return);
        } else {
            self.kept.open.remove(&run.0);
        }
    }

    /// The run is not there any more.
    pub(super) fn close(&mut self, run: RunId) {
        self.kept.open.remove(&run.0);
    }

    pub(super) fn rewind(&mut self) {
        self.kept.last = None;
        self.kept.open.clear();
    }

    /// All up to this run was sent.
    pub(super) fn pass(&mut self, run: RunId, uuid: Uuid) {
        self.kept.last = Some((run.0, uuid));
    }

    pub(super) fn save(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&self.kept)?)?;
        // Or after a loss of power the name may be that of an empty file.
        file.as_file().sync_data()?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_as_it_was_left_and_one_that_cannot_be_read_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let open = || Cursor::beside(&store, "http://localhost").unwrap();
        let mut cursor = open();
        cursor.open_run(RunId(3));
        cursor.pass(RunId(4), Uuid::from_u128(4));
        cursor.save().unwrap();
        let left = open();
        assert_eq!(left.last(), Some((RunId(4), Uuid::from_u128(4))));
        assert_eq!(left.open().collect::<Vec<_>>(), [RunId(3)]);
        for damaged in ["", "{\"to\": "] {
            std::fs::write(&cursor.path, damaged).unwrap();
            let anew = open();
            assert_eq!((anew.last(), anew.open().count()), (None, 0));
        }
        open().save().unwrap();
        assert!(std::fs::read_to_string(&cursor.path).unwrap().contains("http://localhost"));
    }
}
