//! Checks that everyone writes, and what a check may give.
//!
//! A check is an expression in `before(..)` or `after(..)` of `#[component]`, or a result that a run is told
//! ([`RunHandle::check`](crate::RunHandle::check), [`ComponentRun::check`](crate::ComponentRun::check)). It gives `bool`
//! or `Result<(), E>` with an error that can be shown; the functions here give the latter, with the numbers in the
//! message.
//!
//! ```
//! use mltrace_core::check;
//!
//! let fares = [7.5, 12.0, -3.0];
//! assert_eq!(check::row_count(fares.len(), 1..), Ok(()));
//! let message = check::in_range(&fares, 0.0..=500.0).unwrap_err();
//! assert_eq!(message, "1 of 3 values is out of range: -3 at position 2; expected at least 0 and at most 500");
//! ```

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{Debug, Display};
use std::fs;
use std::hash::Hash;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::time::Duration;

use crate::model::{Check, CheckStatus};

/// What a check gives: `bool`, or a `Result<(), E>` whose error can be shown.
///
/// ```
/// use mltrace_core::check::CheckResult;
///
/// assert_eq!(true.verdict(), Ok(()));
/// assert_eq!(false.verdict(), Err(None));
/// assert_eq!(Err("no rows").verdict(), Err(Some("no rows".to_owned())));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the result of a check",
    label = "neither `bool` nor a `Result<(), E>` whose `E` can be displayed",
    note = "compare it, as in `rows > 0`, or take one of the functions of `mltrace::check`"
)]
pub trait CheckResult {
    /// Whether the check held; if not, why, if it says so.
    fn verdict(self) -> Result<(), Option<String>>;
}

impl CheckResult for bool {
    fn verdict(self) -> Result<(), Option<String>> {
        if self { Ok(()) } else { Err(None) }
    }
}

impl<E: Display> CheckResult for Result<(), E> {
    /// The alternate form is where some errors tell their sources.
    fn verdict(self) -> Result<(), Option<String>> {
        self.map_err(|error| Some(format!("{error:#}")))
    }
}

/// A check that has been made.
pub(crate) fn concluded(name: String, verdict: Result<(), Option<String>>) -> Check {
    let (status, message) = match verdict {
        Ok(()) => (CheckStatus::Passed, None),
        Err(message) => (CheckStatus::Failed, message),
    };
    Check { name, status, message }
}

/// There are as many rows as expected.
///
/// ```
/// use mltrace_core::check::row_count;
///
/// assert_eq!(row_count(120, 100..=200), Ok(()));
/// assert_eq!(row_count(57, 100..).unwrap_err(), "57 rows, expected at least 100");
/// ```
pub fn row_count<N: Copy + PartialOrd + Display>(rows: N, expected: impl RangeBounds<N>) -> Result<(), String> {
    if expected.contains(&rows) { Ok(()) } else { Err(format!("{rows} rows, expected {}", words(&expected))) }
}

/// At most such a share of the values is `None`; the share lies between 0 and 1. Of no values none is null.
///
/// ```
/// use mltrace_core::check::null_share;
///
/// let fares = [Some(7.5), None, Some(12.0), None];
/// assert_eq!(null_share(&fares, 0.5), Ok(()));
/// assert_eq!(null_share(&fares, 0.01).unwrap_err(), "2 of 4 values are null, a share of 0.5; expected at most 0.01");
/// // Where missing numbers are NaN:
/// let tips = [0.5, f64::NAN];
/// assert!(null_share(tips.map(|tip| (!tip.is_nan()).then_some(tip)), 0.1).is_err());
/// ```
pub fn null_share<T>(values: impl IntoIterator<Item: Borrow<Option<T>>>, at_most: f64) -> Result<(), String> {
    let (mut nulls, mut total) = (0_u32, 0_u32);
    for value in values {
        total = total.saturating_add(1);
        nulls = nulls.saturating_add(value.borrow().is_none().into());
    }
    let share = if total == 0 { 0.0 } else { f64::from(nulls) / f64::from(total) };
    if share <= at_most {
        return Ok(());
    }
    let (found, share) = (some_of(nulls, total, "null"), told_apart(share, at_most));
    Err(format!("{found}, a share of {share}; expected at most {at_most}"))
}

