//! The lines of an export. Shapes of their own, apart from the nouns they carry, because files outlive programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Result;
use crate::model::{
    Check, Code, Commit, CommitSource, Definition, InputEntry, IoPointer, Note, PointerType, Process, ProfileEntry,
    RunEntry, Snapshot, Status, Version,
};
use crate::store::{Mentioned, Moved, MovedAnswer, MovedPart, Noticed, Told, answer_json};

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// A line, by its `type`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line {
    Header(Header),
    Run(Box<RunLine>),
    Tag(TagLine),
    Flag(MentionLine),
    Label(LabelLine),
    Retraction(RetractionLine),
    Task(TaskLine),
    Output(ToldLine),
    Feedback(ToldLine),
    #[serde(rename = "task_profile")]
    Part(PartLine),
    #[serde(rename = "task_answer")]
    Answer(AnswerLine),
    /// Of a newer program with the same format.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) program: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunLine {
    uuid: Uuid,
    #[serde(default)]
    report: u32,
    status: Status,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    parent: Option<Uuid>,
    partition: Option<String>,
    #[serde(default)]
    inputs: Vec<InputLine>,
    #[serde(default)]
    outputs: Vec<PointerLine>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    profiles: Vec<ProfileLine>,
    error: Option<String>,
    definition: DefinitionLine,
    process: Option<ProcessLine>,
    collected_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TaskLine {
    pub(super) task: String,
}

/// An output or a label.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToldLine {
    pub(super) task: String,
    id: String,
    value: f64,
    at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartLine {
    pub(super) task: String,
    day: NaiveDate,
    host: String,
    uuid: Uuid,
    #[serde(with = "hexadecimal")]
    profile: Vec<u8>,
}

