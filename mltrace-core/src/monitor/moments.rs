//! Mean, variance and extremes of a stream, which add up over parts of it.

use serde::{Deserialize, Serialize};

/// What a stream of finite numbers adds up to, in constant memory.
///
/// Mean and sum of squared deviations are carried forward by Welford's recurrence, and two parts are put together by the
/// formula of Chan, Golub and LeVeque, so that no digits are lost where the mean is large and the spread small. Sources:
/// B. P. Welford, "Note on a method for calculating corrected sums of squares and products", *Technometrics* 4 (1962);
/// T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
/// Stanford STAN-CS-79-773 (1979).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    /// Of no numbers. The extremes are finite, so that they can be written as JSON.
    fn default() -> Self {
        Self { count: 0, mean: 0.0, squares: 0.0, min: f64::MAX, max: f64::MIN }
    }
}

impl Moments {
    /// Takes in a finite number. The mean stays finite; the squares may not.
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1;
        let (count, before) = (self.count as f64, value - self.mean);
        self.mean += if before.is_finite() { before / count } else { value / count - self.mean / count };
        self.squares += before * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Takes in all that another has taken in.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let (apart, share) = (other.mean - self.mean, m / (n + m));
        self.mean += if apart.is_finite() { apart * share } else { other.mean * share - self.mean * share };
        self.squares += other.squares + apart * apart * (n / (n + m)) * m;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many numbers there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The mean squared distance from the mean, over n and not n - 1; `None` of none, and where it is too large for a number.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 0 && self.squares.is_finite()).then(|| self.squares / self.count as f64)
    }

    /// The smallest; `None` of none.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest; `None` of none.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// Whether finite numbers can have added up to it.
    pub(crate) fn is_sound(&self) -> bool {
        let is_within = self.min <= self.max && self.min.is_finite() && self.max.is_finite();
        self.mean.is_finite() && self.squares >= 0.0 && (self.count == 0 || is_within)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for &value in values {
            moments.add(value);
        }
        moments
    }

    #[test]
    fn a_small_spread_about_a_large_mean_keeps_its_digits() {
        let moments = of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!((moments.mean(), moments.variance()), (Some(1e9 + 10.0), Some(22.5)));
        assert_eq!((moments.min(), moments.max()), (Some(1e9 + 4.0), Some(1e9 + 16.0)));
    }

    #[test]
    fn nothing_has_no_moments() {
        let moments = of(&[]);
        assert_eq!((moments.mean(), moments.variance(), moments.min(), moments.max()), (None, None, None, None));
    }

    #[test]
    fn extremes_keep_a_mean_and_have_no_variance() {
        let mut merged = Moments::default();
        merged.merge(&of(&[f64::MAX, f64::MIN, f64::MAX]));
        merged.merge(&of(&[f64::MIN]));
        merged.merge(&of(&[]));
        for moments in [merged, of(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN])] {
            assert!(moments.mean().unwrap().abs() <= f64::MAX / 1e12, "{moments:?}");
            assert_eq!(moments.variance(), None);
            assert!(moments.is_sound(), "{moments:?}");
        }
        let mut into_nothing = Moments::default();
        into_nothing.merge(&of(&[1e200, 1e200]));
        assert_eq!((into_nothing.mean(), into_nothing.variance()), (Some(1e200), Some(0.0)));
    }

    #[test]
    fn what_no_numbers_add_up_to_is_unsound() {
        let sound = of(&[1.0, 2.0]);
        for unsound in [
            Moments { mean: f64::NAN, ..sound },
            Moments { mean: f64::INFINITY, ..sound },
            Moments { squares: f64::NAN, ..sound },
            Moments { squares: -1.0, ..sound },
            Moments { min: 3.0, ..sound },
            Moments { max: f64::INFINITY, ..sound },
        ] {
            assert!(sound.is_sound() && !unsound.is_sound(), "{unsound:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_in_any_order_add_up_to_the_whole(
            parts in prop::collection::vec(prop::collection::vec(-1e6_f64..1e6, 0..20), 0..6),
        ) {
            let mut merged = Moments::default();
            parts.iter().rev().for_each(|part| merged.merge(&of(part)));
            let whole = of(&parts.concat());
            prop_assert_eq!((merged.count, merged.min, merged.max), (whole.count, whole.min, whole.max));
            prop_assert!((merged.mean - whole.mean).abs() <= 1e-9 * 1e6);
            prop_assert!((merged.squares - whole.squares).abs() <= 1e-12 * 1e12 * (1.0 + whole.count as f64));
        }
    }
}
