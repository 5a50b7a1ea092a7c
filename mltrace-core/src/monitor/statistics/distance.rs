//! How far apart two samples are.

use crate::error::{Error, ErrorKind, Result};

/// The Kolmogorov-Smirnov statistic of two samples: the greatest distance between their empirical distribution functions, a
/// share from 0 to 1, found from the data itself. Source: N. V. Smirnov, *Bulletin of Moscow University* 2 (1939).
///
/// ```
/// let apart = mltrace_core::monitor::kolmogorov_smirnov(&[1.0, 2.0, 2.0, 3.0], &[2.0, 4.0])?;
/// assert_eq!(apart, 0.5);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
///
/// # Errors
/// A sample is empty or holds what is not finite.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Result<f64> {
    if a.is_empty() || b.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "a sample is empty: there is nothing to compare"));
    }
    if let Some(value) = a.iter().chain(b).find(|value| !value.is_finite()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{value} is not finite: leave it out, or count it as null"),
        ));
    }
    let [a, b] = [a, b].map(|sample| {
        let mut sorted = sample.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    });
    let (mut i, mut j, mut greatest) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let here = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&value| value <= here).count();
        j += b[j..].iter().take_while(|&&value| value <= here).count();
        greatest = greatest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    Ok(greatest)
}

fn divergence_term(p: f64, middle: f64) -> f64 {
    if p > 0.0 { p * (p / middle).log2() } else { 0.0 }
}

/// Counts of the same cells in two samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells {
    pairs: Vec<(f64, f64)>,
    totals: (f64, f64),
}

/// The share that the population stability index takes for an empty cell.
const LEAST_SHARE: f64 = 1e-4;

impl Cells {
    /// Those in which there is anything.
    pub(crate) fn new(counts: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let pairs: Vec<_> = counts.into_iter().filter(|(p, q)| p + q > 0.0).collect();
        let totals = pairs.iter().fold((0.0, 0.0), |(n, m), (p, q)| (n + p, m + q));
        Self { pairs, totals }
    }

    /// The same with all cells in one in which the smaller sample would be expected to have fewer than five. W. G. Cochran's
    /// rule, *Biometrics* 10 (1954).
    pub(crate) fn pooled(self) -> Self {
        let (n, m) = self.totals;
        let smaller = n.min(m) / (n + m);
        let (rare, mut pairs): (Vec<_>, Vec<_>) = self.pairs.into_iter().partition(|(p, q)| (p + q) * smaller < 5.0);
        if !rare.is_empty() {
            pairs.push(rare.iter().fold((0.0, 0.0), |(p, q), (more_p, more_q)| (p + more_p, q + more_q)));
        }
        Self { pairs, totals: self.totals }
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.pairs.len()
    }

    fn shares(&self) -> impl Iterator<Item = (f64, f64)> {
        let (n, m) = self.totals;
        self.pairs.iter().map(move |(p, q)| (p / n, q / m))
    }

    /// The Jensen-Shannon distance to base 2: the root of the divergence in bits, 0 to 1. Source: D. M. Endres,
    /// J. E. Schindelin, *IEEE Transactions on Information Theory* 49 (2003).
    pub(crate) fn jensen_shannon(&self) -> f64 {
        let terms = self.shares().map(|(p, q)| {
            let middle = f64::midpoint(p, q);
            f64::midpoint(divergence_term(p, middle), divergence_term(q, middle))
        });
        // Of equal samples rounding can leave it a hair below zero.
        terms.sum::<f64>().clamp(0.0, 1.0).sqrt()
    }

    /// Pearson's statistic of homogeneity, of one degree of freedom fewer than there are cells.
    pub(crate) fn chi_squared(&self) -> f64 {
        let (n, m) = self.totals;
        self.pairs.iter().map(|(p, q)| (p * m - q * n).powi(2) / (n * m * (p + q))).sum()
    }

    /// Cramer's V, 0 to 1: the root of chi-squared over the number of rows, of a table of two samples.
    pub(crate) fn cramers_v(&self) -> f64 {
        (self.chi_squared() / (self.totals.0 + self.totals.1)).sqrt()
    }

    /// The population stability index, the sum of (q - p) ln(q / p), in nats. An empty cell counts as 1e-4 of its sample.
    pub(crate) fn stability_index(&self) -> f64 {
        let shares = self.shares().map(|(p, q)| (p.max(LEAST_SHARE), q.max(LEAST_SHARE)));
        shares.map(|(p, q)| (q - p) * (q / p).ln()).sum()
    }
}