/// Every value lies in the range. NaN lies in none.
///
/// ```
/// use mltrace_core::check::in_range;
///
/// assert_eq!(in_range(&[0.0, 0.31], 0.0..=1.0), Ok(()));
/// let message = in_range([3, 12, 15], 1..=12).unwrap_err();
/// assert_eq!(message, "1 of 3 values is out of range: 15 at position 2; expected at least 1 and at most 12");
/// assert!(in_range([f64::NAN], ..).is_err());
/// ```
pub fn in_range<T: PartialOrd + Display>(
    values: impl IntoIterator<Item: Borrow<T>>,
    range: impl RangeBounds<T>,
) -> Result<(), String> {
    let (mut outside, mut total) = (0_u32, 0_u32);
    let mut first = None;
    for value in values {
        let value = value.borrow();
        // What is not even equal to itself is no number.
        #[allow(clippy::eq_op, reason = "NaN is not equal to itself")]
        let is_number = value == value;
        if !is_number || !range.contains(value) {
            outside = outside.saturating_add(1);
            first.get_or_insert_with(|| format!("{value} at position {total}"));
        }
        total = total.saturating_add(1);
    }
    match first {
        None => Ok(()),
        Some(first) => {
            let found = some_of(outside, total, "out of range");
            let first = if outside > 1 { format!("first {first}") } else { first };
            Err(format!("{found}: {first}; expected {}", words(&range)))
        }
    }
}

/// No value occurs twice.
///
/// ```
/// use mltrace_core::check::unique;
///
/// assert_eq!(unique(["a", "b"]), Ok(()));
/// let message = unique(["a", "b", "a", "b"]).unwrap_err();
/// assert_eq!(message, "2 of 4 values are repeated: first \"a\" at positions 0 and 2");
/// ```
pub fn unique<T: Eq + Hash + Debug>(values: impl IntoIterator<Item = T>) -> Result<(), String> {
    let mut seen = HashMap::new();
    let (mut repeated, mut total) = (0_u32, 0_u32);
    let mut first = None;
    for value in values {
        match seen.entry(value) {
            Entry::Vacant(place) => {
                place.insert(total);
            }
            Entry::Occupied(earlier) => {
                repeated = repeated.saturating_add(1);
                first.get_or_insert_with(|| format!("{:?} at positions {} and {total}", earlier.key(), earlier.get()));
            }
        }
        total = total.saturating_add(1);
    }
    match first {
        None => Ok(()),
        Some(first) => {
            let found = some_of(repeated, total, "repeated");
            Err(format!("{found}: {}{first}", if repeated > 1 { "first " } else { "" }))
        }
    }
}

/// The file was changed no longer ago than this age: a whole number and `s`, `m`, `h`, `d` or `w`. What tells is its
/// modification time; of a directory its own, which changes with its list of files.
///
/// ```
/// use mltrace_core::check::fresh;
///
/// # let folder = tempfile::tempdir()?;
/// let raw = folder.path().join("raw.csv");
/// std::fs::write(&raw, "7.5\n")?;
/// assert_eq!(fresh(&raw, "36h"), Ok(()));
/// assert!(fresh("no/such/raw.csv", "36h").unwrap_err().starts_with("`no/such/raw.csv` cannot be read: "));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fresh(path: impl AsRef<Path>, at_most: &str) -> Result<(), String> {
    let path = path.as_ref();
    let limit = duration(at_most)
        .ok_or_else(|| format!("`{at_most}` is no age: write a whole number and s, m, h, d or w, as in \"36h\""))?;
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    // A file from the future is as fresh as can be.
    let age = modified.elapsed().unwrap_or_default();
    if age <= limit {
        return Ok(());
    }
    Err(format!("`{}` was last changed {} ago, expected at most {at_most}", path.display(), rounded(age)))
}

