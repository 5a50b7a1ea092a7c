//! A run logged by hand.

#[cfg(feature = "monitor")]
mod profile;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::artifact::{Artifact, Opened};
use crate::capture::{Capture, Captured};
use crate::check::{CheckResult, concluded};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::new_uuid;
use crate::model::{
    Check, Code, Definition, InputEntry, IoPointer, Note, PointerType, ProfileEntry, RunEntry, RunId, Status, Version,
};
use crate::record::{current, is_disabled, keep_first};
use crate::tracer::{self, Tracer};
use crate::{clock, fingerprint, limits, provenance};

/// A run that the program describes itself, where an attribute on a function does not fit.
///
/// Files are fingerprinted by [`start`](Self::start) and [`end`](Self::end): inputs when the run starts (or when they are
/// added, after that), outputs when it ends. A run whose times are given instead, with
/// [`started_at`](Self::started_at) and [`ended_at`](Self::ended_at), lies in the past: what the files hold now is no
/// evidence of it, so they get no versions. Files are hashed whole up to the limit of the tracer that is set for the thread
/// or the program at that moment.
///
/// The commit is that of the repository of the working directory if the program was built in it; `MLTRACE_COMMIT` states
/// another.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// let mut run = ComponentRun::new("cleaning");
/// run.start();
/// run.add_input("raw/2020-01.csv").add_output("clean/2020-01.csv");
/// run.partition("2020-01").param("rows", 9_957)?.metric("mean_tip", 0.21).note("backfill");
/// run.end();
/// let id = tracer.log_component_run(run)?;
/// assert_eq!(tracer.run(id)?.outputs[0].name, "clean/2020-01.csv");
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ComponentRun {
    uuid: Uuid,
    component: String,
    owner: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    stale_after: Option<Duration>,
    states_metadata: bool,
    location: &'static Location<'static>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    /// Whether the run is being logged while it happens, so that files can be fingerprinted.
    is_live: bool,
    error: Option<String>,
    parent: Option<Uuid>,
    partition: Option<String>,
    inputs: Vec<Added>,
    outputs: Vec<Added>,
    upstream: Vec<String>,
    params: BTreeMap<String, serde_json::Value>,
    metrics: BTreeMap<String, f64>,
    checks: Vec<Check>,
    labels: Vec<String>,
    notes: Vec<Note>,
    profiles: Vec<ProfileEntry>,
}

#[derive(Debug)]
struct Added {
    captured: Captured,
    /// Where a path was when it was added.
    absolute: Option<PathBuf>,
    pointer_type: Option<PointerType>,
    version: Option<Version>,
    /// When an input was read; the run's start unless it was added while the run was under way.
    captured_at: Option<DateTime<Utc>>,
}

impl ComponentRun {
    /// A run of a component that has neither started nor ended.
    #[track_caller]
    pub fn new(component: impl Into<String>) -> Self {
        Self {
            uuid: new_uuid(),
            component: component.into(),
            owner: None,
            description: None,
            tags: Vec::new(),
            stale_after: None,
            states_metadata: false,
            location: Location::caller(),
            started_at: None,
            ended_at: None,
            is_live: false,
            error: None,
            parent: current(),
            partition: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            upstream: Vec::new(),
            params: BTreeMap::new(),
            metrics: BTreeMap::new(),
            checks: Vec::new(),
            labels: Vec::new(),
            notes: Vec::new(),
            profiles: Vec::new(),
        }
    }

    /// The run starts now; its inputs so far are fingerprinted.
    pub fn start(&mut self) -> &mut Self {
        self.started_at = Some(clock::now());
        self.is_live = true;
        fingerprint(&mut self.inputs);
        self
    }

    /// The run ends now; its outputs are fingerprinted.
    pub fn end(&mut self) -> &mut Self {
        fingerprint(&mut self.outputs);
        self.ended_at = Some(clock::now().max(self.started_at.unwrap_or(DateTime::<Utc>::MIN_UTC)));
        self
    }

