//! A column of the reference day by day, and how far parts of it are from the rest.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};

use super::Window;
use super::judge::FEWEST_VALUES;
use super::sample::{Cut, Sample};

/// Days of a week.
pub(in crate::monitor) const WEEK: u32 = 7;

/// A column of the reference on each day on which it is known.
#[derive(Debug)]
pub(super) struct History<'c> {
    cut: &'c Cut,
    days: BTreeMap<NaiveDate, Sample>,
}

/// How far a part of the history is from the rest of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) first: NaiveDate,
    pub(super) excess: f64,
}

impl<'c> History<'c> {
    pub(super) fn new(cut: &'c Cut, days: BTreeMap<NaiveDate, Sample>) -> Self {
        Self { cut, days }
    }

    /// All of it; `None` of no days.
    pub(super) fn whole(&self) -> Option<Sample> {
        Sample::sum(self.days.values())
    }

    /// The days that fall on the weekdays of a window; `None` of no days.
    pub(super) fn like(&self, window: Window) -> Option<Sample> {
        let weekdays: Vec<_> = window.first.iter_days().take(window.days as usize).map(|day| day.weekday()).collect();
        Sample::sum(self.days.iter().filter(|(day, _)| weekdays.contains(&day.weekday())).map(|(_, sample)| sample))
    }

    /// Chunks of so many days, one after the other.
    pub(super) fn chunks(&self, days: u32, whole: &Sample) -> Vec<Chunk> {
        self.days.first_key_value().map(|(&first, _)| self.chunks_from(first, days, days, whole)).unwrap_or_default()
    }

    /// Chunks on the weekdays of a window, one a week.
    pub(super) fn chunks_like(&self, window: Window, whole: &Sample) -> Vec<Chunk> {
        let Some((&first, _)) = self.days.first_key_value() else { return Vec::new() };
        let wait = window.first.weekday().days_since(first.weekday());
        let first = first.checked_add_days(Days::new(wait.into()));
        first.map(|first| self.chunks_from(first, window.days, WEEK, whole)).unwrap_or_default()
    }

    /// Chunks that begin every so many days and lie wholly within the history, as far as they and the rest can tell anything.
    fn chunks_from(&self, first: NaiveDate, days: u32, step: u32, whole: &Sample) -> Vec<Chunk> {
        let Some((&end, _)) = self.days.last_key_value() else { return Vec::new() };
        let span = Days::new(u64::from(days) - 1);
        let lasts = first.iter_days().step_by(step as usize).map_while(|first| first.checked_add_days(span));
        let chunk = |last: NaiveDate| {
            let first = last - span;
            let part = Sample::sum(self.days.range(first..=last).map(|(_, sample)| sample))?;
            let rest = whole.without(&part);
            let tells = [&part, &rest].into_iter().all(|sample| self.cut.size(sample) >= FEWEST_VALUES);
            tells.then(|| Chunk { first, excess: self.cut.compare(&part, &rest).excess() })
        };
        lasts.take_while(|&last| last <= end).filter_map(chunk).collect()
    }
}
