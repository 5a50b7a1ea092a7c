//! What a run has gathered while it is open.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::body::{current, harmless};
use super::meta::{Direction, Meta, Slot};
use crate::capture::Capture;
use crate::fork::PerProcess;
use crate::identity::new_uuid;
use crate::model::{
    Check, Code, Definition, InputEntry, IoPointer, Note, PointerType, ProfileEntry, RunEntry, Snapshot, Status,
};
use crate::tracer::Tracer;
use crate::writer::OpenRun;
use crate::{clock, limits, provenance, tracer};

#[derive(Debug)]
pub(super) struct Live {
    pub(super) tracer: Tracer,
    pub(super) uuid: Uuid,
    pub(super) definition: Arc<Definition>,
    is_buffered: bool,
    started_at: DateTime<Utc>,
    parent: Option<Uuid>,
    was_panicking: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    inputs: Vec<Bound>,
    outputs: Vec<Bound>,
    /// The number of each slot's last binding. An attribute has few slots.
    last_bindings: Vec<(Direction, &'static str, u32)>,
    params: BTreeMap<String, serde_json::Value>,
    metrics: BTreeMap<String, f64>,
    pub(super) checks: Vec<Check>,
    labels: Vec<Bound>,
    notes: Vec<Note>,
    pub(super) profiles: Vec<ProfileEntry>,
    partition: Option<String>,
    /// What could not be recorded, and why.
    pub(super) dropped: Vec<String>,
    pub(super) panic: Option<String>,
    /// Why the body is not run.
    pub(super) refusal: Option<String>,
    ended: bool,
}

/// A pointer that was captured, and where it came from.
#[derive(Debug, Clone)]
struct Bound {
    /// The binding it comes from; `None` for what the run was told directly.
    binding: Option<Binding>,
    pointer: IoPointer,
    /// For what has no version yet: the path to take it from at the end.
    path: Option<PathBuf>,
    captured_at: DateTime<Utc>,
}

/// One binding of a name of the attribute.
#[derive(Debug, Clone, Copy)]
struct Binding {
    slot: &'static str,
    /// Counts the bindings of the slot.
    number: u32,
    /// See [`Slot::each`].
    each: bool,
}

impl Live {
    pub(super) fn start(meta: &'static Meta) -> Option<Arc<Self>> {
        let live = Arc::new(Self {
            tracer: tracer::for_traced_function(meta.in_unit_test)?,
            uuid: new_uuid(),
            definition: definition(meta),
            is_buffered: meta.buffered,
            started_at: clock::now(),
            parent: current(),
            was_panicking: thread::panicking(),
            state: Mutex::default(),
        });
        let run: Weak<Self> = Arc::downgrade(&live);
        live.tracer.watch(live.uuid, run);
        Some(live)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the run has ended.
    pub(super) fn open_state(&self, what: &str) -> Option<MutexGuard<'_, State>> {
        let state = self.state();
        if !state.ended {
            return Some(state);
        }
        // Whoever listens to events may trace, too.
        drop(state);
        tracing::warn!(component = %self.definition.component, "{what} came after the run had ended and is not recorded");
        None
    }

    pub(super) fn bind<C: Capture + ?Sized>(&self, slot: Slot, value: &C) {
        harmless("record a binding", || {
            // First: it may take long, and the background reports the run meanwhile.
            let bound = self.bound(slot.direction, slot.pointer_type, value);
            self.state().bind(slot, bound);
        });
    }

    pub(super) fn bind_label<D: Display + ?Sized>(&self, slot: Slot, label: &D) {
        harmless("record a label", || {
            let label = Bound::label(label.to_string());
            self.state().bind(slot, vec![label]);
        });
    }

    pub(super) fn unbind(&self, slot: Slot) {
        harmless("record a binding", || self.state().take_back(slot));
    }

    pub(super) fn capture<C: Capture + ?Sized>(&self, direction: Direction, value: &C) {
        harmless("record an input or output", || {
            let bound = self.bound(direction, None, value);
            if let Some(mut state) = self.open_state("an input or output") {
                state.add(direction, bound);
            }
        });
    }

    pub(super) fn label<D: Display + ?Sized>(&self, label: &D) {
        harmless("record a label", || {
            let label = Bound::label(label.to_string());
            if let Some(mut state) = self.open_state("a label") {
                state.labels.push(label);
            }
        });
    }

    /// What the run is known to read so far.
    pub(super) fn inputs(&self) -> Vec<IoPointer> {
        self.state().inputs.iter().map(|input| input.pointer.clone()).collect()
    }

    /// The labels that its inputs are known to carry so far.
    pub(super) fn labels(&self) -> Vec<String> {
        self.state().labels.iter().map(|label| label.pointer.name.clone()).collect()
    }

    /// The body is not run, so it writes nothing: what stands at its outputs is another run's.
    pub(super) fn refuse(&self, why: String) {
        let mut state = self.state();
        state.refusal = Some(why);
        state.outputs.clear();
    }

    /// A run that is denied its inputs has read nothing, and must not stand among those that did.
    pub(super) fn forget_inputs(&self) {
        let mut state = self.state();
        state.inputs.clear();
        state.labels.clear();
    }

