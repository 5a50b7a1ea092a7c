//! Quantiles of a stream in constant memory, where no edges are known as yet. Source: Z. Karnin, K. Lang, E. Liberty,
//! "Optimal quantile approximation in streams", FOCS 2016; in the binary form of Apache DataSketches.

use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::grid;
use crate::error::{Error, ErrorKind, Result};

/// Some 25 KB, and ranks that are 0.3 % off.
const K: u16 = 1000;

/// At how many ranks a sketch is asked to find edges.
const RANKS: u32 = 4096;

/// A sketch of finite numbers.
#[derive(Debug, Clone)]
pub(crate) struct Quantiles(KllSketch<KllFloat<f64>>);

impl Quantiles {
    pub(crate) fn new() -> Result<Self> {
        KllSketch::new(K).map(Self).map_err(refused)
    }

    pub(crate) fn add(&mut self, value: f64) -> Result<()> {
        self.0.update(KllFloat::<f64>::new(value).map_err(refused)?);
        Ok(())
    }

    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.merge(&other.0).map_err(refused)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.n()
    }

    /// By how much the share of numbers below any number is off, with 99 % confidence: 2.296 / k^0.9723, and 0 while the
    /// sketch still holds every number.
    pub(crate) fn error(&self) -> f64 {
        if self.0.is_estimation_mode() { self.0.normalized_rank_error() } else { 0.0 }
    }

    /// Whether finite numbers can have come to it, so many of them.
    pub(crate) fn is_sound(&self, count: u64) -> bool {
        let is_finite = |item: Option<&KllFloat<f64>>| item.is_none_or(|item| item.into_inner().is_finite());
        self.count() == count && is_finite(self.0.min_item()) && is_finite(self.0.max_item())
    }

    /// Edges as of the numbers themselves, up to that error.
    pub(crate) fn edges(&self) -> Vec<f64> {
        let numbers = self.0.sorted_view();
        let ranks = (0..=RANKS).map(|rank| f64::from(rank) / f64::from(RANKS));
        // Only a rank that is not from 0 to 1 would be refused.
        let found = ranks.filter_map(|rank| numbers.quantile(rank, SearchCriteria::Inclusive).ok().flatten());
        grid::edges(&found.map(KllFloat::into_inner).collect::<Vec<_>>())
    }

    /// About the smallest number that so large a share of the numbers does not exceed; `None` of none.
    pub(crate) fn at(&self, share: f64) -> Option<f64> {
        self.0.quantile(share, SearchCriteria::Inclusive).ok().flatten().map(KllFloat::into_inner)
    }

    /// About the share of the numbers that do not exceed a finite one; `None` of none.
    pub(crate) fn share_up_to(&self, number: f64) -> Option<f64> {
        self.0.rank(&KllFloat::<f64>::new(number).ok()?, SearchCriteria::Inclusive)
    }

    /// How many numbers are about at or below each edge.
    pub(crate) fn cumulated(&self, edges: &[f64]) -> Result<Vec<f64>> {
        let points: Vec<_> =
            edges.iter().map(|&edge| KllFloat::<f64>::new(edge).map_err(refused)).collect::<Result<_>>()?;
        let Some(shares) = self.0.cdf(&points, SearchCriteria::Inclusive).map_err(refused)? else {
            return Ok(vec![0.0; edges.len()]);
        };
        // Whole numbers, but for the rounding of shares.
        Ok(shares.into_iter().take(edges.len()).map(|share| (share * self.0.n() as f64).round()).collect())
    }
}

fn refused(source: datasketches::error::Error) -> Error {
    Error::new(ErrorKind::Internal, "a sketch of quantiles refused what it was given").with_source(source)
}

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.serialize())
    }
}

impl<'de> Deserialize<'de> for Quantiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(super::Bytes)?;
        KllSketch::deserialize(&bytes).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::uniform;

    #[test]
    fn shares_below_an_edge_are_within_the_error_that_is_stated() {
        let mut sketch = Quantiles::new().unwrap();
        for value in uniform(7, 200_000) {
            sketch.add(value).unwrap();
        }
        assert!((sketch.error() - 2.296 / 1000_f64.powf(0.9723)).abs() < 1e-12);
        let edges = sketch.edges();
        assert_eq!(edges.len(), 256);
        let cumulated = sketch.cumulated(&edges).unwrap();
        let worst =
            edges.iter().zip(&cumulated).map(|(edge, count)| (edge - count / 200_000.0).abs()).fold(0.0, f64::max);
        // The numbers themselves are up to 0.003 from uniform, too.
        assert!(worst < sketch.error() + 0.003, "{worst}");
    }

    #[test]
    fn few_numbers_are_kept_as_they_are() {
        let mut sketch = Quantiles::new().unwrap();
        for value in [3.0, 1.0, 2.0, 2.0] {
            sketch.add(value).unwrap();
        }
        assert_eq!(sketch.error(), 0.0);
        assert_eq!(sketch.edges(), grid::edges(&[1.0, 2.0, 2.0, 3.0]));
        assert_eq!(sketch.cumulated(&[1.0, 1.5, 2.0, 9.0]).unwrap(), [1.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn of_no_numbers_none_is_below_any_edge() {
        assert_eq!(Quantiles::new().unwrap().cumulated(&[1.0, 2.0]).unwrap(), [0.0, 0.0]);
        assert!(Quantiles::new().unwrap().edges().is_empty());
    }
}
