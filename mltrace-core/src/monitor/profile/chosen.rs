//! How many categories occur once, where there are more than can be counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many categories are chosen.
const SIZE: usize = 4096;
/// How many hashes there are.
const HASHES: f64 = 18_446_744_073_709_551_616.0;

/// The categories with the lowest hashes, each with its exact count: a category that is among the lowest of the whole is
/// among the lowest of any part in which it occurs, and so never lost a value, in whichever order parts came together.
/// Source: P. B. Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries", VLDB 2001.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chosen(BTreeMap<u64, u64>);

impl Chosen {
    /// Takes in a category so many times.
    pub(super) fn add(&mut self, category: &str, times: u64) {
        self.add_hash(hash(category), times);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(&hash, &times)| self.add_hash(hash, times));
    }

    fn add_hash(&mut self, hash: u64, times: u64) {
        if self.highest().is_some_and(|highest| highest < hash) {
            return;
        }
        *self.0.entry(hash).or_default() += times;
        if self.0.len() > SIZE {
            self.0.pop_last();
        }
    }

    /// Each category whose hash is below this is chosen.
    pub(super) fn complete_below(&self) -> u64 {
        self.highest().unwrap_or(u64::MAX)
    }

    /// The counts of categories by their hashes.
    pub(super) fn counts(&self) -> &BTreeMap<u64, u64> {
        &self.0
    }

    /// The highest hash; `None` where all categories are chosen.
    fn highest(&self) -> Option<u64> {
        self.0.last_key_value().filter(|_| self.0.len() >= SIZE).map(|(&highest, _)| highest)
    }

    /// About how many categories occur once.
    pub(super) fn once(&self) -> f64 {
        let once = |(_, times): &(&u64, &u64)| **times == 1;
        match self.highest() {
            None => self.0.iter().filter(once).count() as f64,
            Some(highest) => self.0.range(..highest).filter(once).count() as f64 * (HASHES / highest as f64),
        }
    }

    /// Whether it can be chosen of so many values.
    pub(super) fn is_sound(&self, count: u64) -> bool {
        let sum = self.0.values().try_fold(0_u64, |sum, &times| sum.checked_add(times));
        self.0.len() <= SIZE && sum.is_some_and(|sum| sum <= count)
    }
}

/// The same in every process.
pub(in crate::monitor) fn hash(category: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(category.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(categories: std::ops::Range<u64>, times: u64) -> Chosen {
        let mut chosen = Chosen::default();
        categories.for_each(|category| chosen.add(&category.to_string(), times));
        chosen
    }

    #[test]
    fn a_few_are_counted_exactly_and_of_many_the_error_is_small() {
        assert_eq!(of(0..4_000, 1).once(), 4_000.0);
        let once = of(0..1_000_000, 1).once();
        assert!((once - 1e6).abs() < 5e4, "{once}");
        assert_eq!(of(0..1_000_000, 2).once(), 0.0);
    }

    #[test]
    fn parts_in_any_order_choose_the_same_with_the_same_counts() {
        let parts = [of(0..9_000, 1), of(5_000..30_000, 1), of(29_000..40_000, 3)];
        let merged = |order: [usize; 3]| {
            let mut merged = Chosen::default();
            for part in order {
                merged.merge(&parts[part]);
            }
            merged
        };
        let mut whole = of(0..30_000, 1);
        (5_000..9_000).for_each(|category: u64| whole.add(&category.to_string(), 1));
        (29_000..40_000).for_each(|category: u64| whole.add(&category.to_string(), 3));
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            assert_eq!(merged(order), whole);
        }
    }
}
