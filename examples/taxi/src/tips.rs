//! What riders gave, which is told days later or never.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// Makes two programs hear the same late.
const SEED: u64 = 42;
/// The share of rides of which nobody ever tells the tip.
const NEVER_TOLD: f64 = 0.1;
/// Hours until a tip is told, on average.
const LAG: f64 = 36.0;

/// Tips that were given and are not told yet, by when they will be.
pub(crate) struct Tips {
    due: BTreeMap<(NaiveDateTime, String), f64>,
    /// Named, so that a newer library still draws the same.
    dice: Xoshiro256PlusPlus,
}

impl Tips {
    pub(crate) fn new() -> Self {
        Self { due: BTreeMap::new(), dice: Xoshiro256PlusPlus::seed_from_u64(SEED) }
    }

    pub(crate) fn happened(&mut self, id: &str, at: NaiveDateTime, high_tip: bool) {
        let (is_told, luck) = (!self.dice.random_bool(NEVER_TOLD), self.dice.random::<f64>());
        // Many soon, some after a week: so they come in another order than the rides.
        let lag = TimeDelta::try_milliseconds(milliseconds(-LAG * (1.0 - luck).ln()));
        if let Some(told_at) = lag.and_then(|lag| at.checked_add_signed(lag)).filter(|_| is_told) {
            self.due.insert((told_at, id.to_owned()), f64::from(u8::from(high_tip)));
        }
    }

    /// Those that are told up to some time.
    pub(crate) fn told_until(&mut self, now: NaiveDateTime) -> Vec<(String, f64, DateTime<Utc>)> {
        let later = self.due.split_off(&(now, String::new()));
        let told = std::mem::replace(&mut self.due, later);
        told.into_iter().map(|((at, id), value)| (id, value, at.and_utc())).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a few weeks at most")]
fn milliseconds(hours: f64) -> i64 {
    (hours * 3_600_000.0) as i64
}
