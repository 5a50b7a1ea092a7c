//! Versioned files: each write of a name is a new file, and the next stage takes the latest.
//!
//! The versions of `clean/2020-01` are `clean/2020-01/v1.csv`, `v2.csv` and so on, in the order in
//! which they were begun. A version appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What a version is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// The folder that holds the versions of all names.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// A folder that is there already, or that the first version will make.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of a file that has no versions, such as a raw month.
    pub(crate) fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).with_context(|| cannot_make(folder))?;
        Ok(path)
    }

    /// The name of an artifact, whose versions mltrace keeps.
    pub(crate) fn artifact(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A path for the next version of `name`, for [`write`] to fill. It is taken at once: no other
    /// caller, thread or program gets it, and a number is never given twice.
    pub(crate) fn version(&self, name: &str, extension: &str) -> anyhow::Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).with_context(|| cannot_make(&folder))?;
        let mut number = newest(&folder, |_| true)?.map_or(1, |(number, _)| number + 1);
        loop {
            let path = folder.join(format!("v{number}.{extension}"));
            let taken = OpenOptions::new().write(true).create_new(true).open(unfinished(&path));
            match taken {
                // Another writer may have taken and finished this number since the folder was read.
                Ok(_) if path.exists() => {
                    fs::remove_file(unfinished(&path)).with_context(|| cannot_make(&path))?;
                }
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| cannot_make(&path)),
            }
            number += 1;
        }
    }

    /// The finished version of `name` that was begun last.
    pub(crate) fn latest(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.root.join(name);
        let latest = if folder.is_dir() { newest(&folder, |path| !is_unfinished(path))? } else { None };
        match latest {
            Some((_, path)) => Ok(path),
            None => {
                bail!("there is no version of {name} in {}: run the stage that writes it first", self.root.display())
            }
        }
    }
}

/// Writes a file that appears under its path only when it is whole. If `content` fails, what it wrote
/// stays behind as unfinished.
pub(crate) fn write(path: &Path, content: impl FnOnce(&mut Output) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let file = File::create(unfinished(path)).with_context(failed)?;
    let mut output = Output { file: BufWriter::new(file), path: path.to_owned() };
    content(&mut output)?;
    output.flush()?;
    output.file.get_ref().sync_all().with_context(failed)?;
    fs::rename(unfinished(path), path).with_context(failed)
}

/// A file being written. Its errors name it, so that they can't be taken for those of a file being read.
#[derive(Debug)]
pub(crate) struct Output {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Output {
    fn explain(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| self.explain(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.explain(&error))
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    name.into()
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == UNFINISHED)
}

/// The version with the greatest number among those wanted. Other files in the folder don't count.
fn newest(folder: &Path, wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Option<(u64, PathBuf)>> {
    let failed = || format!("cannot list {}", folder.display());
    let mut newest = None;
    for entry in fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let Some(number) = number(&path).filter(|_| wanted(&path)) else {
            continue;
        };
        newest = newest.max(Some((number, path)));
    }
    Ok(newest)
}

fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let (stem, _) = name.split_once('.')?;
    stem.strip_prefix('v')?.parse().ok()
}

fn cannot_make(path: &Path) -> String {
    format!("cannot make {}: is the disk full, or the folder read-only?", path.display())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, Folder) {
        let root = TempDir::new().expect("a folder");
        let folder = Folder::new(root.path().join("data"));
        (root, folder)
    }

    fn put(folder: &Folder, name: &str, text: &str) -> PathBuf {
        let path = folder.version(name, "csv").expect("a version");
        write(&path, |out| Ok(out.write_all(text.as_bytes())?)).expect("written");
        path
    }

    #[test]
    fn versions_begun_at_once_from_many_threads_never_collide() {
        let (_root, folder) = folder();
        let start = Barrier::new(8);
        let paths: Vec<PathBuf> = thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        (0..25).map(|n| put(&folder, "clean", &n.to_string())).collect::<Vec<_>>()
                    })
                })
                .collect();
            let paths = workers.into_iter().map(|w| w.join().expect("no panic"));
            paths.flatten().collect()
        });
        assert_eq!(paths.iter().collect::<HashSet<_>>().len(), 200);
        assert!(paths.iter().all(|path| path.is_file()));
        let left: Vec<_> = fs::read_dir(folder.root.join("clean"))
            .expect("listed")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| is_unfinished(path))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn the_latest_is_by_order_of_creation_and_not_by_text() {
        let (_root, folder) = folder();
        for n in 1..=10 {
            put(&folder, "clean", &n.to_string());
        }
        let latest = folder.latest("clean").expect("the latest");
        assert!(latest.ends_with("clean/v10.csv"), "{}", latest.display());
    }

    #[test]
    fn an_unfinished_version_is_never_the_latest_and_its_number_is_not_given_again() {
        let (_root, folder) = folder();
        let whole = put(&folder, "clean", "whole");
        let begun = folder.version("clean", "csv").expect("a version");
        write(&begun, |out| {
            out.write_all(b"half")?;
            bail!("the power went out")
        })
        .expect_err("failed");
        assert_eq!(folder.latest("clean").expect("the latest"), whole);
        assert_ne!(folder.version("clean", "csv").expect("a version"), begun);
    }

    #[test]
    fn a_version_written_before_keeps_its_content() {
        let (_root, folder) = folder();
        let first = put(&folder, "clean", "first");
        put(&folder, "clean", "second");
        assert_eq!(fs::read_to_string(first).expect("read"), "first");
    }

    #[test]
    fn a_name_without_versions_says_what_to_do() {
        let (_root, folder) = folder();
        let error = folder.latest("clean/2020-01").expect_err("none");
        assert!(error.to_string().contains("no version of clean/2020-01"));
        folder.version("begun", "csv").expect("a version");
        folder.latest("begun").expect_err("none finished");
    }

    #[test]
    fn strangers_in_the_folder_are_no_versions() {
        let (_root, folder) = folder();
        let path = put(&folder, "clean", "1");
        for name in ["notes.txt", "v.csv", "vx.csv", "99.csv"] {
            fs::write(path.with_file_name(name), "").expect("written");
        }
        assert_eq!(folder.latest("clean").expect("the latest"), path);
    }

    #[test]
    fn a_disk_that_is_full_is_told_with_the_file() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return; // only Linux has one
        }
        let file = OpenOptions::new().write(true).open(full).expect("opened");
        let mut output = Output { file: BufWriter::new(file), path: PathBuf::from("clean/v1.csv") };
        output.write_all(b"a ride").expect("kept in the buffer");
        let error = output.flush().expect_err("full");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().contains("cannot write clean/v1.csv"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let root = TempDir::new().expect("a folder");
        let file = root.path().join("file");
        fs::write(&file, "").expect("written");
        let error = Folder::new(&file).version("clean", "csv").expect_err("a file is in the way");
        assert!(error.to_string().contains("cannot make"), "{error}");
    }
}