const UNITS: [(char, u64); 5] = [('w', 7 * 24 * 60 * 60), ('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

fn duration(text: &str) -> Option<Duration> {
    let (_, each) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(each).map(Duration::from_secs)
}

/// An age in the greatest unit of which it has at least two: weeks say too little.
fn rounded(age: Duration) -> String {
    let seconds = age.as_secs();
    let (unit, each) = UNITS.into_iter().skip(1).find(|(_, each)| seconds >= 2 * each).unwrap_or(('s', 1));
    format!("{}{unit}", seconds / each)
}

fn some_of(some: u32, total: u32, what: &str) -> String {
    format!(
        "{some} of {total} {} {} {what}",
        if total == 1 { "value" } else { "values" },
        if some == 1 { "is" } else { "are" }
    )
}

/// A share with as many decimals as it takes to see that it is not the limit, nor 0.
fn told_apart(share: f64, limit: f64) -> String {
    let exceeds = |text: &String| text.parse().is_ok_and(|told: f64| told > limit.max(0.0));
    (1..17).map(|decimals| format!("{share:.decimals$}")).find(exceeds).unwrap_or_else(|| share.to_string())
}

/// A range in words.
fn words<T: Display>(range: &impl RangeBounds<T>) -> String {
    let start = match range.start_bound() {
        Bound::Included(start) => Some(format!("at least {start}")),
        Bound::Excluded(start) => Some(format!("more than {start}")),
        Bound::Unbounded => None,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => Some(format!("at most {end}")),
        Bound::Excluded(end) => Some(format!("less than {end}")),
        Bound::Unbounded => None,
    };
    match (start, end) {
        (Some(start), Some(end)) => format!("{start} and {end}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "a number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_that_hides_its_sources_tells_them_in_the_verdict() {
        struct Alternate;
        impl Display for Alternate {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(if f.alternate() { "load: denied" } else { "load" })
            }
        }
        assert_eq!(Err(Alternate).verdict(), Err(Some("load: denied".to_owned())));
    }

    #[test]
    fn row_counts_are_told_with_what_was_expected() {
        assert_eq!(row_count(3_u64, 1..=3), Ok(()));
        assert_eq!(row_count(3_usize, 1..3).unwrap_err(), "3 rows, expected at least 1 and less than 3");
        assert_eq!(row_count(-1, 0..).unwrap_err(), "-1 rows, expected at least 0");
        assert_eq!(row_count(9, ..=3).unwrap_err(), "9 rows, expected at most 3");
        let range = (Bound::Excluded(3), Bound::Unbounded);
        assert_eq!(row_count(3, range).unwrap_err(), "3 rows, expected more than 3");
    }

    #[test]
    fn nulls_are_counted_by_value_and_by_reference() {
        assert_eq!(null_share([None::<u8>; 0], 0.0), Ok(()));
        assert_eq!(null_share(&vec![Some("a"), None], 0.5), Ok(()));
        let message = null_share((0..4_000).map(|n| (n != 7).then_some(n)), 0.0).unwrap_err();
        assert_eq!(message, "1 of 4000 values is null, a share of 0.0003; expected at most 0");
        let message = null_share([Some(1), None, Some(3)], 0.33).unwrap_err();
        assert_eq!(message, "1 of 3 values is null, a share of 0.333; expected at most 0.33", "more than the limit");
        assert!(null_share([Some(1)], f64::NAN).is_err(), "a limit that is no number is kept by nothing");
    }

    #[test]
    fn a_value_that_is_no_number_is_in_no_range() {
        for range in [(Bound::Unbounded, Bound::Unbounded), (Bound::Included(0.0), Bound::Unbounded)] {
            assert!(in_range([1.0, f64::NAN], range).is_err());
        }
        let message = in_range([f32::NAN, 7.0], 0.0..1.0).unwrap_err();
        assert_eq!(
            message,
            "2 of 2 values are out of range: first NaN at position 0; expected at least 0 and less than 1"
        );
        assert_eq!(in_range([f64::INFINITY], 0.0..), Ok(()));
        assert_eq!(in_range([0_u8; 0], 1..), Ok(()));
    }

    #[test]
    fn a_file_is_as_old_as_its_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("raw.csv");
        let file = File::create(&path).unwrap();
        let hour = Duration::from_secs(60 * 60);
        file.set_modified(SystemTime::now() - 40 * hour).unwrap();
        assert_eq!(fresh(&path, "41h"), Ok(()));
        assert_eq!(fresh(&path, "1w"), Ok(()));
        let message = fresh(&path, "36h").unwrap_err();
        assert!(message.ends_with("raw.csv` was last changed 40h ago, expected at most 36h"), "{message}");
        file.set_modified(SystemTime::now() + hour).unwrap();
        assert_eq!(fresh(&path, "0s"), Ok(()), "clocks differ");
    }

    #[test]
    fn an_age_that_is_none_fails_in_words() {
        for age in ["", "36", "h", "1.5h", "-1h", "7ü", "99999999999999999w"] {
            assert!(fresh(".", age).unwrap_err().contains("is no age"), "{age}");
        }
    }

    proptest! {
        #[test]
        fn what_is_unique_has_as_many_members_as_its_set(values: Vec<u8>) {
            let distinct = values.iter().collect::<std::collections::HashSet<_>>().len();
            match unique(&values) {
                Ok(()) => prop_assert_eq!(distinct, values.len()),
                Err(message) => prop_assert!(
                    message.starts_with(&format!("{} of {} value", values.len() - distinct, values.len())), "{}", message
                ),
            }
        }

        #[test]
        fn what_is_in_range_is_so_value_by_value(values: Vec<i8>, start: i8, end: i8) {
            let all = values.iter().all(|value| (start..end).contains(value));
            prop_assert_eq!(in_range(&values, start..end).is_ok(), all);
        }
    }
}
