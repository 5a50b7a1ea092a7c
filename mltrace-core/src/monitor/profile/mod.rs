//! Profiles: columns summed up in constant memory, so that parts add up to the whole.

mod categories;
mod chosen;
mod column;
pub(super) mod grid;
mod of_run;
mod sketch;
mod summary;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, de};

use super::moments::Moments;
use crate::error::{Error, ErrorKind, Result};
use categories::Categories;
pub(super) use chosen::hash;
pub use column::Column;
use column::Values;
use grid::Grid;
pub use of_run::RunProfile;
use sketch::Quantiles;
pub use summary::{Bin, CategoryCount, ColumnSummary, Percentile};

/// Up to how many distinct values integers are taken for categories.
const FEW: usize = 300;
/// The missing mass from which on categories are keys.
const KEY: f64 = 0.2;
/// The same of integers that nobody has declared to be amounts.
const SERIAL: f64 = 0.9;
/// How many times as wide as their number the range of serial numbers may be. Of so narrow a range, amounts that come by chance
/// would be the same more often: at most exp(-1/5) = 0.82 of them would be alone.
const SPREAD: f64 = 5.0;
/// Up to how many values can be counted: beyond, a float does not hold every integer, nor does any count overflow.
pub(super) const MOST: u64 = 1 << 53;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Amounts: their order means something.
    Numeric,
    /// Names: two of them are the same or not.
    Categorical,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
        })
    }
}

/// What columns look like over one window. Profiles of parts, from other threads, processes or hosts, merge into that of the
/// whole.
///
/// ```
/// use mltrace_core::monitor::{Column, Profile};
///
/// let mut day = Profile::of([("distance", Column::floats([1.2, 0.8])), ("zone", Column::texts(["Astoria", "Harlem"]))])?;
/// day.merge(&Profile::of([("distance", Column::floats([Some(4.0), None])), ("zone", Column::texts(["Harlem", "Bronx"]))])?)?;
/// let distance = day.column("distance").unwrap();
/// assert_eq!((distance.count(), distance.nulls()), (4, 1));
/// assert_eq!(distance.moments().unwrap().mean(), Some(2.0));
/// assert_eq!(Profile::from_bytes(&day.to_bytes()?)?.column("zone").unwrap().distinct(), Some(3));
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Profile {
    columns: BTreeMap<String, ColumnProfile>,
}

/// What one column looks like over one window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Declared or told by the type; `None` of integers that nobody has said more of.
    kind: Option<Kind>,
    count: u64,
    nulls: u64,
    moments: Option<Moments>,
    /// On the edges of a reference, or on the column's own.
    grid: Option<Grid>,
    /// Where there are no edges of a reference.
    quantiles: Option<Quantiles>,
    categories: Option<Categories>,
}

/// What a reference says of how a column is to be summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Edges(Vec<f64>),
    Categories,
}

/// The version of the form in which profiles are kept.
const FORM: u8 = 1;

impl Profile {
    /// Sums up columns by themselves. Numbers are counted between quantiles of their own, so that the profile can be a
    /// reference, and in a sketch, by which it merges with profiles that have other quantiles.
    ///
    /// # Errors
    /// Texts are declared to be numeric, or a name is given twice.
    pub fn of<N: Into<String>>(columns: impl IntoIterator<Item = (N, Column)>) -> Result<Self> {
        Self::collect(columns, |column, _| ColumnProfile::of(&column.values, column.declared, None))
    }

    /// Sums up columns as a reference has them.
    pub(crate) fn shaped<N: Into<String>>(
        columns: impl IntoIterator<Item = (N, Column)>,
        shape: impl Fn(&str) -> Option<Shape>,
    ) -> Result<Self> {
        Self::collect(columns, |column, name| match shape(name) {
            Some(shape) => ColumnProfile::shaped(&column.values, &shape),
            None => ColumnProfile::of(&column.values, column.declared, None),
        })
    }

