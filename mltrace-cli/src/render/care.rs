//! What was forgotten, what was moved, and how a store is.

use std::path::Path;

use mltrace_core::{ExportReport, GcComponent, GcReport, Health, ImportReport};

use super::table::{Cell, Column, Fit, table};
use super::text::{BAD, DIM, GOOD, NEWS, STRONG, bytes, count, one_line, paint, run_name};
use super::time::{age, local};
use crate::session::Screen;

/// Of a long list so many are shown.
const SHOWN: usize = 10;

pub(crate) fn gc(report: &GcReport, screen: Screen) -> String {
    const COLUMNS: [Column; 4] = [
        Column { title: "component", fit: Fit::CutEnd },
        Column { title: "kept", fit: Fit::Right },
        Column { title: "tombstones", fit: Fit::Right },
        Column { title: "removed", fit: Fit::Right },
    ];
    let row = |of: &GcComponent| {
        [
            Cell::new(one_line(&of.component)),
            Cell::new(of.kept.to_string()),
            Cell::new(of.tombstoned.to_string()),
            Cell::new(of.removed.to_string()),
        ]
    };
    let mut rows: Vec<_> = report.components.iter().map(row).collect();
    if rows.len() > 1 {
        let sums = [report.kept, report.tombstoned, report.removed].map(|sum| Cell::styled(STRONG, sum.to_string()));
        let [kept, tombstoned, removed] = sums;
        rows.push([Cell::styled(STRONG, "all"), kept, tombstoned, removed]);
    }
    let rows = if rows.is_empty() { "no runs yet\n".to_owned() } else { table(COLUMNS, &rows, screen.width) };
    format!("runs from before {}\n\n{rows}\n{}\n", local(report.before), outcome(report))
}

fn outcome(report: &GcReport) -> String {
    let GcReport { tombstoned, removed, outputs, bytes_before, .. } = report;
    let size = bytes(*bytes_before);
    let of_tasks = |told: &str| match outputs {
        0 => String::new(),
        some => format!("{} of tasks {told}; ", count(*some, "output")),
    };
    match report.bytes_after {
        Some(after) => format!(
            "{} removed, {} made of others; {}the store took {size} and takes {}",
            count(*removed, "run"),
            count(*tombstoned, "tombstone"),
            of_tasks("removed"),
            bytes(after)
        ),
        None if tombstoned + removed + outputs == 0 => format!("there is nothing to remove; the store takes {size}"),
        None => format!("{}nothing was changed, the store takes {size}: add --yes to do it", of_tasks("would go, too")),
    }
}

pub(crate) fn exported(report: &ExportReport, to: &Path) -> String {
    let remarks = remarks(&[
        (report.tags, "tag"),
        (report.flags, "flag"),
        (report.labels, "label"),
        (report.retractions, "retraction"),
        (report.outputs, "output"),
        (report.feedback, "late label"),
        (report.profiles, "profile"),
        (report.answers, "answer"),
    ]);
    format!("{}{remarks} written to {}\n", count(report.runs, "run"), one_line(&to.display().to_string()))
}

pub(crate) fn imported(report: &ImportReport) -> String {
    let remarks = remarks(&[
        (report.tags, "tag"),
        (report.flags, "flag"),
        (report.labels, "label"),
        (report.retractions, "retraction"),
        (report.outputs, "output"),
        (report.feedback, "late label"),
        (report.profiles, "profile"),
        (report.answers, "answer"),
    ]);
    let skipped = match report.skipped {
        0 => String::new(),
        lines => format!("{} of a kind that this mltrace does not know left out\n", count(lines, "line")),
    };
    format!("{}{remarks} read, {} of the runs new to this store\n{skipped}", count(report.runs, "run"), report.new_runs)
}

/// `, 2 tags, 1 flag`: what there is of what is no run.
fn remarks(counts: &[(u64, &str)]) -> String {
    let told = counts.iter().filter(|(number, _)| *number > 0);
    told.flat_map(|&(number, noun)| [", ".to_owned(), count(number, noun)]).collect()
}

pub(crate) fn health(health: &Health, screen: Screen) -> String {
    let path = one_line(health.path.as_deref().unwrap_or("a store in memory"));
    let state = if health.is_sound() { paint(GOOD, "sound") } else { paint(BAD, "damaged") };
    let sections = [
        format!("{}  {state}\n{}", paint(STRONG, path), size(health)),
        damage(health),
        findings(health),
        gone(health, screen),
        tables(health, screen),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn size(health: &Health) -> String {
    if !health.is_sound() {
        return String::new();
    }
    let free = if health.free_bytes > 0 { format!(", {} of it free", bytes(health.free_bytes)) } else { String::new() };
    let log = if health.log_bytes > 0 { format!(", and a log of {}", bytes(health.log_bytes)) } else { String::new() };
    let newer = if health.schema > health.newest_schema { ", of a newer mltrace" } else { "" };
    format!("  schema {}{newer}; {}{free}{log}\n", health.schema, bytes(health.bytes))
}

fn damage(health: &Health) -> String {
    if health.is_sound() {
        return String::new();
    }
    let advice = "restore the file from a backup; `mltrace export` shows what can still be read";
    let lines = health.damage.iter().map(|line| format!("  {}", paint(BAD, one_line(line))));
    listed("damage", lines.chain([format!("  {advice}")]))
}

fn findings(health: &Health) -> String {
    if health.findings.is_empty() {
        return String::new();
    }
    let findings = health.findings.iter().flat_map(|finding| {
        [format!("  {}", paint(NEWS, one_line(&finding.message))), format!("    {}", one_line(&finding.advice))]
    });
    listed("worth knowing", findings)
}

fn gone(health: &Health, screen: Screen) -> String {
    if health.gone.is_empty() {
        return String::new();
    }
    let gone = health.gone.iter().take(SHOWN).map(|run| {
        let since = paint(DIM, age(run.started_at, screen.now));
        format!("  {}  started {}  {since}", run_name(run.run, &run.component), local(run.started_at))
    });
    let rest = health.gone.len().saturating_sub(SHOWN);
    let rest = (rest > 0).then(|| format!("  ... and {rest} more, see --json"));
    listed("not ended, process gone", gone.chain(rest))
}

fn listed(title: &str, lines: impl Iterator<Item = String>) -> String {
    [paint(STRONG, title)].into_iter().chain(lines).flat_map(|line| [line, "\n".to_owned()]).collect()
}

fn tables(health: &Health, screen: Screen) -> String {
    const COLUMNS: [Column; 3] = [
        Column { title: "table", fit: Fit::CutEnd },
        Column { title: "rows", fit: Fit::Right },
        Column { title: "size", fit: Fit::Right },
    ];
    let filled = health.tables.iter().filter(|table| table.rows > 0);
    let rows: Vec<_> = filled
        .map(|table| {
            [Cell::new(one_line(&table.table)), Cell::new(table.rows.to_string()), Cell::new(bytes(table.bytes))]
        })
        .collect();
    if rows.is_empty() { String::new() } else { table(COLUMNS, &rows, screen.width) }
}
