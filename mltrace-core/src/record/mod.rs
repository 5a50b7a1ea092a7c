//! The life of one traced run, from the function's entry to its end, whatever that end is.

mod artifact;
mod body;
mod checks;
mod guard;
mod live;
mod meta;
#[cfg(feature = "monitor")]
mod profile;

use std::env;
use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use uuid::Uuid;

use crate::capture::Capture;
use crate::check::CheckResult;
use crate::model::{RunRecord, Status};
pub use body::{InRun, call_once, in_run};
pub(crate) use body::{current, harmless};
pub use checks::{Verdict, verdict};
pub use guard::{Guard, refused};
use live::Live;
pub(crate) use live::keep_first;
pub use meta::{Direction, Ended, Meta, Slot};

/// The run of a traced function, while it runs.
///
/// `#[component(run = run)]` binds one in the body, for what cannot be said in the attribute. Nothing here fails: what
/// cannot be recorded becomes a [`tracing`](https://docs.rs/tracing) event.
///
/// ```
/// # use mltrace_core::{IoPointer, __private::{Ended, Meta, Run}};
/// # static META: Meta = Meta { name: "train", owner: None, description: None, tags: &[], stale_after_secs: None,
/// #     buffered: false, file: file!(), line: line!(), source: "", tokens: "", manifest_dir: None, crate_version: "0", commit: None, in_unit_test: true };
/// fn body(run: &Run) {
///     run.input(&IoPointer::new("warehouse.rides").at_version("snapshot-81"));
///     run.param("depth", &10);
///     run.metric("train_f1", 0.73);
///     run.note("first model on the new features");
/// }
/// # let run = Run::start(&META); body(&run); run.finish(|| Ended::Completed);
/// ```
#[derive(Debug)]
pub struct Run(RunHandle);

/// What a run is told through: by reference as a [`Run`], or cloned by [`Run::handle`] for threads and tasks that outlive
/// the borrow. What it is told after the run has ended is not recorded.
#[derive(Debug, Clone)]
pub struct RunHandle(Option<Arc<Live>>);

const UNDECIDED: u8 = 0;
const ENABLED: u8 = 1;
const DISABLED: u8 = 2;
static TRACING: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Whether `MLTRACE_DISABLED=1` was set when it was first asked.
pub(crate) fn is_disabled() -> bool {
    match TRACING.load(Ordering::Relaxed) {
        UNDECIDED => {
            let disabled = env::var_os("MLTRACE_DISABLED")
                .is_some_and(|value| value != "0" && value != "false" && !value.is_empty());
            TRACING.store(if disabled { DISABLED } else { ENABLED }, Ordering::Relaxed);
            disabled
        }
        decided => decided == DISABLED,
    }
}

impl Run {
    /// The function was entered.
    #[doc(hidden)]
    #[inline]
    pub fn start(meta: &'static Meta) -> Self {
        if TRACING.load(Ordering::Relaxed) == DISABLED {
            return Self(RunHandle(None));
        }
        Self::start_live(meta)
    }

    #[cold]
    fn start_live(meta: &'static Meta) -> Self {
        if is_disabled() {
            return Self(RunHandle(None));
        }
        Self(RunHandle(harmless("start a run", || Live::start(meta)).flatten()))
    }

    /// A run that records nothing.
    #[doc(hidden)]
    pub fn disabled() -> Self {
        Self(RunHandle(None))
    }

    /// A name of the attribute has its value.
    #[doc(hidden)]
    #[inline]
    pub fn bind<C: Capture + ?Sized>(&self, slot: Slot, value: &C) {
        if let Some(live) = &self.0.0 {
            live.bind(slot, value);
        }
    }

    /// A name in `labels(..)` has its value.
    #[doc(hidden)]
    #[inline]
    pub fn bind_label<D: Display + ?Sized>(&self, slot: Slot, value: &D) {
        if let Some(live) = &self.0.0 {
            live.bind_label(slot, value);
        }
    }

    /// A check of the attribute, made where it is recorded and the body was not refused.
    #[doc(hidden)]
    #[inline]
    pub fn make_check(&self, name: &str, check: impl FnOnce() -> Verdict) {
        if let Some(live) = &self.0.0 {
            live.make_check(name, check);
        }
    }

    /// A name of the attribute is bound anew to what is not recorded as yet.
    #[doc(hidden)]
    #[inline]
    pub fn unbind(&self, slot: Slot) {
        if let Some(live) = &self.0.0 {
            live.unbind(slot);
        }
    }

    /// The function returned; how is only asked where it is recorded.
    #[doc(hidden)]
    #[inline]
    pub fn finish(mut self, ended: impl FnOnce() -> Ended) {
        let live = self.0.0.take();
        // Nothing is left to drop: where nothing is recorded, even a look at that would count.
        std::mem::forget(self);
        if let Some(live) = live {
            let ended = ended();
            live.end(|state| match ended {
                Ended::Completed => (Status::Completed, None),
                // The error that the function returns need not tell what refused it.
                Ended::Failed(message) => (Status::Failed, Some(state.refusal.take().unwrap_or(message))),
            });
        }
    }

