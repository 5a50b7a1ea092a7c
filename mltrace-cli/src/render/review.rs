//! Flags, and the runs behind them.

use std::collections::BTreeMap;

use mltrace_core::__words::tells_apart;
use mltrace_core::{Blame, Compared, Flagged, IoPointer, Review, RunId, RunRecord, Suspect, SuspectComponent};

use super::chart::bar;
use super::table::{Cell, Column, Fit, table};
use super::text::{DIM, NEWS, STRONG, count, cut_start, next, one_line, paint, run_name, version};
use super::time::{age, local};
use super::wrap::wrap;
use crate::session::Screen;

const INDENT: &str = "  ";
/// In columns.
const BAR: usize = 6;

/// Where a flagged output came from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// This run wrote it, as runs are named.
    Run(String),
    /// Runs read it, but none wrote it.
    Source,
    /// No run knows it; what may have been meant.
    Unknown(String),
}

/// The news after flagging, each with where the output came from.
pub(crate) fn flagged(flagged: &[Flagged], origins: &[Origin], screen: Screen) -> String {
    let news = |(flagged, origin): (&Flagged, &Origin)| {
        let name = name(&flagged.pointer);
        match origin {
            Origin::Run(run) => format!("flagged {name}, written by {run}\n"),
            Origin::Source => format!("flagged {name}, which runs read, but no traced run wrote\n"),
            Origin::Unknown(meant) => {
                let hint = wrap(&one_line(meant), screen.width.saturating_sub(INDENT.len()));
                let hint = hint.into_iter().map(|line| format!("{INDENT}{}\n", paint(NEWS, line)));
                format!("flagged {name}, which no traced run read or wrote\n{}", hint.collect::<String>())
            }
        }
    };
    flagged.iter().zip(origins).map(news).chain([next("mltrace review")]).collect()
}

/// The news after flagging the outputs of a task, with the runs that wrote them.
pub(crate) fn flagged_of_task(task: &str, flagged: &[Flagged], runs: &[RunRecord], screen: Screen) -> String {
    let mut writers: BTreeMap<&str, Vec<RunId>> = BTreeMap::new();
    for run in runs {
        writers.entry(&run.component).or_default().push(run.id);
    }
    let by = |(component, runs): (&str, Vec<RunId>)| match runs.as_slice() {
        [only] => run_name(*only, component),
        [first, .., last] => format!("{} runs of {}, #{first} to #{last}", runs.len(), one_line(component)),
        [] => String::new(),
    };
    let by: Vec<_> = writers.into_iter().map(by).collect();
    let unwritten = flagged.iter().filter(|flagged| flagged.written_by.is_none()).count() as u64;
    let told = [
        (!by.is_empty()).then(|| format!("written by {}", by.join("; "))),
        (unwritten > 0).then(|| {
            let of = if by.is_empty() { "none of them".to_owned() } else { format!("{unwritten} of them not") };
            format!("{of} written by a traced run: let the run that infers write each output's id")
        }),
    ];
    let head = format!("flagged {} of {}", count(flagged.len() as u64, "output"), one_line(task));
    let lines = told.into_iter().flatten().flat_map(|line| wrap(&line, screen.width.saturating_sub(INDENT.len())));
    let lines = lines.map(|line| format!("{INDENT}{line}\n"));
    [head + "\n"].into_iter().chain(lines).chain([next("mltrace review")]).collect()
}

/// The news after taking flags away.
pub(crate) fn unflagged(unflagged: &[Flagged]) -> String {
    if unflagged.is_empty() {
        return "nothing was flagged\n".to_owned();
    }
    let line = |unflagged: &Flagged| ["unflagged ", &name(&unflagged.pointer), "\n"].concat();
    unflagged.iter().map(line).collect()
}

