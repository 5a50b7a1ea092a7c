//! How values are spread over buckets.

/// Counts of values between edges. A bucket ends with its edge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    edges: Vec<f64>,
    /// One more than there are edges.
    counts: Vec<u64>,
    sum: Option<f64>,
}

impl Histogram {
    /// Of no values, of which none will be negative. The edges grow.
    pub(super) fn new(edges: Vec<f64>) -> Self {
        Self { sum: Some(0.0), ..Self::of_any_sign(edges) }
    }

    /// Of no values, which may be negative: they have no sum, for it could fall, and Prometheus takes it for a counter.
    pub(super) fn of_any_sign(edges: Vec<f64>) -> Self {
        let counts = vec![0; edges.len() + 1];
        Self { edges, counts, sum: None }
    }

    pub(super) fn edges(&self) -> &[f64] {
        &self.edges
    }

    pub(super) fn observe(&mut self, value: f64) {
        self.counts[self.edges.partition_point(|&edge| edge < value)] += 1;
        self.sum = self.sum.map(|sum| sum + value);
    }

    pub(super) fn sum(&self) -> Option<f64> {
        self.sum
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each edge with the values up to it that exceed the edge before; the last is infinity.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        self.edges.iter().copied().chain([f64::INFINITY]).zip(self.counts.iter().copied()).collect()
    }
}