/// What was found of a window, of drift where it names no metric.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AnswerLine {
    pub(super) task: String,
    metric: Option<String>,
    threshold: Option<f64>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    found_at: DateTime<Utc>,
    answer: serde_json::Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct InputLine {
    #[serde(flatten)]
    pointer: PointerLine,
    captured_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PointerLine {
    name: String,
    version: Option<Version>,
    #[serde(rename = "type")]
    pointer_type: PointerType,
    spelled: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProfileLine {
    name: String,
    day: Option<NaiveDate>,
    #[serde(with = "hexadecimal")]
    profile: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DefinitionLine {
    component: String,
    states_metadata: bool,
    description: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    stale_after_s: Option<u64>,
    code: Option<CodeLine>,
    build_commit: Option<String>,
    #[serde(default)]
    in_repository: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct CodeLine {
    file: Option<String>,
    line: Option<u32>,
    crate_version: Option<String>,
    snapshot: Option<SnapshotLine>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SnapshotLine {
    /// Hash of the tokens, as a uuid is written: both have 16 bytes.
    identity: Uuid,
    text: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProcessLine {
    uuid: Uuid,
    host: String,
    pid: u32,
    started_at: DateTime<Utc>,
    start_ticks: Option<u64>,
    boot_id: Option<String>,
    pid_namespace: Option<String>,
    user: Option<String>,
    program: Option<String>,
    heartbeat_at: DateTime<Utc>,
    commit: Option<CommitLine>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CommitLine {
    hash: Option<String>,
    dirty: Option<bool>,
    #[serde(default)]
    tags: Vec<String>,
    source: CommitSource,
}

/// A tag that was added by hand.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TagLine {
    pub(super) component: String,
    pub(super) tag: String,
}

/// A pointer, in one version or in all, and since when something is said of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MentionLine {
    name: String,
    version: Option<Version>,
    at: DateTime<Utc>,
}

/// A label and a pointer that it is attached to; none for a label that is attached to nothing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LabelLine {
    pub(super) label: String,
    pub(super) pointer: Option<MentionLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RetractionLine {
    pub(super) label: String,
    pub(super) at: DateTime<Utc>,
    pub(super) by: String,
    pub(super) reason: String,
}

impl From<Moved> for RunLine {
    fn from(Moved { entry, process }: Moved) -> Self {
        Self {
            uuid: entry.uuid,
            report: entry.report,
            status: entry.status,
            started_at: entry.started_at,
            ended_at: entry.ended_at,
            parent: entry.parent,
            partition: entry.partition,
            inputs: entry.inputs.into_iter().map(InputLine::from).collect(),
            outputs: entry.outputs.into_iter().map(PointerLine::from).collect(),
            upstream: entry.upstream,
            params: entry.params,
            metrics: entry.metrics,
            checks: entry.checks,
            notes: entry.notes,
            profiles: entry.profiles.into_iter().map(ProfileLine::from).collect(),
            error: entry.error,
            definition: DefinitionLine::from(&*entry.definition),
            process: process.as_deref().map(ProcessLine::from),
            collected_at: entry.collected_at,
        }
    }
}

impl From<RunLine> for Moved {
    fn from(line: RunLine) -> Self {
        let entry = RunEntry {
            uuid: line.uuid,
            report: line.report,
            definition: Arc::new(line.definition.into()),
            status: line.status,
            started_at: micros(line.started_at),
            ended_at: line.ended_at.map(micros),
            parent: line.parent,
            partition: line.partition,
            inputs: line.inputs.into_iter().map(InputEntry::from).collect(),
            outputs: line.outputs.into_iter().map(IoPointer::from).collect(),
            upstream: line.upstream,
            params: line.params,
            metrics: line.metrics,
            checks: line.checks,
            labels: Vec::new(),
            notes: line.notes,
            profiles: line.profiles.into_iter().map(ProfileEntry::from).collect(),
            error: line.error,
            collected_at: line.collected_at.map(micros),
        };
        Self { entry, process: line.process.map(|process| Arc::new(process.into())) }
    }
}

/// In the store's resolution, so that a line read twice says the same.
fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

impl From<InputEntry> for InputLine {
    fn from(input: InputEntry) -> Self {
        Self { pointer: input.pointer.into(), captured_at: input.captured_at }
    }
}

impl From<InputLine> for InputEntry {
    fn from(line: InputLine) -> Self {
        Self { pointer: line.pointer.into(), captured_at: micros(line.captured_at) }
    }
}

impl From<IoPointer> for PointerLine {
    fn from(pointer: IoPointer) -> Self {
        let IoPointer { name, spelled, version, pointer_type, .. } = pointer;
        Self { name, version, pointer_type, spelled }
    }
}

impl From<PointerLine> for IoPointer {
    fn from(line: PointerLine) -> Self {
        let PointerLine { name, version, pointer_type, spelled } = line;
        Self { spelled, version, ..Self::new(name).of_type(pointer_type) }
    }
}

impl ToldLine {
    pub(super) fn new(task: &str, Told { id, value, at }: Told) -> Self {
        Self { task: task.to_owned(), id, value, at }
    }

    pub(super) fn into_told(self) -> Told {
        Told { id: self.id, value: self.value, at: micros(self.at) }
    }
}

impl PartLine {
    pub(super) fn new(task: &str, MovedPart { day, host, uuid, bytes: profile }: MovedPart) -> Self {
        Self { task: task.to_owned(), day, host, uuid, profile }
    }

    pub(super) fn into_part(self) -> MovedPart {
        MovedPart { day: self.day, host: self.host, uuid: self.uuid, bytes: self.profile }
    }
}

impl AnswerLine {
    pub(super) fn new(task: &str, found: MovedAnswer) -> Result<Self> {
        let MovedAnswer { metric, threshold, from, to, found_at, answer } = found;
        Ok(Self { task: task.to_owned(), metric, threshold, from, to, found_at, answer: answer_json(&answer)? })
    }

    pub(super) fn into_answer(self) -> MovedAnswer {
        let Self { metric, threshold, from, to, found_at, answer, .. } = self;
        let [from, to, found_at] = [from, to, found_at].map(micros);
        MovedAnswer { metric, threshold, from, to, found_at, answer: answer.to_string() }
    }
}

impl From<ProfileEntry> for ProfileLine {
    fn from(ProfileEntry { name, day, bytes }: ProfileEntry) -> Self {
        Self { name, day, profile: bytes }
    }
}

impl From<ProfileLine> for ProfileEntry {
    fn from(ProfileLine { name, day, profile }: ProfileLine) -> Self {
        Self { name, day, bytes: profile }
    }
}

/// Bytes as pairs of hexadecimal digits.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
        let digits: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let pair = |pair: &[u8]| match pair {
            &[high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
        bytes.ok_or_else(|| de::Error::custom("bytes must be pairs of hexadecimal digits"))
    }
}

impl From<&Definition> for DefinitionLine {
    fn from(definition: &Definition) -> Self {
        let code = |code: &Code| CodeLine {
            file: code.file.clone(),
            line: code.line,
            crate_version: code.crate_version.clone(),
            snapshot: code.snapshot.as_ref().map(|snapshot| SnapshotLine {
                identity: Uuid::from_bytes(snapshot.identity),
                text: snapshot.text.clone(),
            }),
        };
        Self {
            component: definition.component.clone(),
            states_metadata: definition.states_metadata,
            description: definition.description.clone(),
            owner: definition.owner.clone(),
            tags: definition.tags.clone(),
            stale_after_s: definition.stale_after_s,
            code: definition.code.as_ref().map(code),
            build_commit: definition.build_commit.clone(),
            in_repository: definition.in_repository,
        }
    }
}

impl From<DefinitionLine> for Definition {
    fn from(line: DefinitionLine) -> Self {
        let snapshot = |line: SnapshotLine| Snapshot { identity: line.identity.into_bytes(), text: line.text };
        let code = |line: CodeLine| Code {
            file: line.file,
            line: line.line,
            crate_version: line.crate_version,
            snapshot: line.snapshot.map(snapshot),
        };
        Self {
            identity: [0; 16],
            component: line.component,
            states_metadata: line.states_metadata,
            description: line.description,
            owner: line.owner,
            tags: line.tags,
            stale_after_s: line.stale_after_s,
            code: line.code.map(code),
            build_commit: line.build_commit,
            in_repository: line.in_repository,
        }
        .identified()
    }
}

impl From<&Noticed> for ProcessLine {
    fn from(Noticed { process, heartbeat_at, commit }: &Noticed) -> Self {
        let process = process.clone();
        Self {
            uuid: process.uuid,
            host: process.host,
            pid: process.pid,
            started_at: process.started_at,
            start_ticks: process.start_ticks,
            boot_id: process.boot_id,
            pid_namespace: process.pid_namespace,
            user: process.user,
            program: process.program,
            heartbeat_at: *heartbeat_at,
            commit: commit.clone().map(|Commit { hash, dirty, tags, source }| CommitLine { hash, dirty, tags, source }),
        }
    }
}

impl From<ProcessLine> for Noticed {
    fn from(line: ProcessLine) -> Self {
        let process = Process {
            uuid: line.uuid,
            host: line.host,
            pid: line.pid,
            started_at: micros(line.started_at),
            start_ticks: line.start_ticks,
            boot_id: line.boot_id,
            pid_namespace: line.pid_namespace,
            user: line.user,
            program: line.program,
        };
        let commit = line.commit.map(|CommitLine { hash, dirty, tags, source }| Commit { hash, dirty, tags, source });
        Self { process, heartbeat_at: micros(line.heartbeat_at), commit }
    }
}

impl From<Mentioned> for MentionLine {
    fn from(Mentioned { name, version, at }: Mentioned) -> Self {
        Self { name, version, at }
    }
}

impl From<MentionLine> for Mentioned {
    fn from(MentionLine { name, version, at }: MentionLine) -> Self {
        Self { name, version, at: micros(at) }
    }
}
