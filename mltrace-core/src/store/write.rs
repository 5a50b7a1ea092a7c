//! What is written: a run with all that belongs to it, and the notes and tags that people add later.

use super::engine::Value;
use super::rows::{Coded, UNRESOLVED, commit_source_text, key, version_bytes};
use super::{ComponentId, NameId, OPEN, Reading, VersionId, View, Write};
use crate::clock::to_micros;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Commit, Definition, InputEntry, IoPointer, Match, Process, RunEntry, RunId, Snapshot, Status, Version,
};

/// The run that an input depends on, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) upstream: RunId,
    pub(crate) matched: Match,
    pub(crate) modified: bool,
    pub(crate) overlapping: bool,
}

type InputRule = dyn Fn(&View<'_>, &Reading) -> Result<Option<Proof>>;
type DeclaredRule = dyn Fn(&View<'_>, ComponentId, RunId, i64) -> Result<Option<RunId>>;

/// The rules that find the edges of a run that is being written. They see its outputs, and all that was there before.
pub(crate) struct Rules<'r> {
    pub(crate) input: &'r InputRule,
    pub(crate) declared: &'r DeclaredRule,
}

/// A run that was written.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) run: RunId,
    /// `None` where the store knew as much of it before.
    pub(crate) change: Option<Change>,
    /// Components declared upstream that have no run to depend on as yet.
    pub(crate) unresolved: Vec<String>,
    /// Whether any label was retracted, so that the run may have read what carries it.
    pub(crate) has_retractions: bool,
}

/// What a write changed, as far as the edges of other runs depend on it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) run: RunId,
    /// Names that the run writes, or wrote before this change, and that others may have read.
    pub(crate) names: Vec<NameId>,
    /// Since when it may have been writing them.
    pub(crate) began_at: i64,
    pub(crate) component: ComponentId,
    /// The earliest end that it has or had, [`OPEN`] for none.
    pub(crate) ended_at: i64,
}

/// How much a write knows of a run: whether it has ended, the number of the report, the end, the status, and when it was
/// collected, [`WHOLE`] if never. Of two writes of one run the greater stands, so that their order does not matter.
type Revision = (bool, i64, i64, i64, i64);

/// Stands for the collection of a run that is whole, so that it counts for more than its tombstone.
const WHOLE: i64 = i64::MAX;

struct Stored {
    run: RunId,
    revision: Revision,
    started_at: i64,
    ended_at: i64,
}

/// A pointer as keys.
struct Interned {
    name: NameId,
    /// The name was never seen before.
    is_new: bool,
    version: Option<VersionId>,
    spelled: Option<NameId>,
}

