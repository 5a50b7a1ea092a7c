//! A column in figures that people read.

use std::cmp::Reverse;

use serde::Serialize;

use super::{ColumnProfile, Kind};

/// The percentiles of a summary.
const PERCENTILES: [u8; 9] = [1, 5, 10, 25, 50, 75, 90, 95, 99];
/// About how many bins a summary has.
const BINS: f64 = 16.0;
/// How many categories it has.
const CATEGORIES: usize = 20;

/// A column in figures. Percentiles and bins of numbers come from a sketch: exact of a thousand numbers or so, and of more off
/// by [`rank_error`](Self::rank_error).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ColumnSummary {
    /// What the values are.
    pub kind: Kind,
    /// How many there are, nulls among them.
    pub count: u64,
    /// How many are null.
    pub nulls: u64,
    /// The share that is null, 0 to 1; `None` of no values.
    pub null_share: Option<f64>,
    /// The mean; this and what follows down to the bins is `None`, or empty, of categories and where all is null.
    pub mean: Option<f64>,
    /// The standard deviation, over n and not n - 1.
    pub deviation: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The 1st, 5th, 10th, 25th, 50th, 75th, 90th, 95th and 99th.
    pub percentiles: Vec<Percentile>,
    /// By how much the share of numbers below a percentile or the end of a bin may be off, with 99 % confidence.
    pub rank_error: f64,
    /// Between round numbers, one after the other.
    pub bins: Vec<Bin>,
    /// How many distinct categories there are; `None` of numbers, and where there are more than can be counted.
    pub distinct: Option<usize>,
    /// The most frequent categories, at most 20; empty of numbers.
    pub categories: Vec<CategoryCount>,
}

/// A value that a share of the numbers does not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Percentile {
    /// The share, in percent.
    pub percent: u8,
    /// One of the numbers.
    pub value: f64,
}

/// How many numbers lie between two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bin {
    /// The smallest number in it; `None` of the first where few lie far below the others.
    pub from: Option<f64>,
    /// The first number above it, but of the last bin with an end the largest in it; `None` of the last where few lie far above
    /// the others.
    pub to: Option<f64>,
    /// How many.
    pub count: u64,
}

/// How often a category occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CategoryCount {
    /// The category.
    pub category: String,
    /// How often, at least.
    pub count: u64,
}

impl ColumnProfile {
    /// The column in figures that people read.
    ///
    /// ```
    /// use mltrace_core::monitor::{Column, Profile};
    ///
    /// let profile = Profile::of([("score", Column::floats((0..=100).map(|score| f64::from(score) / 100.0)))])?;
    /// let summary = profile.column("score").unwrap().summary();
    /// assert_eq!((summary.max, summary.percentiles[4].value), (Some(1.0), 0.5));
    /// assert_eq!((summary.bins.len(), summary.bins[0].to, summary.bins[0].count), (10, Some(0.1), 10));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn summary(&self) -> ColumnSummary {
        let kind = self.kind();
        let moments = self.moments.filter(|moments| kind == Kind::Numeric && moments.count() > 0);
        let percentile = |percent: u8| Some(Percentile { percent, value: self.quantile(f64::from(percent) / 100.0)? });
        ColumnSummary {
            kind,
            count: self.count,
            nulls: self.nulls,
            null_share: (self.count > 0).then(|| self.nulls as f64 / self.count as f64),
            mean: moments.and_then(|moments| moments.mean()),
            deviation: moments.and_then(|moments| moments.variance()).map(f64::sqrt),
            min: moments.and_then(|moments| moments.min()),
            max: moments.and_then(|moments| moments.max()),
            percentiles: moments.map(|_| PERCENTILES.into_iter().filter_map(percentile).collect()).unwrap_or_default(),
            rank_error: self.quantiles.as_ref().map_or(0.0, super::Quantiles::error),
            bins: moments.and_then(|moments| self.bins(moments.min()?, moments.max()?)).unwrap_or_default(),
            distinct: (kind == Kind::Categorical).then(|| self.distinct()).flatten(),
            categories: if kind == Kind::Categorical { self.most_frequent() } else { Vec::new() },
        }
    }

    fn bins(&self, min: f64, max: f64) -> Option<Vec<Bin>> {
        let ends = round_ends((self.quantile(0.01)?, self.quantile(0.99)?), (min, max));
        let values = self.count - self.nulls;
        if ends.len() == 1 {
            return Some(vec![Bin { from: Some(min), to: Some(max), count: values }]);
        }
        // A bin holds its lower end and not its upper one, but for the last.
        let mut below: Vec<f64> = ends.iter().map(|end| end.next_down().max(f64::MIN)).collect();
        if let (Some(below), Some(&end)) = (below.last_mut(), ends.last()) {
            *below = end;
        }
        let up_to = self.shares_up_to(&below)?.into_iter().chain([1.0]).map(|share| whole(share * values as f64));
        let froms = std::iter::once(None).chain(ends.iter().copied().map(Some));
        let tos = ends.iter().copied().map(Some).chain([None]);
        let mut before = 0;
        let bins = froms.zip(tos).zip(up_to).map(|((from, to), up_to)| {
            let count = up_to.saturating_sub(before);
            before = before.max(up_to);
            Bin { from, to, count }
        });
        let has_ends = |bin: &Bin| bin.from.is_some() && bin.to.is_some();
        Some(bins.filter(|bin| bin.count > 0 || has_ends(bin)).collect())
    }

    fn most_frequent(&self) -> Vec<CategoryCount> {
        let mut counts: Vec<_> =
            self.categories().into_iter().map(|(category, count)| CategoryCount { category, count }).collect();
        counts.sort_by_key(|found| Reverse(found.count));
        counts.truncate(CATEGORIES);
        counts
    }
}

