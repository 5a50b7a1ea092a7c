//! What is read: runs and components, as owned values.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Row, Value};
use super::rows::{Coded, commit_source, damaged, uuid, version_text};
use super::{ComponentId, NameId, VersionId, View};
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{
    Check, CheckStatus, CodeRecord, CommitSource, Component, Dependency, GitRecord, InputRecord, IoPointer, Match,
    Note, PointerType, RunId, RunRecord, Status, Version, VersionKind,
};

/// Which runs of a component a history shows. Times are microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryFilter {
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) status: Option<Status>,
    pub(crate) partition: Option<String>,
    pub(crate) parent: Option<uuid::Uuid>,
}

/// A run's place in its component's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryKey {
    pub(crate) started_at: i64,
    pub(crate) run: RunId,
}

impl View<'_> {
    /// Everything about one run.
    pub(crate) fn run(&self, id: RunId) -> Result<Option<RunRecord>> {
        let found = self.one(
            "SELECT r.uuid, c.name, r.status, p.text, r.started_at, r.ended_at, r.parent, r.error,
                    d.file, d.line, d.crate_version, s.text, d.build_commit, d.in_repository,
                    w.host, w.pid, w.git_commit, w.git_dirty, w.git_tags, w.git_source
             FROM run r
             JOIN component c ON c.id = r.component
             JOIN definition d ON d.id = r.definition
             LEFT JOIN snapshot s ON s.id = d.snapshot
             LEFT JOIN text p ON p.id = r.partition
             LEFT JOIN process w ON w.id = r.process
             WHERE r.id = ?1",
            &[id.into()],
            |row| record(id, row),
        )?;
        let Some(mut record) = found else { return Ok(None) };
        self.read_inputs(&mut record)?;
        self.read_declared(&mut record)?;
        self.read_outputs(&mut record)?;
        self.read_facts(&mut record)?;
        Ok(Some(record))
    }

    fn read_inputs(&self, record: &mut RunRecord) -> Result<()> {
        let RunRecord { id, inputs, dependencies, .. } = record;
        self.0.query(
            "SELECT n.text, s.text, v.kind, v.value, i.type,
                    EXISTS (SELECT 1 FROM flag f WHERE f.name = i.name AND (f.version IS NULL OR f.version = i.version)),
                    i.captured_at, i.upstream, c.name, i.match, i.modified, i.overlapping
             FROM input i
             JOIN text n ON n.id = i.name
             LEFT JOIN text s ON s.id = i.spelled
             LEFT JOIN version v ON v.id = i.version
             LEFT JOIN run u ON u.id = i.upstream
             LEFT JOIN component c ON c.id = u.component
             WHERE i.run = ?1 ORDER BY i.position",
            &[(*id).into()],
            &mut |row| {
                let pointer = pointer(row)?;
                if let Some(upstream) = row.optional_integer(7)? {
                    dependencies.push(Dependency {
                        run: RunId(upstream),
                        component: row.text(8)?.to_owned(),
                        pointer: Some(pointer.name.clone()),
                        matched: Match::decode(row.integer(9)?)?,
                        modified: row.integer(10)? != 0,
                        overlapping: row.integer(11)? != 0,
                    });
                }
                inputs.push(InputRecord { pointer, captured_at: from_micros(row.integer(6)?) });
                Ok(())
            },
        )
    }

    fn read_declared(&self, record: &mut RunRecord) -> Result<()> {
        let RunRecord { id, dependencies, .. } = record;
        self.0.query(
            "SELECT d.upstream, c.name FROM declared d JOIN component c ON c.id = d.component
             WHERE d.run = ?1 AND d.upstream IS NOT NULL ORDER BY c.name",
            &[(*id).into()],
            &mut |row| {
                dependencies.push(Dependency {
                    run: RunId(row.integer(0)?),
                    component: row.text(1)?.to_owned(),
                    pointer: None,
                    matched: Match::Declared,
                    modified: false,
                    overlapping: false,
                });
                Ok(())
            },
        )
    }

    fn read_outputs(&self, record: &mut RunRecord) -> Result<()> {
        record.outputs = self.all(
            "SELECT n.text, s.text, v.kind, v.value, o.type,
                    EXISTS (SELECT 1 FROM flag f WHERE f.name = o.name AND (f.version IS NULL OR f.version = o.version))
             FROM output o
             JOIN text n ON n.id = o.name
             LEFT JOIN text s ON s.id = o.spelled
             LEFT JOIN version v ON v.id = o.version
             WHERE o.run = ?1 ORDER BY o.position",
            &[record.id.into()],
            pointer,
        )?;
        Ok(())
    }

    fn read_facts(&self, record: &mut RunRecord) -> Result<()> {
        let id = Value::from(record.id);
        let params = self.all(
            "SELECT n.text, p.value FROM param p JOIN text n ON n.id = p.name WHERE p.run = ?1",
            &[id],
            |row| Ok((row.text(0)?.to_owned(), json(row.text(1)?)?)),
        )?;
        record.params = BTreeMap::from_iter(params);
        let metrics = self.all(
            "SELECT n.text, m.value FROM metric m JOIN text n ON n.id = m.name WHERE m.run = ?1",
            &[id],
            |row| Ok((row.text(0)?.to_owned(), row.real(1)?)),
        )?;
        record.metrics = BTreeMap::from_iter(metrics);
        record.checks = self.all(
            "SELECT name, status, message FROM check_result WHERE run = ?1 ORDER BY position",
            &[id],
            |row| {
                Ok(Check {
                    name: row.text(0)?.to_owned(),
                    status: CheckStatus::decode(row.integer(1)?)?,
                    message: row.optional_text(2)?.map(ToOwned::to_owned),
                })
            },
        )?;
        record.notes =
            self.all("SELECT written_at, text FROM note WHERE run = ?1 ORDER BY written_at, id", &[id], |row| {
                Ok(Note { written_at: from_micros(row.integer(0)?), text: row.text(1)?.to_owned() })
            })?;
        Ok(())
    }

    /// The ids of the runs that a run depends on.
    pub(crate) fn upstream_ids(&self, run: RunId) -> Result<Vec<RunId>> {
        self.all(
            "SELECT upstream FROM input WHERE run = ?1 AND upstream IS NOT NULL
             UNION SELECT upstream FROM declared WHERE run = ?1 AND upstream IS NOT NULL",
            &[run.into()],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The last runs that were recorded before a run, newest first.
    pub(crate) fn recent(&self, before: RunId, limit: u32) -> Result<Vec<RunId>> {
        self.all(
            "SELECT id FROM run WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            &[before.into(), i64::from(limit).into()],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The runs recorded after a run, oldest first.
    pub(crate) fn recorded_after(&self, run: RunId) -> Result<Vec<RunId>> {
        self.all("SELECT id FROM run WHERE id > ?1 ORDER BY id", &[run.into()], |row| row.integer(0).map(RunId))
    }

    /// A component's runs by start, from `after` on if it is given.
    pub(crate) fn history(
        &self,
        component: ComponentId,
        filter: &HistoryFilter,
        newest_first: bool,
        after: Option<HistoryKey>,
        limit: u64,
    ) -> Result<Vec<HistoryKey>> {
        let (order, beyond) = if newest_first { ("DESC", "<") } else { ("ASC", ">") };
        let edge = if newest_first { i64::MAX } else { i64::MIN };
        let after = after.unwrap_or(HistoryKey { started_at: edge, run: RunId(edge) });
        let partition = match &filter.partition {
            Some(text) => match self.name_id(text)? {
                Some(id) => Some(id),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        self.all(
            &format!(
                "SELECT r.started_at, r.id FROM run r
                 WHERE r.component = ?1 AND (r.started_at, r.id) {beyond} (?2, ?3) AND r.started_at BETWEEN ?4 AND ?5
                   AND (?6 IS NULL OR r.status = ?6) AND (?7 IS NULL OR r.partition = ?7)
                   AND (?8 IS NULL OR r.parent = ?8)
                 ORDER BY r.started_at {order}, r.id {order} LIMIT ?9"
            ),
            &[
                component.into(),
                Value::from(after.started_at),
                after.run.into(),
                filter.since.unwrap_or(i64::MIN).into(),
                filter.until.unwrap_or(i64::MAX).into(),
                filter.status.map(Coded::code).into(),
                partition.into(),
                filter.parent.as_ref().map(|parent| parent.as_bytes().as_slice()).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
            |row| Ok(HistoryKey { started_at: row.integer(0)?, run: RunId(row.integer(1)?) }),
        )
    }

    /// The names of all components that have run, sorted.
    pub(crate) fn component_names(&self) -> Result<Vec<(ComponentId, String)>> {
        self.all(
            "SELECT c.id, c.name FROM component c WHERE EXISTS (SELECT 1 FROM run r WHERE r.component = c.id)
             ORDER BY c.name",
            &[],
            |row| Ok((ComponentId(row.integer(0)?), row.text(1)?.to_owned())),
        )
    }

    /// A component with its metadata, which is that of the run with the latest start that stated any.
    pub(crate) fn component(&self, id: ComponentId, name: String) -> Result<Component> {
        let mut component = Component {
            name,
            description: None,
            owner: None,
            tags: Vec::new(),
            stale_after_s: None,
            last_run: None,
            last_status: None,
            last_started_at: None,
        };
        let last = self.one(
            "SELECT id, status, started_at FROM run WHERE component = ?1 ORDER BY started_at DESC, uuid DESC LIMIT 1",
            &[id.into()],
            |row| Ok((RunId(row.integer(0)?), Status::decode(row.integer(1)?)?, from_micros(row.integer(2)?))),
        )?;
        if let Some((run, status, started_at)) = last {
            component.last_run = Some(run);
            component.last_status = Some(status);
            component.last_started_at = Some(started_at);
        }
        let mut tags = BTreeSet::new();
        // Asked first, because where nobody stated metadata the search for it would walk every run.
        let stated = "SELECT 1 FROM definition WHERE component = ?1 AND states_metadata = 1 LIMIT 1";
        if self.one(stated, &[id.into()], |row| row.integer(0))?.is_some() {
            self.one(
                "SELECT d.description, d.owner, d.tags, d.stale_after FROM run r JOIN definition d ON d.id = r.definition
                 WHERE r.component = ?1 AND d.states_metadata = 1
                 ORDER BY r.started_at DESC, r.uuid DESC LIMIT 1",
                &[id.into()],
                |row| {
                    component.description = row.optional_text(0)?.map(ToOwned::to_owned);
                    component.owner = row.optional_text(1)?.map(ToOwned::to_owned);
                    tags.extend(text_list(row.text(2)?)?);
                    component.stale_after_s = row.optional_integer(3)?.map(i64::cast_unsigned);
                    Ok(())
                },
            )?;
        }
        tags.extend(self.all("SELECT tag FROM component_tag WHERE component = ?1", &[id.into()], |row| {
            row.text(0).map(ToOwned::to_owned)
        })?);
        component.tags = tags.into_iter().collect();
        Ok(component)
    }

    /// A pointer as the run that wrote it, or else the last run that read it, recorded it.
    pub(crate) fn pointer(&self, name: NameId, run: Option<RunId>) -> Result<Option<IoPointer>> {
        const COLUMNS: &str = "n.text, s.text, v.kind, v.value, e.type,
            EXISTS (SELECT 1 FROM flag f WHERE f.name = e.name AND (f.version IS NULL OR f.version = e.version))";
        const JOINS: &str = "JOIN text n ON n.id = e.name LEFT JOIN text s ON s.id = e.spelled
             LEFT JOIN version v ON v.id = e.version";
        match run {
            Some(run) => self.one(
                &format!("SELECT {COLUMNS} FROM output e {JOINS} WHERE e.run = ?1 AND e.name = ?2 ORDER BY e.position"),
                &[run.into(), name.into()],
                pointer,
            ),
            None => self.one(
                &format!("SELECT {COLUMNS} FROM input e {JOINS} WHERE e.name = ?1 ORDER BY e.ended_at DESC LIMIT 1"),
                &[name.into()],
                pointer,
            ),
        }
    }

    /// The versions of a name that runs wrote, whose value begins as given.
    pub(crate) fn versions_of(&self, name: NameId, beginning: &str) -> Result<Vec<(VersionId, Version)>> {
        let found = self.all(
            "SELECT DISTINCT v.id, v.kind, v.value FROM output o JOIN version v ON v.id = o.version WHERE o.name = ?1",
            &[name.into()],
            |row| {
                let kind = VersionKind::decode(row.integer(1)?)?;
                let value = version_text(kind, row.blob(2)?)?;
                Ok((VersionId(row.integer(0)?), Version { kind, value }))
            },
        )?;
        let matches =
            |version: &Version| version.value.starts_with(beginning) || version.to_string().starts_with(beginning);
        Ok(found.into_iter().filter(|(_, version)| matches(version)).collect())
    }
}

fn record(id: RunId, row: &dyn Row) -> Result<RunRecord> {
    let started_at = row.integer(4)?;
    let ended_at = row.optional_integer(5)?;
    #[allow(clippy::cast_precision_loss, reason = "exact up to 285 years")]
    let duration_ms = ended_at.map(|ended_at| (ended_at - started_at) as f64 / 1e3);
    Ok(RunRecord {
        id,
        uuid: uuid(row.blob(0)?)?,
        component: row.text(1)?.to_owned(),
        status: Status::decode(row.integer(2)?)?,
        partition: row.optional_text(3)?.map(ToOwned::to_owned),
        started_at: from_micros(started_at),
        ended_at: ended_at.map(from_micros),
        duration_ms,
        parent: row.optional_blob(6)?.map(uuid).transpose()?,
        inputs: Vec::new(),
        outputs: Vec::new(),
        dependencies: Vec::new(),
        stale: None,
        git: git(row)?,
        code: CodeRecord {
            file: row.optional_text(8)?.map(ToOwned::to_owned),
            line: row.optional_integer(9)?.and_then(|line| u32::try_from(line).ok()),
            crate_version: row.optional_text(10)?.map(ToOwned::to_owned),
            snapshot: row.optional_text(11)?.map(ToOwned::to_owned),
        },
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        checks: Vec::new(),
        labels: None,
        notes: Vec::new(),
        error: row.optional_text(7)?.map(ToOwned::to_owned),
        host: row.optional_text(14)?.map(ToOwned::to_owned),
        pid: row.optional_integer(15)?.and_then(|pid| u32::try_from(pid).ok()),
    })
}

/// The commit that the build stated; else the process's, unless that is of a repository the code does not lie in.
fn git(row: &dyn Row) -> Result<GitRecord> {
    if let Some(commit) = row.optional_text(12)? {
        let (commit, dirty) = match commit.strip_suffix("-dirty") {
            Some(commit) => (commit, Some(true)),
            None => (commit, None),
        };
        let source = Some(CommitSource::Build);
        return Ok(GitRecord { commit: Some(commit.to_owned()), dirty, tags: Vec::new(), source });
    }
    let source = row.optional_text(19)?.map(commit_source).transpose()?;
    if source == Some(CommitSource::Cwd) && row.integer(13)? == 0 {
        return Ok(GitRecord::default());
    }
    Ok(GitRecord {
        commit: row.optional_text(16)?.map(ToOwned::to_owned),
        dirty: row.optional_integer(17)?.map(|dirty| dirty != 0),
        tags: row.optional_text(18)?.map(text_list).transpose()?.unwrap_or_default(),
        source,
    })
}

/// Columns 0 to 5: name, spelled, version kind, version value, type, flagged.
fn pointer(row: &dyn Row) -> Result<IoPointer> {
    let version = match row.optional_integer(2)? {
        Some(kind) => {
            let kind = VersionKind::decode(kind)?;
            Some(Version { kind, value: version_text(kind, row.blob(3)?)? })
        }
        None => None,
    };
    Ok(IoPointer {
        name: row.text(0)?.to_owned(),
        spelled: row.optional_text(1)?.map(ToOwned::to_owned),
        version,
        pointer_type: PointerType::decode(row.integer(4)?)?,
        flagged: row.integer(5)? != 0,
        labels: None,
    })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| damaged("a value that is no JSON").with_source(source))
}

fn text_list(text: &str) -> Result<Vec<String>> {
    json(text)
}