    /// The run started at a time in the past.
    pub fn started_at(&mut self, time: DateTime<Utc>) -> &mut Self {
        self.started_at = Some(time.trunc_subsecs(6));
        self.is_live = false;
        self
    }

    /// The run ended at a time in the past.
    pub fn ended_at(&mut self, time: DateTime<Utc>) -> &mut Self {
        self.ended_at = Some(time.trunc_subsecs(6));
        self
    }

    /// Something it reads.
    pub fn add_input(&mut self, value: impl Capture) -> &mut Self {
        let from = self.inputs.len();
        add(&mut self.inputs, &value, None);
        if self.is_live {
            fingerprint(&mut self.inputs[from..]);
            for added in &mut self.inputs[from..] {
                added.captured_at = Some(clock::now());
            }
        }
        self
    }

    /// Something it writes.
    pub fn add_output(&mut self, value: impl Capture) -> &mut Self {
        self.add_outputs(None, &value)
    }

    /// Something it writes, with its type stated.
    pub fn add_output_as(&mut self, pointer_type: PointerType, value: impl Capture) -> &mut Self {
        self.add_outputs(Some(pointer_type), &value)
    }

    fn add_outputs(&mut self, pointer_type: Option<PointerType>, value: &impl Capture) -> &mut Self {
        let from = self.outputs.len();
        add(&mut self.outputs, value, pointer_type);
        if self.is_live && self.ended_at.is_some() {
            fingerprint(&mut self.outputs[from..]);
        }
        self
    }

    /// Saves a value as the next version of an artifact, and adds it to what the run writes.
    ///
    /// # Errors
    /// As [`Artifact::save`]; the run then writes nothing.
    pub fn save<T: Serialize + ?Sized>(&mut self, value: &T, name: impl AsRef<Path>) -> Result<Artifact> {
        let artifact = Artifact::save(value, name)?;
        self.add_output(&artifact);
        Ok(artifact)
    }

    /// Loads the latest version of an artifact, and adds it to what the run reads.
    ///
    /// # Errors
    /// As [`Artifact::latest`] and [`Artifact::load`].
    pub fn load<T: DeserializeOwned>(&mut self, name: impl AsRef<Path>) -> Result<T> {
        self.read(Opened::latest(name.as_ref())?)
    }

    /// Loads a version of an artifact by its number, and adds it to what the run reads.
    ///
    /// # Errors
    /// As [`Artifact::numbered`] and [`Artifact::load`].
    pub fn load_version<T: DeserializeOwned>(&mut self, name: impl AsRef<Path>, number: u64) -> Result<T> {
        self.read(Opened::numbered(name.as_ref(), number)?)
    }

    fn read<T: DeserializeOwned>(&mut self, opened: Opened) -> Result<T> {
        self.add_input(&opened.artifact);
        opened.decode()
    }

    /// A dependency that I/O cannot show: on that component's latest run that ended before this one started.
    pub fn set_upstream(&mut self, component: impl Into<String>) -> &mut Self {
        self.upstream.push(component.into());
        self
    }

    /// Whom to ask about the component.
    pub fn owner(&mut self, owner: impl Into<String>) -> &mut Self {
        self.states_metadata = true;
        self.owner = Some(owner.into());
        self
    }

    /// What the component does.
    pub fn description(&mut self, description: impl Into<String>) -> &mut Self {
        self.states_metadata = true;
        self.description = Some(description.into());
        self
    }

    /// A tag of the component.
    pub fn tag(&mut self, tag: impl Into<String>) -> &mut Self {
        self.states_metadata = true;
        self.tags.push(tag.into());
        self
    }

    /// The age after which the component's runs are old, in whole seconds. Also how long before a run its inputs may have
    /// been written; 30 days unless stated.
    pub fn stale_after(&mut self, age: Duration) -> &mut Self {
        self.states_metadata = true;
        self.stale_after = Some(age);
        self
    }

