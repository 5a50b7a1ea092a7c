//! Labels and their retractions.

use mltrace_core::{Label, LabelledPointer, Recorded, Retracted, Retraction, Violation};

use super::runs::RunTable;
use super::table::{Cell, Column, Fit, table};
use super::text::{BAD, DIM, GOOD, NEWS, STRONG, argument, count, first_few, next, one_line, paint, version};
use super::time::{age, local};
use crate::session::Screen;

/// The news after labelling.
pub(crate) fn labelled(labelled: &Recorded<LabelledPointer>) -> String {
    let pointer = &labelled.entry;
    let before = if labelled.is_new { "" } else { ", as before" };
    let unknown = "no run has read or written it yet: the label counts as soon as one does, under this name\n";
    let unknown = if pointer.known { String::new() } else { paint(NEWS, unknown) };
    format!("{} is labelled {}{before}\n{unknown}", name(pointer), one_line(&pointer.label))
}

pub(crate) fn labels(labels: &[Label], screen: Screen) -> String {
    const SHOWN: usize = 3;
    const COLUMNS: [Column; 3] = [
        Column { title: "label", fit: Fit::CutEnd },
        Column { title: "retracted", fit: Fit::Left },
        Column { title: "on", fit: Fit::CutStart },
    ];
    if labels.is_empty() {
        return "no labels yet: mltrace label POINTER LABEL\n".to_owned();
    }
    let row = |label: &Label| {
        let names: Vec<_> = label.pointers.iter().map(name).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let retracted = label.retraction.as_ref().map(|retraction| local(retraction.retracted_at));
        [
            Cell::styled(STRONG, one_line(&label.name)),
            Cell::styled(BAD, retracted.unwrap_or_default()),
            Cell::new(first_few(&names, SHOWN)),
        ]
    };
    table(COLUMNS, &labels.iter().map(row).collect::<Vec<_>>(), screen.width)
}

/// The news after a retraction.
pub(crate) fn retraction(retraction: &Recorded<Retraction>) -> String {
    let Recorded { entry, is_new, .. } = retraction;
    let label = one_line(&entry.label);
    let stands = if *is_new { "" } else { "it was retracted before, and that stands\n" };
    let next = next(&format!("mltrace impact --label {}", argument(&entry.label)));
    format!("{label} {}\n{}{next}", retracted_by(entry), paint(NEWS, stands))
}

pub(crate) fn retracted(retractions: &[Retracted], screen: Screen) -> String {
    if retractions.is_empty() {
        return "nothing was retracted\n".to_owned();
    }
    retractions.iter().map(|retracted| one_retracted(retracted, screen)).collect::<Vec<_>>().join("\n")
}

fn one_retracted(retracted: &Retracted, screen: Screen) -> String {
    let Retracted { retraction, runs, .. } = retracted;
    let age = paint(DIM, age(retraction.retracted_at, screen.now));
    let head = format!("{}  {age}\n{}\n", paint(STRONG, one_line(&retraction.label)), retracted_by(retraction));
    if runs.is_empty() {
        return head + &paint(GOOD, "no run has read what carries it since") + "\n";
    }
    let read = format!("{} read what carries it since", count(runs.len() as u64, "run"));
    format!("{head}{}\n{}", paint(BAD, read), RunTable::new().more(runs, screen))
}

/// When a label was retracted, by whom, and why.
pub(super) fn retracted_by(retraction: &Retraction) -> String {
    let Retraction { retracted_at, retracted_by, reason, .. } = retraction;
    format!("retracted {} by {}: {}", local(*retracted_at), one_line(retracted_by), one_line(reason))
}

/// What a run read that it should not have.
pub(super) fn violations(violations: &[Violation]) -> String {
    const SHOWN: usize = 10;
    if violations.is_empty() {
        return String::new();
    }
    let title = paint(BAD.bold(), "VIOLATION: it read data whose label had been retracted before it started");
    let lines = violations.iter().take(SHOWN).map(|violation| {
        let Violation { pointer, label, retracted_at, retracted_by, reason, .. } = violation;
        let carries = format!("{} carries {}", one_line(pointer), one_line(label));
        let by = format!("retracted {} by {}: {}", local(*retracted_at), one_line(retracted_by), one_line(reason));
        format!("  {}\n    {by}\n", paint(BAD, carries))
    });
    let rest = violations.len().saturating_sub(SHOWN);
    let rest = if rest > 0 { format!("  ... and {rest} more, see --json\n") } else { String::new() };
    format!("{title}\n{}{rest}", lines.collect::<String>())
}

/// The name, and the version if only one is labelled.
pub(super) fn name(pointer: &LabelledPointer) -> String {
    let at = pointer.version.as_ref().map(|at| format!(" at {}", version(Some(at))));
    one_line(&pointer.name) + &at.unwrap_or_default()
}
