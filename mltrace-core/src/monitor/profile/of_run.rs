//! What data of a run looks like, as a whole and by the day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::column::Column;
use super::{ColumnProfile, Profile};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileEntry;

/// What data of a run looks like: all of it and, where the run said which day each row is of, each day's alone.
#[derive(Debug, Clone, Default)]
pub struct RunProfile {
    whole: Profile,
    days: BTreeMap<NaiveDate, Profile>,
}

impl RunProfile {
    /// Sums up columns of rows whose days are not known.
    pub(crate) fn of<N: Into<String>>(columns: impl IntoIterator<Item = (N, Column)>) -> Result<Self> {
        Ok(Self { whole: Profile::of(columns)?, days: BTreeMap::new() })
    }

    /// Sums up columns of rows whose days are given. Each day's numbers are counted on the edges of the whole, and in a
    /// sketch.
    pub(crate) fn by_day<N: Into<String>>(
        days: impl IntoIterator<Item = NaiveDate>,
        columns: impl IntoIterator<Item = (N, Column)>,
    ) -> Result<Self> {
        let mut rows: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
        days.into_iter().enumerate().for_each(|(row, day)| rows.entry(day).or_default().push(row));
        let columns: Vec<(String, Column)> = columns.into_iter().map(|(name, column)| (name.into(), column)).collect();
        let columns = || columns.iter().map(|(name, column)| (name.as_str(), column));
        let count: usize = rows.values().map(Vec::len).sum();
        let whole = Profile::collect(columns(), |column, _| {
            let values = column.values.len();
            if values != count {
                let message = format!("it has {values} values and the days are {count}: give one day for each row");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            ColumnProfile::of(&column.values, column.declared, None)
        })?;
        let edges = |name: &str| whole.column(name).and_then(ColumnProfile::edges);
        let of_day = |(day, rows): (NaiveDate, Vec<usize>)| {
            let profile = Profile::collect(columns(), |column, name| {
                ColumnProfile::of(&column.values.at(&rows), column.declared, edges(name))
            })?;
            Ok((day, profile))
        };
        let days = rows.into_iter().map(of_day).collect::<Result<_>>()?;
        Ok(Self { whole, days })
    }

    /// What all of the data looks like.
    pub fn whole(&self) -> &Profile {
        &self.whole
    }

    /// What the data of single days looks like; empty where the run did not say which these are.
    pub fn days(&self) -> &BTreeMap<NaiveDate, Profile> {
        &self.days
    }

    pub(crate) fn into_parts(self) -> (Profile, BTreeMap<NaiveDate, Profile>) {
        (self.whole, self.days)
    }

    /// Takes in another part.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        self.whole.goes_with(&other.whole)?;
        for (day, profile) in &other.days {
            self.days.get(day).map_or(Ok(()), |known| known.goes_with(profile)).map_err(|error| error.at(day))?;
        }
        self.whole.absorb(&other.whole)?;
        other.days.iter().try_for_each(|(day, profile)| self.days.entry(*day).or_default().absorb(profile))
    }

    /// Adds it to what is stored of a run under a name.
    pub(crate) fn add_to(mut self, entries: &mut Vec<ProfileEntry>, name: &str) -> Result<()> {
        let known = entries.iter().filter(|entry| entry.name == name).cloned().collect();
        if let Some(known) = Self::from_entries(known)?.get(name) {
            self.merge(known)?;
        }
        let added = self.entries(name)?;
        entries.retain(|entry| entry.name != name);
        entries.extend(added);
        Ok(())
    }

    fn entries(&self, name: &str) -> Result<Vec<ProfileEntry>> {
        let whole = std::iter::once((None, &self.whole));
        let days = self.days.iter().map(|(day, profile)| (Some(*day), profile));
        let entry =
            |(day, profile): (_, &Profile)| Ok(ProfileEntry { name: name.to_owned(), day, bytes: profile.to_bytes()? });
        whole.chain(days).map(entry).collect()
    }

    /// The profiles of a run by name, of what is stored.
    pub(crate) fn from_entries(entries: Vec<ProfileEntry>) -> Result<BTreeMap<String, Self>> {
        let mut profiles: BTreeMap<String, Self> = BTreeMap::new();
        for ProfileEntry { name, day, bytes } in entries {
            let stored = Profile::from_bytes(&bytes)?;
            let profile = profiles.entry(name).or_default();
            match day {
                None => profile.whole = stored,
                Some(day) => drop(profile.days.insert(day, stored)),
            }
        }
        Ok(profiles)
    }
}
