//! Runs as programs in other languages report them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::import::{invalid, storable, take_run};
use crate::clock;
use crate::error::Result;

use crate::limits;
use crate::lineage::resolve;
use crate::model::{
    Check, Code, Commit, CommitSource, Definition, InputEntry, IoPointer, Note, PointerType, Process, RunEntry, RunId,
    RunRecord, Snapshot, Status, Version,
};
use crate::record::keep_first;
use crate::store::{Moved, Noticed};
use crate::tracer::Tracer;

/// A time, or a word on how to write one.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_no_time = |_| D::Error::custom(format!("`{text}` is no time: write it like 2026-02-01T08:00:00Z"));
    text.parse().map_err(is_no_time)
}

fn time_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    #[derive(Deserialize)]
    struct Time(#[serde(deserialize_with = "time")] DateTime<Utc>);
    Ok(Option::<Time>::deserialize(deserializer)?.map(|Time(time)| time))
}

/// A run as a program in any language reports it: the JSON of a [`RunRecord`](crate::RunRecord), as far as a writer can know
/// it. Keys that are not known are refused.
///
/// ```
/// use mltrace_core::{RunReport, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// let report: RunReport = serde_json::from_str(
///     r#"{"component": "cleaning", "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z",
///         "inputs": ["raw.csv"], "outputs": [{"name": "warehouse.rides", "version": {"kind": "stated", "value": "81"}}]}"#,
/// )?;
/// let reported = tracer.log_reports(vec![report])?.remove(0)?;
/// assert_eq!(tracer.run(reported.id)?.inputs[0].pointer.name, "raw.csv");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// The identity that holds across stores: a run that is reported again under the same one is the same run. Made here
    /// unless given.
    pub uuid: Option<Uuid>,
    /// The component that ran.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub component: String,
    /// When it started.
    #[serde(deserialize_with = "time")]
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it runs.
    #[serde(default, deserialize_with = "time_if_any")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How it stands. Unless given, a run without an end is running, one with an error has failed, any other has completed.
    pub status: Option<Status>,
    /// The key that splits the component's runs, such as a month.
    pub partition: Option<String>,
    /// The run inside which this one was called.
    pub parent: Option<Uuid>,
    /// What it read: names, or objects that say more.
    #[serde(default)]
    pub inputs: Vec<PointerReport>,
    /// What it wrote: names, or objects that say more.
    #[serde(default)]
    pub outputs: Vec<PointerReport>,
    /// Components whose latest run it depends on where inputs cannot show it.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// Parameters, of any JSON value.
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    /// Metrics, finite numbers.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// Results of checks.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Labels that everything it reads carries.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Notes.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// The message of the error by which it failed.
    pub error: Option<String>,
    /// The commit its code came from.
    #[serde(default)]
    pub git: GitReport,
    /// Where its code stands.
    pub code: Option<CodeReport>,
    /// What the component does.
    pub description: Option<String>,
    /// Whom to ask about the component.
    pub owner: Option<String>,
    /// Tags of the component.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Age after which the component's runs count as old, in seconds.
    pub stale_after_s: Option<u64>,
    /// The host it ran on. Kept of runs that have ended.
    pub host: Option<String>,
    /// The process it ran in, on that host.
    pub pid: Option<u32>,
}

/// Something a run read or wrote: a bare name, or an object with a name.
#[derive(Debug, Clone)]
pub struct PointerReport {
    /// What it is called, taken as it is.
    pub name: String,
    /// The content behind the name.
    pub version: Option<Version>,
    /// What kind of thing it is; inferred from the name unless given.
    pub pointer_type: Option<PointerType>,
    /// When it was read, of an input; the run's start unless given.
    pub captured_at: Option<DateTime<Utc>>,
}

/// A [`PointerReport`] as an object.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct PointerObject {
    /// What it is called, taken as it is.
    name: String,
    /// The content behind the name.
    version: Option<Version>,
    /// What kind of thing it is; inferred from the name unless given.
    #[serde(rename = "type")]
    pointer_type: Option<PointerType>,
    /// When it was read, of an input; the run's start unless given.
    captured_at: Option<DateTime<Utc>>,
}

impl<'de> Deserialize<'de> for PointerReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PointerVisitor)
    }
}

/// Reads either form; unlike an untagged enum it says what is wrong with an object, and where.
struct PointerVisitor;

impl<'de> Visitor<'de> for PointerVisitor {
    type Value = PointerReport;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, or an object with a `name`")
    }

    fn visit_str<E>(self, name: &str) -> Result<PointerReport, E> {
        Ok(name.into())
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<PointerReport, M::Error> {
        let PointerObject { name, version, pointer_type, captured_at } =
            PointerObject::deserialize(MapAccessDeserializer::new(map))?;
        Ok(PointerReport { name, version, pointer_type, captured_at })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for PointerReport {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PointerReport".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let object = generator.subschema_for::<PointerObject>();
        schemars::json_schema!({
            "description": "Something a run read or wrote: a bare name, or an object with a name.",
            "anyOf": [{ "type": "string" }, object],
        })
    }
}

/// The commit behind a reported run.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GitReport {
    /// The commit's hash.
    pub commit: Option<String>,
    /// Whether tracked files differed from it.
    pub dirty: Option<bool>,
    /// Tags that point at it; kept where the run's host is given.
    pub tags: Vec<String>,
}