/// A count that was carried as a float.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below 2^53")]
fn whole(count: f64) -> u64 {
    count.round().max(0.0) as u64
}

/// Round numbers that part all values or, where few are far away, nearly all: one alone of values that are all but the same.
fn round_ends(nearly_all: (f64, f64), all: (f64, f64)) -> Vec<f64> {
    let width = |(low, high): (f64, f64)| high / 2.0 - low / 2.0;
    let is_far_spread = width(nearly_all) > 0.0 && width(all) > 2.0 * width(nearly_all);
    let (low, high) = if is_far_spread { nearly_all } else { all };
    let least = (high / BINS) - (low / BINS);
    if !least.is_finite() || least <= 8.0 * f64::EPSILON * low.abs().max(high.abs()) {
        return vec![low];
    }
    let step = round_step(least);
    let first = (low / step).floor();
    let end = |nth: u32| rounded((first + f64::from(nth)) * step, step).clamp(f64::MIN, f64::MAX);
    let bins = (1..=64).find(|&nth| end(nth) >= high).unwrap_or(64);
    (0..=bins).map(end).collect()
}

/// 1, 2 or 5 times a power of ten, and no less than this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|&step| step >= least).unwrap_or(10.0 * power)
}

/// A multiple of a round step without the digits that multiplying has added.
fn rounded(value: f64, step: f64) -> f64 {
    let parts = (1.0 / step).round();
    if (1.0..1e15).contains(&parts) { (value * parts).round() / parts } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Profile};
    use super::*;
    use crate::monitor::testing::uniform;

    fn of(column: Column) -> ColumnSummary {
        Profile::of([("x", column)]).unwrap().column("x").unwrap().summary()
    }

    fn ends(summary: &ColumnSummary) -> Vec<(Option<f64>, Option<f64>)> {
        summary.bins.iter().map(|bin| (bin.from, bin.to)).collect()
    }

    #[test]
    fn scores_lie_in_round_bins_that_hold_them_all() {
        let summary = of(Column::floats([0.0, 0.05, 0.1, 0.3, 0.999, 1.0]));
        assert_eq!(summary.bins.len(), 10);
        assert_eq!(ends(&summary)[3], (Some(0.3), Some(0.4)));
        let counts: Vec<u64> = summary.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [2, 1, 0, 1, 0, 0, 0, 0, 0, 2], "0.3 is in the bin that it begins, and 1 in the last");
    }

    #[test]
    fn a_few_that_are_far_away_do_not_hide_the_others() {
        let mut values = uniform(3, 1_000);
        values.extend([1e9, -1e9]);
        let summary = of(Column::floats(values));
        assert_eq!((summary.bins[0].from, summary.bins.last().unwrap().to), (None, None));
        assert!(summary.bins.len() > 8, "{:?}", summary.bins);
        assert_eq!(summary.bins.iter().map(|bin| bin.count).sum::<u64>(), 1_002);
    }

    #[test]
    fn what_does_not_vary_is_one_bin() {
        for value in [0.0, 7.5, f64::MIN, f64::MAX] {
            let summary = of(Column::floats([value; 40]));
            assert_eq!(summary.bins, [Bin { from: Some(value), to: Some(value), count: 40 }]);
        }
    }

    #[test]
    fn extremes_are_summed_up_without_trouble() {
        for values in [
            vec![f64::MIN, f64::MAX],
            vec![1e300, 2e300],
            vec![1e-300, 2e-300],
            vec![1e15, 1e15 + 1.0],
            vec![-5e-324, 5e-324],
        ] {
            let summary = of(Column::floats(values.clone()));
            assert_eq!(summary.bins.iter().map(|bin| bin.count).sum::<u64>(), 2, "{values:?} {:?}", summary.bins);
            assert!(summary.bins.len() <= 66);
        }
    }

    #[test]
    fn of_no_numbers_there_are_no_figures() {
        for summary in [of(Column::floats([None; 3])), of(Column::floats(Vec::<f64>::new()))] {
            assert_eq!((summary.mean, summary.bins.len(), summary.percentiles.len()), (None, 0, 0));
        }
        assert_eq!(of(Column::floats([None; 3])).null_share, Some(1.0));
    }

    #[test]
    fn categories_are_told_by_their_frequency() {
        let summary = of(Column::texts(["Bronx", "Astoria", "Harlem", "Astoria"]));
        let first = CategoryCount { category: "Astoria".to_owned(), count: 2 };
        assert_eq!((summary.distinct, summary.categories.first()), (Some(3), Some(&first)));
        assert!(summary.bins.is_empty() && summary.mean.is_none());
        assert_eq!(of(Column::integers(0..300)).categories.len(), 20);
    }
}
