//! What the attribute's expansion says to a run.

use crate::model::PointerType;

/// What `#[component]` knows of a function when it is compiled.
#[derive(Debug)]
pub struct Meta {
    /// The component's name.
    pub name: &'static str,
    /// Whom to ask about it.
    pub owner: Option<&'static str>,
    /// What it does.
    pub description: Option<&'static str>,
    /// Its tags.
    pub tags: &'static [&'static str],
    /// The age after which its runs count as old, in seconds.
    pub stale_after_secs: Option<u64>,
    /// Its runs are only queued when they end, as with [`crate::TracerBuilder::buffered`].
    pub buffered: bool,
    /// The source file.
    pub file: &'static str,
    /// The line of the function, from 1.
    pub line: u32,
    /// The function's own text.
    pub source: &'static str,
    /// Its tokens: two texts of the same tokens are one snapshot.
    pub tokens: &'static str,
    /// The folder of the crate that the function stands in, where it was built.
    pub manifest_dir: Option<&'static str>,
    /// The version of that crate.
    pub crate_version: &'static str,
    /// The commit that the build script stated.
    pub commit: Option<&'static str>,
    /// Compiled for the crate's own unit tests: runs go to memory unless a tracer is set.
    pub in_unit_test: bool,
}

/// Which list of the attribute a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `inputs(..)`.
    Input,
    /// `outputs(..)`.
    Output,
    /// `labels(..)`.
    Label,
}

/// A name in the attribute that values are bound to.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// The name, `return` for the returned value.
    pub name: &'static str,
    /// The list it stands in.
    pub direction: Direction,
    /// The type stated there; labels have none.
    pub pointer_type: Option<PointerType>,
    /// The binding stands in a loop, so every value counts; else a later one replaces the earlier.
    pub each: bool,
    /// The binding hides an earlier one of its block, so what that recorded does not count.
    pub shadows: bool,
}

/// How the function returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It returned a value that is no error.
    Completed,
    /// It returned `Err`, with this message.
    Failed(String),
}
