//! Values saved as numbered versions that never change.

mod file;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempPath;

use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::absolute;
use crate::model::Version;
use file::{Checked, Unwritten};

/// The ending of a version's file.
const ENDING: &str = ".msgpack";

/// One version of a value that a program saved, such as a trained model.
///
/// The versions of `models/high_tip` are the files `v1.msgpack`, `v2.msgpack` and so on in a folder of that name, numbered
/// in the order in which they were saved. A version appears whole or not at all, also when its writer is killed, and it is
/// never replaced. Whatever else lies in the folder is left alone. What a killed writer leaves there begins with
/// `.unfinished-`, counts as nothing and may be removed.
///
/// A run saves and loads with [`RunHandle::save`](crate::RunHandle::save) and [`load`](crate::RunHandle::load). A program
/// that loads a model once, for many runs, gives the artifact to each as an input:
///
/// ```
/// use mltrace_core::{Artifact, ComponentRun, Tracer};
///
/// # let folder = tempfile::tempdir()?;
/// # let models = folder.path().join("models/high_tip");
/// let tracer = Tracer::in_memory()?;
/// let mut training = ComponentRun::new("train");
/// training.start().save(&vec![0.25, 0.5], &models)?;
/// training.end();
/// let training = tracer.log_component_run(training)?;
///
/// let model = Artifact::latest(&models)?;
/// let weights: Vec<f64> = model.load()?;
/// assert_eq!((model.number, weights), (1, vec![0.25, 0.5]));
/// for batch in ["monday", "tuesday"] {
///     let mut serving = ComponentRun::new("serve");
///     serving.start().add_input(&model).add_output(batch).end();
///     let serving = tracer.log_component_run(serving)?;
///     assert_eq!(tracer.run(serving)?.dependencies[0].run, training);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The file
/// The line `mltrace-artifact 1`; the value as [MessagePack](https://msgpack.org), structs with their field names, which
/// any language reads; and the line `blake3:` with the hash of everything before it, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Artifact {
    /// What the program calls it: the path of its folder.
    pub name: String,
    /// The number of this version, from 1.
    pub number: u64,
    /// The file that holds it.
    pub path: PathBuf,
    /// The hash of the whole file, as `b3sum` prints it.
    pub version: Version,
}

impl Artifact {
    /// Saves a value as the next version. A relative name is taken from the working directory.
    ///
    /// No run is told of it: see [`RunHandle::save`](crate::RunHandle::save).
    ///
    /// # Errors
    /// The name is empty, or the value cannot be encoded or could not be loaded again, such as one nested more than 1,024
    /// levels deep ([`ErrorKind::Invalid`]); or the file cannot be written ([`ErrorKind::Io`]). No version was saved.
    pub fn save<T: Serialize + ?Sized>(value: &T, name: impl AsRef<Path>) -> Result<Self> {
        let versions = Versions::of(name.as_ref())?;
        let (temporary, version) = versions.write(value)?;
        let number = versions.claim(temporary)?;
        Ok(versions.artifact(number, version))
    }

    /// The latest version: the one with the greatest number.
    ///
    /// # Errors
    /// There is no version ([`ErrorKind::NotFound`]), or the latest is damaged ([`ErrorKind::Damaged`]), no artifact
    /// ([`ErrorKind::NotAnArtifact`]) or that of a newer mltrace ([`ErrorKind::NewerArtifact`]), or it cannot be read. An
    /// earlier version never stands in for it.
    pub fn latest(name: impl AsRef<Path>) -> Result<Self> {
        Opened::latest(name.as_ref()).map(|opened| opened.artifact)
    }

    /// The version with a number.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub fn numbered(name: impl AsRef<Path>, number: u64) -> Result<Self> {
        Opened::numbered(name.as_ref(), number).map(|opened| opened.artifact)
    }

    /// The value.
    ///
    /// # Errors
    /// It is of another type ([`ErrorKind::WrongType`]), or the file was removed, damaged or replaced meanwhile.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T> {
        let opened = Opened::at(self.name.clone(), self.number, self.path.clone())?;
        if opened.artifact.version == self.version {
            return opened.decode();
        }
        let message =
            format!("{} was replaced since it was found, which no version ever should be", self.path.display());
        Err(Error::new(ErrorKind::Damaged, message))
    }

    /// The folder of all versions.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

/// The number of the version in a file, given by the name of the file and that of the artifact.
pub(crate) fn number_of(file: &str, artifact: &str) -> Option<u64> {
    number(file.strip_prefix(artifact)?.strip_prefix(std::path::is_separator)?)
}

fn number(file_name: &str) -> Option<u64> {
    let number = file_name.strip_prefix('v')?.strip_suffix(ENDING)?.parse().ok()?;
    // `v07` and `v+7` are somebody else's.
    (file_name == file_name_of(number)).then_some(number)
}

fn file_name_of(number: u64) -> String {
    format!("v{number}{ENDING}")
}

/// A version that has been read once and is whole.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) artifact: Artifact,
    file: Checked,
}

