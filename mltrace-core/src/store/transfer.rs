//! Runs and remarks as they leave for another store, and what comes from there and is no run. A run comes in as every
//! other is written.

use std::collections::HashMap;
use std::sync::Arc;

use super::engine::{Row, Value};
use super::records::text_list;
use super::rows::{Coded, commit_source, commit_source_text, damaged, uuid, version_text};
use super::{NameId, VersionId, View, Write};
use crate::clock::{from_micros, to_micros};
use crate::error::Result;
use crate::model::{
    Code, Commit, Definition, IoPointer, Process, Retraction, RunEntry, RunId, RunRecord, Snapshot, Version,
    VersionKind,
};
use chrono::{DateTime, Utc};

/// A run as it was written, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved {
    pub(crate) entry: RunEntry,
    pub(crate) process: Option<Arc<Noticed>>,
}

/// A process and what came to be known of it while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noticed {
    pub(crate) process: Process,
    pub(crate) heartbeat_at: DateTime<Utc>,
    pub(crate) commit: Option<Commit>,
}

/// A name, in one version or in all, of which something was said at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mentioned {
    pub(crate) name: String,
    pub(crate) version: Option<Version>,
    pub(crate) at: DateTime<Utc>,
}

/// What a batch of runs shares.
#[derive(Default)]
struct Shared {
    definitions: HashMap<i64, Arc<Definition>>,
    processes: HashMap<i64, Arc<Noticed>>,
}

