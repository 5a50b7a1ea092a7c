//! How enums and ids are written in columns. The numbers are part of the file format: never renumber.

use uuid::Uuid;

use super::engine::Value;
use super::{ComponentId, Describes, NameId, VersionId};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CheckStatus, CommitSource, Match, PointerType, RunId, Status, VersionKind};

macro_rules! coded {
    ($($type:ty { $($code:literal = $variant:path,)* })*) => {$(
        impl Coded for $type {
            fn code(self) -> i64 {
                #[allow(unreachable_patterns, reason = "some enums have variants that are never stored")]
                match self { $($variant => $code,)* _ => -1 }
            }

            fn decode(code: i64) -> Result<Self> {
                match code { $($code => Ok($variant),)* _ => Err(unknown(stringify!($type), code)) }
            }
        }
    )*};
}

/// An enum with a number in the file.
pub(super) trait Coded: Sized {
    fn code(self) -> i64;
    fn decode(code: i64) -> Result<Self>;
}

coded! {
    Status {
        0 = Status::Running,
        1 = Status::Completed,
        2 = Status::Failed,
        3 = Status::Panicked,
        4 = Status::Cancelled,
    }
    PointerType {
        0 = PointerType::Unknown,
        1 = PointerType::Data,
        2 = PointerType::Model,
        3 = PointerType::Endpoint,
    }
    VersionKind {
        0 = VersionKind::Hash,
        1 = VersionKind::Sampled,
        2 = VersionKind::Tree,
        3 = VersionKind::Stated,
    }
    Match {
        1 = Match::Version,
        2 = Match::Name,
        3 = Match::Declared,
    }
    CheckStatus {
        0 = CheckStatus::Failed,
        1 = CheckStatus::Passed,
    }
    Describes {
        0 = Describes::Purpose,
        1 = Describes::Owner,
        2 = Describes::Tag,
    }
}

/// Stands in `input.match` where no run is known to have written the input.
pub(super) const UNRESOLVED: i64 = 0;

pub(super) fn commit_source(text: &str) -> Result<CommitSource> {
    match text {
        "build" => Ok(CommitSource::Build),
        "cwd" => Ok(CommitSource::Cwd),
        _ => Err(damaged(&format!("an unknown source of a commit, `{text}`"))),
    }
}

pub(super) fn commit_source_text(source: CommitSource) -> &'static str {
    match source {
        CommitSource::Build => "build",
        CommitSource::Cwd => "cwd",
    }
}

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|source| damaged("a uuid that is none").with_source(source))
}

/// A measured version is kept as bytes, a stated one as its text.
pub(super) fn version_bytes(kind: VersionKind, value: &str) -> Result<Vec<u8>> {
    if kind == VersionKind::Stated {
        return Ok(value.as_bytes().to_vec());
    }
    let digits = value.as_bytes();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect()).flatten();
    bytes.ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{value}` is not a {kind} version: write it as hexadecimal digits"))
    })
}

pub(super) fn version_text(kind: VersionKind, bytes: &[u8]) -> Result<String> {
    if kind == VersionKind::Stated {
        return String::from_utf8(bytes.to_vec())
            .map_err(|source| damaged("a version that is no text").with_source(source));
    }
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// The 64-bit key under which a text or a version is looked up; collisions are told apart by the content.
pub(super) fn key(bytes: &[u8]) -> i64 {
    let hash = blake3::hash(bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(first)
}

fn unknown(what: &str, code: i64) -> Error {
    damaged(&format!("an unknown {what}, {code}"))
}

pub(super) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the store holds {what}: it is damaged, or was written by a newer mltrace"))
}

impl From<RunId> for Value<'_> {
    fn from(id: RunId) -> Self {
        Self::Integer(id.0)
    }
}

impl From<NameId> for Value<'_> {
    fn from(id: NameId) -> Self {
        Self::Integer(id.0)
    }
}

impl From<VersionId> for Value<'_> {
    fn from(id: VersionId) -> Self {
        Self::Integer(id.0)
    }
}

impl From<ComponentId> for Value<'_> {
    fn from(id: ComponentId) -> Self {
        Self::Integer(id.0)
    }
}
