//! Lists of runs.

use std::mem;

use mltrace_core::{Component, Page, RunRecord};

use super::table::{Cell, Column, Fit, Layout};
use super::text::{BAD, DIM, argument, cut_end, first_line, one_line, paint, style_of};
use super::time::{age, duration, local};
use super::wrap::wrap;
use super::{catalogue, checks};
use crate::session::Screen;

const COLUMNS: [Column; 8] = [
    Column { title: "id", fit: Fit::Right },
    Column { title: "component", fit: Fit::CutEnd },
    Column { title: "partition", fit: Fit::CutEnd },
    Column { title: "status", fit: Fit::Left },
    Column { title: "started", fit: Fit::Left },
    Column { title: "age", fit: Fit::Spare },
    Column { title: "took", fit: Fit::Right },
    Column { title: "first output", fit: Fit::CutStart },
];
const COMPONENT: usize = 1;

/// The last runs, newest first.
pub(crate) fn recent(page: &Page<RunRecord>, screen: Screen) -> String {
    if page.items.is_empty() {
        return "no runs yet\n".to_owned();
    }
    RunTable::new().more(&page.items, screen) + &older(page, "mltrace recent")
}

/// A component and a part of its runs.
pub(crate) fn history(component: &Component, page: &Page<RunRecord>, screen: Screen) -> String {
    let head = catalogue::component(component, screen);
    if page.items.is_empty() {
        return head + "\nno runs match\n";
    }
    let runs = RunTable::of_one_component().more(&page.items, screen);
    let older = older(page, &format!("mltrace history {}", argument(&component.name)));
    format!("{head}\n{runs}{older}")
}

/// How to see more than this page.
fn older(page: &Page<RunRecord>, command: &str) -> String {
    if page.next.is_none() {
        return String::new();
    }
    paint(DIM, format!("... and older ones: {command} {}", page.items.len() * 5)) + "\n"
}

/// A table that can go on: what comes later stands under the same head.
pub(crate) struct RunTable {
    layout: Layout<{ COLUMNS.len() }>,
    shows_component: bool,
    has_head: bool,
}

impl RunTable {
    pub(crate) fn new() -> Self {
        Self { layout: Layout::new(COLUMNS), shows_component: true, has_head: false }
    }

    fn of_one_component() -> Self {
        Self { shows_component: false, ..Self::new() }
    }

    /// The lines of these runs, led by the head the first time; an error stands below its run, and so do checks that
    /// failed.
    pub(crate) fn more(&mut self, runs: &[RunRecord], screen: Screen) -> String {
        if runs.is_empty() {
            return String::new();
        }
        let rows: Vec<_> = runs.iter().map(|run| self.cells(run, screen)).collect();
        self.layout.widen(&rows, screen.width);
        let head = (!mem::replace(&mut self.has_head, true)).then(|| self.layout.head());
        let lines = rows.iter().zip(runs).map(|(row, run)| self.layout.line(row) + &trouble(run, screen.width));
        head.into_iter().chain(lines).collect()
    }

    fn cells(&self, run: &RunRecord, screen: Screen) -> [Cell; COLUMNS.len()] {
        let mut cells = [
            Cell::styled(DIM, format!("#{}", run.id)),
            Cell::new(one_line(&run.component)),
            Cell::new(run.partition.as_deref().map(one_line).unwrap_or_default()),
            Cell::styled(style_of(run.status), run.status.as_str()),
            Cell::new(local(run.started_at)),
            Cell::styled(DIM, age(run.started_at, screen.now)),
            Cell::new(run.duration_ms.map(duration).unwrap_or_default()),
            Cell::new(outputs(run)),
        ];
        if !self.shows_component {
            cells[COMPONENT].text.clear();
        }
        cells
    }
}

fn outputs(run: &RunRecord) -> String {
    match run.outputs.as_slice() {
        [] => String::new(),
        [only] => one_line(&only.name),
        [first, rest @ ..] => format!("{} +{}", one_line(&first.name), rest.len()),
    }
}

/// What went wrong, below a run: a few lines at most.
fn trouble(run: &RunRecord, screen: usize) -> String {
    const MOST: usize = 3;
    let indent = run.id.to_string().len() + 3;
    let room = screen.saturating_sub(indent + 2);
    let told = run.error.iter().map(|error| first_line(error)).chain(checks::summary(run));
    let lines = told.flat_map(|line| {
        let mut lines = wrap(&line, room);
        if lines.len() > MOST {
            lines.truncate(MOST);
            lines[MOST - 1] += " …";
        }
        let marks = ["└"].into_iter().chain(std::iter::repeat(" "));
        marks.zip(lines).map(|(mark, line)| (mark, cut_end(&line, room))).collect::<Vec<_>>()
    });
    lines.fold(String::new(), |text, (mark, line)| text + &" ".repeat(indent) + mark + " " + &paint(BAD, line) + "\n")
}
