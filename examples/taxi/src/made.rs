//! Months made up in the shape of 2020, for whoever has no records at hand: calm until March, then a
//! city at home. From April there are fewer rides, at other hours, from other zones, with fewer
//! passengers and more gaps in the records, and fewer riders tip well, above all on long rides.

use std::array;
use std::io::Write;

use chrono::{NaiveDateTime, TimeDelta};
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::month::Month;
use crate::ride::{Ride, RideWriter};

/// Rides and the share of high tips in the months of 2020. The shares are those of the TLC's records.
/// The rides fall less deep than they did, so that a month's F1 is more than chance.
const OF_2020: [(usize, f64); 12] = [
    (12_000, 0.562),
    (11_800, 0.578),
    (6_000, 0.555),
    (1_800, 0.424),
    (2_200, 0.373),
    (2_800, 0.446),
    (3_400, 0.467),
    (4_000, 0.487),
    (4_600, 0.515),
    (5_200, 0.535),
    (4_900, 0.542),
    (4_800, 0.531),
];

/// Weights of the hours, from midnight on.
const CALM_HOURS: [u32; 24] =
    [29, 20, 15, 11, 6, 8, 19, 38, 46, 45, 47, 49, 57, 56, 60, 53, 53, 62, 72, 64, 52, 56, 44, 35];
const QUIET_HOURS: [u32; 24] =
    [15, 8, 6, 4, 6, 14, 40, 60, 58, 55, 60, 60, 66, 66, 68, 74, 70, 68, 54, 47, 36, 26, 21, 24];

/// Zones with the weights of a calm and a quiet month, and how freely riders tip there (log-odds).
const ZONES: [(f64, u32, u32, f64); 20] = [
    (237.0, 48, 29, 0.2),
    (161.0, 44, 10, 0.4),
    (236.0, 42, 36, 0.1),
    (162.0, 36, 12, 0.4),
    (230.0, 36, 6, -0.1),
    (234.0, 33, 12, 0.5),
    (186.0, 33, 27, 0.1),
    (142.0, 31, 30, 0.2),
    (48.0, 30, 32, 0.1),
    (132.0, 30, 6, -0.9),
    (170.0, 30, 24, 0.2),
    (79.0, 28, 10, 0.1),
    (163.0, 26, 6, 0.0),
    (239.0, 26, 32, 0.3),
    (138.0, 20, 2, -0.3),
    (137.0, 12, 52, -0.6),
    (140.0, 14, 44, 0.1),
    (75.0, 14, 44, -0.8),
    (238.0, 16, 43, 0.0),
    (74.0, 8, 26, -1.2),
];

/// Weights of 0 to 6 passengers.
const CALM_PASSENGERS: [u32; 7] = [18, 703, 146, 40, 20, 36, 24];
const QUIET_PASSENGERS: [u32; 7] = [30, 742, 79, 21, 8, 18, 14];

/// Log-odds of a high tip that count beside the zones.
struct Habits {
    for_each_mile: f64,
    at_night: f64,
    without_a_count: f64,
}

/// How the city moves and tips.
struct City {
    hours: WeightedIndex<u32>,
    zones: WeightedIndex<u32>,
    passengers: WeightedIndex<u32>,
    /// The share of records without passenger count and rate code.
    gaps: f64,
    /// Miles an hour, at the middle of the rides.
    speed: f64,
    habits: Habits,
}

impl City {
    fn calm() -> anyhow::Result<Self> {
        Ok(Self {
            hours: WeightedIndex::new(CALM_HOURS)?,
            zones: WeightedIndex::new(ZONES.map(|(_, calm, _, _)| calm))?,
            passengers: WeightedIndex::new(CALM_PASSENGERS)?,
            gaps: 0.01,
            speed: 9.5,
            habits: Habits { for_each_mile: -0.05, at_night: -0.3, without_a_count: -6.0 },
        })
    }

    fn quiet() -> anyhow::Result<Self> {
        Ok(Self {
            hours: WeightedIndex::new(QUIET_HOURS)?,
            zones: WeightedIndex::new(ZONES.map(|(_, _, quiet, _)| quiet))?,
            passengers: WeightedIndex::new(QUIET_PASSENGERS)?,
            gaps: 0.1,
            speed: 14.0,
            habits: Habits { for_each_mile: -0.17, at_night: -1.0, without_a_count: -1.2 },
        })
    }

