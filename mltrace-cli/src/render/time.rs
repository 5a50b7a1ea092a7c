//! Times and durations on the screen.

use chrono::{DateTime, Local, Utc};

/// Local time, to the second.
pub(crate) fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// How long ago, in the largest unit that leaves a telling number.
pub(crate) fn age(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..0 => "in the future".to_owned(),
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{minutes} min ago"),
        7_200..172_800 => format!("{hours} h ago"),
        _ if days < 60 => format!("{days} days ago"),
        _ if days < 730 => format!("{} months ago", days / 30),
        _ => format!("{} years ago", days / 365),
    }
}

/// A duration with two or three telling digits.
#[allow(clippy::cast_possible_truncation, reason = "a float that is out of range saturates")]
pub(crate) fn duration(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1e3).round() as i64;
    match milliseconds {
        0.0 => "0 s".to_owned(),
        ..0.9995 => format!("{:.0} µs", milliseconds * 1e3),
        ..9.95 => format!("{milliseconds:.1} ms"),
        ..999.5 => format!("{milliseconds:.0} ms"),
        ..59_950.0 => format!("{:.1} s", milliseconds / 1e3),
        _ if seconds < 3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_a_unit_that_fits() {
        let now = DateTime::from_timestamp(1_583_064_003, 0).unwrap();
        for (seconds, text) in [
            (5, "5 s ago"),
            (150, "2 min ago"),
            (3 * 3_600, "3 h ago"),
            (3 * 86_400, "3 days ago"),
            (100 * 86_400, "3 months ago"),
            (1_000 * 86_400, "2 years ago"),
            (-5, "in the future"),
        ] {
            assert_eq!(age(now - chrono::TimeDelta::seconds(seconds), now), text);
        }
    }

    #[test]
    fn a_duration_has_two_or_three_telling_digits() {
        for (milliseconds, text) in [
            (0.0, "0 s"),
            (0.85, "850 µs"),
            (1.25, "1.2 ms"),
            (420.4, "420 ms"),
            (999.7, "1.0 s"),
            (1_240.0, "1.2 s"),
            (59_960.0, "1m 00s"),
            (252_000.0, "4m 12s"),
            (7_500_000.0, "2h 05m"),
            (273_600_000.0, "3d 04h"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
