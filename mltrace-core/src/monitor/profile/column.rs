//! A column as a program hands it over.

use std::collections::HashMap;
use std::hash::Hash;

use super::Kind;

/// Values of a column, any of which may be null.
///
/// ```
/// use mltrace_core::monitor::{Column, Kind};
///
/// let distances = Column::floats([1.2, 0.8, f64::NAN]); // NaN and infinities count as null
/// let passengers = Column::integers([Some(1), Some(2), None]).of_kind(Kind::Categorical);
/// let zones = Column::texts(["Astoria", "Harlem", "Astoria"]);
/// ```
#[derive(Debug, Clone)]
pub struct Column {
    pub(super) values: Values,
    pub(super) declared: Option<Kind>,
}

#[derive(Debug, Clone)]
pub(super) enum Values {
    Floats(Vec<Option<f64>>),
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Booleans(Vec<Option<bool>>),
}

impl Column {
    /// A column of numbers. Those that are not finite count as null.
    pub fn floats<V: Into<Option<f64>>>(values: impl IntoIterator<Item = V>) -> Self {
        let finite = |value: V| value.into().filter(|value| value.is_finite());
        Self::new(Values::Floats(values.into_iter().map(finite).collect()))
    }

    /// A column of whole numbers, which may be amounts or keys.
    pub fn integers<V: Into<Option<i64>>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::new(Values::Integers(values.into_iter().map(Into::into).collect()))
    }

    /// A column of texts.
    pub fn texts<'v, V: Into<Option<&'v str>>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::new(Values::Texts(values.into_iter().map(|value| value.into().map(ToOwned::to_owned)).collect()))
    }

    /// A column of truth values.
    pub fn booleans<V: Into<Option<bool>>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::new(Values::Booleans(values.into_iter().map(Into::into).collect()))
    }

    fn new(values: Values) -> Self {
        Self { values, declared: None }
    }

    /// Says what the values are, where their type does not: integers that are keys, or floats that are classes.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.declared = Some(kind);
        self
    }
}

impl Values {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Booleans(values) => values.len(),
        }
    }

    /// Those of some rows.
    pub(super) fn at(&self, rows: &[usize]) -> Self {
        fn at<V: Clone>(values: &[V], rows: &[usize]) -> Vec<V> {
            rows.iter().filter_map(|&row| values.get(row).cloned()).collect()
        }
        match self {
            Self::Floats(values) => Self::Floats(at(values, rows)),
            Self::Integers(values) => Self::Integers(at(values, rows)),
            Self::Texts(values) => Self::Texts(at(values, rows)),
            Self::Booleans(values) => Self::Booleans(at(values, rows)),
        }
    }

    /// The kind that follows from the type; `None` of integers, for it depends on how many distinct ones there are.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Floats(_) => Some(Kind::Numeric),
            Self::Integers(_) => None,
            Self::Texts(_) | Self::Booleans(_) => Some(Kind::Categorical),
        }
    }

    /// The values that are not null as numbers; `None` of texts.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Floats(values) => Some(values.iter().copied().flatten().collect()),
            Self::Integers(values) => Some(values.iter().flatten().map(|&value| value as f64).collect()),
            Self::Booleans(values) => Some(values.iter().flatten().map(|&value| u8::from(value).into()).collect()),
            Self::Texts(_) => None,
        }
    }

    /// The distinct values that are not null as texts, each with its count.
    pub(super) fn categories(&self) -> Vec<(String, u64)> {
        match self {
            // By their bits; zero is the same with either sign.
            Self::Floats(values) => counted(values.iter().flatten().map(|value| (value + 0.0).to_bits()))
                .map(|(bits, count)| (f64::from_bits(bits).to_string(), count))
                .collect(),
            Self::Integers(values) => {
                counted(values.iter().flatten()).map(|(value, count)| (value.to_string(), count)).collect()
            }
            Self::Texts(values) => {
                counted(values.iter().flatten()).map(|(value, count)| (value.clone(), count)).collect()
            }
            Self::Booleans(values) => {
                counted(values.iter().flatten()).map(|(value, count)| (value.to_string(), count)).collect()
            }
        }
    }
}

fn counted<T: Eq + Hash>(values: impl Iterator<Item = T>) -> impl Iterator<Item = (T, u64)> {
    let mut counts = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter()
}