impl Write<'_> {
    /// Writes a run, whole, as one of a process if it is known, unless the store knows as much of it.
    pub(crate) fn put_run(&self, entry: &RunEntry, process: Option<&Process>, rules: &Rules<'_>) -> Result<Put> {
        let stored = self.stored(entry)?;
        if let Some(stored) = &stored
            && stored.revision >= revision(entry)
        {
            return Ok(Put { run: stored.run, change: None, unresolved: Vec::new(), has_retractions: false });
        }
        self.put_over(stored.as_ref(), entry, process, rules)
    }

    /// Writes a run, whole, in place of what the store knows of it.
    pub(crate) fn replace_run(&self, entry: &RunEntry, rules: &Rules<'_>) -> Result<Put> {
        self.put_over(self.stored(entry)?.as_ref(), entry, None, rules)
    }

    fn put_over(
        &self,
        stored: Option<&Stored>,
        entry: &RunEntry,
        process: Option<&Process>,
        rules: &Rules<'_>,
    ) -> Result<Put> {
        let (component, definition) = self.definition(&entry.definition)?;
        let started_at = to_micros(entry.started_at);
        let ended_at = entry.ended_at.map_or(OPEN, to_micros);
        let partition = entry.partition.as_deref().map(|text| self.text(text)).transpose()?;
        let row = [
            Value::from(entry.uuid.as_bytes().as_slice()),
            component.into(),
            definition.into(),
            process.map(|process| self.process(process)).transpose()?.into(),
            entry.status.code().into(),
            started_at.into(),
            entry.ended_at.map(to_micros).into(),
            entry.parent.as_ref().map(|parent| parent.as_bytes().as_slice()).into(),
            partition.into(),
            entry.error.as_ref().into(),
            i64::from(entry.report).into(),
            entry.collected_at.map(to_micros).into(),
        ];
        let mut names = Vec::new();
        let run = if let Some(stored) = stored {
            names = self.outputs_of(stored.run)?;
            self.clear(stored.run)?;
            self.execute(
                "UPDATE run SET component = ?2, definition = ?3, process = ?4, status = ?5, started_at = ?6,
                 ended_at = ?7, parent = ?8, partition = ?9, error = ?10, report = ?11, collected_at = ?12 WHERE uuid = ?1",
                &row,
            )?;
            stored.run
        } else {
            RunId(self.insert(
                "INSERT INTO run (uuid, component, definition, process, status, started_at, ended_at, parent, partition, error, report,
                                  collected_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                &row,
            )?)
        };
        names.extend(self.put_outputs(run, entry, ended_at)?);
        self.put_inputs(run, entry, ended_at, rules)?;
        let unresolved = self.put_declared(run, entry, rules)?;
        self.put_facts(run, entry)?;
        self.put_labels(entry)?;
        names.sort_unstable();
        names.dedup();
        let began_at = stored.map_or(started_at, |stored| stored.started_at.min(started_at));
        let ended_at = stored.map_or(ended_at, |stored| stored.ended_at.min(ended_at));
        let change = Some(Change { run, names, began_at, component, ended_at });
        Ok(Put { run, change, unresolved, has_retractions: self.has_retractions()? })
    }

    fn stored(&self, entry: &RunEntry) -> Result<Option<Stored>> {
        self.one(
            "SELECT id, status, started_at, ended_at, report, collected_at FROM run WHERE uuid = ?1",
            &[entry.uuid.as_bytes().as_slice().into()],
            |row| {
                let ended_at = row.optional_integer(3)?;
                let collected_at = row.optional_integer(5)?.unwrap_or(WHOLE);
                Ok(Stored {
                    run: RunId(row.integer(0)?),
                    revision: (
                        ended_at.is_some(),
                        row.integer(4)?,
                        ended_at.unwrap_or(OPEN),
                        row.integer(1)?,
                        collected_at,
                    ),
                    started_at: row.integer(2)?,
                    ended_at: ended_at.unwrap_or(OPEN),
                })
            },
        )
    }

    /// Takes away what [`Self::put_run`] writes again.
    fn clear(&self, run: RunId) -> Result<()> {
        for table in ["input", "output", "declared", "param", "metric", "check_result", "run_profile"] {
            self.execute(&format!("DELETE FROM {table} WHERE run = ?1"), &[run.into()])?;
        }
        Ok(())
    }

    fn outputs_of(&self, run: RunId) -> Result<Vec<NameId>> {
        self.all("SELECT name FROM output WHERE run = ?1", &[run.into()], |row| row.integer(0).map(NameId))
    }

    /// Gives the names that were in the store before.
    fn put_outputs(&self, run: RunId, entry: &RunEntry, ended_at: i64) -> Result<Vec<NameId>> {
        let mut known = Vec::new();
        for (position, pointer) in (0_i64..).zip(&entry.outputs) {
            let Interned { name, is_new, version, spelled } = self.pointer(pointer)?;
            self.execute(
                "INSERT INTO output (run, position, name, version, type, spelled, completed, ended_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                &[
                    run.into(),
                    position.into(),
                    name.into(),
                    version.into(),
                    pointer.pointer_type.code().into(),
                    spelled.into(),
                    (entry.status == Status::Completed).into(),
                    ended_at.into(),
                ],
            )?;
            if !is_new {
                known.push(name);
            }
        }
        Ok(known)
    }

    fn put_inputs(&self, run: RunId, entry: &RunEntry, ended_at: i64, rules: &Rules<'_>) -> Result<()> {
        for (position, InputEntry { pointer, captured_at }) in (0_i64..).zip(&entry.inputs) {
            let Interned { name, is_new, version, spelled } = self.pointer(pointer)?;
            let captured_at = to_micros(*captured_at);
            let reading = Reading { run, position, name, version, captured_at, run_ended_at: ended_at };
            // Nobody can have written a name that was never seen.
            let proof = if is_new { None } else { (rules.input)(self, &reading)? };
            self.execute(
                "INSERT INTO input (run, position, name, version, type, spelled, captured_at, ended_at,
                                    upstream, match, modified, overlapping)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                &[
                    run.into(),
                    position.into(),
                    name.into(),
                    version.into(),
                    pointer.pointer_type.code().into(),
                    spelled.into(),
                    captured_at.into(),
                    ended_at.into(),
                    proof.map(|proof| proof.upstream).into(),
                    proof.map_or(UNRESOLVED, |proof| proof.matched.code()).into(),
                    proof.is_some_and(|proof| proof.modified).into(),
                    proof.is_some_and(|proof| proof.overlapping).into(),
                ],
            )?;
        }
        Ok(())
    }

    /// Gives the components that have no run to depend on.
    fn put_declared(&self, run: RunId, entry: &RunEntry, rules: &Rules<'_>) -> Result<Vec<String>> {
        let mut unresolved = Vec::new();
        let started_at = to_micros(entry.started_at);
        for name in &entry.upstream {
            let component = self.component(name)?;
            let upstream = (rules.declared)(self, component, run, started_at)?;
            if upstream.is_none() {
                unresolved.push(name.clone());
            }
            self.execute(
                "INSERT INTO declared (run, component, started_at, upstream) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                &[run.into(), component.into(), started_at.into(), upstream.into()],
            )?;
        }
        Ok(unresolved)
    }

    fn put_facts(&self, run: RunId, entry: &RunEntry) -> Result<()> {
        for (name, value) in &entry.params {
            let name = self.text(name)?;
            self.execute(
                "INSERT INTO param (run, name, value) VALUES (?1, ?2, ?3)",
                &[run.into(), name.into(), (&value.to_string()).into()],
            )?;
        }
        for (name, value) in &entry.metrics {
            let name = self.text(name)?;
            self.execute(
                "INSERT INTO metric (run, name, value) VALUES (?1, ?2, ?3)",
                &[run.into(), name.into(), (*value).into()],
            )?;
        }
        for (position, check) in (0_i64..).zip(&entry.checks) {
            self.execute(
                "INSERT INTO check_result (run, position, name, status, message) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[
                    run.into(),
                    position.into(),
                    (&check.name).into(),
                    check.status.code().into(),
                    check.message.as_ref().into(),
                ],
            )?;
        }
        self.put_run_profiles(run, &entry.profiles)?;
        for note in &entry.notes {
            self.put_note(run, to_micros(note.written_at), &note.text)?;
        }
        Ok(())
    }

    /// Adds a note, unless the run has the very same already.
    pub(crate) fn put_note(&self, run: RunId, written_at: i64, text: &str) -> Result<()> {
        self.execute(
            "INSERT INTO note (run, written_at, text) SELECT ?1, ?2, ?3
             WHERE NOT EXISTS (SELECT 1 FROM note WHERE run = ?1 AND written_at = ?2 AND text = ?3)",
            &[run.into(), Value::from(written_at), text.into()],
        )
        .map(drop)
    }

    /// Says whether the run had it.
    pub(crate) fn remove_note(&self, run: RunId, written_at: i64, text: &str) -> Result<bool> {
        let removed = self.execute(
            "DELETE FROM note WHERE run = ?1 AND written_at = ?2 AND text = ?3",
            &[run.into(), Value::from(written_at), text.into()],
        )?;
        Ok(removed > 0)
    }

    /// Writes anew the edge of an input that stands in the store.
    pub(crate) fn set_edge(&self, reading: &Reading, proof: Option<Proof>) -> Result<()> {
        self.execute(
            "UPDATE input SET upstream = ?3, match = ?4, modified = ?5, overlapping = ?6
             WHERE run = ?1 AND position = ?2",
            &[
                reading.run.into(),
                Value::from(reading.position),
                proof.map(|proof| proof.upstream).into(),
                proof.map_or(UNRESOLVED, |proof| proof.matched.code()).into(),
                proof.is_some_and(|proof| proof.modified).into(),
                proof.is_some_and(|proof| proof.overlapping).into(),
            ],
        )
        .map(drop)
    }

    /// Writes anew the run that a declared dependency resolves to.
    pub(crate) fn set_declared(&self, run: RunId, component: ComponentId, upstream: Option<RunId>) -> Result<()> {
        self.execute(
            "UPDATE declared SET upstream = ?3 WHERE run = ?1 AND component = ?2",
            &[run.into(), component.into(), upstream.into()],
        )
        .map(drop)
    }

    /// Keeps the commit that a process came from, once it is known.
    pub(crate) fn set_commit(&self, process: &Process, commit: &Commit) -> Result<()> {
        let id = self.process(process)?;
        let tags = serde_json::Value::from(commit.tags.clone()).to_string();
        self.execute(
            "UPDATE process SET git_commit = ?2, git_dirty = ?3, git_tags = ?4, git_source = ?5 WHERE id = ?1",
            &[
                id.into(),
                commit.hash.as_ref().into(),
                commit.dirty.into(),
                (&tags).into(),
                commit_source_text(commit.source).into(),
            ],
        )
        .map(drop)
    }

    /// The process lives.
    pub(crate) fn set_heartbeat(&self, process: &Process, at: i64) -> Result<()> {
        let id = self.process(process)?;
        self.execute("UPDATE process SET heartbeat_at = ?2 WHERE id = ?1", &[id.into(), Value::from(at)]).map(drop)
    }

    pub(super) fn process(&self, process: &Process) -> Result<i64> {
        let uuid = process.uuid.as_bytes().as_slice();
        let found = self.one("SELECT id FROM process WHERE uuid = ?1", &[uuid.into()], |row| row.integer(0))?;
        if let Some(id) = found {
            return Ok(id);
        }
        let started_at = to_micros(process.started_at);
        self.insert(
            "INSERT INTO process (uuid, host, pid, started_at, start_ticks, boot_id, pid_namespace, user_name, program, heartbeat_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?4)",
            &[
                uuid.into(),
                (&process.host).into(),
                i64::from(process.pid).into(),
                started_at.into(),
                process.start_ticks.map(u64::cast_signed).into(),
                process.boot_id.as_ref().into(),
                process.pid_namespace.as_ref().into(),
                process.user.as_ref().into(),
                process.program.as_ref().into(),
            ],
        )
    }

    pub(super) fn component(&self, name: &str) -> Result<ComponentId> {
        if let Some(id) = self.component_id(name)? {
            return Ok(id);
        }
        self.insert("INSERT INTO component (name) VALUES (?1)", &[name.into()]).map(ComponentId)
    }

    pub(super) fn definition(&self, definition: &Definition) -> Result<(ComponentId, i64)> {
        let identity = definition.identity.as_slice();
        let found =
            self.one("SELECT component, id FROM definition WHERE identity = ?1", &[identity.into()], |row| {
                Ok((ComponentId(row.integer(0)?), row.integer(1)?))
            })?;
        if let Some(found) = found {
            return Ok(found);
        }
        let component = self.component(&definition.component)?;
        let code = definition.code.as_ref();
        let snapshot =
            code.and_then(|code| code.snapshot.as_ref()).map(|snapshot| self.snapshot(snapshot)).transpose()?;
        let tags = serde_json::Value::from(definition.tags.clone()).to_string();
        let id = self.insert(
            "INSERT INTO definition (identity, component, states_metadata, description, owner, tags, stale_after,
                                     file, line, crate_version, build_commit, in_repository, snapshot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            &[
                identity.into(),
                component.into(),
                definition.states_metadata.into(),
                definition.description.as_ref().into(),
                definition.owner.as_ref().into(),
                (&tags).into(),
                definition.stale_after_s.map(u64::cast_signed).into(),
                code.and_then(|code| code.file.as_ref()).into(),
                code.and_then(|code| code.line).map(i64::from).into(),
                code.and_then(|code| code.crate_version.as_ref()).into(),
                definition.build_commit.as_ref().into(),
                definition.in_repository.into(),
                snapshot.into(),
            ],
        )?;
        self.describe(definition)?;
        Ok((component, id))
    }

    fn snapshot(&self, snapshot: &Snapshot) -> Result<i64> {
        let identity = snapshot.identity.as_slice();
        let found =
            self.one("SELECT id FROM snapshot WHERE identity = ?1", &[identity.into()], |row| row.integer(0))?;
        match found {
            Some(id) => Ok(id),
            None => self.insert(
                "INSERT INTO snapshot (identity, text) VALUES (?1, ?2)",
                &[identity.into(), (&snapshot.text).into()],
            ),
        }
    }

    fn pointer(&self, pointer: &IoPointer) -> Result<Interned> {
        let (name, is_new) = match self.name_id(&pointer.name)? {
            Some(id) => (id, false),
            None => (self.new_text(&pointer.name)?, true),
        };
        let version = pointer.version.as_ref().map(|version| self.version(version)).transpose()?;
        let spelled = pointer.spelled.as_deref().map(|text| self.text(text)).transpose()?;
        Ok(Interned { name, is_new, version, spelled })
    }

    /// The key of a text, new or known.
    pub(crate) fn text(&self, text: &str) -> Result<NameId> {
        self.name_id(text)?.map_or_else(|| self.new_text(text), Ok)
    }

    fn new_text(&self, text: &str) -> Result<NameId> {
        let hash = key(text.as_bytes());
        self.insert("INSERT INTO text (hash, text) VALUES (?1, ?2)", &[Value::from(hash), text.into()]).map(NameId)
    }

    /// The key of a version, new or known.
    pub(crate) fn version(&self, version: &Version) -> Result<VersionId> {
        if let Some(id) = self.version_id(version)? {
            return Ok(id);
        }
        let value = version_bytes(version.kind, &version.value)?;
        self.insert(
            "INSERT INTO version (hash, kind, value) VALUES (?1, ?2, ?3)",
            &[Value::from(key(&value)), version.kind.code().into(), value.as_slice().into()],
        )
        .map(VersionId)
    }
}

