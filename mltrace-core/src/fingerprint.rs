//! From a path to a name and a version.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fork::PerProcess;
use crate::model::{Version, VersionKind};

const SAMPLE: u64 = 1 << 20;
const TREE_ENTRIES: usize = 10_000;

/// How paths become names and versions in one store.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprinter {
    /// Names of paths inside it are written relative to it.
    pub(crate) root: Option<PathBuf>,
    /// Files up to this size, in bytes, are hashed whole.
    pub(crate) limit: u64,
}

/// A folder of a project that holds its store.
pub(crate) const STORE_FOLDER: &str = ".mltrace";

impl Fingerprinter {
    /// The name of a path: lexically cleaned, links not followed, relative to the root when inside it.
    pub(crate) fn name(&self, path: &Path) -> String {
        let clean = lexically_clean(path);
        match self.root.as_deref().map(|root| clean.strip_prefix(root)) {
            Some(Ok(inside)) if !inside.as_os_str().is_empty() => text(inside.as_os_str()),
            _ => text(clean.as_os_str()),
        }
    }

    /// The version of what lies at a path now; `None` if nothing readable does.
    pub(crate) fn version(&self, path: &Path) -> Option<Version> {
        if is_store(path) {
            return None;
        }
        let measured = fs::metadata(path).and_then(|found| {
            if found.is_dir() {
                self.tree(path)
            } else if found.is_file() {
                self.file(path, found.len()).map(Some)
            } else {
                Ok(None)
            }
        });
        match measured {
            Ok(version) => version,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read a traced file: it is recorded without a version");
                None
            }
        }
    }

    /// What lies at a path now, measured as an earlier version of this kind was, whatever its size; `None` if nothing does.
    pub(crate) fn version_of_kind(&self, path: &Path, kind: VersionKind) -> io::Result<Option<Version>> {
        if is_store(path) {
            return Err(io::Error::other("it is a store"));
        }
        let found = match fs::metadata(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            found => found?,
        };
        if found.is_dir() {
            let too_many = || io::Error::other(format!("it holds more than {TREE_ENTRIES} entries"));
            self.tree(path)?.ok_or_else(too_many).map(Some)
        } else if !found.is_file() {
            Err(io::Error::other("it is neither a file nor a folder"))
        } else if kind == VersionKind::Sampled {
            sampled(path, found.len()).map(Some)
        } else {
            hashed(path, u64::MAX).map(Some)
        }
    }

    /// The path that a name stands for; `None` if it stands for none, or it isn't known where it begins.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(name);
        let path = if path.is_absolute() { path.to_owned() } else { self.root.as_ref()?.join(path) };
        // Names of paths are clean: `s3://rides` is none.
        (lexically_clean(&path).as_os_str() == path.as_os_str()).then_some(path)
    }

    fn file(&self, path: &Path, size: u64) -> io::Result<Version> {
        // A file may still be growing, and some state no size at all.
        if size <= self.limit { hashed(path, self.limit) } else { sampled(path, size) }
    }

    /// `None` where a directory holds more entries than can be read in reasonable time.
    fn tree(&self, root: &Path) -> io::Result<Option<Version>> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if is_store(&entry.path()) {
                    continue;
                }
                // A link is not followed: a cycle of links must not become an endless walk.
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path());
                }
                if files.len() + folders.len() > TREE_ENTRIES {
                    tracing::warn!(path = %root.display(), "a traced folder holds more than {TREE_ENTRIES} entries: it is recorded without a version");
                    return Ok(None);
                }
            }
        }
        files.sort();
        let mut hasher = blake3::Hasher::new();
        for file in files {
            let found = fs::symlink_metadata(&file)?;
            let evidence = if found.is_file() {
                self.file(&file, found.len())?.to_string().into_bytes()
            } else if found.is_symlink() {
                fs::read_link(&file)?.into_os_string().into_encoded_bytes()
            } else {
                Vec::new()
            };
            let relative = file.strip_prefix(root).unwrap_or(&file).as_os_str().as_encoded_bytes();
            update_sized(&mut hasher, relative);
            update_sized(&mut hasher, &evidence);
        }
        Ok(Some(version(VersionKind::Tree, &hasher)))
    }
}

fn hashed(path: &Path, limit: u64) -> io::Result<Version> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?.take(limit))?;
    Ok(version(VersionKind::Hash, &hasher))
}

fn sampled(path: &Path, size: u64) -> io::Result<Version> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    for offset in [0, size / 2 - SAMPLE.min(size) / 2, size.saturating_sub(SAMPLE)] {
        file.seek(SeekFrom::Start(offset))?;
        hasher.update_reader(Read::by_ref(&mut file).take(SAMPLE))?;
    }
    Ok(version(VersionKind::Sampled, &hasher))
}

