//! A month, as the TLC cuts its files: `2020-01`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, ensure};
use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Serialize, Serializer};

/// A calendar month in New York's local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    first_day: NaiveDate,
}

impl Month {
    /// The first instant of the month.
    pub(crate) fn start(self) -> NaiveDateTime {
        self.first_day.and_time(NaiveTime::MIN)
    }

    /// The month after this one, if the calendar still holds it.
    pub(crate) fn next(self) -> Option<Self> {
        let first_day = self.first_day.checked_add_months(Months::new(1))?;
        Some(Self { first_day })
    }

    /// Whether the instant lies in the month: its first instant does, the first of the next month doesn't.
    pub(crate) fn contains(self, instant: NaiveDateTime) -> bool {
        (instant.year(), instant.month()) == (self.first_day.year(), self.first_day.month())
    }

    /// The year and the month's number, January 1.
    pub(crate) fn year_and_number(self) -> (i32, u32) {
        (self.first_day.year(), self.first_day.month())
    }
}

impl FromStr for Month {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let well_formed = text.len() == 7 && text.as_bytes()[4] == b'-';
        NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .ok()
            .filter(|_| well_formed)
            .map(|first_day| Self { first_day })
            .with_context(|| format!("`{text}` is no month: write it like 2020-01"))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, number) = self.year_and_number();
        write!(f, "{year:04}-{number:02}")
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Months in a row, both ends included: `2020-03..2020-06`, or one month alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MonthRange {
    first: Month,
    last: Month,
}

impl MonthRange {
    /// The months, in order.
    pub(crate) fn months(self) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.first), |month| month.next()).take_while(move |month| *month <= self.last)
    }
}

impl FromStr for MonthRange {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let range = Self { first: first.parse()?, last: last.parse()? };
        ensure!(range.first <= range.last, "`{text}` ends before it begins: write the earlier month first");
        Ok(range)
    }
}

impl fmt::Display for MonthRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn instant(text: &str) -> NaiveDateTime {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_month_holds_its_first_instant_and_not_the_first_of_the_next() {
        let january = month("2020-01");
        assert!(january.contains(instant("2020-01-01T00:00:00")));
        assert!(january.contains(instant("2020-01-31T23:59:59")));
        assert!(!january.contains(instant("2020-02-01T00:00:00")));
        assert!(!january.contains(instant("2019-12-31T23:59:59")));
        assert!(!january.contains(instant("2021-01-15T12:00:00")));
    }

    #[test]
    fn a_month_is_written_as_it_is_read() {
        assert_eq!(month("2020-01").to_string(), "2020-01");
    }

    #[test]
    fn what_is_no_month_is_refused_with_an_example() {
        for text in ["2020-13", "2020-1", "2020", "20-01-01", "January", ""] {
            let error = text.parse::<Month>().expect_err(text).to_string();
            assert!(error.contains("write it like 2020-01"), "{error}");
        }
    }

    #[test]
    fn a_range_holds_both_its_ends_and_crosses_the_year() {
        let range: MonthRange = "2019-11..2020-02".parse().expect("a range");
        let months: Vec<String> = range.months().map(|m| m.to_string()).collect();
        assert_eq!(months, ["2019-11", "2019-12", "2020-01", "2020-02"]);
    }

    #[test]
    fn a_month_alone_is_a_range_of_one() {
        let range: MonthRange = "2020-03".parse().expect("a range");
        assert_eq!(range.months().collect::<Vec<_>>(), [month("2020-03")]);
    }

    #[test]
    fn a_range_that_runs_backwards_is_refused() {
        let error = "2020-06..2020-03".parse::<MonthRange>().expect_err("backwards");
        assert!(error.to_string().contains("earlier month first"));
    }
}
