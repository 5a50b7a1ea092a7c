//! How times, sizes and versions are told to people: alike on the command line and on the page.

use chrono::{DateTime, Utc};

use crate::model::{Dependency, GitRecord, Parted, StaleKind};

/// How long ago, in the largest unit that leaves a telling number.
pub fn age(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
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
pub fn duration(milliseconds: f64) -> String {
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

/// `1 run`, `2 runs`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A size with three telling digits, in units of a thousand.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(number: u64) -> String {
    let scaled = |unit: f64| number as f64 / unit;
    let (value, unit) = match number {
        0..1_000 => return format!("{number} B"),
        1_000..999_500 => (scaled(1e3), "kB"),
        999_500..999_500_000 => (scaled(1e6), "MB"),
        _ => (scaled(1e9), "GB"),
    };
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// A commit as people quote it, with `*` where the working tree differed from it.
pub fn commit(git: &GitRecord) -> Option<String> {
    let hash = git.commit.as_ref()?.chars().take(8).collect::<String>();
    Some(if git.dirty == Some(true) { hash + "*" } else { hash })
}

/// A metric with the digits that matter.
pub fn metric(value: f64) -> String {
    let plain = value.to_string();
    let rounded = if value.abs() < 0.001 { format!("{value:.2e}") } else { format!("{value:.4}") };
    if plain.len() <= rounded.len() { plain } else { rounded }
}

/// In what two runs differ, in words.
pub fn parted(what: Parted) -> &'static str {
    match what {
        Parted::Code => "code",
        Parted::Commit => "commit",
        Parted::Params => "params",
        Parted::Inputs => "what they read",
        Parted::Upstream => "the stages they depend on",
        Parted::Outputs => "what they wrote from the same",
    }
}

/// The rule by which a run is stale.
pub fn rule(kind: StaleKind) -> &'static str {
    match kind {
        StaleKind::OldInput => "old input",
        StaleKind::OldRun => "old run",
        StaleKind::FresherUpstream => "fresher upstream",
        StaleKind::StaleUpstream => "stale upstream",
    }
}

/// What is worth knowing about an edge.
pub fn marks(dependency: &Dependency) -> impl Iterator<Item = String> + use<> {
    let run = dependency.run;
    let modified = dependency.modified.then(|| format!("modified: bytes differ from what #{run} wrote"));
    let overlapping = dependency.overlapping.then(|| format!("overlapping: #{run} had not ended when it was read"));
    modified.into_iter().chain(overlapping)
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

    #[test]
    fn a_commit_is_short_and_marked_where_the_tree_differed_from_it() {
        let git = |dirty| GitRecord { commit: Some("c977b11e3f2a".to_owned()), dirty, ..GitRecord::default() };
        assert_eq!(commit(&git(Some(true))).as_deref(), Some("c977b11e*"));
        assert_eq!(commit(&git(Some(false))).as_deref(), Some("c977b11e"));
        assert_eq!(commit(&git(None)).as_deref(), Some("c977b11e"));
        assert_eq!(commit(&GitRecord::default()), None);
    }

    #[test]
    fn a_size_keeps_the_digits_that_matter() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_234, "1.2 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (41_200_000, "41 MB"),
        ];
        for (number, text) in sizes {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(bytes(7_300_000_000), "7.3 GB");
    }

    #[test]
    fn a_metric_keeps_the_digits_that_matter() {
        for (value, text) in
            [(0.73, "0.73"), (0.731_234_5, "0.7312"), (100.0, "100"), (0.000_012_34, "1.23e-5"), (0.0, "0")]
        {
            assert_eq!(metric(value), text);
        }
    }
}
