//! Counts of categories: exact while there are not too many, then of those that are frequent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::chosen::{Chosen, hash};
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
    Frequent(Frequent),
}

/// Those categories that are frequent, and how many are so rare that they occur once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Frequent {
    sketch: Sketch,
    chosen: Chosen,
}

/// By the sketch of Misra and Gries as D. Anderson et al. have it, "A high-performance algorithm for identifying frequent
/// items in data streams", IMC 2017; in the binary form of Apache DataSketches.
#[derive(Debug, Clone)]
struct Sketch(FrequentItemsSketch<String>);

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
            Self::Frequent(frequent) => frequent.add(&category, times),
        }
        self.give_up_where_too_many();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        match other {
            Self::Exact(counts) => counts.iter().for_each(|(category, &count)| self.add(category, count)),
            Self::Frequent(more) => {
                if let Self::Exact(counts) = self {
                    *self = Self::frequent(counts);
                }
                if let Self::Frequent(frequent) = self {
                    frequent.sketch.0.merge(&more.sketch.0);
                    frequent.chosen.merge(&more.chosen);
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
        let Ok(sketch) = FrequentItemsSketch::new(SLOTS) else {
            // It is a power of two, which is all that is asked.
            return Self::Exact(counts.clone());
        };
        let mut frequent = Frequent { sketch: Sketch(sketch), chosen: Chosen::default() };
        for (category, &count) in counts {
            frequent.add(category, count);
        }
        Self::Frequent(frequent)
    }

    pub(crate) fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// Of how many values.
    pub(crate) fn total(&self) -> u64 {
        match self {
            Self::Exact(counts) => counts.values().sum(),
            Self::Frequent(frequent) => frequent.sketch.0.total_weight(),
        }
    }

    /// Whether it can be what was counted of so many values.
    pub(crate) fn is_sound(&self, count: u64) -> bool {
        match self {
            Self::Exact(counts) => counts.values().try_fold(0_u64, |sum, &count| sum.checked_add(count)) == Some(count),
            Self::Frequent(Frequent { sketch: Sketch(sketch), chosen }) => {
                sketch.total_weight() == count && sketch.maximum_error() <= count && chosen.is_sound(count)
            }
        }
    }

    /// The categories that are known, each with the times that it occurs at least.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        match self {
            Self::Exact(counts) => counts.clone(),
            Self::Frequent(frequent) => {
                let rows = frequent.sketch.0.frequent_items(ErrorType::NoFalseNegatives);
                rows.into_iter().map(|row| (row.item().clone(), row.lower_bound())).collect()
            }
        }
    }

    /// How often a category occurs at least.
    pub(crate) fn count_of(&self, category: &str) -> u64 {
        match self {
            Self::Exact(counts) => counts.get(category).copied().unwrap_or_default(),
            Self::Frequent(frequent) => frequent.sketch.0.lower_bound(category),
        }
    }

    /// How much more often than told any category may occur, whether it is known or not.
    pub(crate) fn error(&self) -> u64 {
        match self {
            Self::Exact(_) => 0,
            Self::Frequent(frequent) => frequent.sketch.0.maximum_error(),
        }
    }

    /// Of each category whose hash is below this it is known exactly how often it occurs.
    pub(crate) fn complete_below(&self) -> u64 {
        match self {
            Self::Exact(_) => u64::MAX,
            Self::Frequent(frequent) => frequent.chosen.complete_below(),
        }
    }

    /// By the hashes of categories, as far as they are below a limit, how often these occur: exactly, if the limit is at most
    /// [`complete_below`](Self::complete_below).
    pub(crate) fn counts_below(&self, limit: u64) -> BTreeMap<u64, u64> {
        match self {
            Self::Exact(counts) => {
                counts.iter().map(|(key, &count)| (hash(key), count)).filter(|&(hash, _)| hash < limit).collect()
            }
            Self::Frequent(frequent) => {
                frequent.chosen.counts().range(..limit).map(|(&hash, &count)| (hash, count)).collect()
            }
        }
    }

    /// How many distinct categories are known.
    pub(crate) fn distinct(&self) -> usize {
        match self {
            Self::Exact(counts) => counts.len(),
            Self::Frequent(frequent) => frequent.sketch.0.num_active_items(),
        }
    }

    /// The share of further values that would be of a category not seen so far: that of categories which occur once. Source:
    /// I. J. Good, *Biometrika* 40 (1953). Where not all categories are known, by a sample of them.
    pub(crate) fn missing_mass(&self) -> f64 {
        let once = match self {
            Self::Exact(counts) => counts.values().filter(|&&count| count == 1).count() as f64,
            Self::Frequent(frequent) => frequent.chosen.once(),
        };
        (once / self.total().max(1) as f64).min(1.0)
    }
}

impl Frequent {
    fn add(&mut self, category: &str, times: u64) {
        self.sketch.0.update_with_count_ref(category, times);
        self.chosen.add(category, times);
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

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.serialize())
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Where the binary form has the logarithm of the slots: room is made for as many as it says.
        const LOG_SLOTS: usize = 3;
        let bytes = deserializer.deserialize_byte_buf(super::Bytes)?;
        if bytes.get(LOG_SLOTS).is_none_or(|&log| u32::from(log) != SLOTS.trailing_zeros()) {
            return Err(de::Error::custom("a sketch of categories has another size than those of this program"));
        }
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
        let missing = categories.missing_mass();
        assert!((missing - 0.8).abs() < 0.05, "{missing}");
    }

    /// A zip code, a product: many, and none of them new.
    #[test]
    fn many_categories_that_all_come_often_have_no_missing_mass_in_whichever_order_they_come() {
        let mut by_turns = Categories::default();
        for turn in 0..20_u64 {
            // An odd factor that is no divisor of their number takes them in another order each time.
            (0..15_000_u64).for_each(|value| by_turns.add(&((value * 7 + turn) % 15_000).to_string(), 1));
        }
        let mut by_days = of([]);
        (0..20).for_each(|_| by_days.merge(&of(0..15_000)));
        for categories in [by_turns, by_days] {
            assert!(!categories.is_exact());
            assert_eq!((categories.total(), categories.missing_mass()), (300_000, 0.0));
        }
    }

    #[test]
    fn a_category_occurs_between_what_is_told_and_that_with_the_error() {
        let mut categories = of(0..100_000);
        categories.merge(&of(0..300));
        categories.add("often", 50_000);
        let error = categories.error();
        assert!(error > 0 && of(0..10_000).error() == 0);
        for (category, count) in [("often", 50_000), ("7", 2), ("99999", 1), ("never", 0)] {
            let least = categories.count_of(category);
            assert!(least <= count && count <= least + error, "{category}: {least}, error {error}");
        }
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
