//! Two columns as counts of the same cells, and how far apart they are.

use std::collections::BTreeSet;
use std::f64::consts::{LN_2, PI};

use super::super::profile::{ColumnProfile, Shape, hash};
use super::super::statistics::distance::{Cells, wasserstein};
use super::super::statistics::interval::Share;
use super::super::statistics::tail::{chi_squared_log10_p, chi_squared_quantile, kolmogorov_log10_p};
use super::Companions;
use crate::error::Result;

/// How many times the error of a sketch a category must occur, to be told from others.
const WELL_KNOWN: f64 = 10.0;

/// What the cells of a column are.
#[derive(Debug, Clone)]
pub(super) enum Cut {
    /// How many numbers are at or below each edge.
    Edges(Vec<f64>),
    /// How many values are of each category, `chosen` by their hashes or called by name; then of any other, and null.
    Keys { chosen: Vec<u64>, named: Vec<String> },
}

/// A column over one window.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) count: u64,
    pub(super) nulls: u64,
    cells: Vec<f64>,
    /// How far it may be from the truth: by the share at an edge, or by the distance of the categories.
    error: f64,
}

/// How far apart two samples are.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub(super) statistic: f64,
    /// Its mean square by chance alone, of two samples from one population.
    mean_square: f64,
    noise: Noise,
    /// 1/n + 1/m.
    v: f64,
}

/// What the noise of a statistic depends on.
#[derive(Debug, Clone)]
enum Noise {
    KolmogorovSmirnov { errors: f64 },
    JensenShannon { cells: usize, errors: f64 },
}

impl Cut {
    /// Of what a reference says, and of which categories there are in it, in its days and in the live column. Where one of
    /// these does not know all of its own: those with the lowest hashes, which each knows exactly; of the others those that are
    /// so frequent that both know well how often they come; all others as one. What is lumped together can only make the
    /// distance smaller.
    pub(super) fn new<'c>(
        shape: &Shape,
        reference: &'c ColumnProfile,
        live: &'c ColumnProfile,
        days: impl Iterator<Item = &'c ColumnProfile>,
    ) -> Self {
        match shape {
            Shape::Edges(edges) => Self::Edges(edges.clone()),
            Shape::Categories if reference.knows_all_categories() && live.knows_all_categories() => {
                let keys: BTreeSet<String> =
                    reference.categories().into_keys().chain(live.categories().into_keys()).collect();
                Self::Keys { chosen: Vec::new(), named: keys.into_iter().collect() }
            }
            Shape::Categories => {
                let limits = [reference, live].into_iter().chain(days).map(ColumnProfile::complete_below);
                let limit = limits.min().unwrap_or(u64::MAX);
                let both = [reference, live].into_iter().flat_map(|column| column.counts_below(limit).into_keys());
                let ratio = values(live) / values(reference).max(1.0);
                let least = (reference.category_error() as f64).max(live.category_error() as f64 / ratio) * WELL_KNOWN;
                let frequent = reference.categories().into_iter().filter(|&(_, count)| count as f64 >= least);
                Self::Keys {
                    chosen: both.collect::<BTreeSet<u64>>().into_iter().collect(),
                    named: frequent.map(|(key, _)| key).filter(|key| hash(key) >= limit).collect(),
                }
            }
        }
    }

    pub(super) fn sample(&self, column: &ColumnProfile) -> Result<Sample> {
        let (count, nulls) = (column.count(), column.nulls());
        let (cells, error) = match self {
            Self::Edges(edges) => column.cumulated(edges)?,
            Self::Keys { chosen, named } => {
                let limit = chosen.last().map_or(0, |&highest| highest.saturating_add(1));
                let exact = column.counts_below(limit);
                let exact: Vec<u64> = chosen.iter().map(|hash| exact.get(hash).copied().unwrap_or_default()).collect();
                let named: Vec<u64> = named.iter().map(|key| column.count_of(key)).collect();
                let cells = |guess: &dyn Fn(u64) -> u64| {
                    let named = named.iter().map(|&least| guess(least) as f64);
                    let mut cells: Vec<f64> = exact.iter().map(|&count| count as f64).chain(named).collect();
                    let other = (values(column) - cells.iter().sum::<f64>()).max(0.0);
                    cells.extend([other, nulls as f64]);
                    cells
                };
                let lost = column.category_error();
                // What is known was most likely known all along, and lost what each has lost.
                let likely = cells(&|least| if least > 0 { least + lost } else { 0 });
                // The divergence is convex, so that it is greatest where counts are at an end of what is known.
                let ends: [&dyn Fn(u64) -> u64; 3] =
                    [&|least| least, &|least| least + lost, &|least| if least > 0 { least } else { lost }];
                let distance = |end| Cells::new(likely.iter().copied().zip(cells(end))).jensen_shannon();
                let error = if lost == 0 { 0.0 } else { ends.map(distance).into_iter().fold(0.0, f64::max) };
                (likely, error)
            }
        };
        Ok(Sample { count, nulls, cells, error })
    }

    /// How far two samples of these cells are apart.
    pub(super) fn compare(&self, a: &Sample, b: &Sample) -> Effect {
        let v = 1.0 / self.size(a) + 1.0 / self.size(b);
        match self {
            Self::Edges(_) => Effect {
                statistic: self.distances(a, b).iter().fold(0.0, |most, distance| distance.abs().max(most)),
                mean_square: PI * PI / 12.0 * v,
                noise: Noise::KolmogorovSmirnov { errors: a.error + b.error },
                v,
            },
            Self::Keys { .. } => {
                let cells = cells(a, b).pooled();
                let statistic = if cells.count() > 1 { cells.jensen_shannon() } else { 0.0 };
                let mean_square = cells.count().saturating_sub(1) as f64 * v / (8.0 * LN_2);
                let noise = Noise::JensenShannon { cells: cells.count(), errors: a.error + b.error };
                Effect { statistic, mean_square, noise, v }
            }
        }
    }

    /// How many values count: nulls are a category of their own, and no number.
    pub(super) fn size(&self, sample: &Sample) -> f64 {
        match self {
            Self::Edges(_) => (sample.count - sample.nulls) as f64,
            Self::Keys { .. } => sample.count as f64,
        }
    }

    /// The difference of two distribution functions at each edge.
    fn distances(&self, a: &Sample, b: &Sample) -> Vec<f64> {
        let (n, m) = (self.size(a), self.size(b));
        a.cells.iter().zip(&b.cells).map(|(p, q)| p / n - q / m).collect()
    }

    /// What is shown beside the statistic.
    pub(super) fn companions(&self, reference: &Sample, live: &Sample, statistic: f64) -> Companions {
        match self {
            Self::Edges(edges) => {
                let (n, m) = (self.size(reference), self.size(live));
                let log10_p = kolmogorov_log10_p((n * m / (n + m)).sqrt() * statistic);
                let area = wasserstein(edges, &self.distances(reference, live));
                let spread = interquartile_range(edges, &reference.cells, n) / 1.349;
                Companions {
                    p: 10_f64.powf(log10_p),
                    log10_p,
                    stability_index: tenths(reference, live, n, m).stability_index(),
                    wasserstein: (spread > 0.0).then_some(area / spread),
                    cramers_v: None,
                }
            }
            Self::Keys { .. } => {
                let cells = cells(reference, live).pooled();
                let degrees = cells.count().saturating_sub(1);
                let log10_p = if degrees == 0 { 0.0 } else { chi_squared_log10_p(cells.chi_squared(), degrees as f64) };
                Companions {
                    p: 10_f64.powf(log10_p),
                    log10_p,
                    stability_index: cells.stability_index(),
                    wasserstein: None,
                    cramers_v: Some(cells.cramers_v()),
                }
            }
        }
    }
}

