//! Counts between edges that were chosen once, so that windows compare and add up exactly.

use serde::{Deserialize, Serialize};

/// How many quantiles become edges.
const QUANTILES: usize = 256;

/// Counts of finite numbers between edges. A cell ends with its edge, and the last has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grid {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Grid {
    pub(crate) fn new(edges: Vec<f64>) -> Self {
        let counts = vec![0; edges.len() + 1];
        Self { edges, counts }
    }

    pub(crate) fn edges(&self) -> &[f64] {
        &self.edges
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.counts[self.edges.partition_point(|&edge| edge < value)] += 1;
    }

    /// Takes in what another with the same edges has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, more)| *own += more);
    }

    /// How many numbers are at or below each edge.
    pub(crate) fn cumulated(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().take(self.edges.len()).scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    /// How many numbers are at or below the last edge that does not exceed a number.
    pub(crate) fn count_up_to(&self, number: f64) -> u64 {
        let cells = self.edges.partition_point(|&edge| edge <= number);
        self.counts[..cells].iter().sum()
    }

    /// The first edge that so large a share of the numbers does not exceed; `None` where that is beyond the last, and of no
    /// numbers.
    pub(crate) fn at(&self, share: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let wanted = share * all as f64;
        let mut reached = self.edges.iter().zip(self.cumulated());
        reached.find(|&(_, count)| count > 0 && count as f64 >= wanted).map(|(&edge, _)| edge)
    }

    /// Whether it can be what was counted in so many numbers.
    pub(crate) fn is_sound(&self, count: u64) -> bool {
        self.counts.len() == self.edges.len() + 1
            && are_edges(&self.edges)
            && self.counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count)) == Some(count)
    }
}

/// Whether these can be edges.
pub(super) fn are_edges(edges: &[f64]) -> bool {
    edges.iter().all(|edge| edge.is_finite()) && edges.is_sorted_by(|a, b| a < b)
}

/// Edges by which sorted numbers are told apart: quantiles, with an edge on either side of a value that is frequent enough
/// to be one. Of few distinct values each is an edge with its left limit, which tells everything.
pub(crate) fn edges(sorted: &[f64]) -> Vec<f64> {
    let distinct = sorted.chunk_by(f64::eq).filter_map(|tie| tie.first().copied());
    let mut edges = Vec::with_capacity(2 * QUANTILES);
    if distinct.clone().take(QUANTILES).count() < QUANTILES {
        for value in distinct {
            edges.extend([left_limit(value), value]);
        }
    } else {
        for number in 0..QUANTILES {
            let value = sorted[(2 * number + 1) * sorted.len() / (2 * QUANTILES)];
            if edges.last().is_some_and(|&last| last >= value) {
                continue;
            }
            let below = sorted.partition_point(|&other| other < value);
            let up_to = sorted.partition_point(|&other| other <= value);
            if (up_to - below) * QUANTILES >= sorted.len() {
                edges.push(left_limit(value));
            }
            edges.push(value);
        }
    }
    edges.dedup();
    edges
}

/// The number before, or itself where there is none.
fn left_limit(value: f64) -> f64 {
    value.next_down().max(f64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::uniform;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    #[test]
    fn few_values_are_edges_with_their_left_limits() {
        assert_eq!(edges(&[1.0, 1.0, 2.0]), [1.0_f64.next_down(), 1.0, 2.0_f64.next_down(), 2.0]);
        assert_eq!(edges(&[f64::MIN]), [f64::MIN]);
        assert!(edges(&[]).is_empty());
    }

    #[test]
    fn many_values_have_an_edge_for_each_quantile() {
        let values = sorted(uniform(1, 100_000));
        let edges = edges(&values);
        assert_eq!(edges.len(), QUANTILES);
        let mut grid = Grid::new(edges);
        for &value in &values {
            grid.add(value);
        }
        let (least, most) = (grid.counts[1..QUANTILES].iter().min(), grid.counts[1..QUANTILES].iter().max());
        assert!(*least.unwrap() >= 390 && *most.unwrap() <= 391, "{least:?} {most:?}");
    }

    #[test]
    fn an_atom_among_many_values_stands_between_two_edges() {
        let mut values = uniform(1, 10_000);
        values.extend([0.5; 200]);
        let edges = edges(&sorted(values));
        let at = edges.iter().position(|&edge| edge == 0.5).unwrap();
        assert_eq!(edges[at - 1], 0.5_f64.next_down());
        assert_eq!(edges.windows(2).filter(|pair| pair[0] == pair[1].next_down()).count(), 1);
    }

    #[test]
    fn a_number_is_counted_up_to_its_edge() {
        let mut grid = Grid::new(vec![1.0, 2.0]);
        for value in [0.0, 1.0, 1.5, 2.0, 9.0] {
            grid.add(value);
        }
        assert_eq!(grid.counts, [2, 2, 1]);
        assert_eq!(grid.cumulated().collect::<Vec<_>>(), [2, 4]);
        assert!(grid.is_sound(5) && !grid.is_sound(6));
    }
}
