//! What live data is compared with.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::super::profile::{Column, ColumnProfile, MOST, Profile, RunProfile, Shape};
use super::Drift;
use crate::error::{Error, ErrorKind, Result};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reference {
    whole: Profile,
    /// Of each column of the whole, once and for all: the edges that a sketch gives are others each time it is merged.
    shapes: BTreeMap<String, Shape>,
    days: BTreeMap<NaiveDate, Profile>,
}

/// The version of the form in which references are kept.
const FORM: u8 = 1;

impl Reference {
    /// Takes a profile, without any history: what is always tolerated is all that is tolerated.
    pub fn new(profile: Profile) -> Self {
        Self { shapes: shapes(&profile).collect(), whole: profile, days: BTreeMap::new() }
    }

    /// The same with the profiles of its single days, which together are what live data is compared with from now on. They
    /// are made by [`profile`](Self::profile), or in sketches.
    ///
    /// # Errors
    /// There are none, a column is there on some of them only, or was not made by [`profile`](Self::profile) of this
    /// reference. The message names day and column.
    pub fn with_days(mut self, days: impl IntoIterator<Item = (NaiveDate, Profile)>) -> Result<Self> {
        for (day, profile) in days {
            self.days.entry(day).or_default().merge(&profile).map_err(|error| error.at(day))?;
        }
        if self.days.is_empty() {
            return Err(invalid("a history of no days tells nothing: give one profile for each day"));
        }
        for (name, shape) in &self.shapes {
            if !self.knows_days_of(name) {
                continue;
            }
            for (day, profile) in &self.days {
                let lacks = || invalid("it is missing, and there on other days: profile the same columns each day");
                let column = profile.column(name).ok_or_else(lacks);
                column.and_then(|column| column.fits(shape)).map_err(|error| error.at(name).at(day))?;
            }
        }
        Ok(self)
    }

    /// The same with further columns.
    pub(crate) fn add(&mut self, profile: RunProfile) -> Result<()> {
        let (whole, days) = profile.into_parts();
        self.shapes.extend(shapes(&whole));
        self.whole.merge(&whole)?;
        for (day, profile) in days {
            self.days.entry(day).or_default().merge(&profile)?;
        }
        Ok(())
    }

    /// The same with some of its columns alone.
    pub(crate) fn only(mut self, which: impl Fn(&str) -> bool) -> Self {
        self.shapes.retain(|name, _| which(name));
        self.days = self.days.into_iter().map(|(day, profile)| (day, profile.only(&which))).collect();
        self.whole = self.whole.only(which);
        self
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
        Profile::shaped(columns, |name| self.shape(name).cloned())
    }

    /// Asks how far live data is from this reference.
    pub fn drift<'r>(&'r self, live: &'r Profile) -> Drift<'r> {
        Drift::new(self, live)
    }

    /// The form in which a reference is kept, so that another process counts on the same edges: MessagePack.
    ///
    /// ```
    /// # use mltrace_core::monitor::{Column, Profile, Reference};
    /// let reference = Reference::new(Profile::of([("distance", Column::floats((0..1000).map(f64::from)))])?);
    /// let live = reference.profile([("distance", Column::floats([3.0, 700.0]))])?;
    /// let kept = Reference::from_bytes(&reference.to_bytes()?)?;
    /// assert_eq!(kept.drift(&live).get()?, reference.drift(&live).get()?);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Memory cannot be had.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        rmp_serde::to_vec_named(&(FORM, self))
            .map_err(|source| Error::new(ErrorKind::Internal, "a reference cannot be written").with_source(source))
    }

    /// The reference that [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    /// The bytes are no reference, are damaged, or are of a newer mltrace ([`ErrorKind::Damaged`]).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::new(ErrorKind::Damaged, "these bytes are no reference, or one of a newer mltrace");
        let (form, reference): (u8, Self) =
            rmp_serde::from_slice(bytes).map_err(|source| damaged().with_source(source))?;
        if form == FORM && reference.is_sound() { Ok(reference) } else { Err(damaged()) }
    }

    fn is_sound(&self) -> bool {
        let fits = |profile: &Profile| {
            let mut columns = profile.columns();
            profile.is_sound()
                && columns.all(|(name, column)| self.shape(name).is_none_or(|shape| column.fits(shape).is_ok()))
        };
        self.whole.columns().map(|(name, _)| name).eq(self.shapes.keys().map(String::as_str))
            && self.shapes.values().all(Shape::is_sound)
            && fits(&self.whole)
            && self.days.values().all(fits)
            && self.shapes.keys().all(|name| {
                self.days_of(name)
                    .try_fold(0_u64, |sum, (_, day)| sum.checked_add(day.count()))
                    .is_some_and(|sum| sum <= MOST)
            })
    }

    /// The columns, and how each is to be summed up.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &ColumnProfile, &Shape)> {
        self.whole.columns().zip(self.shapes.values()).map(|((name, column), shape)| (name, column, shape))
    }

    /// How a column is to be summed up.
    pub(crate) fn shape(&self, column: &str) -> Option<&Shape> {
        self.shapes.get(column)
    }

    /// A column on each day on which it is known.
    pub(super) fn days_of<'r>(&'r self, column: &'r str) -> impl Iterator<Item = (NaiveDate, &'r ColumnProfile)> {
        self.days.iter().filter_map(move |(day, profile)| Some((*day, profile.column(column)?)))
    }

    pub(crate) fn knows_days_of(&self, column: &str) -> bool {
        self.days_of(column).next().is_some()
    }
}

fn shapes(profile: &Profile) -> impl Iterator<Item = (String, Shape)> {
    profile.columns().map(|(name, column)| (name.to_owned(), column.shape()))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
