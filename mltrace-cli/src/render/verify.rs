//! Files compared with what runs recorded of them.

use anstyle::Style;
use mltrace_core::{Verified, VerifyReport, VerifyStatus};

use super::table::{Cell, Column, Fit, Layout};
use super::text::{BAD, DIM, GOOD, NEWS, PLAIN, cut_end, one_line, paint, run_name, version};
use crate::session::Screen;

const COLUMNS: [Column; 5] = [
    Column { title: "", fit: Fit::Left },
    Column { title: "file", fit: Fit::CutStart },
    Column { title: "last", fit: Fit::CutEnd },
    Column { title: "recorded", fit: Fit::Spare },
    Column { title: "now", fit: Fit::Spare },
];

pub(crate) fn verify(report: &VerifyReport, screen: Screen) -> String {
    if report.intact + report.changed + report.missing + report.unknown == 0 {
        return "nothing to compare: no run has read or written anything yet\n".to_owned();
    }
    let table = if report.items.is_empty() { String::new() } else { table(&report.items, screen) + "\n" };
    table + &summary(report) + "\n"
}

fn table(items: &[Verified], screen: Screen) -> String {
    let rows: Vec<_> = items.iter().map(cells).collect();
    let mut layout = Layout::new(COLUMNS);
    layout.widen(&rows, screen.width);
    let lines = rows.iter().zip(items).map(|(row, item)| layout.line(row) + &reason(item, screen.width));
    std::iter::once(layout.head()).chain(lines).collect()
}

fn cells(item: &Verified) -> [Cell; COLUMNS.len()] {
    let verb = if item.written { "written by" } else { "read by" };
    let now = match item.status {
        VerifyStatus::Missing => "nothing".to_owned(),
        VerifyStatus::Unknown => String::new(),
        VerifyStatus::Intact | VerifyStatus::Changed => version(item.now.as_ref()),
    };
    [
        Cell::styled(style_of(item.status), item.status.as_str()),
        Cell::new(one_line(&item.file)),
        Cell::new(format!("{verb} {}", run_name(item.run, &item.component))),
        Cell::styled(DIM, version(item.pointer.version.as_ref())),
        Cell::styled(DIM, now),
    ]
}

fn style_of(status: VerifyStatus) -> Style {
    match status {
        VerifyStatus::Intact => GOOD,
        VerifyStatus::Changed => NEWS,
        VerifyStatus::Missing => BAD,
        VerifyStatus::Unknown => PLAIN,
    }
}

fn reason(item: &Verified, screen: usize) -> String {
    const INDENT: &str = "  └ ";
    let Some(reason) = &item.reason else { return String::new() };
    let room = screen.saturating_sub(INDENT.chars().count());
    format!("{INDENT}{}\n", paint(DIM, cut_end(&one_line(reason), room)))
}

fn summary(report: &VerifyReport) -> String {
    let VerifyReport { intact, changed, missing, unknown, .. } = *report;
    let counts = [(intact, "intact", GOOD), (changed, "changed", NEWS), (missing, "missing", BAD)];
    let told = counts.map(|(count, word, style)| {
        let text = format!("{count} {word}");
        if count == 0 { text } else { paint(style, text) }
    });
    let unknown = match unknown {
        0 => String::new(),
        _ => format!(", {unknown} unknown {}", paint(DIM, "(no files, or of another host)")),
    };
    told.join(", ") + &unknown
}