    fn collect<N: Into<String>, C: Borrow<Column>>(
        columns: impl IntoIterator<Item = (N, C)>,
        profile: impl Fn(&Column, &str) -> Result<ColumnProfile>,
    ) -> Result<Self> {
        let mut found = BTreeMap::new();
        for (name, column) in columns {
            let name = name.into();
            let profile = profile(column.borrow(), &name).map_err(|error| error.at(&name))?;
            if found.contains_key(&name) {
                return Err(Error::new(ErrorKind::Invalid, format!("the column `{name}` is given twice")));
            }
            found.insert(name, profile);
        }
        Ok(Self { columns: found })
    }

    /// Takes in another part. Its columns that are not here are added.
    ///
    /// # Errors
    /// A column is numeric here and categorical there, was counted on the edges of two references, or has more than 2^53
    /// values. Nothing was taken in.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.goes_with(other)?;
        self.absorb(other)
    }

    /// Whether [`merge`](Self::merge) takes another part in.
    pub(crate) fn goes_with(&self, other: &Self) -> Result<()> {
        other.columns.iter().try_for_each(|(name, column)| match self.columns.get(name) {
            Some(own) => own.goes_with(column).map_err(|error| error.at(name)),
            None => Ok(()),
        })
    }

    /// As [`merge`](Self::merge), but on an error nothing can be said of what was taken in.
    pub(crate) fn absorb(&mut self, other: &Self) -> Result<()> {
        for (name, column) in &other.columns {
            match self.columns.get_mut(name) {
                Some(own) => own.merge(column).map_err(|error| error.at(name))?,
                None => drop(self.columns.insert(name.clone(), column.clone())),
            }
        }
        Ok(())
    }

    /// The same with a column of which nothing is said so far.
    pub(crate) fn with_column(mut self, name: &str, column: ColumnProfile) -> Self {
        self.columns.entry(name.to_owned()).or_insert(column);
        self
    }

    /// Only some columns.
    pub(crate) fn only(mut self, which: impl Fn(&str) -> bool) -> Self {
        self.columns.retain(|name, _| which(name));
        self
    }

    /// The columns by name.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &ColumnProfile)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }

    /// A column.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.get(name)
    }

    /// The form in which profiles are handed from process to process and kept: MessagePack, with sketches in the binary
    /// form of Apache DataSketches.
    ///
    /// # Errors
    /// Memory cannot be had.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        rmp_serde::to_vec_named(&(FORM, self))
            .map_err(|source| Error::new(ErrorKind::Internal, "a profile cannot be written").with_source(source))
    }

    /// The profile that [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    /// The bytes are no profile, are damaged, or are of a newer mltrace.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::new(ErrorKind::Damaged, "these bytes are no profile, or one of a newer mltrace");
        let (form, profile): (u8, Self) =
            rmp_serde::from_slice(bytes).map_err(|source| damaged().with_source(source))?;
        if form == FORM && profile.is_sound() { Ok(profile) } else { Err(damaged()) }
    }

    /// Whether its parts agree, as far as it is not made by this program.
    pub(crate) fn is_sound(&self) -> bool {
        self.columns.values().all(ColumnProfile::is_sound)
    }
}

impl ColumnProfile {
    /// Counted on edges if they are given, and else on the values' own.
    fn of(values: &Values, declared: Option<Kind>, edges: Option<&[f64]>) -> Result<Self> {
        let kind = declared.or(values.kind());
        let mut profile = Self { kind, ..Self::default() };
        if kind != Some(Kind::Categorical) {
            let mut numbers = values.numbers().ok_or_else(texts_are_no_numbers)?;
            let edges = edges.map_or_else(
                || {
                    numbers.sort_unstable_by(f64::total_cmp);
                    grid::edges(&numbers)
                },
                ToOwned::to_owned,
            );
            profile.grid = Some(Grid::new(edges));
            profile.quantiles = Some(Quantiles::new()?);
        }
        profile.categories = (kind != Some(Kind::Numeric)).then(Categories::default);
        profile.add(values)?;
        Ok(profile)
    }

