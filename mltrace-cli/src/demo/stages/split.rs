use chrono::NaiveDate;

use super::Features;

/// Sets the first month aside to train on and the next to test on.
///
/// In use a model meets rides that are later than all it has seen, so no random part of both would do.
pub(crate) fn split(features: &[Features], test_from: NaiveDate) -> (&[Features], &[Features]) {
    features.split_at(features.partition_point(|ride| ride.day < test_from))
}
