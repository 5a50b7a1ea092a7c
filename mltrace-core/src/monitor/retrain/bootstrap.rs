//! How far a metric may be from what it was found to be. Source: B. Efron, R. J. Tibshirani, *An Introduction to the
//! Bootstrap* (1993), chapter 13: the percentile interval.

use fastrand::Rng;

use super::super::metric::{Figure, Metric, Tally};
use crate::error::Result;

/// Of how many pairs at most an interval is found: of more it would hardly be narrower, as tolerances go, but slower.
const PAIRS: usize = 10_000;
/// How often pairs are drawn anew.
const RESAMPLES: usize = 1_000;

/// Pairs of truth and prediction, of more than fit each with the same chance. Source: J. S. Vitter, "Random sampling with a
/// reservoir", *ACM Transactions on Mathematical Software* 11 (1985), algorithm R.
#[derive(Debug)]
pub(super) struct Drawn {
    pairs: Vec<(f64, f64)>,
    seen: u64,
    random: Rng,
}

impl Drawn {
    /// The same seed draws the same.
    pub(super) fn seeded(seed: u64) -> Self {
        Self { pairs: Vec::new(), seen: 0, random: Rng::with_seed(seed) }
    }

    pub(super) fn add(&mut self, truth: f64, predicted: f64) {
        self.seen += 1;
        if self.pairs.len() < PAIRS {
            self.pairs.push((truth, predicted));
            return;
        }
        let place = usize::try_from(self.random.u64(..self.seen)).unwrap_or(usize::MAX);
        if let Some(pair) = self.pairs.get_mut(place) {
            *pair = (truth, predicted);
        }
    }

    /// The ends of the interval of a confidence; `None` where most draws tell nothing.
    pub(super) fn interval(mut self, metric: Metric, confidence: f64) -> Result<Option<(f64, f64)>> {
        let mut figures = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            let mut tally = Tally::new(metric, 0.5);
            for _ in 0..self.pairs.len() {
                let (truth, predicted) = self.pairs[self.random.usize(..self.pairs.len())];
                tally.add(truth, predicted)?;
            }
            figures.extend(tally.figure().and_then(Figure::number));
        }
        if figures.len() < RESAMPLES / 2 {
            return Ok(None);
        }
        figures.sort_unstable_by(f64::total_cmp);
        let outside = (1.0 - confidence) / 2.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a thousand")]
        let beyond = (outside * figures.len() as f64) as usize;
        Ok(Some((figures[beyond], figures[figures.len() - 1 - beyond])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::uniform;

    fn drawn(pairs: impl IntoIterator<Item = (f64, f64)>) -> Drawn {
        let mut drawn = Drawn::seeded(7);
        pairs.into_iter().for_each(|(truth, predicted)| drawn.add(truth, predicted));
        drawn
    }

    /// 300 of 400 right: the standard error is sqrt(0.75 * 0.25 / 400) = 0.0217, and 1.96 of them are 0.0424.
    #[test]
    fn the_interval_of_a_share_is_about_that_of_the_normal_distribution() {
        let pairs = || (0..400).map(|pair| (1.0, if pair % 4 == 0 { 0.0 } else { 1.0 }));
        let (low, high) = drawn(pairs()).interval(Metric::Accuracy, 0.95).unwrap().unwrap();
        assert!((low - 0.7076).abs() < 0.006 && (high - 0.7924).abs() < 0.006, "{low} {high}");
        assert_eq!(drawn(pairs()).interval(Metric::Accuracy, 0.95).unwrap(), Some((low, high)), "seeded");
    }

    /// Nine of ten seeded intervals of 90 % hold the true share, 0.7, of samples of 500.
    #[test]
    fn as_many_intervals_hold_the_truth_as_they_say() {
        let holds = |seed: u64| {
            let pairs = uniform(seed, 500).into_iter().map(|chance| (1.0, f64::from(u8::from(chance < 0.7))));
            let (low, high) = drawn(pairs).interval(Metric::Accuracy, 0.9).unwrap().unwrap();
            (low..=high).contains(&0.7)
        };
        let held = (1..=100).filter(|&seed| holds(seed)).count();
        assert!((82..=97).contains(&held), "{held}");
    }

    #[test]
    fn of_many_pairs_each_is_kept_with_the_same_chance() {
        let drawn = drawn((0..100_000).map(|pair| (f64::from(pair), 0.0)));
        assert_eq!(drawn.pairs.len(), PAIRS);
        let mean = drawn.pairs.iter().map(|(truth, _)| truth).sum::<f64>() / PAIRS as f64;
        assert!((mean - 50_000.0).abs() < 4.0 * 28_868.0 / 100.0, "{mean}");
    }

    #[test]
    fn where_most_draws_tell_nothing_there_is_no_interval() {
        assert_eq!(drawn([]).interval(Metric::Accuracy, 0.95).unwrap(), None);
        assert_eq!(drawn([(1.0, 0.3), (1.0, 0.4)]).interval(Metric::RocAuc, 0.95).unwrap(), None);
    }
}
