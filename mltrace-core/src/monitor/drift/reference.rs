//! What live data is compared with.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::super::profile::{Column, ColumnProfile, Profile, RunProfile, Shape};
use super::{Drift, Window};
use crate::error::{Error, ErrorKind, Result};

/// Days of a week.
pub(super) const WEEK: u32 = 7;

/// A profile that others are compared with. It freezes the kind of each column and the edges between which numbers are
/// counted. With profiles of its single days it also knows how much its columns differ from themselves.
///
/// ```
/// use mltrace_core::monitor::{Column, Profile, Reference, Status};
///
/// let trained_on = Profile::of([("distance", Column::floats((0..1000).map(f64::from)))])?;
/// let reference = Reference::new(trained_on);
/// let live = reference.profile([("distance", Column::floats((500..1500).map(f64::from)))])?;
/// let report = reference.drift(&live).get()?;
/// assert_eq!(report.columns[0].status, Status::Drift);
/// assert_eq!(report.columns[0].statistic, Some(0.5));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reference {
    whole: Profile,
    days: BTreeMap<NaiveDate, Profile>,
}

impl Reference {
    /// Takes a profile, without any history: what is always tolerated is all that is tolerated.
    pub fn new(profile: Profile) -> Self {
        Self { whole: profile, days: BTreeMap::new() }
    }

    /// The same with the profiles of its single days, which together are what live data is compared with from now on. They
    /// are made by [`profile`](Self::profile), or in sketches.
    ///
    /// # Errors
    /// There are none, or they do not add up.
    pub fn with_days(mut self, days: impl IntoIterator<Item = (NaiveDate, Profile)>) -> Result<Self> {
        for (day, profile) in days {
            self.days.entry(day).or_default().merge(&profile)?;
        }
        if self.days.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a history of no days tells nothing: give one profile for each day",
            ));
        }
        Ok(self)
    }

    /// The same with further columns.
    pub(crate) fn add(&mut self, profile: RunProfile) -> Result<()> {
        let (whole, days) = profile.into_parts();
        self.whole.merge(&whole)?;
        for (day, profile) in days {
            self.days.entry(day).or_default().merge(&profile)?;
        }
        Ok(())
    }

    /// The same with some of its columns alone.
    pub(crate) fn only(self, which: impl Fn(&str) -> bool) -> Self {
        let days = self.days.into_iter().map(|(day, profile)| (day, profile.only(&which))).collect();
        Self { whole: self.whole.only(&which), days }
    }

    /// What all of it looks like.
    pub(crate) fn profile_of_all(&self) -> &Profile {
        &self.whole
    }

    /// Sums up columns by the kinds and edges of this reference.
    ///
    /// # Errors
    /// A column of texts is numeric in the reference, or a name is given twice.
    pub fn profile<N: Into<String>>(&self, columns: impl IntoIterator<Item = (N, Column)>) -> Result<Profile> {
        let shapes: BTreeMap<&str, Shape> =
            self.columns().map(|(name, column)| Ok((name, column.shape()?))).collect::<Result<_>>()?;
        Profile::shaped(columns, |name| shapes.get(name).cloned())
    }

    /// Asks how far live data is from this reference.
    pub fn drift<'r>(&'r self, live: &'r Profile) -> Drift<'r> {
        Drift::new(self, live)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &ColumnProfile)> {
        self.whole.columns()
    }

    pub(crate) fn whole(&self, column: &str) -> Option<&ColumnProfile> {
        self.whole.column(column)
    }

    /// What a window is compared with: every day, or of a window shorter than a week the days of its weekdays.
    pub(super) fn comparable(&self, window: Option<Window>, column: &str) -> Vec<&ColumnProfile> {
        if self.days.values().all(|profile| profile.column(column).is_none()) {
            return self.whole.column(column).into_iter().collect();
        }
        let weekdays = window.filter(|window| window.days < WEEK).map(Window::weekdays);
        let is_comparable = |day: &NaiveDate| weekdays.as_ref().is_none_or(|known| known.contains(&day.weekday()));
        let days = self.days.iter().filter(|(day, _)| is_comparable(day));
        days.filter_map(|(_, profile)| profile.column(column)).collect()
    }

    /// The reference's history in chunks of the window's length: of a window shorter than a week those on its weekdays.
    pub(super) fn chunks_like(&self, window: Option<Window>) -> Vec<Chunk> {
        let Some(window) = window else { return Vec::new() };
        if window.days >= WEEK { self.chunks(window.days, window.days) } else { self.weekly_chunks(window) }
    }

    /// The reference's history in chunks of the window's length, whatever their weekdays are.
    pub(super) fn all_chunks(&self, window: Option<Window>) -> Vec<Chunk> {
        window.map(|window| self.chunks(window.days, window.days)).unwrap_or_default()
    }

    fn weekly_chunks(&self, window: Window) -> Vec<Chunk> {
        let Some((&first, _)) = self.days.first_key_value() else { return Vec::new() };
        let wait = window.first.weekday().days_since(first.weekday());
        let first = first.checked_add_days(Days::new(wait.into()));
        first.map(|first| self.chunks_from(first, window.days, WEEK)).unwrap_or_default()
    }

    fn chunks(&self, days: u32, step: u32) -> Vec<Chunk> {
        self.days.first_key_value().map(|(&first, _)| self.chunks_from(first, days, step)).unwrap_or_default()
    }

    /// Chunks that begin every so many days and lie wholly within the history.
    fn chunks_from(&self, first: NaiveDate, days: u32, step: u32) -> Vec<Chunk> {
        let Some((&last, _)) = self.days.last_key_value() else { return Vec::new() };
        let firsts = first.iter_days().step_by(step.max(1) as usize);
        let span = Days::new(u64::from(days.max(1)) - 1);
        let chunk = |first: NaiveDate| Some(Chunk { first, last: first.checked_add_days(span)? });
        firsts.map_while(chunk).take_while(|chunk| chunk.last <= last).collect()
    }

    /// A column on the days of a chunk.
    pub(super) fn column_of(&self, chunk: Chunk, column: &str) -> Vec<&ColumnProfile> {
        self.days.range(chunk.first..=chunk.last).filter_map(|(_, profile)| profile.column(column)).collect()
    }
}

/// A part of the reference's history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) first: NaiveDate,
    last: NaiveDate,
}

impl Window {
    fn weekdays(self) -> Vec<Weekday> {
        self.first.iter_days().take(self.days as usize).map(|day| day.weekday()).collect()
    }
}
