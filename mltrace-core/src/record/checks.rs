//! Checks of a run, and what they may ask of the runs before it.

use super::body::{Entered, caught, harmless};
use super::live::Live;
use crate::check::{CheckResult, concluded};
use crate::error::ErrorKind;
use crate::model::{Check, RunRecord, Status};

/// What an expression of the attribute came to, see [`CheckResult::verdict`].
pub type Verdict = Result<(), Option<String>>;

/// The verdict of an expression's value.
pub fn verdict<R: CheckResult>(value: R) -> Verdict {
    value.verdict()
}

/// Makes a check; one that panics has failed.
pub(super) fn made(name: &str, check: impl FnOnce() -> Verdict) -> Check {
    let verdict = caught(check).unwrap_or_else(|panic| Err(Some(format!("panicked: {panic}"))));
    concluded(name.to_owned(), verdict)
}

impl Live {
    /// Makes a check and keeps its result; `None` where the body was refused and there is nothing left to check.
    pub(super) fn make_check(&self, name: &str, check: impl FnOnce() -> Verdict) -> Option<Check> {
        if self.state().refusal.is_some() {
            return None;
        }
        let made = {
            let _entered = Entered::new(self.uuid);
            made(name, check)
        };
        self.keep_check(made.clone());
        Some(made)
    }

    /// Keeps a result, whose own words may panic.
    pub(super) fn check(&self, name: &str, result: impl CheckResult) {
        self.keep_check(made(name, || result.verdict()));
    }

    fn keep_check(&self, check: Check) {
        harmless("record a check", || {
            if let Some(mut state) = self.open_state("a check") {
                state.checks.push(check);
            }
        });
    }

    /// The component's last completed runs, newest first; none where that cannot be told.
    pub(super) fn history(&self, runs: u32) -> Vec<RunRecord> {
        let component = self.definition.component.as_str();
        let asked = harmless("read the history of a component", || {
            match self.tracer.history(component).status(Status::Completed).limit(runs.into()).get() {
                Ok(page) => page.items,
                Err(error) => {
                    // A component that has never run has no history, and that is no trouble.
                    if error.kind() != ErrorKind::NotFound {
                        tracing::warn!(component, %error, "the history of a component cannot be read");
                    }
                    Vec::new()
                }
            }
        });
        asked.unwrap_or_default()
    }
}
