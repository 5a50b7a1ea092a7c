//! One opaque error, so that no upstream error type becomes part of the public API: the driver of the store can change
//! without breaking anyone. Callers branch on [`ErrorKind`]; people read the message, which says what to do.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What went wrong, in a sentence that says what to do about it.
///
/// ```
/// use mltrace_core::{ErrorKind, Tracer};
///
/// let error = Tracer::in_memory()?.run(mltrace_core::RunId(7)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(error.to_string().contains("no run 7"));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    /// Shared, for one failure can be that of several runs.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value that was given cannot be stored; nothing was written.
    Invalid,
    /// There is no such run, component, pointer or artifact.
    NotFound,
    /// The file is not an mltrace store; it was left as it was.
    NotAStore,
    /// The file is a store or an artifact, but damaged.
    Damaged,
    /// The file is not an artifact that mltrace saved.
    NotAnArtifact,
    /// The artifact was saved by a newer mltrace than this one understands.
    NewerArtifact,
    /// The artifact holds a value of another type than the one that was asked for.
    WrongType,
    /// The store was written by a newer mltrace than this one understands.
    NewerStore,
    /// The store can be read, but not written.
    ReadOnly,
    /// The store stayed locked by another process for longer than the busy time-out.
    Busy,
    /// The operating system refused: no permission, no space, no such folder, an I/O error.
    Io,
    /// A global tracer is already set.
    AlreadyInitialised,
    /// A function that is `blocking` did not run, because a check before it failed.
    CheckFailed,
    /// A function with `deny_retracted` did not run, because what it would have read carries a retracted label.
    Retracted,
    /// A fault in mltrace itself.
    Internal,
}

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What kind of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Which field of a run that was given is to blame, as a JSON pointer (RFC 6901) into the JSON of a run, such as
    /// `/inputs/3/name`; `None` where that is not known.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The same error, of a field of a run.
    pub(crate) fn of_field(mut self, field: impl fmt::Display) -> Self {
        self.0.field.get_or_insert_with(|| field.to_string());
        self
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), field: None, source: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The same error once more, where what failed was done for several.
    pub(crate) fn again(&self) -> Self {
        let Inner { kind, message, field, source } = &*self.0;
        let (message, field, source) = (message.clone(), field.clone(), source.clone());
        Self(Box::new(Inner { kind: *kind, message, field, source }))
    }

    /// Whether it lies in what was to be written, and not in the store.
    pub(crate) fn is_of_what_was_written(&self) -> bool {
        matches!(self.kind(), ErrorKind::Invalid | ErrorKind::Internal)
    }

    /// Whether it lies in the place where the store is, and passes with that.
    pub(crate) fn is_of_the_place(&self) -> bool {
        use ErrorKind::{Busy, Io, NewerStore, NotAStore, NotFound, ReadOnly};
        matches!(self.kind(), Io | Busy | ReadOnly | NotFound | NotAStore | NewerStore)
    }

    /// The same error, its message followed by what came of it.
    pub(crate) fn then(mut self, outcome: &str) -> Self {
        self.0.message = format!("{}; {outcome}", self.0.message);
        self
    }

    /// The same error, its message led by where it happened.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
