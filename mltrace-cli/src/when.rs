//! Times as people give them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Reads RFC 3339, a date (its start in UTC), or an age such as `2w`, `36h`, `30m`, `10d`.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    parse_at(text, Utc::now())
}

fn parse_at(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let instant = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let date = || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let age = || now.checked_sub_signed(age(text)?);
    instant().or_else(date).or_else(age).ok_or_else(|| {
        "give a time as 2020-03-01T12:00:00Z, a date as 2020-03-01 (its start in UTC), or an age as 2w, 10d, 36h, 30m"
            .to_owned()
    })
}

/// Reads the length of a window: `hour`, `day`, `week`, or as `7d`, `36h`, `30m`.
pub(crate) fn length(text: &str) -> Result<TimeDelta, String> {
    let length = match text {
        "hour" => Some(TimeDelta::hours(1)),
        "day" => Some(TimeDelta::days(1)),
        "week" => Some(TimeDelta::weeks(1)),
        _ => age(text).filter(|length| *length > TimeDelta::zero()),
    };
    length.ok_or_else(|| "give a length as hour, day, week, or as 7d, 36h, 30m".to_owned())
}

/// Reads a number of whole days, as `7d` or `4w`.
pub(crate) fn days(text: &str) -> Result<u32, String> {
    let days = age(text).filter(|length| *length == TimeDelta::days(length.num_days())).map(|length| length.num_days());
    let days = days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
    days.ok_or_else(|| "give whole days, as 7d or 4w".to_owned())
}

fn age(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let count = i64::from(count);
    match unit {
        's' => TimeDelta::try_seconds(count),
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now = DateTime::from_timestamp(1_583_064_003, 0).unwrap(); // 2020-03-01T12:00:03Z
        parse_at(text, now).map(|time| time.to_rfc3339())
    }

    #[test]
    fn a_time_with_an_offset_is_that_instant() {
        assert_eq!(at("2020-03-01T12:00:00+02:00").unwrap(), "2020-03-01T10:00:00+00:00");
    }

    #[test]
    fn a_date_is_its_start_in_utc() {
        assert_eq!(at("2020-03-01").unwrap(), "2020-03-01T00:00:00+00:00");
    }

    #[test]
    fn an_age_counts_back_from_now() {
        for (age, time) in [
            ("2w", "2020-02-16T12:00:03+00:00"),
            ("10d", "2020-02-20T12:00:03+00:00"),
            ("36h", "2020-02-29T00:00:03+00:00"),
            ("30m", "2020-03-01T11:30:03+00:00"),
            ("3s", "2020-03-01T12:00:00+00:00"),
        ] {
            assert_eq!(at(age).unwrap(), time, "{age}");
        }
    }

    #[test]
    fn a_length_has_a_name_or_a_number() {
        for (text, hours) in [("hour", 1), ("day", 24), ("week", 168), ("7d", 168), ("36h", 36), ("1w", 168)] {
            assert_eq!(length(text), Ok(TimeDelta::hours(hours)), "{text}");
        }
        for text in ["", "0d", "month", "-1d", "1.5h"] {
            assert!(length(text).unwrap_err().contains("as 7d"), "{text}");
        }
    }

    #[test]
    fn days_are_whole() {
        assert_eq!((days("7d"), days("4w"), days("48h")), (Ok(7), Ok(28), Ok(2)));
        for text in ["36h", "0d", "day", "7", "4294967295w"] {
            assert!(days(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_answered_with_the_three_forms() {
        for text in ["", "w", "yesterday", "2020-13-01", "2020-03-01 12:00", "-2w", "2y", "2ü", "99999999999w"] {
            assert!(at(text).unwrap_err().contains("or an age as 2w"), "{text}");
        }
    }

    #[test]
    fn an_age_before_the_calendar_is_refused_not_wrapped() {
        assert!(at("4294967295w").is_err());
    }
}