impl Opened {
    pub(crate) fn latest(name: &Path) -> Result<Self> {
        let versions = Versions::of(name)?;
        let number = versions.newest()?.ok_or_else(|| {
            let message =
                format!("there is no version of `{}` in {}: save one first", versions.name, versions.folder.display());
            Error::new(ErrorKind::NotFound, message)
        })?;
        Self::at(versions.name.clone(), number, versions.file(number))
    }

    pub(crate) fn numbered(name: &Path, number: u64) -> Result<Self> {
        let versions = Versions::of(name)?;
        let path = versions.file(number);
        if path.exists() {
            return Self::at(versions.name, number, path);
        }
        let known = match versions.newest()? {
            Some(newest) => format!("the latest is {newest}"),
            None => "there is none at all, save one first".to_owned(),
        };
        let message =
            format!("there is no version {number} of `{}` in {}: {known}", versions.name, versions.folder.display());
        Err(Error::new(ErrorKind::NotFound, message))
    }

    fn at(name: String, number: u64, path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|source| io_error("read", &path, source))?;
        let file = Checked::read(&path, file)?;
        let version = file.version.clone();
        Ok(Self { artifact: Artifact { name, number, path, version }, file })
    }

    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<T> {
        self.file.decode(&self.artifact.path)
    }
}

/// The versions of one artifact.
struct Versions {
    name: String,
    /// Absolute, so that it stays the same when the working directory changes.
    folder: PathBuf,
}

impl Versions {
    fn of(name: &Path) -> Result<Self> {
        if name.as_os_str().is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the artifact's name is empty: give it one, such as models/high_tip",
            ));
        }
        Ok(Self { name: name.to_string_lossy().into_owned(), folder: absolute(name) })
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.join(file_name_of(number))
    }

    fn artifact(self, number: u64, version: Version) -> Artifact {
        Artifact { path: self.file(number), name: self.name, number, version }
    }

    /// The greatest number there is.
    fn newest(&self) -> Result<Option<u64>> {
        let read = || -> io::Result<Option<u64>> {
            let mut newest = None;
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                let number = entry.file_name().to_str().and_then(number);
                if number > newest && !entry.file_type()?.is_dir() {
                    newest = number;
                }
            }
            Ok(newest)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map_err(|source| io_error("read", &self.folder, source)),
        }
    }

    /// Writes a value to a file beside the versions. Dropping its path removes it; if the program is killed it stays, and
    /// counts as nothing.
    fn write<T: Serialize + ?Sized>(&self, value: &T) -> Result<(TempPath, Version)> {
        let write_error = |source| io_error("write", &self.folder, source);
        make_folder(&self.folder).map_err(write_error)?;
        let temporary = unfinished().tempfile_in(&self.folder).map_err(write_error)?;
        let version = file::write(temporary.as_file(), value).map_err(|unwritten| match unwritten {
            Unwritten::Io(source) => write_error(source),
            Unwritten::Value(source) => {
                let message = format!("the value for `{}` cannot be encoded: {source}; nothing was saved", self.name);
                Error::new(ErrorKind::Invalid, message).with_source(source)
            }
            Unwritten::Unreadable(source) => {
                let message =
                    format!("the value for `{}` could not be loaded again: {source}; nothing was saved", self.name);
                Error::new(ErrorKind::Invalid, message).with_source(source)
            }
        })?;
        Ok((temporary.into_temp_path(), version))
    }

    /// Gives a file the next number that nobody has. Between two writers the file system decides.
    fn claim(&self, mut temporary: TempPath) -> Result<u64> {
        let mut number = self.newest()?.unwrap_or(0);
        loop {
            number = number.checked_add(1).ok_or_else(|| {
                let message = format!("{} is full: no number is left; nothing was saved", self.folder.display());
                Error::new(ErrorKind::Invalid, message)
            })?;
            match temporary.persist_noclobber(self.file(number)) {
                Ok(()) => break,
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => temporary = taken.path,
                Err(failed) => return Err(io_error("write", &self.file(number), failed.error)),
            }
        }
        // The version is there and whole, so this is no failure; some file systems cannot do it.
        if let Err(error) = sync_folder(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a saved version may not survive a loss of power");
        }
        Ok(number)
    }
}

/// A file that vanishes unless it is given a name of its own, for everyone to read as far as the umask says.
fn unfinished() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Makes a folder and those above it, to the disk.
fn make_folder(folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent().filter(|_| !folder.is_dir()) else { return Ok(()) };
    make_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }?;
    // As far as the file system can: see `Versions::claim`.
    let _synced = sync_folder(parent);
    Ok(())
}

/// Makes what a folder lists survive a loss of power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn io_error(verb: &str, path: &Path, source: io::Error) -> Error {
    let advice = match source.kind() {
        io::ErrorKind::NotFound => "it is not there",
        io::ErrorKind::StorageFull => "free some space and save again",
        _ => "check that this user may, and that only folders stand above it",
    };
    let message = format!("cannot {verb} {}: {source}; {advice}", path.display());
    Error::new(ErrorKind::Io, message).with_source(source)
}