impl View<'_> {
    /// The key of a component's name, if it is known.
    pub(crate) fn component_id(&self, name: &str) -> Result<Option<ComponentId>> {
        self.one("SELECT id FROM component WHERE name = ?1", &[name.into()], |row| row.integer(0).map(ComponentId))
    }

    /// The key of a name, if it is known.
    pub(crate) fn name_id(&self, text: &str) -> Result<Option<NameId>> {
        self.one(
            "SELECT id FROM text WHERE hash = ?1 AND text = ?2",
            &[Value::from(key(text.as_bytes())), text.into()],
            |row| row.integer(0).map(NameId),
        )
    }

    /// The key of a version, if it is known.
    pub(crate) fn version_id(&self, version: &Version) -> Result<Option<VersionId>> {
        let value = version_bytes(version.kind, &version.value)?;
        self.one(
            "SELECT id FROM version WHERE hash = ?1 AND kind = ?2 AND value = ?3",
            &[Value::from(key(&value)), version.kind.code().into(), value.as_slice().into()],
            |row| row.integer(0).map(VersionId),
        )
    }

    /// Fails where no run has this id.
    pub(crate) fn expect_run(&self, run: RunId) -> Result<()> {
        self.one("SELECT 1 FROM run WHERE id = ?1", &[run.into()], |row| row.integer(0))?
            .map(drop)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no run {run} in this store")))
    }
}

fn revision(entry: &RunEntry) -> Revision {
    let (ended_at, collected_at) = (entry.ended_at.map(to_micros), entry.collected_at.map(to_micros));
    let status = entry.status.code();
    (ended_at.is_some(), entry.report.into(), ended_at.unwrap_or(OPEN), status, collected_at.unwrap_or(WHOLE))
}