    fn shaped(values: &Values, shape: &Shape) -> Result<Self> {
        let mut profile = Self::nothing(shape);
        profile.add(values)?;
        Ok(profile)
    }

    /// Of no values.
    pub(crate) fn nothing(shape: &Shape) -> Self {
        match shape {
            Shape::Edges(edges) => {
                Self { kind: Some(Kind::Numeric), grid: Some(Grid::new(edges.clone())), ..Self::default() }
            }
            Shape::Categories => {
                Self { kind: Some(Kind::Categorical), categories: Some(Categories::default()), ..Self::default() }
            }
        }
    }

    /// Of no numbers, to be summed up in a sketch.
    pub(crate) fn sketch() -> Result<Self> {
        Ok(Self { kind: Some(Kind::Numeric), quantiles: Some(Quantiles::new()?), ..Self::default() })
    }

    /// Counts values.
    fn add(&mut self, values: &Values) -> Result<()> {
        let before = self.nulls;
        self.count += values.len() as u64;
        if self.grid.is_some() || self.quantiles.is_some() {
            let numbers = values.numbers().ok_or_else(texts_are_no_numbers)?;
            let moments = self.moments.get_or_insert_default();
            for &number in &numbers {
                moments.add(number);
                if let Some(grid) = &mut self.grid {
                    grid.add(number);
                }
                if let Some(quantiles) = &mut self.quantiles {
                    quantiles.add(number)?;
                }
            }
            self.nulls = before + (values.len() - numbers.len()) as u64;
        }
        if let Some(categories) = &mut self.categories {
            let counts = values.categories();
            self.nulls = before + values.len() as u64 - counts.iter().map(|(_, count)| count).sum::<u64>();
            for (category, count) in &counts {
                categories.add(category, *count);
            }
        }
        Ok(())
    }

    /// Counts the values of a further column.
    pub(crate) fn take_in(&mut self, column: &Column) -> Result<()> {
        self.add(&column.values)
    }

    fn goes_with(&self, other: &Self) -> Result<()> {
        let refused = |message: &str| Err(Error::new(ErrorKind::Invalid, message));
        if self.kind.zip(other.kind).is_some_and(|(own, theirs)| own != theirs) {
            return refused(
                "it is numeric in one profile and categorical in the other: declare its kind with `of_kind`",
            );
        }
        if self.count.saturating_add(other.count) > MOST {
            return refused("there are more than 2^53 values: make a profile of fewer");
        }
        let has_both = self.quantiles.is_some() && other.quantiles.is_some()
            || self.categories.is_some() && other.categories.is_some();
        if !has_both && !self.is_on_the_edges_of(other) {
            return refused("the profiles were counted on the edges of two references: make both against one of them");
        }
        Ok(())
    }

    fn is_on_the_edges_of(&self, other: &Self) -> bool {
        self.edges().is_some_and(|edges| other.edges() == Some(edges))
    }