impl View<'_> {
    /// The next runs after one, by number, and the last of these numbers.
    pub(crate) fn moved_after(&self, run: RunId, limit: u32) -> Result<(Vec<Moved>, Option<RunId>)> {
        let rows = self.all(
            "SELECT id, report, definition, process FROM run WHERE id > ?1 ORDER BY id LIMIT ?2",
            &[run.into(), i64::from(limit).into()],
            |row| Ok((RunId(row.integer(0)?), row.integer(1)?, row.integer(2)?, row.optional_integer(3)?)),
        )?;
        let ids: Vec<RunId> = rows.iter().map(|&(id, ..)| id).collect();
        let records = self.runs(&ids)?;
        if records.len() < ids.len() {
            return Err(damaged("a run without its component"));
        }
        let mut shared = Shared::default();
        let mut moved = Vec::with_capacity(rows.len());
        for ((id, report, definition, process), record) in rows.into_iter().zip(records) {
            let definition = self.shared_definition(&mut shared, definition)?;
            let process = process.map(|process| self.shared_process(&mut shared, process)).transpose()?;
            let entry = RunEntry {
                upstream: self.declared_by(id)?,
                profiles: self.profiles_of_run(id)?,
                ..entry(record, report, definition)
            };
            moved.push(Moved { entry, process });
        }
        Ok((moved, ids.last().copied()))
    }

    fn shared_definition(&self, shared: &mut Shared, id: i64) -> Result<Arc<Definition>> {
        if let Some(known) = shared.definitions.get(&id) {
            return Ok(Arc::clone(known));
        }
        let definition = Arc::new(self.definition_record(id)?);
        shared.definitions.insert(id, Arc::clone(&definition));
        Ok(definition)
    }

    fn shared_process(&self, shared: &mut Shared, id: i64) -> Result<Arc<Noticed>> {
        if let Some(known) = shared.processes.get(&id) {
            return Ok(Arc::clone(known));
        }
        let process = Arc::new(self.process_record(id)?);
        shared.processes.insert(id, Arc::clone(&process));
        Ok(process)
    }

    fn declared_by(&self, run: RunId) -> Result<Vec<String>> {
        self.all(
            "SELECT c.name FROM declared d JOIN component c ON c.id = d.component WHERE d.run = ?1 ORDER BY c.name",
            &[run.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
    }

    pub(super) fn definition_record(&self, id: i64) -> Result<Definition> {
        let sql = "SELECT d.identity, c.name, d.states_metadata, d.description, d.owner, d.tags, d.stale_after, d.file,
                          d.line, d.crate_version, d.build_commit, d.in_repository, s.identity, s.text
                   FROM definition d JOIN component c ON c.id = d.component LEFT JOIN snapshot s ON s.id = d.snapshot
                   WHERE d.id = ?1";
        self.one(sql, &[Value::from(id)], definition)?.ok_or_else(|| damaged("a run without its definition"))
    }

    pub(super) fn process_record(&self, id: i64) -> Result<Noticed> {
        let sql = "SELECT uuid, host, pid, started_at, start_ticks, boot_id, pid_namespace, user_name, program,
                          heartbeat_at, git_commit, git_dirty, git_tags, git_source
                   FROM process WHERE id = ?1";
        self.one(sql, &[Value::from(id)], process)?.ok_or_else(|| damaged("a run without its process"))
    }

    /// Every tag that was added by hand, with its component.
    pub(crate) fn tags_by_hand(&self) -> Result<Vec<(String, String)>> {
        self.all(
            "SELECT c.name, t.tag FROM component_tag t JOIN component c ON c.id = t.component ORDER BY c.name, t.tag",
            &[],
            |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
        )
    }

    /// Hands every flag to `each`.
    pub(crate) fn each_flag(&self, each: &mut dyn FnMut(Mentioned) -> Result<()>) -> Result<()> {
        self.0.query(
            "SELECT n.text, v.kind, v.value, f.flagged_at FROM flag f JOIN text n ON n.id = f.name
             LEFT JOIN version v ON v.id = f.version ORDER BY f.id",
            &[],
            &mut |row| each(mentioned(row)?),
        )
    }

    /// Hands every pointer that a label is attached to to `each`, with the label.
    pub(crate) fn each_labelled(&self, each: &mut dyn FnMut(String, Mentioned) -> Result<()>) -> Result<()> {
        self.0.query(
            "SELECT n.text, v.kind, v.value, p.attached_at, l.name FROM label_pointer p
             JOIN label l ON l.id = p.label JOIN text n ON n.id = p.name LEFT JOIN version v ON v.id = p.version
             ORDER BY p.id",
            &[],
            &mut |row| each(row.text(4)?.to_owned(), mentioned(row)?),
        )
    }
}

/// All of a run but what its record does not say.
fn entry(record: RunRecord, report: i64, definition: Arc<Definition>) -> RunEntry {
    let plain = |pointer: IoPointer| IoPointer { flagged: false, labels: None, ..pointer };
    let input = |input: crate::model::InputRecord| crate::model::InputEntry {
        pointer: plain(input.pointer),
        captured_at: input.captured_at,
    };
    RunEntry {
        uuid: record.uuid,
        report: u32::try_from(report).unwrap_or(u32::MAX),
        definition,
        status: record.status,
        started_at: record.started_at,
        ended_at: record.ended_at,
        parent: record.parent,
        partition: record.partition,
        inputs: record.inputs.into_iter().map(input).collect(),
        outputs: record.outputs.into_iter().map(plain).collect(),
        upstream: Vec::new(),
        params: record.params,
        metrics: record.metrics,
        checks: record.checks,
        labels: Vec::new(),
        notes: record.notes,
        profiles: Vec::new(),
        error: record.error,
        collected_at: record.collected_at,
    }
}

fn definition(row: &dyn Row) -> Result<Definition> {
    let optional = |column| Ok::<_, crate::error::Error>(row.optional_text(column)?.map(ToOwned::to_owned));
    let snapshot = match (row.optional_blob(12)?, optional(13)?) {
        (Some(bytes), Some(text)) => Some(Snapshot { identity: identity(bytes)?, text }),
        _ => None,
    };
    let file = optional(7)?;
    let has_code = file.is_some() || snapshot.is_some();
    let line = row.optional_integer(8)?.and_then(|line| u32::try_from(line).ok());
    let code = Code { file, line, crate_version: optional(9)?, snapshot };
    Ok(Definition {
        identity: identity(row.blob(0)?)?,
        component: row.text(1)?.to_owned(),
        states_metadata: row.integer(2)? != 0,
        description: optional(3)?,
        owner: optional(4)?,
        tags: text_list(row.text(5)?)?,
        stale_after_s: row.optional_integer(6)?.map(i64::cast_unsigned),
        code: has_code.then_some(code),
        build_commit: optional(10)?,
        in_repository: row.integer(11)? != 0,
    })
}

fn identity(bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().map_err(|_| damaged("an identity of another length"))
}

fn process(row: &dyn Row) -> Result<Noticed> {
    let optional = |column| Ok::<_, crate::error::Error>(row.optional_text(column)?.map(ToOwned::to_owned));
    let process = Process {
        uuid: uuid(row.blob(0)?)?,
        host: row.text(1)?.to_owned(),
        pid: u32::try_from(row.integer(2)?).map_err(|_| damaged("a pid that is none"))?,
        started_at: from_micros(row.integer(3)?),
        start_ticks: row.optional_integer(4)?.map(i64::cast_unsigned),
        boot_id: optional(5)?,
        pid_namespace: optional(6)?,
        user: optional(7)?,
        program: optional(8)?,
    };
    let commit = match row.optional_text(13)?.map(commit_source).transpose()? {
        Some(source) => Some(Commit {
            hash: optional(10)?,
            dirty: row.optional_integer(11)?.map(|dirty| dirty != 0),
            tags: row.optional_text(12)?.map(text_list).transpose()?.unwrap_or_default(),
            source,
        }),
        None => None,
    };
    Ok(Noticed { process, heartbeat_at: from_micros(row.integer(9)?), commit })
}

/// Columns 0 to 3: name, version kind, version value, time.
fn mentioned(row: &dyn Row) -> Result<Mentioned> {
    let version = match row.optional_integer(1)? {
        Some(kind) => {
            let kind = VersionKind::decode(kind)?;
            Some(Version { kind, value: version_text(kind, row.blob(2)?)? })
        }
        None => None,
    };
    Ok(Mentioned { name: row.text(0)?.to_owned(), version, at: from_micros(row.integer(3)?) })
}

impl Write<'_> {
    /// Adds what came to be known of a process that stands in the store. Who knows more of its commit is right.
    pub(crate) fn notice(&self, noticed: &Noticed) -> Result<()> {
        let uuid = noticed.process.uuid;
        self.execute(
            "UPDATE process SET heartbeat_at = ?2 WHERE uuid = ?1 AND heartbeat_at < ?2",
            &[uuid.as_bytes().as_slice().into(), to_micros(noticed.heartbeat_at).into()],
        )?;
        let Some(commit) = &noticed.commit else { return Ok(()) };
        let tags = serde_json::Value::from(commit.tags.clone()).to_string();
        self.execute(
            "UPDATE process SET git_commit = ?2, git_dirty = ?3, git_tags = ?4, git_source = ?5
             WHERE uuid = ?1 AND (git_source IS NULL OR git_dirty IS NULL AND ?3 IS NOT NULL)",
            &[
                uuid.as_bytes().as_slice().into(),
                commit.hash.as_ref().into(),
                commit.dirty.into(),
                (&tags).into(),
                commit_source_text(commit.source).into(),
            ],
        )
        .map(drop)
    }

    /// Tags a component by hand, whether it has run here or not.
    pub(crate) fn take_tag(&self, component: &str, tag: &str) -> Result<()> {
        self.tag(self.component(component)?, tag)
    }

    /// Flags a pointer, unless it is. Of two times on one version the earlier stands. Without a version the time tells which
    /// run is meant, so that a flag of another time is another flag.
    pub(crate) fn take_flag(&self, flagged: &Mentioned) -> Result<()> {
        let (name, version) = self.mentioned(flagged)?;
        let values = [name.into(), version.into(), to_micros(flagged.at).into()];
        self.execute(
            "INSERT INTO flag (name, version, flagged_at) SELECT ?1, ?2, ?3 WHERE NOT EXISTS (
                 SELECT 1 FROM flag
                 WHERE name = ?1 AND (version = ?2 OR version IS NULL AND ?2 IS NULL AND flagged_at = ?3))",
            &values,
        )?;
        self.execute("UPDATE flag SET flagged_at = ?3 WHERE name = ?1 AND version = ?2 AND flagged_at > ?3", &values)
            .map(drop)
    }

    /// Attaches a label to a pointer.
    pub(crate) fn take_label(&self, label: &str, pointer: &Mentioned) -> Result<()> {
        let (name, version) = self.mentioned(pointer)?;
        self.attach(self.label(label)?, name, version, to_micros(pointer.at)).map(drop)
    }

    /// Adds a retraction, unless the very same is there.
    pub(crate) fn take_retraction(&self, retraction: &Retraction) -> Result<()> {
        let Retraction { label, retracted_at, retracted_by, reason } = retraction;
        let label = self.label(label)?;
        self.execute(
            "INSERT INTO retraction (label, retracted_at, retracted_by, reason) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (
                 SELECT 1 FROM retraction WHERE label = ?1 AND retracted_at = ?2 AND retracted_by = ?3 AND reason = ?4)",
            &[label.into(), to_micros(*retracted_at).into(), retracted_by.into(), reason.into()],
        )
        .map(drop)
    }

    fn mentioned(&self, mentioned: &Mentioned) -> Result<(NameId, Option<VersionId>)> {
        let version = mentioned.version.as_ref().map(|version| self.version(version)).transpose()?;
        Ok((self.text(&mentioned.name)?, version))
    }
}
