//! Times as producers write them.

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, Utc};

/// A time with any offset, or with none, which is UTC then; to the microsecond, as times are kept.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    // Java adds the name of a zone in brackets, and leaves out seconds that are none.
    let text = text.split('[').next().unwrap_or_default().trim();
    let formats = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];
    let with_offset = || formats.iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
    let time = DateTime::parse_from_rfc3339(text).ok().or_else(with_offset).map(|time| time.to_utc());
    let without = || NaiveDateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S%.f").ok();
    let time = time.or_else(|| without().map(|time| time.and_utc()))?;
    (0..=9999).contains(&time.year()).then(|| time.trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_any_offset_or_none() {
        for text in [
            "2026-02-01T08:00:00.123456Z",
            "2026-02-01T08:00:00.123456789Z",
            "2026-02-01T10:00:00.123456+02:00",
            "2026-02-01T08:00:00.123456+0000",
            "2026-02-01T08:00:00.123456",
            "2026-02-01 08:00:00.123456",
            "2026-02-01T08:00:00.123456-00:00",
            "2026-02-01T09:00:00.123456+01:00[Europe/Berlin]",
        ] {
            assert_eq!(parse(text).unwrap().to_rfc3339(), "2026-02-01T08:00:00.123456+00:00", "{text}");
        }
        for text in ["2026-02-01T08:00Z", "2026-02-01T09:00+01:00[Europe/Berlin]", "2026-02-01T09:00+01"] {
            assert_eq!(parse(text).unwrap().to_rfc3339(), "2026-02-01T08:00:00+00:00", "{text}");
        }
        for text in ["", "yesterday", "2026-02-01", "+12026-02-01T08:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