/// The stores that this process has opened, by their real paths. Their files are never opened here: when a process closes
/// any handle of a file, it loses all its locks on it, those of SQLite among them.
/// Another thread may hold this while the process is forked, and a child has no connections but those it opens itself.
fn open_stores() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static OPEN_STORES: PerProcess<Mutex<BTreeSet<PathBuf>>> = PerProcess::new();
    OPEN_STORES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a store's files, and those that SQLite keeps beside it, are left alone.
pub(crate) fn leave_alone(store: &Path) {
    if let Ok(real) = fs::canonicalize(store) {
        open_stores().insert(real);
    }
}

/// Whether a path is that of an open store, of a file that SQLite keeps beside it, or of a folder for stores.
fn is_store(path: &Path) -> bool {
    if path.ends_with(STORE_FOLDER) {
        return true;
    }
    // Asked before the lock is taken: a file system that hangs must not hold up every other thread. The real path asks it
    // for every folder on the way, which takes longer than to read a small file, so the name is looked at first.
    let own_name = path.file_name().filter(|_| is_name_its_own(path));
    if own_name.is_some_and(|name| !is_beside_a_store(name, Path::file_name)) {
        return false;
    }
    fs::canonicalize(path).is_ok_and(|real| is_beside_a_store(real.as_os_str(), |store| Some(store.as_os_str())))
}

/// Whether the file that a path leads to has the last name of the path. A link may lead anywhere, and on other systems than
/// Linux a file answers to several spellings of its name.
fn is_name_its_own(path: &Path) -> bool {
    cfg!(target_os = "linux") && !path.is_symlink()
}

/// Whether a path, or a name, is that of an open store or of a file that SQLite keeps beside it.
fn is_beside_a_store(file: &OsStr, of_store: impl Fn(&Path) -> Option<&OsStr>) -> bool {
    open_stores().iter().filter_map(|store| of_store(store)).any(|store| {
        let beside = file.as_encoded_bytes().strip_prefix(store.as_encoded_bytes());
        beside.is_some_and(|end| [&b""[..], b"-wal", b"-shm", b"-journal"].contains(&end))
    })
}

/// Feeds a field to a hash with its length first, so that ("ab", "c") and ("a", "bc") differ.
pub(crate) fn update_sized(hasher: &mut blake3::Hasher, field: &[u8]) {
    hasher.update(&(field.len() as u64).to_le_bytes());
    hasher.update(field);
}

fn version(kind: VersionKind, hasher: &blake3::Hasher) -> Version {
    Version { kind, value: hasher.finalize().to_hex().to_string() }
}

/// The absolute path, by which the operating system finds the same file: where links are, `..` is not what it seems.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The absolute path without `.`, `..` and doubled separators, links not followed: a name, not to be opened.
pub(crate) fn lexically_clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in absolute(path).components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// A path as text. Where it is no UTF-8 its bytes are escaped, so that two such paths never get one name.
fn text(path: &OsStr) -> String {
    path.to_str().map_or_else(|| path.as_encoded_bytes().escape_ascii().to_string(), ToOwned::to_owned)
}

