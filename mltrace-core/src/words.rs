//! How times, sizes, versions and figures are told to people: alike on the command line and on the page.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::{Blame, Dependency, GitRecord, Parted, StaleKind};

/// Whether a run is behind more of what is flagged than of so many others, or there are none to compare it with.
#[allow(clippy::cast_precision_loss, reason = "a share of more than 2^53 outputs is as good rounded")]
pub fn tells_apart(blame: &Blame, others: u64) -> bool {
    others == 0 || blame.coverage > blame.others as f64 / others as f64
}

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

/// A value in few characters, without zeros that rounding has left.
pub fn short(value: f64) -> String {
    if value.abs() >= 1e6 {
        return format!("{value:.2e}");
    }
    let text = metric(value);
    let has_zeros = text.contains('.') && !text.contains('e');
    if has_zeros { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A value with three telling digits, where it stands among many.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 3 decimals")]
pub fn rough(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}");
    }
    let decimals = (2.0 - size.max(1e-3).log10().floor()).clamp(0.0, 3.0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A part of a whole, 0 of nothing.
#[allow(clippy::cast_precision_loss, reason = "few digits are shown")]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A share in percent, with two telling digits; what is little is not shown as nothing, nor nearly all as all.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        ..0.1 => "<0.1 %".to_owned(),
        percent @ ..9.95 => format!("{percent:.1} %"),
        percent @ ..99.5 => format!("{percent:.0} %"),
        100.0 => "100 %".to_owned(),
        _ => ">99 %".to_owned(),
    }
}

/// What is from one number to another.
pub fn range(from: Option<f64>, to: Option<f64>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from < to => format!("{} to {}", short(from), short(to)),
        (Some(from), Some(_)) => short(from),
        (None, Some(to)) => format!("under {}", short(to)),
        (Some(from), None) => format!("over {}", short(from)),
        (None, None) => String::new(),
    }
}

/// A time in UTC: the day alone where it begins.
pub fn utc(time: DateTime<Utc>) -> String {
    let shown = time.format("%Y-%m-%d %H:%M").to_string();
    shown.strip_suffix(" 00:00").map(ToOwned::to_owned).unwrap_or(shown)
}

/// A time as it is asked for: the day alone where it begins, and any other in full.
pub fn spelled(time: DateTime<Utc>) -> String {
    let spelled = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    spelled.strip_suffix("T00:00:00Z").map(ToOwned::to_owned).unwrap_or(spelled)
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

    #[test]
    fn a_value_is_short_whatever_its_size() {
        for (value, text) in
            [(0.999_999, "1"), (0.6 + 1e-9, "0.6"), (-2.5e9, "-2.50e9"), (1e-7, "1.00e-7"), (120.0, "120")]
        {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_value_among_many_has_three_telling_digits() {
        let values = [
            (0.0, "0"),
            (0.010_66, "0.011"),
            (0.5, "0.5"),
            (2.546_7, "2.55"),
            (-71.234, "-71.2"),
            (1_234.5, "1234"),
            (1e5, "1.0e5"),
            (2e-4, "2.0e-4"),
        ];
        for (value, text) in values {
            assert_eq!(rough(value), text);
        }
    }

    #[test]
    fn a_share_in_percent_is_neither_nothing_nor_all_unless_it_is() {
        for (share, text) in
            [(0.0, "0 %"), (0.0004, "<0.1 %"), (0.012, "1.2 %"), (0.9, "90 %"), (0.9999, ">99 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn a_day_is_spelled_as_one_and_any_other_time_in_full() {
        let at = |micros: i64| DateTime::from_timestamp_micros(1_583_107_200_000_000 + micros).unwrap();
        assert_eq!((utc(at(0)), spelled(at(0))), ("2020-03-02".to_owned(), "2020-03-02".to_owned()));
        assert_eq!(utc(at(3_600_000_000)), "2020-03-02 01:00");
        assert_eq!(spelled(at(1)), "2020-03-02T00:00:00.000001Z", "no output falls out of the window");
    }
}
