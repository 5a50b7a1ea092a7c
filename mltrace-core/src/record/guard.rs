//! What stands before the body of a function that may be refused: `blocking` and `deny_retracted`.

use super::body::harmless;
use super::checks::{Verdict, made};
use super::{Run, is_disabled};
use crate::error::{Error, ErrorKind};
use crate::model::{Check, CheckStatus, Violation};

/// What a function returns that is refused.
#[diagnostic::on_unimplemented(
    message = "a function that may be refused returns a `Result`, not `{Self}`",
    label = "refuses by returning `Err`",
    note = "the error is any that is `From<mltrace::Error>`, such as `anyhow::Error` or `Box<dyn std::error::Error>`"
)]
pub trait Refused {
    /// The refusal as the function's own error.
    fn refused(error: Error) -> Self;
}

impl<T, E: From<Error>> Refused for Result<T, E> {
    fn refused(error: Error) -> Self {
        Err(E::from(error))
    }
}

/// The refusal as the function's own error.
pub fn refused<R: Refused>(error: Error) -> R {
    R::refused(error)
}

/// Decides whether the body runs. With `MLTRACE_DISABLED=1` it always does. It stands on guard also where runs cannot
/// be recorded.
#[derive(Debug)]
pub struct Guard<'r> {
    run: &'r Run,
    component: &'static str,
    failed: Vec<Check>,
    refusal: Option<Error>,
}

impl<'r> Guard<'r> {
    /// Before the body of this run.
    pub fn new(run: &'r Run, component: &'static str) -> Self {
        Self { run, component, failed: Vec::new(), refusal: None }
    }

    /// Refuses if what the run is about to read carries a retracted label, or if its store does not tell: who asks for this
    /// does not want data to pass that may be retracted. A run that has no store to ask is not recorded and passes, as it
    /// would with `MLTRACE_DISABLED=1`.
    pub fn deny_retracted(&mut self) {
        let Some(live) = &self.run.0.0 else { return };
        let ask = || live.tracer.retracted_among(&live.inputs(), &live.labels());
        let refusal = match harmless("ask for retracted labels", ask) {
            Some(Ok(violations)) => denied(self.component, &violations),
            Some(Err(error)) => Some(error.at(untold(self.component))),
            None => Some(Error::new(ErrorKind::Io, format!("{}: see the log", untold(self.component)))),
        };
        if let Some(error) = refusal {
            live.forget_inputs();
            self.refuse(error);
        }
    }

    /// A check that the body waits for.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Verdict) {
        let made = match &self.run.0.0 {
            Some(live) => live.make_check(name, check),
            None if is_disabled() || self.refusal.is_some() => None,
            None => Some(made(name, check)),
        };
        self.failed.extend(made.filter(|check| check.status == CheckStatus::Failed));
    }

    /// Why the body must not run.
    pub fn refusal(mut self) -> Option<Error> {
        if let Some(message) = blocked(self.component, &self.failed) {
            self.refuse(Error::new(ErrorKind::CheckFailed, message));
        }
        self.refusal
    }

    fn refuse(&mut self, error: Error) {
        if let Some(live) = &self.run.0.0 {
            live.refuse(error.to_string());
        }
        self.refusal = Some(error);
    }
}

fn untold(component: &str) -> String {
    format!("`{component}` did not run: whether its inputs carry a retracted label cannot be told")
}

fn denied(component: &str, violations: &[Violation]) -> Option<Error> {
    let (first, rest) = violations.split_first()?;
    let Violation { pointer, label, retracted_at, retracted_by, reason } = first;
    let more = match rest.len() {
        0 => String::new(),
        1 => " (and 1 more)".to_owned(),
        more => format!(" (and {more} more)"),
    };
    let message = format!(
        "`{component}` did not run: its input `{pointer}` carries the label `{label}`, which {retracted_by} retracted on \
         {}: {reason}{more}",
        retracted_at.format("%Y-%m-%d")
    );
    Some(Error::new(ErrorKind::Retracted, message))
}

fn blocked(component: &str, failed: &[Check]) -> Option<String> {
    let told: Vec<_> = failed.iter().map(told).collect();
    match told.as_slice() {
        [] => None,
        [only] => Some(format!("`{component}` did not run: the check {only}")),
        several => Some(format!("`{component}` did not run: {} checks failed: {}", several.len(), several.join("; "))),
    }
}

fn told(Check { name, message, .. }: &Check) -> String {
    match message {
        Some(message) => format!("`{name}` failed: {message}"),
        None => format!("`{name}` failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_recorded_is_guarded_all_the_same() {
        let unrecorded = Run::disabled();
        let mut guard = Guard::new(&unrecorded, "train");
        guard.check("rows", || Ok(()));
        assert!(guard.refusal().is_none());

        let mut guard = Guard::new(&unrecorded, "train");
        guard.check("rows", || Err(Some("none".to_owned())));
        guard.check("sorted", || panic!("no rows to sort"));
        let error = guard.refusal().unwrap();
        assert_eq!(error.kind(), ErrorKind::CheckFailed);
        let message =
            "`train` did not run: 2 checks failed: `rows` failed: none; `sorted` failed: panicked: no rows to sort";
        assert_eq!(error.to_string(), message);

        let mut guard = Guard::new(&unrecorded, "train");
        guard.deny_retracted();
        assert!(guard.refusal().is_none(), "there is no store that could know of labels");
    }
}
