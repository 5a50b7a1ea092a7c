//! The one place that reads the time, and the one place that turns it into the store's microseconds.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// Now, in the store's resolution, so that what goes in is what comes out.
pub(crate) fn now() -> DateTime<Utc> {
    // A clock that stands before 1970 has not been set as yet.
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    #[cfg(test)]
    let now = now - set_back::by();
    now
}

pub(crate) fn to_micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(crate) fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(if micros < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// A clock that somebody sets back while a thread of a test runs.
#[cfg(test)]
pub(crate) mod set_back {
    use std::cell::Cell;

    use chrono::TimeDelta;

    thread_local! {
        static BY: Cell<TimeDelta> = const { Cell::new(TimeDelta::zero()) };
    }

    pub(super) fn by() -> TimeDelta {
        BY.get()
    }

    /// Reads times so much before the real ones on this thread from now on.
    pub(crate) fn set(by: TimeDelta) {
        BY.set(by);
    }
}