/// How many values are no nulls.
fn values(column: &ColumnProfile) -> f64 {
    (column.count() - column.nulls()) as f64
}

fn cells(a: &Sample, b: &Sample) -> Cells {
    Cells::new(a.cells.iter().copied().zip(b.cells.iter().copied()))
}

/// The least edge that so large a share of the reference reaches.
fn interquartile_range(edges: &[f64], cumulated: &[f64], size: f64) -> f64 {
    let reached = |share: f64| edges.get(cumulated.partition_point(|&count| count < share * size)).or(edges.last());
    reached(0.75).zip(reached(0.25)).map_or(0.0, |(upper, lower)| upper - lower)
}

/// Counts between the reference's tenths, as far as its edges tell them apart.
fn tenths(reference: &Sample, live: &Sample, n: f64, m: f64) -> Cells {
    let ends = (1..10).map(|tenth| reference.cells.partition_point(|&count| count < f64::from(tenth) / 10.0 * n));
    let mut ends: Vec<usize> = ends.filter(|&end| end < reference.cells.len()).collect();
    ends.dedup();
    let up_to = ends.iter().map(|&end| (reference.cells[end], live.cells[end])).chain([(n, m)]);
    let mut before = (0.0, 0.0);
    Cells::new(up_to.map(|(p, q)| {
        let cell = (p - before.0, q - before.1);
        before = (p, q);
        cell
    }))
}

impl Sample {
    /// What is left of the whole without a part of it.
    pub(super) fn without(&self, part: &Self) -> Self {
        Self {
            count: self.count - part.count,
            nulls: self.nulls - part.nulls,
            cells: self.cells.iter().zip(&part.cells).map(|(whole, part)| (whole - part).max(0.0)).collect(),
            error: self.error + part.error,
        }
    }

    /// The sum of samples of the same cells; `None` of none.
    pub(super) fn sum<'s>(samples: impl IntoIterator<Item = &'s Self>) -> Option<Self> {
        let mut samples = samples.into_iter();
        let mut sum = samples.next()?.clone();
        for sample in samples {
            sum.count += sample.count;
            sum.nulls += sample.nulls;
            sum.cells.iter_mut().zip(&sample.cells).for_each(|(own, more)| *own += more);
            sum.error = sum.error.max(sample.error);
        }
        Some(sum)
    }

    pub(super) fn null_share(&self) -> Share {
        Share { part: self.nulls, whole: self.count }
    }

    pub(super) fn has_values(&self) -> bool {
        self.count > self.nulls
    }
}

impl Effect {
    /// How far chance alone takes the statistic with a probability of `alpha`: for numbers sqrt(ln(2/alpha) v / 2), for
    /// categories sqrt(chi-squared v / (8 ln 2)); and the errors of sketches. Both distances obey the triangle inequality, so
    /// that errors add up at most.
    pub(super) fn noise(&self, alpha: f64) -> f64 {
        match self.noise {
            Noise::KolmogorovSmirnov { errors } => ((2.0 / alpha).ln() / 2.0 * self.v).sqrt() + errors,
            Noise::JensenShannon { cells: 0 | 1, errors } => errors,
            Noise::JensenShannon { cells, errors } => {
                (chi_squared_quantile(alpha, (cells - 1) as f64) * self.v / (8.0 * LN_2)).sqrt() + errors
            }
        }
    }

    /// The statistic without what chance adds to it on average.
    pub(super) fn excess(&self) -> f64 {
        (self.statistic.powi(2) - self.mean_square).max(0.0).sqrt()
    }
}