    /// What a value names, inputs with the version they have now.
    fn bound<C: Capture + ?Sized>(
        &self,
        direction: Direction,
        pointer_type: Option<PointerType>,
        value: &C,
    ) -> Vec<Bound> {
        // Only of what is read does anyone ask when.
        let captured_at = if direction == Direction::Input { clock::now() } else { self.started_at };
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
            bound.push(Bound { binding: None, pointer, path, captured_at });
        });
        bound
    }

    pub(super) fn param<V: Serialize + ?Sized>(&self, name: &str, value: &V) {
        harmless("record a param", || match limits::to_json(name, value) {
            Ok(value) => {
                if let Some(mut state) = self.open_state("a param") {
                    state.params.insert(name.to_owned(), value);
                }
            }
            Err(error) => {
                tracing::warn!(component = %self.definition.component, %error, "a param is not recorded");
                if let Some(mut state) = self.open_state("a param") {
                    state.dropped.push(error.to_string());
                }
            }
        });
    }

    pub(super) fn partition<D: Display + ?Sized>(&self, value: &D) {
        harmless("record a partition", || {
            let partition = value.to_string();
            if let Some(mut state) = self.open_state("a partition") {
                state.partition = Some(partition);
            }
        });
    }

    pub(super) fn metric(&self, name: &str, value: f64) {
        harmless("record a metric", || {
            if let Some(mut state) = self.open_state("a metric") {
                state.metrics.insert(name.to_owned(), value);
            }
        });
    }

    pub(super) fn note(&self, mut text: String) {
        harmless("record a note", || {
            limits::shorten(&mut text, limits::TEXT);
            if let Some(mut state) = self.open_state("a note") {
                state.notes.push(Note { written_at: clock::now(), text });
            }
        });
    }

    /// Whether a panic that began after this run did is unwinding this thread.
    pub(super) fn is_unwound(&self) -> bool {
        thread::panicking() && !self.was_panicking
    }

    /// Writes the run. The outputs get their versions now, also where the function failed or panicked.
    pub(super) fn end(&self, how: impl FnOnce(&mut State) -> (Status, Option<String>)) {
        harmless("record the end of a run", || {
            self.tracer.unwatch(self.uuid);
            let (status, error, state) = {
                let mut state = self.state();
                let (status, error) = how(&mut state);
                (status, error, std::mem::replace(&mut *state, State { ended: true, ..State::default() }))
            };
            let mut dropped = state.dropped.clone();
            let mut entry = self.entry(status, error, state);
            dropped.append(&mut limits::trim(&mut entry));
            entry.notes.extend(note_of(&dropped));
            if let Err(error) = self.tracer.put_traced_run(entry, self.is_buffered) {
                tracing::warn!(component = %self.definition.component, run = %self.uuid, %error, "a run is not recorded");
            }
        });
    }

    fn entry(&self, status: Status, error: Option<String>, state: State) -> RunEntry {
        // Lists of the size they need: what is queued is many runs.
        let mut inputs = Vec::with_capacity(state.inputs.len());
        inputs.extend(state.inputs.into_iter().map(Bound::into_input));
        keep_first(&mut inputs, |input| &input.pointer);
        let mut outputs = Vec::with_capacity(state.outputs.len());
        outputs.extend(state.outputs.into_iter().map(|bound| bound.into_output(&self.tracer)));
        keep_first(&mut outputs, |output| output);
        let mut labels: Vec<IoPointer> = state.labels.into_iter().map(|bound| bound.pointer).collect();
        keep_first(&mut labels, |label| label);
        RunEntry {
            uuid: self.uuid,
            report: 0,
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
            checks: state.checks,
            labels: labels.into_iter().map(|label| label.name).collect(),
            notes: state.notes,
            profiles: state.profiles,
            error,
            collected_at: None,
        }
    }
}

impl OpenRun for Live {
    /// What it read so far. Outputs may not be there yet.
    fn report(&self) -> Option<RunEntry> {
        let known = {
            let state = self.state();
            if state.ended {
                return None;
            }
            State {
                inputs: state.inputs.clone(),
                params: state.params.clone(),
                metrics: state.metrics.clone(),
                partition: state.partition.clone(),
                notes: state.notes.clone(),
                ..State::default()
            }
        };
        let mut entry = RunEntry { ended_at: None, ..self.entry(Status::Running, None, known) };
        limits::trim(&mut entry);
        Some(entry)
    }
}

impl Bound {
    /// A label is a name that is bound as pointers are.
    fn label(label: String) -> Self {
        Self { binding: None, pointer: IoPointer::new(label), path: None, captured_at: clock::now() }
    }

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
    /// So few are compared with each other faster than they are hashed.
    const FEW: usize = 8;
    let is_repeated = |at: usize| {
        let IoPointer { name, version, .. } = pointer(&list[at]);
        list[..at].iter().map(&pointer).any(|earlier| earlier.name == *name && earlier.version == *version)
    };
    if list.len() <= FEW && !(0..list.len()).any(is_repeated) {
        return;
    }
    let mut seen = HashSet::with_capacity(list.len());
    let are_first: Vec<bool> = list
        .iter()
        .map(|item| {
            let IoPointer { name, version, .. } = pointer(item);
            seen.insert((name, version))
        })
        .collect();
    let mut are_first = are_first.into_iter();
    list.retain(|_| are_first.next() == Some(true));
}