/// Where the code of a reported run stands.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeReport {
    /// The source file.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The version of the package it stands in.
    pub crate_version: Option<String>,
    /// The function's source text.
    pub snapshot: Option<String>,
}

/// A reported run, as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reported {
    /// Its number in this store.
    pub id: RunId,
    /// Its identity everywhere.
    pub uuid: Uuid,
    /// `false` where the store knew as much before, so that nothing was written.
    pub is_new: bool,
}

impl Tracer {
    /// Commits runs that other programs report, all in one transaction; each is kept or refused by itself. Of two reports of
    /// a run, which have one uuid, the one that has ended stands, and of two that have, the one that ended later; so a call
    /// can be repeated.
    ///
    /// # Errors
    /// The store cannot be written; nothing was. Of one run: it holds what cannot be stored, as [`Error::field`] says.
    ///
    /// [`Error::field`]: crate::Error::field
    pub fn log_reports(&self, reports: Vec<RunReport>) -> Result<Vec<Result<Reported>>> {
        let checked: Vec<Result<Moved>> =
            reports.into_iter().map(|report| report.into_moved().and_then(storable)).collect();
        let good: Vec<&Moved> = checked.iter().flatten().collect();
        let mut written = if good.is_empty() {
            Vec::new().into_iter()
        } else {
            self.store().write_each(None, &good, take_run)?.into_iter()
        };
        let mut reported = Vec::with_capacity(checked.len());
        for checked in checked {
            reported.push(checked.and_then(|moved| {
                let Some(put) = written.next() else { return Err(invalid("the run was not written")) };
                let put = put?;
                self.committed(&moved.entry, &put);
                Ok(Reported { id: put.run, uuid: moved.entry.uuid, is_new: put.change.is_some() })
            }));
        }
        Ok(reported)
    }

    /// Commits runs of which other programs tell piece by piece, all in one transaction: what `amend` makes of each, given
    /// which of `runs` it is and what the store knows of it, stands in the place of that. Where it makes nothing the run
    /// stays as it is. As of a traced run, what is too much to be kept is cut off.
    ///
    /// ```
    /// use mltrace_core::{RunReport, Tracer};
    /// use uuid::Uuid;
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let run = Uuid::from_u128(1);
    /// for read in ["rides.csv", "zones.csv"] {
    ///     let reported = tracer.amend_runs(&[run], |_, known| {
    ///         let json = r#"{"component": "join", "started_at": "2020-02-01T08:00:00Z"}"#;
    ///         let mut report: RunReport = serde_json::from_str(json).ok()?;
    ///         let names = known.iter().flat_map(|known| &known.inputs).map(|input| input.pointer.name.as_str());
    ///         report.inputs = names.chain([read]).map(Into::into).collect();
    ///         Some(report)
    ///     })?;
    ///     assert!(reported[0].is_ok());
    /// }
    /// assert_eq!(tracer.recent(1)?.items[0].inputs.len(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be written; nothing was. Of one run: it holds what cannot be stored.
    pub fn amend_runs(
        &self,
        runs: &[Uuid],
        amend: impl Fn(usize, Option<&RunRecord>) -> Option<RunReport>,
    ) -> Result<Vec<Result<Reported>>> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<usize> = (0..runs.len()).collect();
        let amended = self.store().write_each(None, &places.iter().collect::<Vec<_>>(), |tx, &place| {
            let known = tx.run_id(runs[place])?.map(|id| tx.runs(&[id])).transpose()?.and_then(|mut runs| runs.pop());
            match amend(place, known.as_ref()) {
                None => Ok((known.map(|known| known.id), None)),
                Some(report) => {
                    let mut moved = RunReport { uuid: Some(runs[place]), ..report }.into_moved()?;
                    limits::trim(&mut moved.entry);
                    let moved = storable(moved)?;
                    let put = resolve::replace_run(tx, &moved.entry)?;
                    Ok((Some(put.run), Some((moved.entry, put))))
                }
            }
        })?;
        let mut reported = Vec::with_capacity(amended.len());
        for (amended, &uuid) in amended.into_iter().zip(runs) {
            reported.push(amended.and_then(|(id, change)| {
                if let Some((entry, put)) = &change {
                    self.committed(entry, put);
                }
                let id = id.ok_or_else(|| invalid("there is no such run, and nothing was made of it"))?;
                Ok(Reported { id, uuid, is_new: change.is_some() })
            }));
        }
        Ok(reported)
    }
}

