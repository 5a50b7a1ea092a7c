//! A store as a deployed model leaves it: trained on January and February 2020, in use for four weeks from 2 March. In the
//! third week rides grow longer and the model errs; one day nothing is asked of it; labels come one to three days late.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use mltrace_core::monitor::Column;
use mltrace_core::{PointerType, RunId};

use crate::pipeline::Store;

/// A day. So few that sketches, which draw lots, still hold every number.
const RIDES: usize = 36;
/// Of a day that is trained on.
const TRAINED: usize = 20;

pub(crate) struct Deployed {
    pub(crate) store: Store,
    pub(crate) training: RunId,
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).unwrap().and_utc()
}

/// From 0 to 1, the same for the same number.
fn chance(number: u64) -> f64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
}

/// One ride as the model sees it.
struct Ride {
    miles: f64,
    zone: &'static str,
    score: f64,
    /// Whether it comes true that the score is of.
    truth: f64,
}

fn rides(day: NaiveDate, has_changed: bool) -> Vec<Ride> {
    let ride = |nth: u64| {
        let number = 1_000 * u64::try_from(day.to_epoch_days()).unwrap() + 4 * nth;
        let chance = |nth| chance(number + nth);
        let score = (chance(0) * 100.0).round() / 100.0;
        let truth = f64::from(u8::from(chance(1) < if has_changed { 0.3 } else { score }));
        let miles = (chance(2) * if has_changed { 12.0 } else { 5.0 } * 10.0).round() / 10.0;
        Ride { miles, zone: ["Astoria", "Bronx", "Harlem"][usize::from(chance(3) > 0.5)], score, truth }
    };
    (0..RIDES as u64).map(ride).collect()
}

fn columns(rides: &[Ride]) -> [(&'static str, Column); 2] {
    [
        ("miles", Column::floats(rides.iter().map(|ride| ride.miles))),
        ("zone", Column::texts(rides.iter().map(|ride| ride.zone))),
    ]
}

/// Minutes from the time at which the stores of these tests begin.
fn minute(time: DateTime<Utc>) -> i64 {
    (time - crate::pipeline::at(0)).num_minutes()
}

impl Deployed {
    pub(crate) fn new() -> Self {
        let store = Store::empty();
        let training = Self::train(&store);
        let task = store.tracer.task("high_tip").unwrap();
        for (nth, day) in day("2020-03-02").iter_days().take(28).enumerate() {
            if day == self::day("2020-03-11") {
                continue;
            }
            let rides = rides(day, nth >= 14);
            let noon = start_of(day) + TimeDelta::hours(12);
            let id = |ride: usize| format!("ride-{}-{ride:02}", day.format("%m%d"));
            store.log("inference", minute(noon), 60, |run| {
                run.add_input("models/forest.model");
                (0..rides.len()).for_each(|ride| {
                    run.add_output_as(PointerType::Endpoint, id(ride));
                });
                run.profile_by_day("features", rides.iter().map(|_| day), columns(&rides)).unwrap();
            });
            let outputs = rides.iter().enumerate();
            task.log_outputs(outputs.clone().map(|(nth, ride)| (id(nth), ride.score, noon))).unwrap();
            let late = |ride: usize| noon + TimeDelta::hours(24 + i64::try_from(ride % 49).unwrap());
            let known = outputs.filter(|(nth, _)| nth % 10 > 0 && late(*nth) < start_of(self::day("2020-03-29")));
            task.log_feedbacks(known.map(|(nth, ride)| (id(nth), ride.truth, late(nth)))).unwrap();
        }
        Self { store, training }
    }

    fn train(store: &Store) -> RunId {
        let days: Vec<_> = day("2020-01-06").iter_days().take(49).collect();
        let rides: Vec<_> = days.iter().flat_map(|&day| rides(day, false).into_iter().take(TRAINED)).collect();
        let of_days = || days.iter().flat_map(|&day| std::iter::repeat_n(day, TRAINED));
        store.log("train", minute(start_of(day("2020-03-01"))), 60, |run| {
            run.add_input("features/2020-02.csv").add_output("models/forest.model").metric("f1", 0.68);
            run.profile_by_day("features", of_days(), columns(&rides)).unwrap();
            let scores = Column::floats(rides.iter().map(|ride| ride.score));
            run.profile_by_day("validation", of_days(), [("prediction", scores)]).unwrap();
        })
    }
}
