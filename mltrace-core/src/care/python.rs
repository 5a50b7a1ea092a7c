//! Into a store, from the tables of a Python mltrace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::import::{Content, ImportReport, invalid, read_line, storable};
use crate::error::Result;
use crate::fingerprint::update_sized;
use crate::limits;
use crate::model::{
    Code, Definition, InputEntry, IoPointer, Note, PointerType, Retraction, RunEntry, Snapshot, Status, Version,
    VersionKind,
};
use crate::provenance;
use crate::record::keep_first;
use crate::store::{Mentioned, Moved};
use crate::tracer::Tracer;

impl Tracer {
    /// Adds the runs of a [Python mltrace](https://github.com/loglabs/mltrace), given the rows of its tables as JSON Lines:
    /// the columns of a row, and its table as `table`. The order of rows does not matter; all are held in memory. From its
    /// PostgreSQL database they come by
    ///
    /// ```sh
    /// for t in components component_tags component_runs component_runs_inputs component_runs_outputs \
    ///     component_run_dependencies io_pointers labels_io_pointers deleted_labels; do
    ///   psql "$DATABASE" -Atc "select to_jsonb(t) || '{\"table\": \"$t\"}' from $t t"
    /// done > python.jsonl
    /// ```
    ///
    /// | there | here |
    /// |---|---|
    /// | `component_runs` | a run; its uuid is a hash of its id, component and start, so an import twice is an import once |
    /// | `start_timestamp`, `end_timestamp` | times without a zone are read as UTC, which is what it writes; a run without an end is open |
    /// | `code_snapshot`, `git_hash`, `notes` | code, commit, a note at the run's end |
    /// | `test_results` | the param `test_results`, because their shape is free |
    /// | inputs, outputs, `io_pointers` | pointers with their type; a value that is not empty becomes a stated version, `blake3-` and the first half of its hash; inputs count as read at the run's start |
    /// | `component_run_dependencies` | nothing where an output of the one is an input of the other, since that shows it; else a declared upstream component |
    /// | `components`, `component_tags` | description and owner, tags added by hand |
    /// | `io_pointers.flag` | a flag, as of the end of the last run that wrote it |
    /// | `labels_io_pointers`, `deleted_labels` | labels, retractions |
    ///
    /// Bytes are `\x` and hexadecimal digits, as PostgreSQL writes them, or else text. What is pickled (git tags,
    /// params and metrics of `MLflow`, staleness) is left out; staleness is computed anew when asked.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let rows = r#"
    /// {"table": "component_runs", "id": 1, "component_name": "ingest", "start_timestamp": "2021-05-01T12:00:00", "end_timestamp": "2021-05-01T12:03:00"}
    /// {"table": "component_runs_outputs", "component_run_id": 1, "output_path_name": "rides.csv", "output_path_value": "\\x"}
    /// "#;
    /// let tracer = Tracer::in_memory()?;
    /// assert_eq!(tracer.import_python(&mut rows.as_bytes())?.new_runs, 1);
    /// assert_eq!(tracer.trace("rides.csv").get()?.runs[0].run.component, "ingest");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A row cannot be read or holds what cannot be stored ([`ErrorKind::Invalid`](crate::ErrorKind::Invalid), the message
    /// names line and fault; nothing was imported), or the store cannot be written.
    pub fn import_python(&self, from: &mut impl BufRead) -> Result<ImportReport> {
        let tables = Tables::read(from).map_err(|error| error.then("nothing was imported"))?;
        let (lines, skipped) = (tables.lines, tables.skipped);
        let contents = tables.into_contents().map_err(|error| error.then("nothing was imported"))?;
        Ok(ImportReport { lines, skipped, ..self.take(contents)? })
    }
}

