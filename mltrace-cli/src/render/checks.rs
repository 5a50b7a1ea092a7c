//! Results of checks: those that failed first, for they are what people look for.

use mltrace_core::{Check, CheckStatus, RunRecord};

use super::text::{BAD, GOOD, first_few, lines, one_line, paint};

/// So many names of checks that failed stand in a list of runs.
const SHOWN: usize = 3;

/// A title that says how many failed.
pub(crate) fn title(run: &RunRecord) -> String {
    match failed(run).count() {
        0 => "checks".to_owned(),
        failed => format!("checks ({failed} of {} failed)", run.checks.len()),
    }
}

/// A line for each check, and below one that failed what it found.
pub(crate) fn results(run: &RunRecord) -> impl Iterator<Item = String> {
    let passed = run.checks.iter().filter(|check| check.status == CheckStatus::Passed);
    failed(run).chain(passed).flat_map(|check| {
        let status = match check.status {
            CheckStatus::Passed => paint(GOOD, "passed"),
            CheckStatus::Failed => paint(BAD, "failed"),
        };
        let found = check.message.iter().flat_map(|message| lines(message)).map(|line| format!("{:8}{line}", ""));
        [format!("{status}  {}", one_line(&check.name))].into_iter().chain(found).collect::<Vec<_>>()
    })
}

/// How many checks failed, and their names, unless the run's error tells them.
pub(crate) fn summary(run: &RunRecord) -> Option<String> {
    let names: Vec<_> = failed(run).map(|check| check.name.as_str()).collect();
    let is_told = |name: &&str| run.error.as_ref().is_some_and(|error| error.contains(*name));
    if names.iter().all(is_told) {
        return None;
    }
    let checks = if run.checks.len() == 1 { "check" } else { "checks" };
    Some(format!("{} of {} {checks} failed: {}", names.len(), run.checks.len(), first_few(&names, SHOWN)))
}

fn failed(run: &RunRecord) -> impl Iterator<Item = &Check> {
    run.checks.iter().filter(|check| check.status == CheckStatus::Failed)
}