    /// The key that splits the component's runs, such as a month.
    pub fn partition(&mut self, partition: impl Display) -> &mut Self {
        self.partition = Some(partition.to_string());
        self
    }

    /// The run inside which this one was called; by default the traced function that called it.
    pub fn parent(&mut self, parent: Uuid) -> &mut Self {
        self.parent = Some(parent);
        self
    }

    /// A parameter, kept as JSON: up to 64 KiB of it, and 64 lists and maps within each other.
    ///
    /// # Errors
    /// The value cannot be written as JSON, or is longer.
    pub fn param(&mut self, name: impl Into<String>, value: impl Serialize) -> Result<&mut Self> {
        let name = name.into();
        let value = limits::to_json(&name, &value)?;
        self.params.insert(name, value);
        Ok(self)
    }

    /// A metric.
    pub fn metric(&mut self, name: impl Into<String>, value: f64) -> &mut Self {
        self.metrics.insert(name.into(), value);
        self
    }

    /// The result of a check. Results stay in the order in which they are given; the same name twice is two results.
    ///
    /// ```
    /// use mltrace_core::{CheckStatus, ComponentRun, Tracer, check};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("cleaning");
    /// run.start();
    /// run.check("enough rows", check::row_count(57, 100..)).check("sorted", [1, 2, 3].is_sorted());
    /// run.end();
    /// let checks = tracer.run(tracer.log_component_run(run)?)?.checks;
    /// assert_eq!(checks[0].status, CheckStatus::Failed);
    /// assert_eq!(checks[0].message.as_deref(), Some("57 rows, expected at least 100"));
    /// assert_eq!(checks[1].status, CheckStatus::Passed);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn check(&mut self, name: impl Into<String>, result: impl CheckResult) -> &mut Self {
        self.checks.push(concluded(name.into(), result.verdict()));
        self
    }

    /// A label that everything it reads carries, and what is made of that: a customer, a consent batch.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.labels.push(label.into());
        self
    }

    /// A remark.
    pub fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.notes.push(Note { written_at: clock::now(), text: text.into() });
        self
    }

    /// The run failed.
    pub fn fail(&mut self, error: impl Display) -> &mut Self {
        self.error = Some(error.to_string());
        self
    }

    /// The identity of this run in every store, to be the `parent` of others.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    fn into_entry(self, tracer: &Tracer) -> Result<RunEntry> {
        let incomplete = |field: &str, call: &str| {
            let Self { component, .. } = &self;
            let message = format!("the run of `{component}` has no {field}: call `{call}`; nothing was written");
            Error::new(ErrorKind::Invalid, message)
        };
        let started_at = self.started_at.ok_or_else(|| incomplete("start", "start()"))?;
        let ended_at = self.ended_at.ok_or_else(|| incomplete("end", "end()"))?;
        if ended_at < started_at {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the run of `{}` ends at {ended_at}, before its start at {started_at}; nothing was written",
                    self.component
                ),
            ));
        }
        let mut inputs: Vec<InputEntry> = self
            .inputs
            .into_iter()
            .map(|added| {
                let captured_at = added.captured_at.unwrap_or(started_at);
                InputEntry { pointer: added.into_pointer(tracer), captured_at }
            })
            .collect();
        keep_first(&mut inputs, |input| &input.pointer);
        let mut outputs: Vec<IoPointer> = self.outputs.into_iter().map(|added| added.into_pointer(tracer)).collect();
        keep_first(&mut outputs, |output| output);
        let definition = Definition {
            identity: [0; 16],
            component: self.component,
            states_metadata: self.states_metadata,
            description: self.description,
            owner: self.owner,
            tags: self.tags,
            stale_after_s: self.stale_after.map(|age| age.as_secs()),
            in_repository: provenance::is_source_in_repository(self.location.file()),
            code: Some(Code {
                file: Some(self.location.file().to_owned()),
                line: Some(self.location.line()),
                crate_version: None,
                snapshot: None,
            }),
            build_commit: None,
        };
        let entry = RunEntry {
            uuid: self.uuid,
            report: 0,
            definition: Arc::new(definition.identified()),
            status: if self.error.is_some() { Status::Failed } else { Status::Completed },
            started_at,
            ended_at: Some(ended_at),
            parent: self.parent,
            partition: self.partition,
            inputs,
            outputs,
            upstream: self.upstream,
            params: self.params,
            metrics: self.metrics,
            checks: self.checks,
            labels: self.labels,
            notes: self.notes,
            profiles: self.profiles,
            error: self.error,
            collected_at: None,
        };
        limits::check(&entry)?;
        Ok(entry)
    }
}

