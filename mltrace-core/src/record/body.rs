//! Running the body of a traced function, with its run as the current one.

use std::cell::Cell;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use uuid::Uuid;

use super::Run;
use super::live::Live;

/// Nothing that goes wrong in tracing reaches the traced function.
pub(crate) fn harmless<T>(what: &str, body: impl FnOnce() -> T) -> Option<T> {
    caught(body)
        .map_err(|panic| {
            // Whoever listens to events may panic, too.
            let tell = || tracing::error!("cannot {what}: {panic}");
            let _ = catch_unwind(AssertUnwindSafe(tell));
        })
        .ok()
}

/// What `body` gives, or the message of its panic.
pub(super) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| panic_message(&*panic))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

thread_local! {
    static CURRENT: Cell<Option<Uuid>> = const { Cell::new(None) };
}

/// The run inside which the caller is: that of this thread or future, else the one another process named.
pub(crate) fn current() -> Option<Uuid> {
    static INHERITED: OnceLock<Option<Uuid>> = OnceLock::new();
    let inherited = || env::var("MLTRACE_PARENT").ok().and_then(|text| text.parse().ok());
    CURRENT.get().or_else(|| *INHERITED.get_or_init(inherited))
}

/// Makes a run the current one until dropped.
pub(super) struct Entered(Option<Uuid>);

impl Entered {
    pub(super) fn new(run: Uuid) -> Self {
        Self(CURRENT.replace(Some(run)))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl Live {
    /// Runs a part of the body with this run as the current one, and keeps the message of a panic on its way through.
    fn inside<R>(&self, body: impl FnOnce() -> R) -> R {
        let entered = Entered::new(self.uuid);
        let outcome = catch_unwind(AssertUnwindSafe(body));
        drop(entered);
        outcome.unwrap_or_else(|panic| {
            self.state().panic = Some(panic_message(&*panic));
            resume_unwind(panic)
        })
    }
}

/// Runs the body of a traced function.
#[inline]
pub fn call_once<R>(run: &Run, body: impl FnOnce() -> R) -> R {
    match &run.0.0 {
        Some(live) => live.inside(body),
        None => body(),
    }
}

/// Runs the body of a traced `async fn`, with its run as the current one whenever it is polled.
#[inline]
pub fn in_run<F: Future>(run: &Run, body: F) -> InRun<'_, F> {
    InRun { run, body }
}

pin_project_lite::pin_project! {
    /// The future of [`in_run`].
    #[derive(Debug)]
    pub struct InRun<'r, F> {
        run: &'r Run,
        #[pin]
        body: F,
    }
}

impl<F: Future> Future for InRun<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match &this.run.0.0 {
            Some(live) => live.inside(|| this.body.poll(context)),
            None => this.body.poll(context),
        }
    }
}
