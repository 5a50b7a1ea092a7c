//! What a run has gathered while it is open.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::body::{current, harmless};
use super::meta::{Direction, Meta, Slot};
use crate::capture::Capture;
use crate::model::{Code, Definition, InputEntry, IoPointer, Note, PointerType, RunEntry, Snapshot, Status};
use crate::tracer::Tracer;
use crate::{clock, limits, provenance, tracer};

#[derive(Debug)]
pub(super) struct Live {
    tracer: Tracer,
    pub(super) uuid: Uuid,
    definition: Arc<Definition>,
    started_at: DateTime<Utc>,
    parent: Option<Uuid>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    inputs: Vec<Bound>,
    outputs: Vec<Bound>,
    params: BTreeMap<String, serde_json::Value>,
    metrics: BTreeMap<String, f64>,
    notes: Vec<Note>,
    partition: Option<String>,
    pub(super) panic: Option<String>,
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

impl Live {
    pub(super) fn start(meta: &'static Meta) -> Option<Self> {
        Some(Self {
            tracer: tracer::for_traced_function(meta.in_unit_test)?,
            uuid: Uuid::now_v7(),
            definition: definition(meta),
            started_at: clock::now(),
            parent: current(),
            state: Mutex::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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

    pub(super) fn bind<C: Capture + ?Sized>(&self, slot: Slot, value: &C) {
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

    pub(super) fn capture<C: Capture + ?Sized>(&self, direction: Direction, value: &C) {
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

    pub(super) fn param<V: Serialize + ?Sized>(&self, name: &str, value: &V) {
        harmless("record a param", || match serde_json::to_value(value) {
            Ok(value) => {
                if let Some(mut state) = self.open_state("a param") {
                    state.params.insert(name.to_owned(), value);
                }
            }
            Err(error) => tracing::warn!(param = name, %error, "a param cannot be written as JSON and is not recorded"),
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
        if let Some(mut state) = self.open_state("a metric") {
            state.metrics.insert(name.to_owned(), value);
        }
    }

    pub(super) fn note(&self, text: String) {
        if let Some(mut state) = self.open_state("a note") {
            state.notes.push(Note { written_at: clock::now(), text });
        }
    }

    /// Writes the run. The outputs get their versions now, also where the function failed or panicked.
    pub(super) fn end(&self, how: impl FnOnce(&mut State) -> (Status, Option<String>)) {
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
