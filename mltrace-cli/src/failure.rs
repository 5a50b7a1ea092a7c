use std::{fmt, io};

use mltrace_core::ErrorKind;

/// Why a command did not answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did, and the answer is one that `--exit-code` tells scripts of.
    No,
    /// What was asked for is not there, or cannot be asked so.
    Question(String),
    /// The store cannot be read, or not be written.
    Store(String),
    /// The answer cannot be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::No => 1,
            Self::Question(_) => 2,
            Self::Store(_) | Self::Output(_) => 3,
        }
    }

    /// The reader has seen enough, as `head` has after ten lines.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Question(message) | Self::Store(message) => f.write_str(message),
            Self::Output(error) => write!(f, "the answer cannot be written: {error}"),
        }
    }
}

impl From<mltrace_core::Error> for Failure {
    fn from(error: mltrace_core::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::Invalid => Self::Question(error.to_string()),
            _ => Self::Store(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