/// A row of a table that matters here.
#[derive(Debug, Deserialize)]
#[serde(tag = "table", rename_all = "snake_case")]
pub(super) enum Row {
    Components {
        name: String,
        description: Option<String>,
        owner: Option<String>,
    },
    ComponentTags {
        component_name: String,
        tag_name: String,
    },
    ComponentRuns(Box<RunRow>),
    ComponentRunsInputs {
        component_run_id: i64,
        input_path_name: String,
        input_path_value: Option<String>,
    },
    ComponentRunsOutputs {
        component_run_id: i64,
        output_path_name: String,
        output_path_value: Option<String>,
    },
    ComponentRunDependencies {
        component_run_id: i64,
        depends_on_component_run_id: i64,
    },
    IoPointers {
        name: String,
        value: Option<String>,
        pointer_type: Option<String>,
        flag: Option<bool>,
    },
    LabelsIoPointers {
        label: String,
        io_pointer_name: String,
        io_pointer_value: Option<String>,
    },
    DeletedLabels {
        label: String,
        deletion_request_time: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct RunRow {
    id: i64,
    component_name: String,
    start_timestamp: String,
    end_timestamp: Option<String>,
    notes: Option<String>,
    git_hash: Option<String>,
    code_snapshot: Option<String>,
    test_results: Option<serde_json::Value>,
}

/// A name and the bytes of its value, which together are a pointer there.
type Key = (String, Vec<u8>);

#[derive(Default)]
struct Tables {
    lines: u64,
    skipped: u64,
    metadata: HashMap<String, (Option<String>, Option<String>)>,
    tags: Vec<(String, String)>,
    /// With the number of the line.
    runs: Vec<(u64, RunRow)>,
    inputs: HashMap<i64, Vec<Key>>,
    outputs: HashMap<i64, Vec<Key>>,
    dependencies: Vec<(i64, i64)>,
    types: HashMap<Key, PointerType>,
    flags: BTreeSet<Key>,
    labels: Vec<(String, Key)>,
    retractions: Vec<(String, DateTime<Utc>)>,
}

impl Tables {
    fn read(from: &mut impl BufRead) -> Result<Self> {
        let mut tables = Self::default();
        let mut line = Vec::new();
        for number in 1.. {
            if read_line(from, number, &mut line)? == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                tables.lines += 1;
                tables.add(number, &line).map_err(|error| error.at(format_args!("line {number}")))?;
            }
        }
        Ok(tables)
    }

    fn add(&mut self, number: u64, line: &[u8]) -> Result<()> {
        let row = serde_json::from_slice(line)
            .map_err(|source| invalid(&format!("this is no row of a table: {source}")).with_source(source))?;
        match row {
            Row::Components { name, description, owner } => {
                self.metadata.insert(name, (not_empty(description), not_empty(owner)));
            }
            Row::ComponentTags { component_name, tag_name } => {
                limits::name("the component's name", &component_name)?;
                limits::name("the tag", &tag_name)?;
                self.tags.push((component_name, tag_name));
            }
            Row::ComponentRuns(run) => self.runs.push((number, *run)),
            Row::ComponentRunsInputs { component_run_id, input_path_name, input_path_value } => {
                self.inputs.entry(component_run_id).or_default().push(key(input_path_name, input_path_value)?);
            }
            Row::ComponentRunsOutputs { component_run_id, output_path_name, output_path_value } => {
                self.outputs.entry(component_run_id).or_default().push(key(output_path_name, output_path_value)?);
            }
            Row::ComponentRunDependencies { component_run_id, depends_on_component_run_id } => {
                self.dependencies.push((component_run_id, depends_on_component_run_id));
            }
            Row::IoPointers { name, value, pointer_type, flag } => {
                let key = key(name, value)?;
                if flag == Some(true) {
                    limits::name("the pointer's name", &key.0)?;
                    self.flags.insert(key.clone());
                }
                self.types.extend(pointer_type.and_then(|text| type_of(&text)).map(|found| (key, found)));
            }
            Row::LabelsIoPointers { label, io_pointer_name, io_pointer_value } => {
                limits::name("the label", &label)?;
                limits::name("the pointer's name", &io_pointer_name)?;
                self.labels.push((label, key(io_pointer_name, io_pointer_value)?));
            }
            Row::DeletedLabels { label, deletion_request_time } => {
                limits::name("the label", &label)?;
                let at = deletion_request_time.as_deref().map(time).transpose()?.unwrap_or_default();
                self.retractions.push((label, at));
            }
            Row::Other => self.skipped += 1,
        }
        Ok(())
    }

    fn into_contents(mut self) -> Result<Vec<Content>> {
        let mut upstream = self.declared_upstream();
        let mut contents = Vec::new();
        let mut last_seen: HashMap<Key, DateTime<Utc>> = HashMap::new();
        for (number, row) in std::mem::take(&mut self.runs) {
            let id = row.id;
            let entry = self
                .entry(row, upstream.remove(&id).unwrap_or_default())
                .and_then(|entry| storable(Moved { entry, process: None }))
                .map_err(|error| error.at(format_args!("line {number}")))?;
            let ended_at = entry.entry.ended_at.unwrap_or(entry.entry.started_at);
            let keys = self.inputs.get(&id).into_iter().chain(self.outputs.get(&id)).flatten();
            for key in keys {
                let seen = last_seen.entry(key.clone()).or_insert(ended_at);
                *seen = ended_at.max(*seen);
            }
            contents.push(Content::Run(Box::new(entry)));
        }
        let mentioned = |key: Key| {
            let at = last_seen.get(&key).copied().unwrap_or_default();
            let (name, value) = key;
            Mentioned { name, version: version(&value), at }
        };
        contents.extend(self.tags.into_iter().map(|(component, tag)| Content::Tag { component, tag }));
        contents.extend(self.flags.into_iter().map(|key| Content::Flag(mentioned(key))));
        let labels = self.labels.into_iter();
        contents.extend(labels.map(|(label, key)| Content::Label { label, pointer: Some(mentioned(key)) }));
        contents.extend(self.retractions.into_iter().map(|(label, at)| {
            let (by, reason) = ("a user of the Python mltrace".to_owned(), "deletion requested there".to_owned());
            Content::Retraction(Retraction { label, retracted_at: at, retracted_by: by, reason })
        }));
        Ok(contents)
    }

    /// The components that runs depend on though no pointer shows it.
    fn declared_upstream(&self) -> HashMap<i64, BTreeSet<String>> {
        let components: HashMap<i64, &String> =
            self.runs.iter().map(|(_, run)| (run.id, &run.component_name)).collect();
        let names = |keys: Option<&Vec<Key>>| -> BTreeSet<String> {
            keys.into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let mut declared: HashMap<i64, BTreeSet<String>> = HashMap::new();
        for (run, upstream) in &self.dependencies {
            let is_shown = !names(self.inputs.get(run)).is_disjoint(&names(self.outputs.get(upstream)));
            if let Some(&component) = components.get(upstream).filter(|_| !is_shown) {
                declared.entry(*run).or_default().insert(component.clone());
            }
        }
        declared
    }

    fn entry(&self, row: RunRow, upstream: BTreeSet<String>) -> Result<RunEntry> {
        let started_at = time(&row.start_timestamp)?;
        let ended_at = row.end_timestamp.as_deref().map(time).transpose()?;
        let uuid = uuid(&row);
        let pointers = |keys: Option<&Vec<Key>>| keys.into_iter().flatten().map(|key| self.pointer(key)).collect();
        let inputs: Vec<IoPointer> = pointers(self.inputs.get(&row.id));
        let mut outputs: Vec<IoPointer> = pointers(self.outputs.get(&row.id));
        let mut inputs: Vec<InputEntry> =
            inputs.into_iter().map(|pointer| InputEntry { pointer, captured_at: started_at }).collect();
        keep_first(&mut inputs, |input| &input.pointer);
        keep_first(&mut outputs, |output| output);
        let note = not_empty(row.notes).map(|text| Note { written_at: ended_at.unwrap_or(started_at), text });
        let results = row.test_results.filter(|results| !results.is_null());
        let code = row.code_snapshot.map(|text| bytes(&text)).transpose()?;
        let mut entry = RunEntry {
            uuid,
            report: 0,
            definition: Arc::new(self.definition(row.component_name, code, not_empty(row.git_hash))),
            status: if ended_at.is_some() { Status::Completed } else { Status::Running },
            started_at,
            ended_at,
            parent: None,
            partition: None,
            inputs,
            outputs,
            upstream: upstream.into_iter().collect(),
            params: results.map(|results| ("test_results".to_owned(), results)).into_iter().collect(),
            metrics: BTreeMap::new(),
            checks: Vec::new(),
            labels: Vec::new(),
            notes: note.into_iter().collect(),
            profiles: Vec::new(),
            error: None,
            collected_at: None,
        };
        // The Python mltrace has no limits.
        limits::trim(&mut entry);
        Ok(entry)
    }

    fn definition(&self, component: String, code: Option<Vec<u8>>, commit: Option<String>) -> Definition {
        let (description, owner) = self.metadata.get(&component).cloned().unwrap_or_default();
        let snapshot = code.filter(|code| !code.is_empty()).map(|code| {
            let text = String::from_utf8_lossy(&code).into_owned();
            Snapshot { identity: provenance::text_identity(&text), text }
        });
        Definition {
            identity: [0; 16],
            states_metadata: description.is_some() || owner.is_some(),
            component,
            description,
            owner,
            tags: Vec::new(),
            stale_after_s: None,
            code: snapshot.map(|snapshot| Code {
                file: None,
                line: None,
                crate_version: None,
                snapshot: Some(snapshot),
            }),
            build_commit: commit,
            in_repository: false,
        }
        .identified()
    }

    fn pointer(&self, key: &Key) -> IoPointer {
        let (name, value) = key;
        let pointer = IoPointer { version: version(value), ..IoPointer::new(name.clone()) };
        match self.types.get(key) {
            Some(&stated) => pointer.of_type(stated),
            None => pointer,
        }
    }
}

/// The same for the same run, and other than that of a run of the same number in another database.
fn uuid(row: &RunRow) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    update_sized(&mut hasher, b"a run of a Python mltrace");
    update_sized(&mut hasher, &row.id.to_le_bytes());
    update_sized(&mut hasher, row.component_name.as_bytes());
    update_sized(&mut hasher, row.start_timestamp.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid()
}

/// A value is itself a hash there, or small: what counts is whether two are the same.
fn version(value: &[u8]) -> Option<Version> {
    let hash = || blake3::hash(value).to_hex()[..32].to_owned();
    (!value.is_empty()).then(|| Version { kind: VersionKind::Stated, value: format!("blake3-{}", hash()) })
}

fn key(name: String, value: Option<String>) -> Result<Key> {
    Ok((name, value.map(|text| bytes(&text)).transpose()?.unwrap_or_default()))
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x") else { return Ok(text.as_bytes().to_vec()) };
    let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes = digits.as_bytes().chunks(2).map(pair).collect::<Option<_>>();
    bytes.filter(|_| digits.len().is_multiple_of(2)).ok_or_else(|| {
        invalid(&format!("`{text}` begins with \\x as bytes do, but pairs of hexadecimal digits do not follow"))
    })
}

fn time(text: &str) -> Result<DateTime<Utc>> {
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|naive| naive.and_utc());
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let time = naive.or_else(zoned);
    let time = time.ok_or_else(|| invalid(&format!("`{text}` is no time such as 2021-05-01T12:00:00.123456")))?;
    limits::time("the time", time).map(|()| time)
}

fn type_of(text: &str) -> Option<PointerType> {
    match text {
        "DATA" => Some(PointerType::Data),
        "MODEL" => Some(PointerType::Model),
        "ENDPOINT" => Some(PointerType::Endpoint),
        _ => None,
    }
}

fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
