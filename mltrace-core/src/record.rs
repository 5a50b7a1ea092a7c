//! The life of one traced run, from the function's entry to its end, whatever that end is.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::env;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::capture::Capture;
use crate::model::{Code, Definition, InputEntry, IoPointer, Note, PointerType, RunEntry, Snapshot, Status};
use crate::tracer::Tracer;
use crate::{clock, limits, provenance, tracer};

/// What `#[component]` knows of a function when it is compiled.
#[derive(Debug)]
pub struct Meta {
    /// The component's name.
    pub name: &'static str,
    /// Whom to ask about it.
    pub owner: Option<&'static str>,
    /// What it does.
    pub description: Option<&'static str>,
    /// Its tags.
    pub tags: &'static [&'static str],
    /// The age after which its runs count as old, in seconds.
    pub stale_after_secs: Option<u64>,
    /// The source file.
    pub file: &'static str,
    /// The line of the function, from 1.
    pub line: u32,
    /// The function's own text.
    pub source: &'static str,
    /// Its tokens: two texts of the same tokens are one snapshot.
    pub tokens: &'static str,
    /// The version of the crate that the function stands in.
    pub crate_version: &'static str,
    /// The commit that the build script stated.
    pub commit: Option<&'static str>,
    /// Compiled for the crate's own unit tests: runs go to memory unless a tracer is set.
    pub in_unit_test: bool,
}

/// Which list of the attribute a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `inputs(..)`.
    Input,
    /// `outputs(..)`.
    Output,
}

/// A name in the attribute that values are bound to.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// The name, `return` for the returned value.
    pub name: &'static str,
    /// The list it stands in.
    pub direction: Direction,
    /// The type stated there.
    pub pointer_type: Option<PointerType>,
    /// The binding stands in a loop, so every value counts; else a later one replaces the earlier.
    pub each: bool,
}

/// How the function returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It returned a value that is no error.
    Completed,
    /// It returned `Err`, with this message.
    Failed(String),
}

/// The run of a traced function, while it runs.
///
/// `#[component(run = run)]` binds one in the body, for what cannot be said in the attribute. Nothing here fails: what
/// cannot be recorded becomes a [`tracing`](https://docs.rs/tracing) event.
///
/// ```
/// # use mltrace_core::{IoPointer, __private::{Ended, Meta, Run}};
/// # static META: Meta = Meta { name: "train", owner: None, description: None, tags: &[], stale_after_secs: None,
/// #     file: file!(), line: line!(), source: "", tokens: "", crate_version: "0", commit: None, in_unit_test: true };
/// fn body(run: &Run) {
///     run.input(&IoPointer::new("warehouse.rides").at_version("snapshot-81"));
///     run.param("depth", &10);
///     run.metric("train_f1", 0.73);
///     run.note("first model on the new features");
/// }
/// # let run = Run::start(&META); body(&run); run.finish(|| Ended::Completed);
/// ```
#[derive(Debug)]
pub struct Run(Option<Arc<Live>>);

/// A [`Run`] that can go to other threads and tasks. What it is told after the run has ended is not recorded.
#[derive(Debug, Clone)]
pub struct RunHandle(Option<Arc<Live>>);

#[derive(Debug)]
struct Live {
    tracer: Tracer,
    uuid: Uuid,
    definition: Arc<Definition>,
    started_at: DateTime<Utc>,
    parent: Option<Uuid>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    inputs: Vec<Bound>,
    outputs: Vec<Bound>,
    params: BTreeMap<String, serde_json::Value>,
    metrics: BTreeMap<String, f64>,
    notes: Vec<Note>,
    partition: Option<String>,
    panic: Option<String>,
    ended: bool,
}

/// A pointer that was captured, and where it came from.
#[derive(Debug)]
struct Bound {
    slot: Option<&'static str>,
    pointer: IoPointer,
    /// For what has no version yet: the path to take it from at the end.
    path: Option<PathBuf>,
    captured_at: DateTime<Utc>,
}

