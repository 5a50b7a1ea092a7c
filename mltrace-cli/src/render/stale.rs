//! What is stale, and why.

use mltrace_core::__words::rule;
use mltrace_core::{Judgement, Stale};

use super::run::partition;
use super::text::{DIM, NEWS, STRONG, one_line, paint, run_name};
use super::time::age;
use super::wrap::wrap;
use crate::session::Screen;

/// Of a run's reasons so many are shown: it may have read from thousands.
const SHOWN: usize = 10;
const INDENT: &str = "  ";

/// The stale runs with their reasons, then how many are stale and fresh.
pub(crate) fn stale(judged: &[Judgement], screen: Screen) -> String {
    if judged.is_empty() {
        return "nothing to judge: no completed run matches\n".to_owned();
    }
    let stale: Vec<_> = judged.iter().filter(|judged| !judged.stale.is_empty()).collect();
    let runs: String = stale.iter().map(|judged| run(judged, screen) + "\n").collect();
    let fresh = judged.len() - stale.len();
    format!("{runs}{} stale, {fresh} fresh\n", stale.len())
}

fn run(judged: &Judgement, screen: Screen) -> String {
    let name = run_name(judged.run, &judged.component) + &partition(judged.partition.as_deref());
    let ended = paint(DIM, format!("ended {}", age(judged.ended_at, screen.now)));
    let reasons = reasons(&judged.stale, screen.width.saturating_sub(INDENT.len()));
    let reasons: String = reasons.iter().map(|line| [INDENT, line, "\n"].concat()).collect();
    format!("{}  {ended}\n{reasons}", paint(STRONG, name))
}

/// The first reasons, each led by its rule, in lines of so many columns.
pub(crate) fn reasons(stale: &[Stale], columns: usize) -> Vec<String> {
    const RULE: usize = "fresher upstream  ".len();
    let reason = |reason: &Stale| {
        let sentence = wrap(&one_line(&reason.message), columns.saturating_sub(RULE));
        let rules = [rule(reason.kind)].into_iter().chain(std::iter::repeat(""));
        let line = |(rule, text): (&str, String)| format!("{}{text}", paint(NEWS, format!("{rule:RULE$}")));
        rules.zip(sentence).map(line).collect::<Vec<_>>()
    };
    let shown = &stale[..stale.len().min(SHOWN)];
    let more = stale.len() - shown.len();
    let more = (more > 0).then(|| paint(DIM, format!("... and {more} more, see --json")));
    shown.iter().flat_map(reason).chain(more).collect()
}