impl Added {
    fn into_pointer(self, tracer: &Tracer) -> IoPointer {
        let mut pointer = match (&self.captured, &self.absolute) {
            (Captured::Path(spelled), Some(absolute)) => tracer.path_pointer(spelled, absolute),
            _ => tracer.pointer(self.captured).0,
        };
        pointer.version = self.version.or(pointer.version);
        if let Some(pointer_type) = self.pointer_type {
            pointer.pointer_type = pointer_type;
        }
        pointer
    }
}

fn add(list: &mut Vec<Added>, value: &impl Capture, pointer_type: Option<PointerType>) {
    value.capture(&mut |captured| {
        let absolute = match &captured {
            Captured::Path(path) => Some(fingerprint::absolute(path)),
            _ => None,
        };
        list.push(Added { captured, absolute, pointer_type, version: None, captured_at: None });
    });
}

fn fingerprint(list: &mut [Added]) {
    for added in list {
        if let Some(path) = &added.absolute {
            added.version = tracer::version_here(path);
        }
    }
}

impl Tracer {
    /// Commits a run that the program describes itself: when the call returns, the run is in the store. With
    /// `MLTRACE_DISABLED=1` nothing is written, and the id is that of no run, 0.
    ///
    /// # Errors
    /// The run is incomplete or holds what cannot be stored ([`ErrorKind::Invalid`], the message names the field), or the
    /// store cannot be written. In both cases nothing was written.
    pub fn log_component_run(&self, run: ComponentRun) -> Result<RunId> {
        if is_disabled() {
            return Ok(RunId(0));
        }
        self.put_run(run.into_entry(self)?)
    }

    /// Queues a run that the program describes itself, to be committed soon by a thread in the background, and gives its
    /// identity: the store has no id for it as yet. What is queued is lost where [`TracerBuilder::buffered`] says so.
    ///
    /// ```
    /// # use mltrace_core::{ComponentRun, Tracer};
    /// let tracer = Tracer::in_memory()?;
    /// let mut run = ComponentRun::new("cleaning");
    /// run.start().end();
    /// let uuid = tracer.queue_component_run(run)?;
    /// tracer.flush()?;
    /// let id = tracer.run_id(uuid)?.ok_or("dropped")?;
    /// assert_eq!(tracer.run(id)?.component, "cleaning");
    /// assert_eq!(tracer.stats().dropped, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The run is incomplete or holds what cannot be stored ([`ErrorKind::Invalid`], the message names the field), or the
    /// queue was full for a second ([`ErrorKind::Busy`]). In both cases the run is dropped. One that the store refuses
    /// later is told of by an event, and counted by [`Tracer::stats`].
    ///
    /// [`TracerBuilder::buffered`]: crate::TracerBuilder::buffered
    pub fn queue_component_run(&self, run: ComponentRun) -> Result<Uuid> {
        let uuid = run.uuid();
        if !is_disabled() {
            self.queue_run(run.into_entry(self)?)?;
        }
        Ok(uuid)
    }
}
