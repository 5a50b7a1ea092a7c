//! The log beside a store's file: how long it is, and when it moves into the file. A commit only appends to it; moving is
//! the background's, so that no caller waits for it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Store, lock};
use crate::error::Result;

/// So many pages more, and the log is worth moving: 4 MiB.
const STEP: u32 = 1_024;
/// A log of so many pages never came to its end, because somebody always wrote or read. Then all wait a moment for it.
const LONG: u32 = 8 * STEP;
/// So many pages more, and whoever commits moves them: nobody else does.
const TOO_LONG: u32 = 16 * STEP;
/// How long those who read may hold up the emptying of a log, and it the writers.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is known of the log after the last commit, in pages.
#[derive(Debug, Default)]
pub(super) struct Log {
    length: AtomicU32,
    /// Of these, the file has so many already.
    moved: AtomicU32,
    /// How long it was when it was last tried to empty it.
    tried_at: AtomicU32,
}

impl Log {
    /// A commit made it so long.
    pub(super) fn grew_to(&self, length: u32) {
        if length < self.length.swap(length, Ordering::Relaxed) {
            // It began anew.
            self.moved.store(0, Ordering::Relaxed);
            self.tried_at.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn moved(&self, pages: u32) {
        self.moved.store(pages, Ordering::Relaxed);
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.grown_since(&self.moved) >= TOO_LONG
    }

    fn is_worth_moving(&self) -> bool {
        self.grown_since(&self.moved) >= STEP
    }

    /// Says so once for each such length.
    fn must_be_emptied(&self) -> bool {
        let must = self.grown_since(&self.tried_at) >= LONG;
        if must {
            self.tried_at.store(self.length.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        must
    }

    fn grown_since(&self, place: &AtomicU32) -> u32 {
        self.length.load(Ordering::Relaxed).saturating_sub(place.load(Ordering::Relaxed))
    }
}

impl Store {
    /// Whether [`Self::tidy_log`] has something to do.
    pub(crate) fn has_long_log(&self) -> bool {
        self.log.is_worth_moving()
    }

    /// Moves a log that has grown into the file, beside those who write and read; waits for them, and lets them wait, for
    /// a moment only and only where the log would grow without end.
    pub(crate) fn tidy_log(&self) -> Result<()> {
        if !self.has_long_log() {
            return Ok(());
        }
        let mut connection = lock(&self.tidier);
        let tidied = self.connected(&mut connection).and_then(|engine| {
            if let Some(moved) = engine.move_log()? {
                self.log.moved(moved);
            }
            if self.log.must_be_emptied() {
                engine.wait_for_locks(Some(PATIENCE))?;
                engine.empty_log()?;
            }
            Ok(())
        });
        tidied.map_err(|error| self.locate(error))
    }

    /// What the log beside the file takes, in bytes.
    pub(crate) fn log_bytes(&self) -> u64 {
        let Some(path) = self.path() else { return 0 };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;
    use crate::model::RunId;
    use crate::store::{Durability, View};
    use crate::testing::run;

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::create(&folder.path().join("store.db"), Durability::Normal).unwrap()
    }

    /// Writes so much that the log grows by at least so many pages, if it is not moved.
    fn fill(store: &Store, pages: usize) {
        let mut entry = run("stage", 0, 1);
        entry.error = Some("x".repeat(pages * 4096));
        store.put(&entry).unwrap();
    }

    fn pages(store: &Store) -> u64 {
        store.log_bytes() / 4096
    }

    #[test]
    fn a_commit_leaves_the_log_alone_and_the_background_moves_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let path = store.path().unwrap().to_owned();
        let file = || std::fs::metadata(&path).unwrap().len();
        let before = file();
        store.tidy_log().unwrap();
        fill(&store, 2 * STEP as usize);
        assert_eq!(file(), before, "the caller appended to the log, and that was all");
        assert!(store.has_long_log());
        store.tidy_log().unwrap();
        assert!(file() > before + 2 * u64::from(STEP) * 4096);
        assert!(!store.has_long_log());
        fill(&store, 1);
        assert!(!store.has_long_log(), "it began anew");
    }

    /// Reads, and holds what it reads for as long as `body` takes.
    fn hold<T>(store: &Store, body: impl FnOnce() -> T) -> T {
        let read = |view: &View<'_>| view.run(RunId(1)).map(|_| body());
        store.read(read).unwrap()
    }

    #[test]
    fn readers_who_take_turns_without_end_do_not_make_the_log_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let is_over = AtomicBool::new(false);
        let longest = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let reader = Store::open(store.path().unwrap()).unwrap();
                    while !is_over.load(Ordering::Relaxed) {
                        hold(&reader, || thread::sleep(PATIENCE / 50));
                    }
                });
            }
            let grown = |_| {
                fill(&store, STEP as usize / 4);
                store.tidy_log().unwrap();
                pages(&store)
            };
            let longest = (0..32 * LONG / STEP).map(grown).max().unwrap();
            is_over.store(true, Ordering::Relaxed);
            longest
        });
        // Eight times as much was written; on a busy machine one try after the other may be held up.
        assert!(longest < u64::from(7 * LONG), "{longest} pages");
    }

    #[test]
    fn where_nobody_tidies_whoever_commits_keeps_the_log_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        for _ in 0..4 * TOO_LONG / STEP {
            fill(&store, STEP as usize);
            assert!(pages(&store) < u64::from(TOO_LONG + 2 * STEP), "{} pages", pages(&store));
        }
    }

    #[test]
    fn an_old_reader_holds_up_the_log_and_hardly_those_who_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        fill(&store, 1);
        let reader = Store::open(store.path().unwrap()).unwrap();
        let tried = hold(&reader, || {
            let tidy = |_| {
                fill(&store, STEP as usize);
                let before = store.log.tried_at.load(Ordering::Relaxed);
                store.tidy_log().unwrap();
                store.log.tried_at.load(Ordering::Relaxed) != before
            };
            (0..3 * LONG / STEP).map(tidy).filter(|&has_tried| has_tried).count()
        });
        assert_eq!(tried, 3, "once in so many pages");
        fill(&store, STEP as usize);
        store.tidy_log().unwrap();
        fill(&store, 1);
        assert!(!store.has_long_log(), "once it has gone, the log begins anew");
    }
}
