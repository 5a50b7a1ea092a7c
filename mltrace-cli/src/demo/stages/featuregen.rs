use chrono::Timelike;

use super::super::city::Ride;
use super::Features;

/// Turns clean rides into what the model sees. A tip above a fifth of the fare is a high one.
pub(crate) fn featuregen(clean: &[Ride]) -> Result<Vec<Features>, String> {
    let features = |ride: &Ride| {
        if !(1..=6).contains(&ride.rate_code) {
            return Err(format!("RatecodeID {} of `{}` is no rate code: there are 1 to 6", ride.rate_code, ride.id));
        }
        let trip_time = (ride.dropoff - ride.pickup).as_seconds_f64();
        Ok(Features {
            id: ride.id.clone(),
            day: ride.pickup.date_naive(),
            pickup_hour: ride.pickup.hour().into(),
            passenger_count: ride.passenger_count,
            trip_distance: ride.distance,
            trip_time,
            trip_speed: ride.distance / (trip_time + 1e-7),
            pickup_zone: ride.pickup_zone,
            rate_code: ride.rate_code,
            high_tip: ride.tip / ride.fare > 0.2,
        })
    };
    clean.iter().map(features).collect()
}
