//! The second stage: from a ride to what the model sees.

use std::path::PathBuf;

use chrono::{Datelike, Timelike};
use mltrace::component;

use crate::example::{self, Example, ExampleWriter};
use crate::io::{self, Folder};
use crate::month::Month;
use crate::progress::{Progress, grouped};
use crate::ride::{self, Ride};

/// Stands for an empty passenger count or rate code: a category of its own, below all that occur, so
/// that a tree can part it from them with one cut.
const EMPTY: f64 = -1.0;

/// A tip above this share of the fare is a high one.
const HIGH_TIP: f64 = 0.2;
/// Examples that are held in memory to be summed up.
const PART: usize = 100_000;

/// Turns the latest clean rides of a month into features and labels.
#[component(
    owner = "data engineering",
    tags("etl"),
    inputs(clean),
    outputs(features),
    params(month),
    partition = month,
    run = run
)]
pub(crate) fn featuregen(month: Month, folder: &Folder) -> anyhow::Result<PathBuf> {
    let progress = Progress::of_unknown_length("featuregen", month);
    let clean = folder.latest(&format!("clean/{month}"))?;
    let features = folder.version(&format!("features/{month}"), "csv")?;
    let mut rides = 0_u32;
    let mut part = Vec::new();
    let profile = |part: &mut Vec<Example>| {
        run.profile_by_day("features", example::days(part), example::columns(part));
        part.clear();
    };
    io::write(&features, |out| {
        let mut writer = ExampleWriter::new(out)?;
        for ride in ride::read(&clean)? {
            let example = example(&ride?);
            writer.write(&example)?;
            part.push(example);
            if part.len() == PART {
                profile(&mut part);
            }
            rides += 1;
            progress.advance();
        }
        writer.finish()
    })?;
    profile(&mut part);
    progress.done(&format!("{} rides", grouped(rides)));
    Ok(features)
}

/// The features in the order of [`FEATURES`](crate::example::FEATURES), and the label.
fn example(ride: &Ride) -> Example {
    let pickup = ride.pickup;
    let weekday = pickup.weekday().num_days_from_monday();
    let work_hours = weekday < 5 && (8..=18).contains(&pickup.hour());
    let seconds = seconds(ride);
    Example {
        pickup,
        features: [
            f64::from(weekday),
            f64::from(pickup.hour()),
            f64::from(pickup.minute()),
            f64::from(u8::from(work_hours)),
            ride.passenger_count.unwrap_or(EMPTY),
            ride.distance,
            seconds,
            ride.distance / (seconds + 1e-7),
            ride.pickup_zone,
            ride.dropoff_zone,
            ride.rate_code.unwrap_or(EMPTY),
        ],
        high_tip: ride.tip / ride.fare > HIGH_TIP,
    }
}

fn seconds(ride: &Ride) -> f64 {
    (ride.dropoff - ride.pickup).as_seconds_f64()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;
    use crate::ride::tests::ride;

    fn at(pickup: &str) -> [f64; 11] {
        let pickup = pickup.parse().expect("a time");
        let ride = Ride { pickup, dropoff: pickup, ..ride() };
        example(&ride).features
    }

    #[test]
    fn the_features_of_a_ride_are_those_worked_out_by_hand() {
        // A Friday at 16:57, 839 seconds for 1.4 miles.
        let expected = [4.0, 16.0, 57.0, 1.0, 1.0, 1.4, 839.0, 1.4 / 839.000_000_1, 163.0, 68.0, 1.0];
        assert_eq!(example(&ride()).features, expected);
    }

    #[test]
    fn empty_counts_and_codes_are_a_category_of_their_own() {
        let ride = Ride { passenger_count: None, rate_code: None, ..ride() };
        let features = example(&ride).features;
        assert_eq!((features[4], features[10]), (-1.0, -1.0));
    }

    #[test]
    fn work_hours_are_weekdays_from_eight_to_the_end_of_the_hour_of_eighteen() {
        let work_hours = |pickup| at(pickup)[3];
        assert_eq!(work_hours("2020-01-17T07:59:59"), 0.0);
        assert_eq!(work_hours("2020-01-17T08:00:00"), 1.0);
        assert_eq!(work_hours("2020-01-17T18:59:59"), 1.0);
        assert_eq!(work_hours("2020-01-17T19:00:00"), 0.0);
        assert_eq!(work_hours("2020-01-18T12:00:00"), 0.0); // a Saturday
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!(at("2020-01-13T00:00:00")[0], 0.0);
        assert_eq!(at("2020-01-19T00:00:00")[0], 6.0);
    }

    #[test]
    fn a_ride_that_takes_no_time_has_a_great_but_finite_speed() {
        let features = at("2020-01-13T12:00:00");
        assert_eq!((features[6], features[7]), (0.0, 1.4 / 1e-7));
    }

    #[test]
    fn a_tip_of_a_fifth_is_not_yet_a_high_one() {
        let high_tip = |tip| example(&Ride { fare: 10.0, tip, ..ride() }).high_tip;
        assert!(!high_tip(2.0));
        assert!(high_tip(2.01));
        assert!(!high_tip(0.0));
    }
}
