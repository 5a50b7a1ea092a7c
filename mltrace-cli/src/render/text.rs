//! Words and styles that several answers share.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
pub(crate) use mltrace_core::__words::{bytes, commit, count, marks, metric, percent, rough, short};
use mltrace_core::{RunId, Status, Version, VersionKind};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const OPEN: Style = AnsiColor::Yellow.on_default();
pub(crate) const NEWS: Style = AnsiColor::Magenta.on_default();

/// What is said of an input without a known writer.
pub(crate) const SOURCE: &str = "source: no traced run wrote it";

/// What is said of an output that nobody used.
pub(crate) const UNREAD: &str = "read by no traced run";

/// Styles are always written; the stream takes them out where nobody could see them.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    let text = text.to_string();
    if style.is_plain() || text.is_empty() { text } else { format!("{style}{text}{style:#}") }
}

pub(crate) fn style_of(status: Status) -> Style {
    match status {
        Status::Completed => GOOD,
        Status::Running | Status::Cancelled => OPEN,
        _ => BAD,
    }
}

/// The text on one line, without anything that could move the cursor or restyle the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let clean = text.replace(|c: char| c.is_control(), " ");
    clean.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A name as an argument of a command that is shown to be typed: quoted where a shell would split or expand it.
pub(crate) fn argument(name: &str) -> String {
    let name = one_line(name);
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) { name } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

/// The first line, which says the most, and a mark where more follows.
pub(crate) fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(one_line).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { first + " …" } else { first }
}

/// The text's lines, without anything that could move the cursor or restyle the terminal.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| line.replace('\t', "    ").replace(|c: char| c.is_control(), " "))
}

pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// At most so many columns: the beginning, and a mark where something was cut.
pub(crate) fn cut_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = fitting(text.chars(), columns);
    text.chars().take(kept).chain(['…']).collect()
}

/// At most so many columns: the end, which tells paths apart, after a mark where something was cut.
pub(crate) fn cut_start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = fitting(text.chars().rev(), columns);
    let cut = text.chars().count() - kept;
    ['…'].into_iter().chain(text.chars().skip(cut)).collect()
}

/// How many of these characters stand in so many columns beside the mark.
fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> usize {
    let room = columns.saturating_sub(1);
    let ends = chars.scan(0, |end, c| {
        *end += c.width().unwrap_or(0);
        Some(*end)
    });
    ends.take_while(|&end| end <= room).count()
}

/// The first few, and how many more there are.
pub(crate) fn first_few(all: &[&str], shown: usize) -> String {
    let (few, rest) = all.split_at(shown.min(all.len()));
    let few = few.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    if rest.is_empty() { few } else { format!("{few} and {} more", rest.len()) }
}

/// Enough of a version to tell it apart and to give to `--version`.
pub(crate) fn version(version: Option<&Version>) -> String {
    let Some(version) = version else { return "no version".to_owned() };
    let shown = match version.kind {
        VersionKind::Hash | VersionKind::Sampled | VersionKind::Tree => version.value.chars().take(8).collect(),
        _ => cut_end(&one_line(&version.value), 24),
    };
    format!("{}:{shown}", version.kind)
}

pub(crate) fn run_name(id: RunId, component: &str) -> String {
    format!("#{id} {}", one_line(component))
}

/// What to type next.
pub(crate) fn next(step: &str) -> String {
    paint(DIM, format!("next: {step}")) + "\n"
}

/// The same, of several steps to choose from.
pub(crate) fn nexts(steps: &[String]) -> String {
    let leads = ["next: "].into_iter().chain(std::iter::repeat("      "));
    leads.zip(steps).map(|(lead, step)| paint(DIM, format!("{lead}{step}")) + "\n").collect()
}

/// A param as its author would write it: text without quotes.
pub(crate) fn param(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), one_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut_end("データ.csv", 7), "データ…");
        assert_eq!(cut_start("データ.csv", 7), "…タ.csv");
        assert_eq!(cut_end("rides", 5), "rides");
    }

    #[test]
    fn a_name_that_a_shell_would_split_or_expand_is_quoted() {
        assert_eq!(argument("raw/2020-01.parquet"), "raw/2020-01.parquet");
        assert_eq!(argument("データ"), "データ");
        assert_eq!(argument("customer 7"), "'customer 7'");
        assert_eq!(argument("anna's $HOME"), r"'anna'\''s $HOME'");
        assert_eq!(argument(""), "''");
    }

    #[test]
    fn nothing_that_moves_the_cursor_passes() {
        assert_eq!(one_line("a\n\u{1b}[31mb\r\tc"), "a [31mb c");
        assert_eq!(lines("a\tb\n\u{7}c").collect::<Vec<_>>(), ["a    b", " c"]);
    }

    #[test]
    fn a_measured_version_is_shown_by_its_beginning_a_stated_one_whole() {
        let of = |kind| Some(Version { kind, value: "snapshot-81".to_owned() });
        assert_eq!(version(of(VersionKind::Tree).as_ref()), "tree:snapshot");
        assert_eq!(version(of(VersionKind::Stated).as_ref()), "stated:snapshot-81");
        assert_eq!(version(None), "no version");
    }

    #[test]
    fn an_error_of_many_lines_is_led_by_its_first() {
        assert_eq!(first_line("no rides\n\ncaused by: no file"), "no rides …");
        assert_eq!(first_line("no rides\n"), "no rides");
    }
}
