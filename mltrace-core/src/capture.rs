//! From a value of the program to the things it names.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use uuid::Uuid;

use crate::artifact::Artifact;
use crate::model::IoPointer;

/// A value that names what a run reads or writes.
///
/// Strings are names as they are; paths are names of files, and get a version of their content. Collections name each of
/// their elements; `None` names nothing. Numbers are no I/O.
///
/// ```
/// use mltrace_core::{Capture, Captured};
///
/// let mut seen = Vec::new();
/// Some(vec!["a.csv", "b.csv"]).capture(&mut |captured| seen.push(captured));
/// assert_eq!(seen, [Captured::Name("a.csv".into()), Captured::Name("b.csv".into())]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name anything a run can read or write",
    label = "not a string, a path, an id, an `IoPointer`, or a collection of these",
    note = "a number or a setting belongs in `params(..)`; for a type of your own, capture its path or name"
)]
pub trait Capture {
    /// Hands each thing that this value names to `each`.
    fn capture(&self, each: &mut dyn FnMut(Captured));
}

/// One thing that a value names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Captured {
    /// A bare name.
    Name(String),
    /// A file or a directory.
    Path(PathBuf),
    /// A pointer that is complete as it is.
    Pointer(IoPointer),
    /// A version of an artifact.
    Artifact(Artifact),
}

impl Capture for str {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        each(Captured::Name(self.to_owned()));
    }
}

impl Capture for Path {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        each(Captured::Path(self.to_owned()));
    }
}

impl Capture for Uuid {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        each(Captured::Name(self.to_string()));
    }
}

impl Capture for Artifact {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        each(Captured::Artifact(self.clone()));
    }
}

impl Capture for IoPointer {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        each(Captured::Pointer(self.clone()));
    }
}

macro_rules! capture_through {
    ($($(#[$meta:meta])* [$($generics:tt)*] $type:ty => $target:ty;)*) => {$(
        impl<$($generics)*> Capture for $type {
            fn capture(&self, each: &mut dyn FnMut(Captured)) {
                let target: &$target = self;
                target.capture(each);
            }
        }
    )*};
}

capture_through! {
    [] String => str;
    [] PathBuf => Path;
    [T: Capture + ?Sized] &T => T;
    [T: Capture + ?Sized] &mut T => T;
    [T: Capture + ?Sized] Box<T> => T;
    [T: Capture + ?Sized] Rc<T> => T;
    [T: Capture + ?Sized] Arc<T> => T;
    [B: Capture + ToOwned + ?Sized] Cow<'_, B> => B;
    [T: Capture] Vec<T> => [T];
    [T: Capture, const N: usize] [T; N] => [T];
}

macro_rules! capture_each {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Capture for $type {
            fn capture(&self, each: &mut dyn FnMut(Captured)) {
                for item in self {
                    item.capture(each);
                }
            }
        }
    )*};
}

capture_each! {
    [T: Capture] [T];
    [T: Capture] VecDeque<T>;
    [T: Capture] BTreeSet<T>;
    [T: Capture, S] HashSet<T, S>;
}

impl<T: Capture> Capture for Option<T> {
    fn capture(&self, each: &mut dyn FnMut(Captured)) {
        if let Some(value) = self {
            value.capture(each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(value: &(impl Capture + ?Sized)) -> Vec<Captured> {
        let mut seen = Vec::new();
        value.capture(&mut |one| seen.push(one));
        seen
    }

    #[test]
    fn strings_are_names_and_paths_are_paths() {
        assert_eq!(captured("a"), [Captured::Name("a".into())]);
        assert_eq!(captured(&String::from("a")), [Captured::Name("a".into())]);
        assert_eq!(captured(Path::new("a")), [Captured::Path("a".into())]);
        assert_eq!(captured(&Cow::Borrowed(Path::new("a"))), [Captured::Path("a".into())]);
    }

    #[test]
    fn nested_collections_name_each_element() {
        let value = Some(Box::new([vec!["a", "b"], vec![]]));
        assert_eq!(captured(&value), [Captured::Name("a".into()), Captured::Name("b".into())]);
    }

    #[test]
    fn none_and_empty_collections_name_nothing() {
        assert!(captured(&None::<PathBuf>).is_empty());
        assert!(captured(&Vec::<String>::new()).is_empty());
    }
}