    /// Takes in what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        self.goes_with(other)?;
        self.kind = self.kind.or(other.kind);
        self.count += other.count;
        self.nulls += other.nulls;
        // What only one of them has tells nothing of the whole.
        match (&mut self.moments, &other.moments) {
            (Some(own), Some(theirs)) => own.merge(theirs),
            (own, _) => *own = None,
        }
        if !self.is_on_the_edges_of(other) {
            self.grid = None;
        }
        if let (Some(own), Some(theirs)) = (&mut self.grid, &other.grid) {
            own.merge(theirs);
        }
        match (&mut self.quantiles, &other.quantiles) {
            (Some(own), Some(theirs)) => own.merge(theirs)?,
            (own, _) => *own = None,
        }
        match (&mut self.categories, &other.categories) {
            (Some(own), Some(theirs)) => own.merge(theirs),
            (own, _) => *own = None,
        }
        Ok(())
    }

    fn is_sound(&self) -> bool {
        let Some(values) = self.count.checked_sub(self.nulls).filter(|_| self.count <= MOST) else { return false };
        self.moments.is_none_or(|moments| moments.count() == values && moments.is_sound())
            && self.grid.as_ref().is_none_or(|grid| grid.is_sound(values))
            && self.quantiles.as_ref().is_none_or(|quantiles| quantiles.is_sound(values))
            && self.categories.as_ref().is_none_or(|categories| categories.is_sound(values))
    }

    /// What the values are: as declared, or else by their type. Integers are categories if there are at most 300 distinct
    /// ones.
    pub fn kind(&self) -> Kind {
        self.kind.unwrap_or_else(|| {
            let few = |categories: &Categories| categories.is_exact() && categories.distinct() <= FEW;
            if self.categories.as_ref().is_some_and(few) { Kind::Categorical } else { Kind::Numeric }
        })
    }

    /// How many values there are, nulls among them.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many values are null, or are no finite number where they should be one.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Mean, variance and extremes of the values that are not null; `None` of categories.
    pub fn moments(&self) -> Option<&Moments> {
        self.moments.as_ref()
    }

    /// How many distinct categories there are; `None` of numbers, and where there are more than can be counted.
    pub fn distinct(&self) -> Option<usize> {
        self.categories.as_ref().filter(|categories| categories.is_exact()).map(Categories::distinct)
    }

    /// The categories that are known, each with the times that it occurs at least: all of them up to 10,000, then the frequent
    /// ones. Nulls are none of them.
    pub fn categories(&self) -> BTreeMap<String, u64> {
        self.categories.as_ref().map(Categories::counts).unwrap_or_default()
    }

    /// Whether [`categories`](Self::categories) are all there are.
    pub(crate) fn knows_all_categories(&self) -> bool {
        self.categories.as_ref().is_some_and(Categories::is_exact)
    }

    /// The share of further values that would be of a category not seen so far.
    pub(crate) fn missing_mass(&self) -> f64 {
        self.categories.as_ref().map_or(0.0, Categories::missing_mass)
    }

    /// How often a category occurs at least; 0 where that is not known.
    pub(crate) fn count_of(&self, category: &str) -> u64 {
        self.categories.as_ref().map_or(0, |categories| categories.count_of(category))
    }

    /// How often a category occurs at most.
    pub(crate) fn most_of(&self, category: &str) -> u64 {
        self.count_of(category).saturating_add(self.category_error())
    }

    /// Of each category whose hash is below this it is known exactly how often it occurs.
    pub(crate) fn complete_below(&self) -> u64 {
        self.categories.as_ref().map_or(u64::MAX, Categories::complete_below)
    }

    /// How often those categories occur whose hashes are below a limit, by their hashes.
    pub(crate) fn counts_below(&self, limit: u64) -> BTreeMap<u64, u64> {
        self.categories.as_ref().map(|categories| categories.counts_below(limit)).unwrap_or_default()
    }

    /// How much more often than told any category may occur.
    pub(crate) fn category_error(&self) -> u64 {
        self.categories.as_ref().map_or(0, Categories::error)
    }

    /// Whether there is anything but nulls.
    pub(crate) fn has_values(&self) -> bool {
        self.count > self.nulls
    }

    /// Whether its values are keys, most of which never come again: more than a fifth of further categories would be new, or
    /// they are integers that are nearly all distinct and nearly all there are in their range, as numbers of rows.
    pub(crate) fn is_key(&self) -> bool {
        let is_dense = |moments: &Moments| {
            let range = moments.max().zip(moments.min()).map_or(0.0, |(max, min)| max - min);
            range < SPREAD * moments.count() as f64
        };
        match self.kind() {
            Kind::Categorical => self.missing_mass() > KEY,
            Kind::Numeric => {
                self.kind.is_none() && self.missing_mass() > SERIAL && self.moments.as_ref().is_some_and(is_dense)
            }
        }
    }

    /// How it is to be summed up where this is the reference.
    pub(crate) fn shape(&self) -> Shape {
        match (self.kind(), &self.grid, &self.quantiles) {
            (Kind::Categorical, ..) => Shape::Categories,
            (_, Some(grid), _) => Shape::Edges(grid.edges().to_vec()),
            (_, _, Some(quantiles)) => Shape::Edges(quantiles.edges()),
            _ => Shape::Edges(Vec::new()),
        }
    }

    /// Whether it can be compared with a reference that is summed up like this.
    pub(crate) fn fits(&self, shape: &Shape) -> Result<()> {
        let (kind, tells) = match shape {
            Shape::Edges(_) => (Kind::Numeric, self.grid.is_some() || self.quantiles.is_some()),
            Shape::Categories => (Kind::Categorical, self.categories.is_some()),
        };
        let is_on_edges = |edges: &Vec<f64>| self.quantiles.is_some() || self.edges() == Some(edges);
        let message = match shape {
            _ if !tells => {
                format!("it is {kind} in the reference and not here: make the profile with `Reference::profile`")
            }
            Shape::Edges(edges) if !is_on_edges(edges) => {
                "it was counted on the edges of another reference: make the profile against this one".to_owned()
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, message))
    }

    /// The edges on which its numbers are counted.
    fn edges(&self) -> Option<&[f64]> {
        self.grid.as_ref().map(Grid::edges)
    }

    /// The smallest number that so large a share of the numbers does not exceed, 0.5 for the median: of numbers counted on
    /// edges, as far as these tell. `None` of categories, of no numbers, and of a share that is not from 0 to 1.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        match (&self.quantiles, &self.grid) {
            (Some(quantiles), _) => quantiles.at(share),
            (None, Some(grid)) => grid.at(share).or(self.moments?.max()),
            (None, None) => None,
        }
    }

    /// The share of the numbers that do not exceed each of these: the distribution function, up to the error of a sketch, or
    /// of numbers counted on edges at the last edge before. `None` of categories, of no numbers, and where one of these is not
    /// finite.
    ///
    /// ```
    /// use mltrace_core::monitor::{Column, Profile};
    ///
    /// let profile = Profile::of([("distance", Column::floats([1.0, 2.0, 2.0, 8.0]))])?;
    /// let distance = profile.column("distance").unwrap();
    /// assert_eq!(distance.shares_up_to(&[0.0, 2.0, 9.0]), Some(vec![0.0, 0.75, 1.0]));
    /// assert_eq!(distance.quantile(0.5), Some(2.0));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn shares_up_to(&self, numbers: &[f64]) -> Option<Vec<f64>> {
        let count = self.count - self.nulls;
        if count == 0 || numbers.iter().any(|number| !number.is_finite()) {
            return None;
        }
        match (&self.quantiles, &self.grid) {
            (Some(quantiles), _) => numbers.iter().map(|&number| quantiles.share_up_to(number)).collect(),
            (None, Some(grid)) => {
                Some(numbers.iter().map(|&number| grid.count_up_to(number) as f64 / count as f64).collect())
            }
            (None, None) => None,
        }
    }

    /// How many numbers are at or below each edge of a shape that it [`fits`](Self::fits), and how far off their shares may be.
    pub(crate) fn cumulated(&self, edges: &[f64]) -> Result<(Vec<f64>, f64)> {
        match (&self.grid, &self.quantiles) {
            (Some(grid), _) if grid.edges() == edges => Ok((grid.cumulated().map(|count| count as f64).collect(), 0.0)),
            (_, Some(quantiles)) => Ok((quantiles.cumulated(edges)?, quantiles.error())),
            _ => Ok((vec![0.0; edges.len()], 0.0)),
        }
    }
}

impl Shape {
    /// What the values of such a column are.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Edges(_) => Kind::Numeric,
            Self::Categories => Kind::Categorical,
        }
    }

    /// Whether it can be that of a column.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Edges(edges) => grid::are_edges(edges),
            Self::Categories => true,
        }
    }
}

fn texts_are_no_numbers() -> Error {
    Error::new(ErrorKind::Invalid, "texts cannot be summed up as numbers: hand them over as numbers, or as categories")
}

/// Reads bytes, whichever way a format hands them over.
struct Bytes;

impl<'de> de::Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}