    /// The run's identity in every store, for example to set `MLTRACE_PARENT` of a program that it starts. `None` where
    /// nothing is recorded.
    pub fn uuid(&self) -> Option<Uuid> {
        self.0.0.as_ref().map(|live| live.uuid)
    }

    /// The same run, for threads and tasks that outlive the borrow.
    pub fn handle(&self) -> RunHandle {
        self.0.clone()
    }
}

impl RunHandle {
    /// Something that this run reads, read now.
    #[inline]
    pub fn input<C: Capture + ?Sized>(&self, value: &C) {
        if let Some(live) = &self.0 {
            live.capture(Direction::Input, value);
        }
    }

    /// Something that this run writes. Files get their version when the run ends.
    #[inline]
    pub fn output<C: Capture + ?Sized>(&self, value: &C) {
        if let Some(live) = &self.0 {
            live.capture(Direction::Output, value);
        }
    }

    /// A parameter, kept as JSON. A later value of the same name replaces the earlier.
    #[inline]
    pub fn param<V: Serialize + ?Sized>(&self, name: &str, value: &V) {
        if let Some(live) = &self.0 {
            live.param(name, value);
        }
    }

    /// A metric. A later value of the same name replaces the earlier.
    #[inline]
    pub fn metric(&self, name: &str, value: f64) {
        if let Some(live) = &self.0 {
            live.metric(name, value);
        }
    }

    /// The result of a check: `bool`, or a `Result<(), E>` with an error that can be shown. Results stay in the order in
    /// which they are given; the same name twice is two results. The ready ones are in [`check`](crate::check).
    #[inline]
    pub fn check(&self, name: &str, result: impl CheckResult) {
        if let Some(live) = &self.0 {
            live.check(name, result);
        }
    }

    /// A label that everything this run reads carries, and what is made of that: a customer, a consent batch.
    #[inline]
    pub fn label<D: Display + ?Sized>(&self, label: &D) {
        if let Some(live) = &self.0 {
            live.label(label);
        }
    }

    /// The component's last completed runs, as many as asked for or fewer, newest first; this one is not among them. So
    /// a check can compare today with what was usual. Where nothing is recorded there are none, nor, after an event that
    /// says why, where the store cannot be read.
    ///
    /// ```
    /// # use mltrace_core::{ComponentRun, Tracer, scoped, __private::{Ended, Meta, Run}};
    /// # static META: Meta = Meta { name: "train", owner: None, description: None, tags: &[], stale_after_secs: None, buffered: false,
    /// #     file: file!(), line: line!(), source: "", tokens: "", manifest_dir: None, crate_version: "0", commit: None, in_unit_test: true };
    /// /// Whether a mean lies within 20 % of that of the last ten runs.
    /// fn is_usual(run: &Run, mean: f64) -> Result<(), String> {
    ///     let last: Vec<f64> = run.history(10).iter().filter_map(|run| run.metrics.get("mean").copied()).collect();
    ///     let usual = last.iter().sum::<f64>() / last.len() as f64;
    ///     let is_far = !last.is_empty() && (mean - usual).abs() > 0.2 * usual.abs();
    ///     if is_far { Err(format!("{mean}, usually {usual}")) } else { Ok(()) }
    /// }
    ///
    /// fn body(run: &Run, fares: &[f64]) {
    ///     let mean = fares.iter().sum::<f64>() / fares.len() as f64;
    ///     run.check("the mean is as usual", is_usual(run, mean));
    ///     run.metric("mean", mean);
    /// }
    /// # let tracer = Tracer::in_memory()?;
    /// # let _guard = scoped(&tracer);
    /// # for fares in [[2.0, 4.0], [2.0, 5.0], [8.0, 9.0]] {
    /// #     let run = Run::start(&META); body(&run, &fares); run.finish(|| Ended::Completed);
    /// # }
    /// # let failed = tracer.checks("train").status(mltrace_core::CheckStatus::Failed).get()?.items;
    /// # assert_eq!(failed[0].check.message.as_deref(), Some("8.5, usually 3.25"));
    /// # assert_eq!(failed.len(), 1);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn history(&self, runs: u32) -> Vec<RunRecord> {
        self.0.as_ref().map(|live| live.history(runs)).unwrap_or_default()
    }

    /// A remark.
    #[inline]
    pub fn note(&self, text: impl Into<String>) {
        if let Some(live) = &self.0 {
            live.note(text.into());
        }
    }

    /// The key that splits the component's runs, such as a month. A later value replaces the earlier.
    #[inline]
    pub fn partition<D: Display + ?Sized>(&self, value: &D) {
        if let Some(live) = &self.0 {
            live.partition(value);
        }
    }
}

impl Deref for Run {
    type Target = RunHandle;

    fn deref(&self) -> &RunHandle {
        &self.0
    }
}

impl Drop for Run {
    /// Dropped without an end: the function panicked, or its future was dropped.
    #[inline]
    fn drop(&mut self) {
        if let Some(live) = self.0.0.take() {
            live.end(|state| match state.panic.take() {
                Some(message) => (Status::Panicked, Some(message)),
                None if live.is_unwound() => {
                    (Status::Cancelled, Some("the future was dropped by another's panic".to_owned()))
                }
                None => (Status::Cancelled, Some("the future was dropped before it finished".to_owned())),
            });
        }
    }
}