impl State {
    fn bind(&mut self, slot: Slot, mut bound: Vec<Bound>) {
        let number = self.take_back(slot) + 1;
        match self.last_binding(slot) {
            Some(binding) => *binding = number,
            None => self.last_bindings.push((slot.direction, slot.name, number)),
        }
        for bound in &mut bound {
            bound.binding = Some(Binding { slot: slot.name, number, each: slot.each });
        }
        self.add(slot.direction, bound);
    }

    /// Keeps no more than is recorded in the end and one, which tells that there was more.
    fn add(&mut self, direction: Direction, bound: Vec<Bound>) {
        let list = self.list(direction);
        if list.is_empty() {
            *list = bound;
        } else {
            list.extend(bound);
        }
        if list.len() > 2 * limits::POINTERS {
            keep_first(list, |bound| &bound.pointer);
            list.truncate(limits::POINTERS + 1);
        }
    }

    /// Takes back what a new binding of a slot makes obsolete, and gives the number of the slot's last binding.
    fn take_back(&mut self, slot: Slot) -> u32 {
        let Some(&mut last) = self.last_binding(slot) else { return 0 };
        if slot.each && !slot.shadows {
            // Nothing can be, and a loop may bind a hundred thousand.
            return last;
        }
        self.list(slot.direction).retain(|earlier| {
            let Some(binding) = earlier.binding.filter(|binding| binding.slot == slot.name) else { return true };
            let is_hidden = slot.shadows && binding.number == last;
            let is_replaced = !slot.each && !binding.each;
            !is_hidden && !is_replaced
        });
        last
    }

    fn last_binding(&mut self, slot: Slot) -> Option<&mut u32> {
        let of_slot =
            |(direction, name, _): &&mut (Direction, &str, u32)| *direction == slot.direction && *name == slot.name;
        self.last_bindings.iter_mut().find(of_slot).map(|(.., number)| number)
    }

    fn list(&mut self, direction: Direction) -> &mut Vec<Bound> {
        match direction {
            Direction::Input => &mut self.inputs,
            Direction::Output => &mut self.outputs,
            Direction::Label => &mut self.labels,
        }
    }
}

/// A remark of what is missing from a run, so that nobody takes it for whole.
fn note_of(dropped: &[String]) -> Option<Note> {
    const TOLD: usize = 5;
    let (told, more) = dropped.split_at(dropped.len().min(TOLD));
    let more = match more.len() {
        _ if told.is_empty() => return None,
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let mut text = format!("not recorded: {}{more}", told.join("; "));
    // They may quote names that are too long themselves.
    limits::shorten(&mut text, limits::TEXT);
    Some(Note { written_at: clock::now(), text })
}

/// The definition of an annotated function, made once.
fn definition(meta: &'static Meta) -> Arc<Definition> {
    // A child that was forked off while another thread held the lock would wait for ever.
    static DEFINITIONS: PerProcess<Mutex<BTreeMap<usize, Arc<Definition>>>> = PerProcess::new();
    let mut known = DEFINITIONS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let address = std::ptr::from_ref(meta).addr();
    // A library that was unloaded may have left its addresses to another.
    if let Some(definition) = known.get(&address).filter(|definition| is_of(definition, meta)) {
        return Arc::clone(definition);
    }
    let mut source = meta.source.to_owned();
    limits::shorten(&mut source, limits::SNAPSHOT);
    let definition = Definition {
        identity: [0; 16],
        component: meta.name.to_owned(),
        states_metadata: true,
        description: meta.description.map(ToOwned::to_owned),
        owner: meta.owner.map(ToOwned::to_owned),
        tags: meta.tags.iter().map(|&tag| tag.to_owned()).collect(),
        stale_after_s: meta.stale_after_secs,
        code: Some(Code {
            file: Some(meta.file.to_owned()),
            line: Some(meta.line),
            crate_version: Some(meta.crate_version.to_owned()),
            snapshot: Some(Snapshot { identity: provenance::text_identity(meta.tokens), text: source }),
        }),
        build_commit: meta.commit.map(ToOwned::to_owned),
        in_repository: meta.manifest_dir.is_some_and(|folder| provenance::is_in_repository(Path::new(folder))),
    };
    let definition = Arc::new(definition.identified());
    known.insert(address, Arc::clone(&definition));
    definition
}

fn is_of(definition: &Definition, meta: &Meta) -> bool {
    let code = definition.code.as_ref();
    let source = code.and_then(|code| code.snapshot.as_ref()).map(|snapshot| snapshot.text.as_str());
    // One that was cut is told apart by its place alone.
    let is_cut = meta.source.len() > limits::SNAPSHOT;
    definition.component == meta.name
        && (is_cut || source == Some(meta.source))
        && code.is_some_and(|code| code.file.as_deref() == Some(meta.file) && code.line == Some(meta.line))
}