impl From<&str> for PointerReport {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), version: None, pointer_type: None, captured_at: None }
    }
}

impl RunReport {
    fn into_moved(self) -> Result<Moved> {
        let status = self.status.unwrap_or(match (&self.ended_at, &self.error) {
            (None, _) => Status::Running,
            (Some(_), Some(_)) => Status::Failed,
            (Some(_), None) => Status::Completed,
        });
        let process = self.process()?;
        let definition = Arc::new(self.definition(process.is_none()));
        let started_at = self.started_at.trunc_subsecs(6);
        let mut inputs: Vec<InputEntry> = self.inputs.into_iter().map(|input| input.into_input(started_at)).collect();
        keep_first(&mut inputs, |input| &input.pointer);
        let mut outputs: Vec<IoPointer> = self.outputs.into_iter().map(PointerReport::into_pointer).collect();
        keep_first(&mut outputs, |output| output);
        let note = |note: Note| Note { written_at: note.written_at.trunc_subsecs(6), ..note };
        let entry = RunEntry {
            uuid: self.uuid.unwrap_or_else(Uuid::now_v7),
            report: 0,
            definition,
            status,
            started_at,
            ended_at: self.ended_at.map(|time| time.trunc_subsecs(6)),
            parent: self.parent,
            partition: self.partition,
            inputs,
            outputs,
            upstream: self.upstream,
            params: self.params,
            metrics: self.metrics,
            checks: self.checks,
            labels: self.labels,
            notes: self.notes.into_iter().map(note).collect(),
            error: self.error,
            profiles: Vec::new(),
            collected_at: None,
        };
        Ok(Moved { entry, process })
    }

    /// The process of a run that has ended. An open run has none: it would count as lost, as nobody tells whether it lives.
    fn process(&self) -> Result<Option<Arc<Noticed>>> {
        let Some(host) = self.host.as_ref().filter(|_| self.ended_at.is_some()) else {
            let message = "tags of a commit are kept with the process that ran: give its `host` and an `ended_at`, too";
            return if self.git.tags.is_empty() { Ok(None) } else { Err(invalid(message).of_field("/git/tags")) };
        };
        let started_at = self.started_at.trunc_subsecs(6);
        let GitReport { commit, dirty, tags } = self.git.clone();
        let known = commit.is_some().then_some(Commit { hash: commit, dirty, tags, source: CommitSource::Build });
        let process = Process {
            uuid: identity(host, self.pid, &self.git),
            host: host.clone(),
            pid: self.pid.unwrap_or_default(),
            started_at,
            start_ticks: None,
            boot_id: None,
            pid_namespace: None,
            user: None,
            program: None,
        };
        let heartbeat_at = self.ended_at.map_or_else(clock::now, |time| time.trunc_subsecs(6));
        Ok(Some(Arc::new(Noticed { process, heartbeat_at, commit: known })))
    }

    fn definition(&self, keeps_commit: bool) -> Definition {
        let build_commit = self
            .git
            .commit
            .as_ref()
            .filter(|_| keeps_commit)
            .map(|commit| if self.git.dirty == Some(true) { format!("{commit}-dirty") } else { commit.clone() });
        let states_metadata =
            self.description.is_some() || self.owner.is_some() || self.stale_after_s.is_some() || !self.tags.is_empty();
        Definition {
            identity: [0; 16],
            component: self.component.clone(),
            states_metadata,
            description: self.description.clone(),
            owner: self.owner.clone(),
            tags: self.tags.clone(),
            stale_after_s: self.stale_after_s,
            code: self.code.clone().map(CodeReport::into_code),
            build_commit,
            in_repository: false,
        }
        .identified()
    }
}

/// One identity for all that is known of a process, so that its runs share it.
fn identity(host: &str, pid: Option<u32>, git: &GitReport) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    let flags = format!("{pid:?} {:?}", git.dirty);
    let texts = [host, &flags, git.commit.as_deref().unwrap_or_default()];
    for text in texts.into_iter().chain(git.tags.iter().map(String::as_str)) {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl PointerReport {
    fn into_pointer(self) -> IoPointer {
        let pointer = IoPointer { version: self.version, ..IoPointer::new(self.name) };
        match self.pointer_type {
            Some(stated) => pointer.of_type(stated),
            None => pointer,
        }
    }

    fn into_input(self, started_at: DateTime<Utc>) -> InputEntry {
        let captured_at = self.captured_at.map_or(started_at, |time| time.trunc_subsecs(6));
        InputEntry { pointer: self.into_pointer(), captured_at }
    }
}

impl CodeReport {
    fn into_code(self) -> Code {
        let snapshot = self.snapshot.map(|text| {
            let mut identity = [0; 16];
            identity.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
            Snapshot { identity, text }
        });
        Code { file: self.file, line: self.line, crate_version: self.crate_version, snapshot }
    }
}