    /// A ride without its tip, and the log-odds of a high one.
    fn ride(&self, month: Month, days: i64, dice: &mut Dice) -> (Ride, f64) {
        let day = dice.random_range(0..days);
        let hour = self.hours.sample(dice);
        let pickup = month.start()
            + TimeDelta::days(day)
            + TimeDelta::hours(i64::try_from(hour).unwrap_or_default())
            + TimeDelta::seconds(dice.random_range(0..3_600));
        let (pickup_zone, _, _, pickup_tips) = ZONES[self.zones.sample(dice)];
        let (dropoff_zone, _, _, dropoff_tips) = ZONES[self.zones.sample(dice)];
        let distance = hundredths(1.7 * (0.85 * bell(dice)).exp());
        let speed = self.speed * distance.max(0.5).powf(0.25) * (0.25 * bell(dice)).exp();
        let seconds = (3_600.0 * distance / speed).round();
        let fare = 2.5 + (2.0 * (2.0 * distance + 0.25 * seconds / 60.0)).round() / 2.0;
        let passengers = self.passengers.sample(dice);
        let gap = dice.random_bool(self.gaps);
        let rate_code = if distance > 15.0 { 2.0 } else { 1.0 };
        let log_odds = pickup_tips
            + 0.5 * dropoff_tips
            + self.habits.for_each_mile * distance.min(15.0)
            + if hour < 6 { self.habits.at_night } else { 0.0 }
            + if gap { self.habits.without_a_count } else { 0.0 };
        let ride = Ride {
            pickup,
            dropoff: later(pickup, seconds),
            passenger_count: (!gap).then(|| (0..passengers).map(|_| 1.0).sum()),
            distance,
            rate_code: (!gap).then_some(rate_code),
            pickup_zone,
            dropoff_zone,
            fare,
            tip: 0.0,
        };
        (ride, log_odds)
    }
}

/// The generator's algorithm is named, not the library's default, so that a newer library still makes
/// the same months.
type Dice = Xoshiro256PlusPlus;

/// Writes the records of a month as the TLC would. The same month is the same bytes every time.
pub(crate) fn write(month: Month, out: impl Write) -> anyhow::Result<()> {
    let mut writer = RideWriter::new(out)?;
    for ride in rides(month)? {
        writer.write(&ride)?;
    }
    writer.finish()
}

fn rides(month: Month) -> anyhow::Result<Vec<Ride>> {
    let (year, number) = month.year_and_number();
    let of_2020 = (1_u32..).zip(OF_2020).find(|(n, _)| year == 2020 && *n == number);
    let (count, high_tips) = of_2020.map_or(OF_2020[0], |(_, shape)| shape);
    let city = if year == 2020 && number >= 4 { City::quiet()? } else { City::calm()? };
    let days = month.next().map_or(28, |next| (next.start() - month.start()).num_days());
    let mut dice = Dice::seed_from_u64(u64::from(number) + 100 * u64::from(year.unsigned_abs()));
    let drawn: Vec<(Ride, f64)> = (0..count).map(|_| city.ride(month, days, &mut dice)).collect();
    let shift = shift_to(high_tips, &drawn);
    let mut rides = Vec::with_capacity(count);
    for (mut ride, log_odds) in drawn {
        let high = dice.random_bool(probability(log_odds + shift));
        ride.tip = tip(ride.fare, high, &mut dice);
        spoil(&mut ride, &mut dice);
        rides.push(ride);
    }
    Ok(rides)
}

