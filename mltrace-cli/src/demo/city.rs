//! Rides made up by a seeded generator. Riders tip less on long and on fast rides, until the city changes.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// One ride, as the meter recorded it.
#[derive(Debug, Clone)]
pub(super) struct Ride {
    pub(super) id: String,
    pub(super) pickup: DateTime<Utc>,
    pub(super) dropoff: DateTime<Utc>,
    /// `None` where the driver's device sent none.
    pub(super) passenger_count: Option<i64>,
    /// Miles.
    pub(super) distance: f64,
    /// From 1, the standard rate, to 6; 99 stands for none that is known.
    pub(super) rate_code: i64,
    pub(super) pickup_zone: i64,
    /// Dollars, without the tip.
    pub(super) fare: f64,
    pub(super) tip: f64,
}

/// Where rides begin, and how freely riders tip there, in log-odds.
pub(super) const ZONES: [(i64, f64); 6] = [(48, 0.3), (132, -0.9), (161, 0.7), (230, 0.1), (236, 0.4), (237, -0.4)];

/// How the city moves and tips.
#[derive(Debug, Clone, Copy)]
pub(super) enum City {
    Calm,
    /// Rides grow longer, devices fail more often, and riders tip otherwise.
    Changed,
}

impl City {
    /// One ride on each of these days, the same for the same seed.
    pub(super) fn rides(self, days: impl IntoIterator<Item = NaiveDate>, seed: u64) -> Vec<Ride> {
        let mut dice = Dice(seed << 32);
        days.into_iter().enumerate().map(|(nth, day)| self.ride(day, nth, &mut dice)).collect()
    }

    fn ride(self, day: NaiveDate, nth: usize, dice: &mut Dice) -> Ride {
        let (median, gaps) = match self {
            Self::Calm => (1.8, 0.02),
            Self::Changed => (3.0, 0.09),
        };
        let distance = (median * (0.6 * dice.bell()).exp()).min(12.0);
        // A pace of 1 is 10 miles an hour. All rides end on their day.
        let pace = (0.35 * dice.bell()).exp().min(1.6);
        let pickup = day.and_time(NaiveTime::MIN).and_utc() + Duration::from_secs_f64(79_200.0 * dice.chance().sqrt());
        let (pickup_zone, tips) = ZONES[dice.below(6) as usize];
        let rate_code = if distance > 8.0 { 2 } else { 1 };
        let log_odds = tips
            + match self {
                Self::Calm => 2.1 - 0.8 * distance + 2.5 * (pace - 1.0),
                Self::Changed => 1.0 - 0.2 * distance + 1.2 * (pace - 1.0),
            };
        let passenger_count = (dice.chance() > gaps).then_some(1 + i64::from(dice.below(4).min(dice.below(4))));
        let fare = 3.0 + 2.5 * distance;
        // Some rides are refunded.
        let fare = if dice.chance() < 0.02 { -fare } else { fare };
        let share = if dice.chance() < 1.0 / (1.0 + (-log_odds).exp()) { 0.21 + 0.1 * dice.chance() } else { 0.0 };
        let id = format!("ride-{}-{nth:02}", day.format("%m%d"));
        Ride {
            id,
            pickup,
            dropoff: pickup + Duration::from_secs_f64(360.0 * distance * pace),
            passenger_count,
            distance,
            rate_code,
            pickup_zone,
            fare,
            tip: share * fare,
        }
    }
}

/// The same numbers for the same seed, whatever machine and library.
struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to 1.
    fn chance(&mut self) -> f64 {
        f64::from((self.bits() >> 32) as u32) / f64::from(u32::MAX)
    }

    fn below(&mut self, bound: u32) -> u32 {
        (self.bits() >> 32) as u32 % bound
    }

    /// Near enough a standard normal value: the sum of twelve uniform ones has variance 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.chance()).sum::<f64>() - 6.0
    }
}
