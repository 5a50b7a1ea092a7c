//! How well predictions meet what happened.

/// Predictions counted by what was said and what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    hits: u32,
    false_alarms: u32,
    misses: u32,
    right_rejections: u32,
}

impl Score {
    /// Counts predictions against what happened, pair by pair.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut score = Self::default();
        for (predicted, actual) in pairs {
            score.count(predicted, actual);
        }
        score
    }

    /// Counts one prediction.
    pub(crate) fn count(&mut self, predicted: bool, actual: bool) {
        match (predicted, actual) {
            (true, true) => self.hits += 1,
            (true, false) => self.false_alarms += 1,
            (false, true) => self.misses += 1,
            (false, false) => self.right_rejections += 1,
        }
    }

    /// All that was counted.
    pub(crate) fn total(&self) -> u32 {
        self.hits + self.false_alarms + self.misses + self.right_rejections
    }

    /// The share of all where it happened, 0 to 1.
    pub(crate) fn actual_rate(&self) -> f64 {
        share(self.hits + self.misses, self.total())
    }

    /// F1, 0 to 1: the harmonic mean of precision and recall. 0 where it neither happened nor was
    /// predicted, as scikit-learn has it.
    pub(crate) fn f1(&self) -> f64 {
        share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    fn score(hits: u32, false_alarms: u32, misses: u32, right_rejections: u32) -> Score {
        Score { hits, false_alarms, misses, right_rejections }
    }

    #[test]
    fn each_pair_is_counted_where_it_belongs() {
        let pairs = [(true, true), (true, false), (true, true), (false, true), (false, false)];
        assert_eq!(Score::of(pairs), score(2, 1, 1, 1));
    }

    #[test]
    fn f1_is_that_of_a_table_worked_out_by_hand() {
        // Precision 6/8, recall 6/10: 2 * 0.75 * 0.6 / 1.35 = 2/3.
        let score = score(6, 2, 4, 8);
        assert!((score.f1() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(score.total(), 20);
        assert!((score.actual_rate() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn f1_is_zero_where_there_is_nothing_to_divide_by() {
        assert_eq!(score(0, 0, 0, 9).f1(), 0.0);
        assert_eq!(Score::default().f1(), 0.0);
        assert_eq!(Score::default().actual_rate(), 0.0);
        assert_eq!(score(0, 3, 4, 9).f1(), 0.0);
    }

    #[test]
    fn f1_is_one_where_all_is_right() {
        assert_eq!(score(5, 0, 0, 5).f1(), 1.0);
    }
}