/// What must be added to the log-odds of all rides so that their mean probability is `rate`.
fn shift_to(rate: f64, rides: &[(Ride, f64)]) -> f64 {
    let expected = |shift: f64| -> f64 { rides.iter().map(|(_, log_odds)| probability(log_odds + shift)).sum() };
    let wanted = rate * rides.iter().map(|_| 1.0).sum::<f64>();
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if expected(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// A high tip is above a fifth of the fare. Most others are nothing: tips in cash are not recorded.
fn tip(fare: f64, high: bool, dice: &mut Dice) -> f64 {
    if high {
        hundredths(fare * dice.random_range(0.21..0.33))
    } else if dice.random_bool(0.6) {
        0.0
    } else {
        hundredths(fare * dice.random_range(0.05..0.19))
    }
}

/// What real records hold too: refunds, free rides, and clocks that were wrong.
fn spoil(ride: &mut Ride, dice: &mut Dice) {
    match dice.random_range(0..1_000) {
        0..3 => {
            ride.fare = -ride.fare;
            ride.tip = 0.0;
        }
        3 => ride.fare = 0.0,
        4 => (ride.pickup, ride.dropoff) = (ride.dropoff, ride.pickup),
        _ => {}
    }
}

/// Near enough a standard normal value: the sum of twelve uniform ones has variance 1.
fn bell(dice: &mut Dice) -> f64 {
    let uniform: [f64; 12] = array::from_fn(|_| dice.random());
    uniform.iter().sum::<f64>() - 6.0
}

fn hundredths(value: f64) -> f64 {
    (100.0 * value).round() / 100.0
}

fn later(time: NaiveDateTime, seconds: f64) -> NaiveDateTime {
    time + std::time::Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use chrono::Timelike;

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn made(text: &str) -> Vec<Ride> {
        let mut rides = rides(month(text)).expect("rides");
        rides.retain(|ride| ride.fare > 0.0);
        rides
    }

    fn share(rides: &[Ride], wanted: impl Fn(&Ride) -> bool) -> f64 {
        let count = rides.iter().filter(|ride| wanted(ride)).map(|_| 1.0).sum::<f64>();
        count / rides.iter().map(|_| 1.0).sum::<f64>()
    }

    #[test]
    fn the_same_month_is_the_same_bytes_every_time_and_another_month_is_not() {
        let bytes = |text: &str| {
            let mut bytes = Vec::new();
            write(month(text), &mut bytes).expect("written");
            bytes
        };
        assert_eq!(bytes("2020-04"), bytes("2020-04"));
        assert_ne!(bytes("2020-04"), bytes("2020-05"));
        assert_ne!(bytes("2020-01"), bytes("2021-01"));
    }

    #[test]
    fn a_month_is_still_what_it_was_with_other_versions_of_the_libraries() {
        let first = made("2020-04").swap_remove(0);
        assert_eq!(
            (first.pickup.to_string(), first.distance, first.fare, first.pickup_zone),
            ("2020-04-03 08:34:20".to_owned(), 0.93, 5.5, 74.0)
        );
    }

    #[test]
    fn tip_rates_are_those_of_2020() {
        for (text, rate) in [("2020-01", 0.562), ("2020-03", 0.555), ("2020-04", 0.424), ("2020-05", 0.373)] {
            let made = share(&made(text), |ride| ride.tip / ride.fare > 0.2);
            assert!((made - rate).abs() < 0.03, "{text}: {made}");
        }
    }

    #[test]
    fn from_april_rides_are_fewer_and_hours_zones_and_gaps_are_others() {
        let (march, april) = (made("2020-03"), made("2020-04"));
        assert!(april.len() * 2 < march.len());
        let evening = |ride: &Ride| ride.pickup.hour() >= 18;
        assert!(share(&april, evening) < share(&march, evening) - 0.05);
        let uptown = |ride: &Ride| [75.0, 137.0, 140.0].contains(&ride.pickup_zone);
        assert!(share(&april, uptown) > share(&march, uptown) + 0.1);
        let gap = |ride: &Ride| ride.passenger_count.is_none();
        assert!(share(&april, gap) > share(&march, gap) + 0.05);
    }

    #[test]
    fn a_month_has_rides_that_cleaning_must_drop() {
        let rides = rides(month("2020-01")).expect("rides");
        assert!(rides.iter().any(|ride| ride.fare < 0.0));
        assert!(rides.iter().any(|ride| ride.fare == 0.0));
        assert!(rides.iter().any(|ride| ride.dropoff < ride.pickup));
    }
}
