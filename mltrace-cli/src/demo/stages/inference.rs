use super::{Features, INPUTS, Model};
use crate::demo::city::ZONES;

/// How likely the model finds a high tip, 0 to 1.
pub(crate) fn inference(model: &Model, ride: &Features) -> f64 {
    let log_odds: f64 = model.0.iter().zip(inputs(ride)).map(|(weight, input)| weight * input).sum();
    1.0 / (1.0 + (-log_odds).exp())
}

/// The features in such units that each is about 1, and the zones one by one.
pub(super) fn inputs(ride: &Features) -> [f64; INPUTS] {
    let no_count = f64::from(ride.passenger_count.is_none());
    let numbers = [1.0, ride.trip_distance / 2.0, ride.trip_time / 600.0, ride.trip_speed * 360.0, no_count];
    let mut inputs = numbers.into_iter().chain(ZONES.map(|(zone, _)| f64::from(zone == ride.pickup_zone)));
    std::array::from_fn(|_| inputs.next().unwrap_or_default())
}