const UNDECIDED: u8 = 0;
const ENABLED: u8 = 1;
const DISABLED: u8 = 2;
static TRACING: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Whether `MLTRACE_DISABLED=1` was set when it was first asked.
pub(crate) fn is_disabled() -> bool {
    match TRACING.load(Ordering::Relaxed) {
        UNDECIDED => {
            let disabled = env::var_os("MLTRACE_DISABLED").is_some_and(|value| value != "0" && !value.is_empty());
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
            return Self(None);
        }
        Self::start_live(meta)
    }

    #[inline(never)]
    fn start_live(meta: &'static Meta) -> Self {
        if is_disabled() {
            return Self(None);
        }
        Self(harmless("start a run", || Live::start(meta)).flatten().map(Arc::new))
    }

    /// A run that records nothing.
    #[doc(hidden)]
    pub fn disabled() -> Self {
        Self(None)
    }

    /// A name of the attribute has its value.
    #[doc(hidden)]
    #[inline]
    pub fn bind<C: Capture + ?Sized>(&self, slot: Slot, value: &C) {
        if let Some(live) = &self.0 {
            live.bind(slot, value);
        }
    }

    /// The key that splits the component's runs, such as a month. A later value replaces the earlier.
    #[inline]
    pub fn partition<D: Display + ?Sized>(&self, value: &D) {
        if let Some(live) = &self.0 {
            harmless("record a partition", || live.state().partition = Some(value.to_string()));
        }
    }

    /// The function returned; how is only asked where it is recorded.
    #[doc(hidden)]
    #[inline]
    pub fn finish(mut self, ended: impl FnOnce() -> Ended) {
        if let Some(live) = self.0.take() {
            let ended = ended();
            live.end(|_| match ended {
                Ended::Completed => (Status::Completed, None),
                Ended::Failed(message) => (Status::Failed, Some(message)),
            });
        }
    }

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

    /// A remark.
    #[inline]
    pub fn note(&self, text: impl Into<String>) {
        if let Some(live) = &self.0 {
            live.note(text.into());
        }
    }

    /// The same run, for threads and tasks that outlive the borrow.
    pub fn handle(&self) -> RunHandle {
        RunHandle(self.0.clone())
    }
}

impl RunHandle {
    /// As [`Run::input`].
    pub fn input<C: Capture + ?Sized>(&self, value: &C) {
        if let Some(live) = &self.0 {
            live.capture(Direction::Input, value);
        }
    }

    /// As [`Run::output`].
    pub fn output<C: Capture + ?Sized>(&self, value: &C) {
        if let Some(live) = &self.0 {
            live.capture(Direction::Output, value);
        }
    }

    /// As [`Run::param`].
    pub fn param<V: Serialize + ?Sized>(&self, name: &str, value: &V) {
        if let Some(live) = &self.0 {
            live.param(name, value);
        }
    }

    /// As [`Run::metric`].
    pub fn metric(&self, name: &str, value: f64) {
        if let Some(live) = &self.0 {
            live.metric(name, value);
        }
    }

    /// As [`Run::note`].
    pub fn note(&self, text: impl Into<String>) {
        if let Some(live) = &self.0 {
            live.note(text.into());
        }
    }
}

impl Drop for Run {
    /// Dropped without an end: the function panicked, which left its message, or its future was dropped.
    #[inline]
    fn drop(&mut self) {
        if let Some(live) = self.0.take() {
            live.end(|state| match state.panic.take() {
                Some(message) => (Status::Panicked, Some(message)),
                None => (Status::Cancelled, Some("the future was dropped before it finished".to_owned())),
            });
        }
    }
}

