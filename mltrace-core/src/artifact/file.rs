//! The file of one version: a line that names the format, the value as `MessagePack`, and the hash of all before it. With
//! the hash at the end, one pass writes the file and gives both that hash and the version of the whole.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Version, VersionKind};

const FORMAT: u32 = 1;
/// The beginning of the first line, before the number of the format.
const MARK: &str = "mltrace-artifact ";
/// The beginning of the last line, before the hash.
const HASH: &str = "blake3:";
/// The last line, in bytes.
const TRAILER: usize = HASH.len() + 2 * blake3::OUT_LEN + 1;
/// In bytes; what BLAKE3 hashes at full speed.
const BUFFER: usize = 64 << 10;

fn first_line() -> String {
    format!("{MARK}{FORMAT}\n")
}

fn trailer(hasher: &blake3::Hasher) -> String {
    format!("{HASH}{}\n", hasher.finalize().to_hex())
}

fn version(hasher: &blake3::Hasher) -> Version {
    Version { kind: VersionKind::Hash, value: hasher.finalize().to_hex().to_string() }
}

/// Why a value was not written.
pub(super) enum Unwritten {
    Io(io::Error),
    Value(rmp_serde::encode::Error),
    /// It was written, and could not be loaded.
    Unreadable(rmp_serde::decode::Error),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rmp_serde::encode::Error> for Unwritten {
    fn from(error: rmp_serde::encode::Error) -> Self {
        match error {
            rmp_serde::encode::Error::InvalidValueWrite(error) => Self::Io(error.into()),
            other => Self::Value(other),
        }
    }
}

/// Fills an empty file, to the disk, and gives the version of the whole.
pub(super) fn write<T: Serialize + ?Sized>(file: &File, value: &T) -> Result<Version, Unwritten> {
    let mut out = BufWriter::with_capacity(BUFFER, Hashing { file, hasher: blake3::Hasher::new() });
    out.write_all(first_line().as_bytes())?;
    value.serialize(&mut rmp_serde::Serializer::new(&mut out).with_struct_map())?;
    out.flush()?;
    read_back(file)?;
    let trailer = trailer(&out.get_ref().hasher);
    out.write_all(trailer.as_bytes())?;
    out.flush()?;
    file.sync_all()?;
    Ok(version(&out.get_ref().hasher))
}

/// Reads a value that ends the file through: what nests deeper than loading follows, or was counted wrongly by its own
/// `Serialize`, must not be found out when it is needed. The file is at its end again afterwards.
fn read_back(mut file: &File) -> Result<(), Unwritten> {
    file.seek(SeekFrom::Start(first_line().len() as u64))?;
    let mut value = BufReader::with_capacity(BUFFER, file);
    IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(&mut value)).map_err(Unwritten::Unreadable)?;
    if value.fill_buf()?.is_empty() {
        return Ok(());
    }
    let uncounted = serde::de::Error::custom("it holds more than it says");
    Err(Unwritten::Unreadable(uncounted))
}

/// Hashes what it writes.
struct Hashing<'f> {
    file: &'f File,
    hasher: blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file whose hash has been checked.
#[derive(Debug)]
pub(super) struct Checked {
    file: File,
    /// Where the value begins, and its size, in bytes.
    value: (u64, u64),
    /// Of the whole file.
    pub(super) version: Version,
}

impl Checked {
    /// Reads the file through once.
    pub(super) fn read(path: &Path, mut file: File) -> Result<Self> {
        let io_error = |source: io::Error| super::io_error("read", path, source);
        let begin = check_first_line(path, &mut file).map_err(io_error)??;
        let size = file.metadata().map_err(io_error)?.len();
        let end = size.checked_sub(TRAILER as u64).filter(|&end| end >= begin).ok_or_else(|| cut_off(path))?;
        let mut hasher = blake3::Hasher::new();
        file.seek(SeekFrom::Start(0)).map_err(io_error)?;
        hasher.update_reader(Read::by_ref(&mut file).take(end)).map_err(io_error)?;
        let mut found = [0; TRAILER];
        file.read_exact(&mut found).map_err(io_error)?;
        if !found.starts_with(HASH.as_bytes()) || !found.ends_with(b"\n") {
            return Err(cut_off(path));
        }
        if found != trailer(&hasher).as_bytes() {
            let what = "does not hold what was saved: the hash of its content is not the one at its end";
            return Err(damaged(path, what));
        }
        hasher.update(&found);
        Ok(Self { file, value: (begin, end - begin), version: version(&hasher) })
    }

    pub(super) fn decode<T: DeserializeOwned>(mut self, path: &Path) -> Result<T> {
        let io_error = |source: io::Error| super::io_error("read", path, source);
        let (begin, size) = self.value;
        self.file.seek(SeekFrom::Start(begin)).map_err(io_error)?;
        let mut value = BufReader::with_capacity(BUFFER, self.file.take(size));
        let decoded = T::deserialize(&mut rmp_serde::Deserializer::new(&mut value));
        let decoded = decoded.map_err(|source| match unreadable(source) {
            Ok(source) => io_error(source),
            Err(source) => wrong_type(path, &source.to_string()).with_source(source),
        })?;
        if value.fill_buf().map_err(io_error)?.is_empty() {
            Ok(decoded)
        } else {
            Err(wrong_type(path, "there is more to its value"))
        }
    }
}

/// The error of the file behind one of decoding, if that is what it is. A value that ends early is none: the hash was right.
fn unreadable(error: rmp_serde::decode::Error) -> Result<io::Error, rmp_serde::decode::Error> {
    use rmp_serde::decode::Error::{InvalidDataRead, InvalidMarkerRead};
    match error {
        InvalidMarkerRead(source) | InvalidDataRead(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Ok(source)
        }
        other => Err(other),
    }
}

/// Where the value begins, if the first line is that of an artifact that can be read here.
fn check_first_line(path: &Path, file: &mut File) -> io::Result<Result<u64>> {
    const LONGEST: u64 = 64;
    let expected = first_line();
    let mut begin = Vec::new();
    Read::by_ref(file).take(LONGEST).read_to_end(&mut begin)?;
    if begin.starts_with(expected.as_bytes()) {
        return Ok(Ok(expected.len() as u64));
    }
    if expected.as_bytes().starts_with(&begin) {
        return Ok(Err(cut_off(path)));
    }
    Ok(Err(match format_of(&begin) {
        Some(format) if format > FORMAT => {
            let message = format!(
                "{} is an artifact of format {format}, and this mltrace reads up to {FORMAT}: update mltrace",
                path.display()
            );
            Error::new(ErrorKind::NewerArtifact, message)
        }
        _ => {
            let message = format!(
                "{} is not an artifact that mltrace saved: move it elsewhere, or load another version",
                path.display()
            );
            Error::new(ErrorKind::NotAnArtifact, message)
        }
    }))
}

fn format_of(begin: &[u8]) -> Option<u32> {
    let rest = begin.strip_prefix(MARK.as_bytes())?;
    let end = rest.iter().position(|&byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn cut_off(path: &Path) -> Error {
    damaged(path, "is cut off: the line that ends an artifact is missing")
}

fn damaged(path: &Path, what: &str) -> Error {
    let advice = "restore it from a copy, or load an earlier version by its number";
    Error::new(ErrorKind::Damaged, format!("{} {what}; {advice}", path.display()))
}

fn wrong_type(path: &Path, why: &str) -> Error {
    let message = format!(
        "{} is whole, but not of the type that was asked for: {why}. Load it as what was saved",
        path.display()
    );
    Error::new(ErrorKind::WrongType, message)
}
