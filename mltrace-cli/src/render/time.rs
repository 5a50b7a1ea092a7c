//! Times and durations on the screen.

use chrono::{DateTime, Local, Utc};
pub(crate) use mltrace_core::__words::{age, duration};

/// Local time, to the second.
pub(crate) fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}
