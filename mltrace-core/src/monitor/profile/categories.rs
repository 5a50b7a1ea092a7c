//! Counts of categories: exact while there are not too many, then of those that are frequent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Result;

/// How many categories are counted exactly.
const EXACT: usize = 10_000;
/// Slots of the sketch that takes over, three quarters of which hold a category.
const SLOTS: usize = 1 << 14;
/// The longest category that is kept as it is, in bytes.
const LONGEST: usize = 256;

/// How often each category occurs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Categories {
    Exact(BTreeMap<String, u64>),
    /// By the sketch of Misra and Gries as D. Anderson et al. have it, "A high-performance algorithm for identifying
    /// frequent items in data streams", IMC 2017.
    Frequent(Frequent),
}

/// A sketch of frequent categories, in the binary form of Apache DataSketches.
#[derive(Debug, Clone)]
pub(crate) struct Frequent(FrequentItemsSketch<String>);

impl Default for Categories {
    fn default() -> Self {
        Self::Exact(BTreeMap::new())
    }
}

impl Categories {
    /// Takes in a category so many times.
    pub(crate) fn add(&mut self, category: &str, times: u64) {
        let category = shortened(category);
        match self {
            Self::Exact(counts) => {
                if let Some(count) = counts.get_mut(&*category) {
                    *count += times;
                } else {
                    counts.insert(category.into_owned(), times);
                }
            }
            Self::Frequent(Frequent(sketch)) => sketch.update_with_count_ref(&*category, times),
        }
        self.give_up_where_too_many();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        match other {
            Self::Exact(counts) => counts.iter().for_each(|(category, &count)| self.add(category, count)),
            Self::Frequent(Frequent(more)) => {
                if let Self::Exact(counts) = self {
                    *self = Self::frequent(counts);
                }
                if let Self::Frequent(Frequent(sketch)) = self {
                    sketch.merge(more);
                }
            }
        }
    }

    fn give_up_where_too_many(&mut self) {
        if let Self::Exact(counts) = self
            && counts.len() > EXACT
        {
            *self = Self::frequent(counts);
        }
    }

    fn frequent(counts: &BTreeMap<String, u64>) -> Self {
        let Ok(mut sketch) = FrequentItemsSketch::new(SLOTS) else {
            // It is a power of two, which is all that is asked.
            return Self::Exact(counts.clone());
        };
        for (category, &count) in counts {
            sketch.update_with_count_ref(category.as_str(), count);
        }
        Self::Frequent(Frequent(sketch))
    }

    pub(crate) fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// Of how many values.
    pub(crate) fn total(&self) -> u64 {
        match self {
            Self::Exact(counts) => counts.values().sum(),
            Self::Frequent(Frequent(sketch)) => sketch.total_weight(),
        }
    }

    /// The categories that are known, each with the times that it occurs at least.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        match self {
            Self::Exact(counts) => counts.clone(),
            Self::Frequent(Frequent(sketch)) => {
                let rows = sketch.frequent_items(ErrorType::NoFalseNegatives);
                rows.into_iter().map(|row| (row.item().clone(), row.lower_bound())).collect()
            }
        }
    }

    /// How many distinct categories are known.
    pub(crate) fn distinct(&self) -> usize {
        match self {
            Self::Exact(counts) => counts.len(),
            Self::Frequent(Frequent(sketch)) => sketch.num_active_items(),
        }
    }

    /// The share of further values that would be of a category not seen so far: that of categories which occur once. Source:
    /// I. J. Good, *Biometrika* 40 (1953). Where not all categories are known, what is none's of those known counts, too.
    pub(crate) fn missing_mass(&self) -> f64 {
        let counts = self.counts();
        let once = counts.values().filter(|&&count| count == 1).count() as u64;
        let unknown = self.total() - counts.values().sum::<u64>();
        (once + unknown) as f64 / self.total().max(1) as f64
    }
}

/// A category in bounded memory: a long one is told by its beginning and its hash.
fn shortened(category: &str) -> Cow<'_, str> {
    if category.len() <= LONGEST {
        return Cow::Borrowed(category);
    }
    let beginning: String = category.chars().take(LONGEST / 8).collect();
    Cow::Owned(format!("{beginning}..{}", blake3::hash(category.as_bytes())))
}

impl Serialize for Frequent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.serialize())
    }
}

impl<'de> Deserialize<'de> for Frequent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(super::Bytes)?;
        FrequentItemsSketch::deserialize(&bytes).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Categories {
        let mut categories = Categories::default();
        values.into_iter().for_each(|value| categories.add(&value.to_string(), 1));
        categories
    }

    #[test]
    fn ten_thousand_categories_are_exact_and_one_more_is_not() {
        assert!(of(0..10_000).is_exact());
        let more = of(0..10_001);
        assert!(!more.is_exact());
        assert_eq!((more.total(), more.distinct()), (10_001, 10_001));
        assert!((0..9).all(|key: u64| more.counts()[&key.to_string()] == 1), "as many as the sketch has room for");
    }

    #[test]
    fn a_frequent_category_is_found_among_a_hundred_thousand_rare_ones() {
        let mut categories = of(0..100_000);
        categories.add("often", 50_000);
        categories.merge(&of(100_000..200_000));
        assert_eq!(categories.total(), 250_000);
        let often = categories.counts()["often"];
        assert!((49_900..=50_000).contains(&often), "{often}");
        assert!(categories.missing_mass() > 0.7, "{}", categories.missing_mass());
    }

    #[test]
    fn the_missing_mass_is_that_of_categories_seen_once() {
        assert_eq!(of([1, 1, 1, 2, 2, 3, 4, 5]).missing_mass(), 3.0 / 8.0);
        assert_eq!(of([]).missing_mass(), 0.0);
    }

    #[test]
    fn a_long_category_takes_little_room_and_is_told_from_others() {
        let long = "ä".repeat(1_000);
        let mut categories = Categories::default();
        categories.add(&long, 1);
        categories.add(&format!("{long}!"), 2);
        let counts = categories.counts();
        assert_eq!(counts.values().copied().sum::<u64>(), 3);
        assert_eq!(counts.len(), 2);
        assert!(counts.keys().all(|key| key.len() <= LONGEST));
    }
}