impl Live {
    fn start(meta: &'static Meta) -> Option<Self> {
        Some(Self {
            tracer: tracer::for_traced_function(meta.in_unit_test)?,
            uuid: Uuid::now_v7(),
            definition: definition(meta),
            started_at: clock::now(),
            parent: current(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the run has ended.
    fn open_state(&self, what: &str) -> Option<MutexGuard<'_, State>> {
        let state = self.state();
        if state.ended {
            tracing::warn!(component = %self.definition.component, "{what} came after the run had ended and is not recorded");
            return None;
        }
        Some(state)
    }

    fn bind<C: Capture + ?Sized>(&self, slot: Slot, value: &C) {
        harmless("record a binding", || {
            let bound = self.bound(slot.direction, Some(slot.name), slot.pointer_type, value);
            let mut state = self.state();
            let list = state.list(slot.direction);
            if !slot.each {
                list.retain(|earlier| earlier.slot != Some(slot.name));
            }
            list.extend(bound);
        });
    }

    fn capture<C: Capture + ?Sized>(&self, direction: Direction, value: &C) {
        harmless("record an input or output", || {
            let bound = self.bound(direction, None, None, value);
            if let Some(mut state) = self.open_state("an input or output") {
                state.list(direction).extend(bound);
            }
        });
    }

    /// What a value names, inputs with the version they have now.
    fn bound<C: Capture + ?Sized>(
        &self,
        direction: Direction,
        slot: Option<&'static str>,
        pointer_type: Option<PointerType>,
        value: &C,
    ) -> Vec<Bound> {
        let captured_at = clock::now();
        let mut bound = Vec::new();
        value.capture(&mut |captured| {
            let (mut pointer, mut path) = self.tracer.pointer(captured);
            if let Some(pointer_type) = pointer_type {
                pointer.pointer_type = pointer_type;
            }
            if direction == Direction::Input
                && let Some(path) = path.take()
            {
                pointer.version = self.tracer.version(&path);
            }
            bound.push(Bound { slot, pointer, path, captured_at });
        });
        bound
    }

    fn param<V: Serialize + ?Sized>(&self, name: &str, value: &V) {
        harmless("record a param", || match serde_json::to_value(value) {
            Ok(value) => {
                if let Some(mut state) = self.open_state("a param") {
                    state.params.insert(name.to_owned(), value);
                }
            }
            Err(error) => tracing::warn!(param = name, %error, "a param cannot be written as JSON and is not recorded"),
        });
    }

    fn metric(&self, name: &str, value: f64) {
        if let Some(mut state) = self.open_state("a metric") {
            state.metrics.insert(name.to_owned(), value);
        }
    }

    fn note(&self, text: String) {
        if let Some(mut state) = self.open_state("a note") {
            state.notes.push(Note { written_at: clock::now(), text });
        }
    }

    /// Writes the run. The outputs get their versions now, also where the function failed or panicked.
    fn end(&self, how: impl FnOnce(&mut State) -> (Status, Option<String>)) {
        harmless("record the end of a run", || {
            let (status, error, state) = {
                let mut state = self.state();
                let (status, error) = how(&mut state);
                (status, error, std::mem::replace(&mut *state, State { ended: true, ..State::default() }))
            };
            let mut entry = self.entry(status, error, state);
            limits::trim(&mut entry);
            if let Err(error) = self.tracer.put_run(&entry) {
                tracing::warn!(component = %entry.definition.component, run = %entry.uuid, %error, "a run is not recorded");
            }
        });
    }

    fn entry(&self, status: Status, error: Option<String>, state: State) -> RunEntry {
        let mut inputs: Vec<InputEntry> = state.inputs.into_iter().map(Bound::into_input).collect();
        keep_first(&mut inputs, |input| &input.pointer);
        let mut outputs: Vec<IoPointer> =
            state.outputs.into_iter().map(|bound| bound.into_output(&self.tracer)).collect();
        keep_first(&mut outputs, |output| output);
        RunEntry {
            uuid: self.uuid,
            definition: Arc::clone(&self.definition),
            status,
            started_at: self.started_at,
            // A clock that was set back must not make a run end before it began.
            ended_at: Some(clock::now().max(self.started_at)),
            parent: self.parent,
            partition: state.partition,
            inputs,
            outputs,
            upstream: Vec::new(),
            params: state.params,
            metrics: state.metrics,
            notes: state.notes,
            error,
        }
    }
}

impl Bound {
    fn into_input(self) -> InputEntry {
        InputEntry { pointer: self.pointer, captured_at: self.captured_at }
    }

    fn into_output(self, tracer: &Tracer) -> IoPointer {
        let version = self.path.and_then(|path| tracer.version(&path)).or(self.pointer.version);
        IoPointer { version, ..self.pointer }
    }
}

/// One name at one version is one pointer, however often it was captured.
pub(crate) fn keep_first<T>(list: &mut Vec<T>, pointer: impl Fn(&T) -> &IoPointer) {
    let mut seen = HashSet::new();
    list.retain(|item| {
        let IoPointer { name, version, .. } = pointer(item);
        seen.insert((name.clone(), version.clone()))
    });
}

impl State {
    fn list(&mut self, direction: Direction) -> &mut Vec<Bound> {
        match direction {
            Direction::Input => &mut self.inputs,
            Direction::Output => &mut self.outputs,
        }
    }
}

/// The definition of an annotated function, made once.
fn definition(meta: &'static Meta) -> Arc<Definition> {
    static DEFINITIONS: OnceLock<Mutex<HashMap<usize, Arc<Definition>>>> = OnceLock::new();
    let mut known = DEFINITIONS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let definition = known.entry(std::ptr::from_ref(meta).addr()).or_insert_with(|| {
        let definition = Definition {
            identity: [0; 16],
            component: meta.name.to_owned(),
            states_metadata: true,
            description: meta.description.map(ToOwned::to_owned),
            owner: meta.owner.map(ToOwned::to_owned),
            tags: meta.tags.iter().map(|&tag| tag.to_owned()).collect(),
            stale_after_s: meta.stale_after_secs,
            code: Some(Code {
                file: meta.file.to_owned(),
                line: meta.line,
                crate_version: Some(meta.crate_version.to_owned()),
                snapshot: Some(Snapshot {
                    identity: provenance::text_identity(meta.tokens),
                    text: meta.source.to_owned(),
                }),
            }),
            build_commit: meta.commit.map(ToOwned::to_owned),
            in_repository: false,
        };
        Arc::new(definition.complete())
    });
    Arc::clone(definition)
}

/// Nothing that goes wrong in tracing reaches the traced function.
pub(crate) fn harmless<T>(what: &str, body: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|panic| tracing::error!("cannot {what}: {}", panic_message(&*panic)))
        .ok()
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
struct Entered(Option<Uuid>);

impl Entered {
    fn new(run: Uuid) -> Self {
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
    match &run.0 {
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
        match &this.run.0 {
            Some(live) => live.inside(|| this.body.poll(context)),
            None => this.body.poll(context),
        }
    }
}
