//! The stages of the demo, a file each, so that what a run shows as its code is the code that made its figures.

mod cleaning;
mod featuregen;
mod featuregen_in_minutes;
mod inference;
mod split;
mod train;

use chrono::NaiveDate;
use mltrace_core::Result;
use mltrace_core::monitor::{Column, Kind, Profile};

use super::lines::Stage;

pub(super) use cleaning::cleaning;
pub(super) use featuregen::featuregen;
pub(super) use featuregen_in_minutes::featuregen as featuregen_in_minutes;
pub(super) use inference::inference;
use inference::inputs;
pub(super) use split::split;
pub(super) use train::train;

/// One ride as the model sees it, and the label.
#[derive(Debug, Clone)]
pub(super) struct Features {
    pub(super) id: String,
    pub(super) day: NaiveDate,
    pickup_hour: i64,
    passenger_count: Option<i64>,
    trip_distance: f64,
    /// Seconds.
    pub(super) trip_time: f64,
    /// Miles a second.
    pub(super) trip_speed: f64,
    pub(super) pickup_zone: i64,
    rate_code: i64,
    pub(super) high_tip: bool,
}

/// How many numbers the model sees of a ride.
const INPUTS: usize = 11;

/// The weight of each.
#[derive(Debug, Default)]
pub(super) struct Model([f64; INPUTS]);

/// A month, as partitions are called: `2020-01`.
pub(super) fn month(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// The features column by column, as they are to be summed up.
pub(super) fn columns(rides: &[Features]) -> [(&'static str, Column); 7] {
    let floats = |value: fn(&Features) -> f64| Column::floats(rides.iter().map(value));
    let codes =
        |value: fn(&Features) -> Option<i64>| Column::integers(rides.iter().map(value)).of_kind(Kind::Categorical);
    [
        ("pickup_hour", codes(|ride| Some(ride.pickup_hour))),
        ("passenger_count", codes(|ride| ride.passenger_count)),
        ("trip_distance", floats(|ride| ride.trip_distance)),
        ("trip_time", floats(|ride| ride.trip_time)),
        ("trip_speed", floats(|ride| ride.trip_speed)),
        ("PULocationID", codes(|ride| Some(ride.pickup_zone))),
        ("RatecodeID", codes(|ride| Some(ride.rate_code))),
    ]
}

pub(super) fn count<T>(of: &[T]) -> f64 {
    of.iter().map(|_| 1.0).sum()
}

/// What rows look like, all of them and day by day. Those of a day stand together.
pub(super) fn profiles<const N: usize>(
    rides: &[Features],
    columns: impl Fn(&[Features]) -> [(&'static str, Column); N],
) -> Result<(Profile, Vec<(NaiveDate, Profile)>)> {
    let days = rides.chunk_by(|one, next| one.day == next.day);
    let days = days.map(|rides| Ok((rides[0].day, Profile::of(columns(rides))?))).collect::<Result<_>>()?;
    Ok((Profile::of(columns(rides))?, days))
}

macro_rules! source {
    ($file:literal) => {
        (concat!("mltrace-cli/src/demo/stages/", $file), include_str!($file))
    };
}

pub(super) const CLEANING: Stage = Stage {
    name: "cleaning",
    description: "Keeps the rides that count.",
    owner: "data-platform",
    tag: "etl",
    stale_after: None,
    host: "etl-1",
    takes: 48,
    code: source!("cleaning.rs"),
};

pub(super) const FEATUREGEN: Stage = Stage {
    name: "featuregen",
    description: "Turns rides into what the model sees.",
    takes: 75,
    code: source!("featuregen.rs"),
    ..CLEANING
};

/// The same stage with the change that was wrong.
pub(super) const FEATUREGEN_IN_MINUTES: Stage =
    Stage { code: (FEATUREGEN.code.0, include_str!("featuregen_in_minutes.rs")), ..FEATUREGEN };

pub(super) const SPLIT: Stage = Stage {
    name: "split",
    description: "Sets a month aside to train on, and one to test on.",
    owner: "growth-ml",
    tag: "training",
    stale_after: None,
    host: "gpu-1",
    takes: 20,
    code: source!("split.rs"),
};

pub(super) const TRAIN: Stage = Stage {
    name: "train",
    description: "Fits the model that predicts who tips well.",
    stale_after: Some(60 * 86_400),
    takes: 540,
    code: source!("train.rs"),
    ..SPLIT
};

pub(super) const INFERENCE: Stage = Stage {
    name: "inference",
    description: "Answers, ride by ride, how likely a high tip is.",
    owner: "serving",
    tag: "inference",
    stale_after: None,
    host: "serve-2",
    takes: 4,
    code: source!("inference.rs"),
};

/// Of another team, in another language.
pub(super) const ZONE_TIPS: Stage = Stage {
    name: "dbt/zone_tips",
    description: "How freely riders tip, zone by zone.",
    owner: "analytics",
    tag: "report",
    stale_after: None,
    host: "warehouse",
    takes: 12,
    code: source!("zone_tips.sql"),
};