/// The first Wasserstein distance of two distribution functions that are known at some edges, in the unit of the edges:
/// the area between them from the first edge to the last.
pub(crate) fn wasserstein(edges: &[f64], distances: &[f64]) -> f64 {
    let areas = edges.windows(2).zip(distances.windows(2)).map(|(edge, distance)| {
        let (left, right, width) = (distance[0], distance[1], edge[1] - edge[0]);
        if left * right >= 0.0 {
            f64::midpoint(left.abs(), right.abs()) * width
        } else {
            // Two triangles, where the functions cross.
            (left * left + right * right) / (2.0 * (left.abs() + right.abs())) * width
        }
    });
    areas.sum()
}

#[cfg(test)]
mod tests {
    //! Expected values were computed with SciPy 1.17.1.

    use super::*;
    use crate::monitor::testing::assert_close;

    fn cells() -> Cells {
        Cells::new([(30.0, 20.0), (50.0, 60.0), (20.0, 35.0), (7.0, 2.0), (0.0, 0.0)])
    }

    #[test]
    fn distances_are_those_of_scipy() {
        let (a, b) = ([1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 8.0, 9.0], [2.0, 3.0, 3.0, 4.0, 8.0, 10.0]);
        assert_close(kolmogorov_smirnov(&a, &b).unwrap(), 0.208_333_333_333_333_34, 1e-15, "ks");
        assert_close(cells().jensen_shannon(), 0.175_361_723_603_955_88, 1e-12, "jensenshannon(base=2)");
        assert_close(cells().chi_squared(), 9.349_983_580_513_17, 1e-12, "chi2_contingency(correction=False)");
        assert_close(cells().cramers_v(), 0.204_306_138_251_622_14, 1e-12, "association(method=\"cramer\")");
    }

    /// Computed with NumPy 2 from its definition.
    #[test]
    fn the_stability_index_is_symmetric_and_finite_where_a_cell_is_empty() {
        assert_close(cells().stability_index(), 0.176_019_830_934_555_9, 1e-12, "psi");
        let emptied = |p, q| Cells::new([(p, q), (9_000.0, 9_000.0)]).stability_index();
        assert_close(emptied(1_000.0, 0.0), emptied(0.0, 1_000.0), 1e-12, "either way");
    }

    #[test]
    fn the_area_between_step_functions_is_the_wasserstein_distance() {
        let (a, b) = ([1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 8.0, 9.0], [2.0, 3.0, 3.0, 4.0, 8.0, 10.0]);
        let mut edges: Vec<f64> = a.iter().chain(&b).flat_map(|value: &f64| [value.next_down(), *value]).collect();
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        let below = |sample: &[f64], edge: f64| {
            sample.iter().filter(|&&value| value <= edge).count() as f64 / sample.len() as f64
        };
        let distances: Vec<f64> = edges.iter().map(|&edge| below(&a, edge) - below(&b, edge)).collect();
        assert_close(wasserstein(&edges, &distances), 0.833_333_333_333_333_1, 1e-12, "wasserstein_distance");
    }

    #[test]
    fn rare_cells_are_one_and_a_lone_one_stays() {
        let pooled = Cells::new([(100.0, 90.0), (3.0, 2.0), (1.0, 0.0), (2.0, 1.0)]).pooled();
        assert_eq!(pooled.pairs, [(100.0, 90.0), (6.0, 3.0)]);
        let lone = Cells::new([(100.0, 90.0), (3.0, 2.0)]);
        assert_eq!(lone.clone().pooled(), lone);
    }

    #[test]
    fn equal_samples_are_no_distance_apart() {
        let equal = Cells::new((1..100).map(|count| (f64::from(count) / 3.0, f64::from(count))));
        assert!(equal.jensen_shannon() < 1e-7 && equal.stability_index() < 1e-12);
        assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]).unwrap(), 0.0);
    }

    #[test]
    fn samples_with_nothing_in_common_are_one_apart() {
        assert_eq!(Cells::new([(5.0, 0.0), (0.0, 9.0)]).jensen_shannon(), 1.0);
        assert_eq!(kolmogorov_smirnov(&[1.0], &[2.0, 3.0]).unwrap(), 1.0);
    }

    #[test]
    fn an_empty_sample_and_what_is_not_finite_are_refused() {
        for (a, b) in
            [(vec![], vec![1.0]), (vec![1.0], vec![]), (vec![1.0], vec![f64::NAN]), (vec![f64::INFINITY], vec![1.0])]
        {
            assert_eq!(kolmogorov_smirnov(&a, &b).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }
}
