//! What changed between two runs. What is equal is counted, not listed.

use askama::Template;
use mltrace_core::__words::count;
use mltrace_core::{Changed, Diff, Entries, IoPointer, Pointers, RunId, RunRecord};
use serde::Deserialize;

use super::frame::Frame;
use super::run::run_part;
use super::site::{Site, Visit};
use super::words::{self, PointerLink};
use crate::api::Nothing;
use crate::problem::Problem;

/// Of a long list so many are shown.
const SHOWN: usize = 100;

pub(super) fn add(site: Site) -> Site {
    site.view("/diff/{before}/{after}", diff)
}

/// Which runs.
#[derive(Debug, Deserialize)]
struct Pair {
    before: RunId,
    after: RunId,
}

/// Two runs and what changed from the one to the other, as a page.
#[derive(Template)]
#[template(path = "web/diff.html")]
struct Compared {
    frame: Frame,
    diff: Diff,
    runs: [RunRecord; 2],
}

/// A line of a list: how it changed, its name, and its values.
struct Row<'d> {
    class: &'static str,
    sign: &'static str,
    name: &'d str,
    before: String,
    after: String,
    /// Of data where it came from, after or else before.
    link: Option<PointerLink<'d>>,
}

/// A list of what differs.
struct Section<'d> {
    title: &'static str,
    rows: Vec<Row<'d>>,
    more: usize,
}

fn diff(visit: Visit<'_, Pair, Nothing>) -> Result<Compared, Problem> {
    let Visit { tracer, path: Pair { before, after }, frame, .. } = visit;
    let diff = tracer.diff(before, after)?;
    let runs = [run_part(tracer, before, 0)?.run, run_part(tracer, after, 0)?.run];
    Ok(Compared { frame, diff, runs })
}

impl Compared {
    /// The lines of the code's difference, each with its kind.
    fn code(&self) -> Vec<(&'static str, &str)> {
        // The first two lines name the files.
        let kind = |(nth, line): (usize, &str)| match line.chars().next() {
            _ if nth < 2 => "hunk",
            Some('+') => "added",
            Some('-') => "removed",
            Some('@') => "hunk",
            _ => "same",
        };
        let lines = self.diff.code.unified.iter().flat_map(|unified| unified.lines());
        lines.enumerate().map(|(nth, line)| (kind((nth, line)), line)).collect()
    }

    fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        let Diff { params, metrics, inputs, outputs, .. } = &self.diff;
        let sections = [
            Section::of("Params", entries(params, words::param, ToString::to_string)),
            Section::of("Metrics", entries(metrics, words::metric, ToString::to_string)),
            Section::of("Read", pointers(inputs)),
            Section::of("Wrote", pointers(outputs)),
        ];
        sections.into_iter().filter(|section| !section.rows.is_empty())
    }

    /// What is equal, counted.
    fn same(&self) -> String {
        let Diff { code, params, metrics, inputs, outputs, .. } = &self.diff;
        let counts =
            [(params.same, "param"), (metrics.same, "metric"), (inputs.same, "input"), (outputs.same, "output")];
        let code = (code.is_same == Some(true)).then(|| "code".to_owned());
        let counted = counts.into_iter().filter(|(same, _)| *same > 0).map(|(same, noun)| count(same, noun));
        code.into_iter().chain(counted).collect::<Vec<_>>().join(", ")
    }
}

impl<'d> Section<'d> {
    fn of(title: &'static str, rows: impl Iterator<Item = Row<'d>>) -> Self {
        let mut rows = rows;
        let shown = rows.by_ref().take(SHOWN).collect();
        Self { title, rows: shown, more: rows.count() }
    }
}

impl<'d> Row<'d> {
    /// What is shown short is shown whole where only that tells one from the other.
    fn changed<T>(
        name: &'d str,
        Changed { before, after }: &Changed<T>,
        [short, whole]: [&dyn Fn(&T) -> String; 2],
    ) -> Self {
        let (mut shown, [before, after]) = ([before, after].map(short), [before, after]);
        if shown[0] == shown[1] {
            shown = [before, after].map(whole);
        }
        let [before, after] = shown;
        Self { class: "changed", sign: "changed", name, before, after, link: None }
    }

    fn removed(name: &'d str, before: String) -> Self {
        Self { class: "removed", sign: "only before", name, before, after: String::new(), link: None }
    }

    fn added(name: &'d str, after: String) -> Self {
        Self { class: "added", sign: "only after", name, before: String::new(), after, link: None }
    }
}

fn entries<'d, T>(
    entries: &'d Entries<T>,
    show: impl Fn(&T) -> String + Copy + 'd,
    whole: impl Fn(&T) -> String + Copy + 'd,
) -> impl Iterator<Item = Row<'d>> {
    let changed = entries.changed.iter().map(move |(name, changed)| Row::changed(name, changed, [&show, &whole]));
    let removed = entries.removed.iter().map(move |(name, value)| Row::removed(name, show(value)));
    changed.chain(removed).chain(entries.added.iter().map(move |(name, value)| Row::added(name, show(value))))
}

fn pointers<'p>(pointers: &'p Pointers) -> impl Iterator<Item = Row<'p>> {
    let shown = |pointer: &IoPointer| pointer.version.as_ref().map_or("no version".to_owned(), words::version);
    let whole = |pointer: &IoPointer| pointer.version.as_ref().map(ToString::to_string).unwrap_or_default();
    let leading = |row: Row<'p>, to: &'p IoPointer| Row {
        link: Some(words::data_link(&to.name, to.version.as_ref(), &to.name)),
        ..row
    };
    let changed = pointers
        .changed
        .iter()
        .map(move |changed| leading(Row::changed(&changed.before.name, changed, [&shown, &whole]), &changed.after));
    let removed =
        pointers.removed.iter().map(move |pointer| leading(Row::removed(&pointer.name, shown(pointer)), pointer));
    let added = pointers.added.iter().map(move |pointer| leading(Row::added(&pointer.name, shown(pointer)), pointer));
    changed.chain(removed).chain(added)
}
