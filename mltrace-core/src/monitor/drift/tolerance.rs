//! How much change a column is allowed, which its own history says.

use serde::{Deserialize, Serialize};

use super::super::metric::median;
use super::super::statistics::tail::t_quantile;

/// What is always tolerated.
pub(super) const FLOOR: f64 = 0.1;
/// What no history makes tolerable.
pub(super) const CAP: f64 = 0.3;
/// Of how many chunks on a history can tell.
pub(super) const FEWEST_CHUNKS: usize = 5;
/// Standard deviations of a normal distribution in its median absolute deviation.
const DEVIATION: f64 = 1.4826;

/// What stands behind a tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Chunks of the reference's own history, as long as the window.
    Calibrated {
        /// How many.
        chunks: usize,
    },
    /// There are fewer than five of them, so that the floor of 0.1 stands alone.
    Uncalibrated {
        /// How many.
        chunks: usize,
    },
}

/// The tolerance that follows from how far each chunk of the reference is from the rest of it: the upper prediction bound of
/// one chunk more, but at least the floor and, as far as history goes, at most the cap.
pub(super) fn tolerance(excesses: &[f64], alpha: f64) -> (f64, Calibration) {
    let chunks = excesses.len();
    if chunks < FEWEST_CHUNKS {
        return (FLOOR, Calibration::Uncalibrated { chunks });
    }
    let middle = median(&mut excesses.to_vec()).unwrap_or_default();
    let mut deviations: Vec<f64> = excesses.iter().map(|excess| (excess - middle).abs()).collect();
    let spread = DEVIATION * median(&mut deviations).unwrap_or_default();
    let count = chunks as f64;
    let history = middle + t_quantile(alpha, count - 1.0) * (1.0 + 1.0 / count).sqrt() * spread;
    (history.clamp(FLOOR, CAP), Calibration::Calibrated { chunks })
}

/// Whether a column is mostly so far from itself that nothing can be said of a window of this length.
pub(super) fn is_seasonal(excesses: &[f64]) -> bool {
    excesses.len() >= FEWEST_CHUNKS && 2 * excesses.iter().filter(|&&excess| excess > CAP).count() > excesses.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::assert_close;

    #[test]
    fn four_chunks_tell_nothing() {
        assert_eq!(tolerance(&[0.2; 4], 0.01), (FLOOR, Calibration::Uncalibrated { chunks: 4 }));
    }

    /// 0.12 + t * sqrt(1 + 1/7) * 1.4826 * 0.02 with t = 5.306671624513083 of SciPy 1.17.1.
    #[test]
    fn the_bound_is_that_of_one_chunk_more() {
        let (found, calibration) = tolerance(&[0.1, 0.12, 0.14, 0.16, 0.08, 0.13, 0.11], 0.01 / 11.0);
        assert_close(found, 0.12 + 5.306_671_624_513_083 * (8.0_f64 / 7.0).sqrt() * 1.4826 * 0.02, 1e-9, "bound");
        assert_eq!(calibration, Calibration::Calibrated { chunks: 7 });
    }

    #[test]
    fn it_stays_between_floor_and_cap() {
        assert_eq!(tolerance(&[0.0; 7], 0.01).0, FLOOR);
        assert_eq!(tolerance(&[0.1, 0.9, 0.5, 0.2, 0.8], 0.01).0, CAP);
    }

    #[test]
    fn a_column_is_seasonal_where_most_of_its_chunks_pass_the_cap() {
        assert!(is_seasonal(&[0.4, 0.4, 0.1, 0.4, 0.1]));
        assert!(!is_seasonal(&[0.4, 0.1, 0.4, 0.1, 0.4, 0.1]) && !is_seasonal(&[0.3; 5]));
        assert!(!is_seasonal(&[0.9; 4]) && !is_seasonal(&[]), "too few to tell");
    }
}