/// The runs and components behind what is flagged; `before` is the run before the first of them.
pub(crate) fn review(review: &Review, before: Option<RunId>, screen: Screen) -> String {
    if review.flagged.is_empty() {
        return "nothing is flagged: mltrace flag OUTPUT\n".to_owned();
    }
    let sections = [
        review.compared.as_ref().map(|compared| head(review, compared, screen)),
        (!review.runs.is_empty()).then(|| runs(review, screen)),
        (!review.components.is_empty()).then(|| components(review, screen)),
        (!review.unproduced.is_empty()).then(|| unproduced(&review.unproduced, screen)),
        review.runs.first().filter(|_| tells(review)).map(|first| advice(first, before)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn head(review: &Review, compared: &Compared, screen: Screen) -> String {
    let flagged = (review.flagged.len() - review.unproduced.len()) as u64;
    let others = match compared.outputs {
        1 => "1 other".to_owned(),
        outputs => format!("{outputs} others"),
    };
    let by = one_line(&compared.components.join(", "));
    let since = local(compared.since);
    let title = format!("{}, compared with {others} of {by} since {since}", count(flagged, "flagged output"));
    let why = review.why.as_deref().map(one_line).unwrap_or_default();
    wrap(&title, screen.width).into_iter().chain(wrap(&why, screen.width)).map(|line| line + "\n").collect()
}

fn runs(review: &Review, screen: Screen) -> String {
    const COLUMNS: [Column; 8] = [
        Column { title: "id", fit: Fit::Right },
        Column { title: "component", fit: Fit::CutEnd },
        Column { title: "partition", fit: Fit::CutEnd },
        Column { title: "started", fit: Fit::Spare },
        Column { title: "age", fit: Fit::Left },
        Column { title: "flagged", fit: Fit::Left },
        Column { title: "others", fit: Fit::Right },
        Column { title: "suspicion", fit: Fit::Left },
    ];
    let row = |Suspect { run, blame, .. }: &Suspect| {
        let [flagged, others, suspicion] = figures(blame, review);
        [
            Cell::styled(DIM, format!("#{}", run.id)),
            Cell::styled(STRONG, one_line(&run.component)),
            Cell::new(run.partition.as_deref().map(one_line).unwrap_or_default()),
            Cell::new(local(run.started_at)),
            Cell::styled(DIM, age(run.started_at, screen.now)),
            flagged,
            others,
            suspicion,
        ]
    };
    let shown = table(COLUMNS, &review.runs.iter().map(row).collect::<Vec<_>>(), screen.width);
    let all = |left_out: u64| review.runs.len() as u64 + left_out;
    let rest = review.truncated.map_or_else(String::new, |truncated| {
        let runs = truncated.runs;
        paint(DIM, format!("... and {runs} more: mltrace review --limit {}", all(runs))) + "\n"
    });
    shown + &rest
}

fn components(review: &Review, screen: Screen) -> String {
    const COLUMNS: [Column; 4] = [
        Column { title: "component", fit: Fit::CutEnd },
        Column { title: "flagged", fit: Fit::Left },
        Column { title: "others", fit: Fit::Right },
        Column { title: "suspicion", fit: Fit::Left },
    ];
    let row = |SuspectComponent { component, blame, .. }: &SuspectComponent| {
        let [flagged, others, suspicion] = figures(blame, review);
        [Cell::styled(STRONG, one_line(component)), flagged, others, suspicion]
    };
    table(COLUMNS, &review.components.iter().map(row).collect::<Vec<_>>(), screen.width)
}

/// Of the flagged outputs, of the others, and the suspicion that follows.
fn figures(blame: &Blame, review: &Review) -> [Cell; 3] {
    let flagged = review.flagged.len() - review.unproduced.len();
    let others = review.compared.as_ref().map_or(0, |compared| compared.outputs);
    [
        Cell::new(format!("{} {} of {flagged}", bar(blame.coverage, BAR), blame.count)),
        Cell::new(if others == 0 { String::new() } else { format!("{} of {others}", blame.others) }),
        Cell::new(format!("{} {:.2}", bar(blame.suspicion, BAR), blame.suspicion)),
    ]
}

fn unproduced(pointers: &[IoPointer], screen: Screen) -> String {
    const SHOWN: usize = 10;
    let title = format!("{} that no traced run wrote\n", count(pointers.len() as u64, "flagged output"));
    let room = screen.width.saturating_sub(2);
    let lines = pointers.iter().take(SHOWN).map(|pointer| format!("  {}\n", cut_start(&name(pointer), room)));
    let left_out = pointers.len().saturating_sub(SHOWN);
    let rest = (left_out > 0).then(|| paint(DIM, format!("  ... and {left_out} more, see --json\n")));
    [title].into_iter().chain(lines).chain(rest).collect()
}

/// Whether anything sets the flagged outputs apart.
fn tells(review: &Review) -> bool {
    let others = review.compared.as_ref().map_or(0, |compared| compared.outputs);
    review.runs.iter().any(|suspect| tells_apart(&suspect.blame, others))
}

fn advice(first: &Suspect, before: Option<RunId>) -> String {
    let run = first.run.id;
    let diff = before.map(|before| format!(", and what changed: mltrace diff {before} {run}")).unwrap_or_default();
    next(&format!("mltrace inspect {run}{diff}"))
}

fn name(pointer: &IoPointer) -> String {
    let version = pointer.version.as_ref().map(|at| format!(" ({})", version(Some(at))));
    one_line(&pointer.name) + &version.unwrap_or_default()
}