/// Whether a name may be that of a path that is no UTF-8, from which no path can be told.
pub(crate) fn may_be_escaped(name: &str) -> bool {
    let is_escape = |rest: &str| rest.starts_with(['8', '9', 'a', 'b', 'c', 'd', 'e', 'f']);
    cfg!(unix) && name.split("\\x").skip(1).any(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(root: &Path) -> Fingerprinter {
        Fingerprinter { root: Some(root.to_owned()), limit: 4 * SAMPLE }
    }

    #[test]
    fn every_spelling_of_a_path_inside_the_root_is_one_name() {
        let here = std::env::current_dir().unwrap();
        let names = at(&here);
        for spelling in ["x/y.csv", "./x/y.csv", "x//y.csv", "x/z/../y.csv"] {
            assert_eq!(names.name(Path::new(spelling)), "x/y.csv", "{spelling}");
        }
        assert_eq!(names.name(&here.join("x/y.csv")), "x/y.csv");
    }

    #[test]
    fn a_path_outside_the_root_keeps_its_absolute_name() {
        let names = at(Path::new("/project"));
        assert_eq!(names.name(Path::new("/project-two/x")), "/project-two/x");
        assert_eq!(names.name(Path::new("/project")), "/project");
        assert_eq!(names.name(Path::new("/../x")), "/x");
    }

    #[test]
    fn a_name_leads_back_to_its_path_if_it_is_one() {
        let names = at(Path::new("/project"));
        for path in ["/project/x/y.csv", "/elsewhere/y.csv", "/project"] {
            assert_eq!(names.path(&names.name(Path::new(path))).as_deref(), Some(Path::new(path)));
        }
        for name in ["s3://rides/y.csv", "x/../y.csv", "/project/./x"] {
            assert_eq!(names.path(name), None, "{name}");
        }
        assert_eq!(Fingerprinter { root: None, limit: 0 }.path("x/y.csv"), None, "nobody knows where it begins");
    }

    #[test]
    fn an_earlier_kind_of_version_is_measured_again_whatever_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "abc").unwrap();
        let [whole, sampling] = [4, 0].map(|limit| Fingerprinter { root: None, limit });
        for earlier in [whole.version(&path).unwrap(), sampling.version(&path).unwrap()] {
            for now in [&whole, &sampling] {
                assert_eq!(now.version_of_kind(&path, earlier.kind).unwrap().as_ref(), Some(&earlier));
            }
        }
        assert_eq!(whole.version_of_kind(&folder.path().join("none"), VersionKind::Hash).unwrap(), None);
        assert_eq!(whole.version_of_kind(&path.join("below-a-file"), VersionKind::Hash).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_no_utf8_keep_names_of_their_own() {
        use std::os::unix::ffi::OsStrExt;
        let names = Fingerprinter { root: None, limit: 0 };
        let [one, two] = [b"/a\xff", b"/a\xfe"].map(|bytes| names.name(Path::new(OsStr::from_bytes(bytes))));
        assert_ne!(one, two);
    }

    #[test]
    fn a_small_file_has_the_hash_that_b3sum_prints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "").unwrap();
        let version = at(folder.path()).version(&path).unwrap();
        assert_eq!(version.kind, VersionKind::Hash);
        // The published BLAKE3 test vector of the empty input.
        assert_eq!(version.value, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    }

    #[test]
    fn a_file_above_the_limit_is_sampled_and_a_change_of_its_end_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut bytes = vec![7_u8; 5 << 20];
        fs::write(&path, &bytes).unwrap();
        let before = at(folder.path()).version(&path).unwrap();
        *bytes.last_mut().unwrap() = 8;
        fs::write(&path, &bytes).unwrap();
        let after = at(folder.path()).version(&path).unwrap();
        assert_eq!(before.kind, VersionKind::Sampled);
        assert_ne!(before, after);
    }

    #[test]
    fn a_sampled_file_smaller_than_a_sample_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "abc").unwrap();
        let tiny = Fingerprinter { root: None, limit: 1 };
        assert_eq!(tiny.version(&path).unwrap().kind, VersionKind::Sampled);
    }

    #[test]
    fn a_folder_has_a_version_that_follows_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("t");
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("sub/a"), "1").unwrap();
        let before = at(folder.path()).version(&tree).unwrap();
        fs::rename(tree.join("sub/a"), tree.join("sub/b")).unwrap();
        let renamed = at(folder.path()).version(&tree).unwrap();
        fs::write(tree.join("sub/b"), "2").unwrap();
        let rewritten = at(folder.path()).version(&tree).unwrap();
        assert_eq!(before.kind, VersionKind::Tree);
        assert!(before != renamed && renamed != rewritten && before != rewritten);
    }

    #[cfg(unix)]
    #[test]
    fn an_open_store_is_left_alone_by_whatever_path_and_a_file_of_its_name_is_not() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::create_dir_all(inside("real")).unwrap();
        fs::create_dir_all(inside("other")).unwrap();
        for file in ["real/a.db", "real/a.db-wal", "real/b.csv", "other/a.db"] {
            fs::write(inside(file), "x").unwrap();
        }
        symlink("real", inside("link")).unwrap();
        symlink("real/a.db", inside("c.csv")).unwrap();
        symlink("c.csv", inside("d.csv")).unwrap();
        leave_alone(&inside("link/a.db"));
        let has_version = |path: &&str| at(folder.path()).version(&inside(path)).is_some();
        for store in ["real/a.db", "real/a.db-wal", "link/a.db", "link/a.db-wal", "c.csv", "d.csv", "link/../c.csv"] {
            assert!(!has_version(&store), "{store}");
        }
        for file in ["real/b.csv", "link/b.csv", "other/a.db"] {
            assert!(has_version(&file), "{file}");
        }
    }

    #[test]
    fn nothing_there_has_no_version() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(at(folder.path()).version(&folder.path().join("none")), None);
    }
}
