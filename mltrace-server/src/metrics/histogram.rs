//! How values are spread over buckets.

/// Counts of values between edges. A bucket ends with its edge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    edges: Vec<f64>,
    /// One more than there are edges.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Of nothing. The edges grow.
    pub(super) fn new(edges: Vec<f64>) -> Self {
        let counts = vec![0; edges.len() + 1];
        Self { edges, counts, sum: 0.0 }
    }

    pub(super) fn edges(&self) -> &[f64] {
        &self.edges
    }

    pub(super) fn observe(&mut self, value: f64) {
        self.counts[self.edges.partition_point(|&edge| edge < value)] += 1;
        self.sum += value;
    }

    pub(super) fn sum(&self) -> f64 {
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
