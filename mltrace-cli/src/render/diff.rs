//! What changed between two runs. What is equal is counted, not listed.

use anstyle::Style;
use mltrace_core::__words::parted;
use mltrace_core::{Changed, Diff, Entries, IoPointer, Parting, Pointers, RunRecord};

use super::run::name_of;
use super::table::{Cell, Column, Fit, table};
use super::text::{
    BAD, DIM, GOOD, OPEN, STRONG, commit, count, lines, metric, one_line, paint, param, run_name, style_of, version,
};
use super::time::{duration, local};
use super::wrap::wrap;
use crate::session::Screen;

/// Of a long list so many are shown.
const SHOWN: usize = 10;
const INDENT: &str = "  ";

/// Two runs and what changed from the one to the other.
pub(crate) fn diff(diff: &Diff, runs: [&RunRecord; 2], screen: Screen) -> String {
    let sections = [
        head(runs, screen),
        partings(diff, screen),
        code(diff),
        section("params", &entries(&diff.params, param), screen),
        section("metrics", &entries(&diff.metrics, |value| metric(*value)), screen),
        section("inputs", &pointers(&diff.inputs), screen),
        section("outputs", &pointers(&diff.outputs), screen),
        rest(diff, screen),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(runs: [&RunRecord; 2], screen: Screen) -> String {
    const COLUMNS: [Column; 5] = [
        Column { title: "", fit: Fit::CutEnd },
        Column { title: "", fit: Fit::Left },
        Column { title: "", fit: Fit::Left },
        Column { title: "", fit: Fit::Right },
        Column { title: "", fit: Fit::Left },
    ];
    let row = |run: &RunRecord| {
        [
            Cell::styled(STRONG, name_of(run)),
            Cell::styled(style_of(run.status), run.status.as_str()),
            Cell::new(local(run.started_at)),
            Cell::new(run.duration_ms.map(duration).unwrap_or_default()),
            Cell::new(commit(&run.git).unwrap_or_default()),
        ]
    };
    table(COLUMNS, &runs.map(row), screen.width)
}

fn partings(diff: &Diff, screen: Screen) -> String {
    let room = screen.width.saturating_sub(INDENT.len());
    let shown = diff.partings.iter().take(SHOWN);
    let mut body: Vec<String> = shown.flat_map(|parted| wrap(&parting(diff, parted), room)).collect();
    if diff.partings.len() > SHOWN {
        body.push(paint(DIM, format!("... and {} more, see --json", diff.partings.len() - SHOWN)));
    }
    if let Some(Parting { before, after, .. }) = diff.partings.first().filter(|first| first.depth > 0) {
        body.push(paint(DIM, format!("next: mltrace diff {before} {after}")));
    }
    if body.is_empty() && diff.is_different() {
        let sentence = "Nothing that they depend on is known to differ, nor their code, params and inputs.";
        return wrap(sentence, screen.width).into_iter().map(|line| line + "\n").collect();
    }
    titled("lineages part at", body)
}

fn parting(diff: &Diff, parting: &Parting) -> String {
    let differs = parting.differs.iter().copied().map(parted).collect::<Vec<_>>().join(", ");
    if parting.depth == 0 {
        let same = if diff.inputs.is_different() { "" } else { "; all that they read from other runs is the same" };
        return format!("the runs themselves, by {differs}{same}");
    }
    let place = count(parting.depth.into(), "hop");
    let runs = format!("#{} and {}", parting.before, run_name(parting.after, &parting.component));
    format!("{runs}, {place} upstream, by {differs}")
}

fn code(diff: &Diff) -> String {
    let Some(unified) = &diff.code.unified else { return String::new() };
    let line = |line: String| {
        let style = match line.chars().next() {
            Some('+') => GOOD,
            Some('-') => BAD,
            Some('@') => DIM,
            _ => Style::new(),
        };
        paint(style, line)
    };
    titled("code", lines(unified).map(line).collect())
}

/// A line of a list: its sign, its name, and its values.
type Row = [Cell; 4];

fn row(style: Style, sign: &str, name: &str, before: String, after: Option<String>) -> Row {
    let after = after.map(|after| format!("→ {after}")).unwrap_or_default();
    [Cell::styled(style, sign), Cell::new(one_line(name)), Cell::new(before), Cell::new(after)]
}

fn entries<T>(entries: &Entries<T>, show: impl Fn(&T) -> String) -> Vec<Row> {
    let changed = entries
        .changed
        .iter()
        .map(|(name, Changed { before, after })| row(OPEN, "~", name, show(before), Some(show(after))));
    let removed = entries.removed.iter().map(|(name, value)| row(BAD, "-", name, show(value), None));
    let added = entries.added.iter().map(|(name, value)| row(GOOD, "+", name, show(value), None));
    changed.chain(removed).chain(added).collect()
}

fn pointers(pointers: &Pointers) -> Vec<Row> {
    let shown = |pointer: &IoPointer| version(pointer.version.as_ref());
    let changed = pointers
        .changed
        .iter()
        .map(|Changed { before, after }| row(OPEN, "~", &before.name, shown(before), Some(shown(after))));
    let removed = pointers.removed.iter().map(|pointer| row(BAD, "-", &pointer.name, shown(pointer), None));
    let added = pointers.added.iter().map(|pointer| row(GOOD, "+", &pointer.name, shown(pointer), None));
    changed.chain(removed).chain(added).collect()
}

fn section(title: &str, rows: &[Row], screen: Screen) -> String {
    const FITS: [Fit; 4] = [Fit::Left, Fit::CutStart, Fit::CutEnd, Fit::CutEnd];
    let shown = &rows[..rows.len().min(SHOWN)];
    let table = table(FITS.map(|fit| Column { title: "", fit }), shown, screen.width.saturating_sub(INDENT.len()));
    let more = rows.len() - shown.len();
    let more = (more > 0).then(|| paint(DIM, format!("... and {more} more, see --json")));
    titled(title, table.lines().map(ToOwned::to_owned).chain(more).collect())
}

/// A title and what stands under it; nothing where there is nothing.
fn titled(title: &str, body: Vec<String>) -> String {
    if body.is_empty() {
        return String::new();
    }
    let body: String = body.into_iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned() + "\n").collect();
    format!("{}\n{body}", paint(STRONG, title))
}

/// What is equal, counted, and what could not be compared.
fn rest(diff: &Diff, screen: Screen) -> String {
    let counts = [
        (diff.params.same, "param"),
        (diff.metrics.same, "metric"),
        (diff.inputs.same, "input"),
        (diff.outputs.same, "output"),
    ];
    let code = (diff.code.is_same == Some(true)).then(|| "code".to_owned());
    let counted = counts.into_iter().filter(|(same, _)| *same > 0).map(|(same, noun)| count(same, noun));
    let same = code.into_iter().chain(counted).collect::<Vec<_>>().join(", ");
    let sentences = [
        (!diff.is_different()).then(|| "no difference".to_owned()),
        (!same.is_empty()).then(|| format!("the same: {same}")),
        diff.code.is_same.is_none().then(|| "not compared: code, of which no snapshot was recorded".to_owned()),
    ];
    let lines = sentences.into_iter().flatten().flat_map(|sentence| wrap(&sentence, screen.width));
    lines.map(|line| paint(DIM, line) + "\n").collect()
}
