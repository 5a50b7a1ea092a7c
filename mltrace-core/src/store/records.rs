//! Runs as owned values, read in batches: a statement a table, not a statement a run.

use std::collections::BTreeMap;
use std::ops::Range;

use super::View;
use super::engine::{Row, Value};
use super::liveness::{self, LIVENESS};
use super::rows::{Coded, commit_source, damaged, uuid, version_text};
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{
    Check, CheckStatus, CodeRecord, CommitSource, Dependency, GitRecord, InputRecord, IoPointer, Match, Note,
    PointerType, RunId, RunPart, RunRecord, Version, VersionKind,
};

/// How many runs a statement reads.
pub(super) const BATCH: usize = 32;

/// The batch in a statement. A smaller one repeats its last id.
pub(super) const IDS: &str = "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
                   ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)";

/// Inputs as [`pointer`] reads them, with when and from which run they were read, and whether from the reader itself: a case,
/// for SQLite works out both sides of `AND`.
pub(super) const INPUTS: &str = "SELECT i.run, n.text, s.text, v.kind, v.value, i.type,
        EXISTS (SELECT 1 FROM flag f WHERE f.name = i.name AND (f.version IS NULL OR f.version = i.version)),
        i.captured_at, i.upstream, c.name, i.match, i.modified, i.overlapping,
        CASE WHEN i.upstream IS NULL THEN EXISTS (
            SELECT 1 FROM output o WHERE o.name = i.name AND o.version = i.version AND o.ended_at = i.ended_at AND o.run = i.run)
        ELSE FALSE END
    FROM input i
    JOIN text n ON n.id = i.name
    LEFT JOIN text s ON s.id = i.spelled
    LEFT JOIN version v ON v.id = i.version
    LEFT JOIN run u ON u.id = i.upstream
    LEFT JOIN component c ON c.id = u.component";

/// Outputs as [`pointer`] reads them.
pub(super) const OUTPUTS: &str = "SELECT o.run, n.text, s.text, v.kind, v.value, o.type,
        EXISTS (SELECT 1 FROM flag f WHERE f.name = o.name AND (f.version IS NULL OR f.version = o.version))
    FROM output o
    JOIN text n ON n.id = o.name
    LEFT JOIN text s ON s.id = o.spelled
    LEFT JOIN version v ON v.id = o.version";

/// Which inputs and outputs of a run are read, by their positions.
pub(crate) struct Pointers {
    pub(crate) inputs: Range<u32>,
    pub(crate) outputs: Range<u32>,
}

impl Pointers {
    pub(crate) const ALL: Self = Self { inputs: 0..u32::MAX, outputs: 0..u32::MAX };

    /// All inputs, and so many outputs if that is given.
    pub(crate) fn with_outputs(at_most: Option<u32>) -> Self {
        Self { outputs: 0..at_most.unwrap_or(u32::MAX), ..Self::ALL }
    }
}

/// Positions are counted from 0 without gaps.
const LAST_INPUT: &str = "SELECT position FROM input WHERE run = ?1 ORDER BY position DESC LIMIT 1";
const LAST_OUTPUT: &str = "SELECT position FROM output WHERE run = ?1 ORDER BY position DESC LIMIT 1";

impl View<'_> {
    /// Everything about one run.
    pub(crate) fn run(&self, id: RunId) -> Result<Option<RunRecord>> {
        Ok(self.runs(&[id])?.pop())
    }

    /// Everything about these runs, in this order. Those that are not there are left out.
    pub(crate) fn runs(&self, ids: &[RunId]) -> Result<Vec<RunRecord>> {
        self.runs_with(ids, &Pointers::ALL)
    }

    /// The same with some of the inputs and outputs of each.
    pub(crate) fn runs_with(&self, ids: &[RunId], pointers: &Pointers) -> Result<Vec<RunRecord>> {
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            records.extend(Batch::read(self, ids, pointers)?.records.into_iter().flatten());
        }
        Ok(records)
    }

    /// The same beside how many there are.
    pub(crate) fn run_parts(&self, ids: &[RunId], pointers: &Pointers) -> Result<Vec<RunPart>> {
        let runs = self.runs_with(ids, pointers)?.into_iter();
        runs.map(|run| {
            let [inputs, outputs] = [LAST_INPUT, LAST_OUTPUT].map(|sql| {
                let last = self.one(sql, &[run.id.into()], |row| row.integer(0))?;
                Ok(last.map_or(0, |last| last.unsigned_abs() + 1))
            });
            Ok(RunPart { inputs: inputs?, outputs: outputs?, run })
        })
        .collect()
    }
}

/// Some runs while they are read.
struct Batch<'i> {
    ids: &'i [RunId],
    /// As `ids`, `None` where there is no such run.
    records: Vec<Option<RunRecord>>,
}

impl<'i> Batch<'i> {
    fn read(view: &View<'_>, ids: &'i [RunId], pointers: &Pointers) -> Result<Self> {
        let mut batch = Self { ids, records: ids.iter().map(|_| None).collect() };
        batch.read_runs(view)?;
        batch.read_inputs(view, &pointers.inputs)?;
        batch.read_declared(view)?;
        batch.read_outputs(view, &pointers.outputs)?;
        batch.read_facts(view)?;
        Ok(batch)
    }

    /// Asks for rows of all runs of the batch, whose id is their first column, and hands each to `each` with its run.
    fn rows(
        &mut self,
        view: &View<'_>,
        sql: &str,
        more: &[Value<'_>],
        mut each: impl FnMut(&mut RunRecord, &dyn Row) -> Result<()>,
    ) -> Result<()> {
        view.0.query(sql, &[&values(self.ids), more].concat(), &mut |row| {
            let id = RunId(row.integer(0)?);
            let place = self.ids.iter().position(|&asked| asked == id);
            match place.and_then(|place| self.records[place].as_mut()) {
                Some(record) => each(record, row),
                None => Ok(()),
            }
        })
    }

    fn read_runs(&mut self, view: &View<'_>) -> Result<()> {
        let sql = format!(
            "SELECT r.id, r.uuid, c.name, r.status, p.text, r.started_at, r.ended_at, r.parent, r.error,
                    d.file, d.line, d.crate_version, s.text, d.build_commit, d.in_repository,
                    w.host, w.pid, w.git_commit, w.git_dirty, w.git_tags, w.git_source, r.collected_at,
                    {LIVENESS}
             FROM run r
             JOIN component c ON c.id = r.component
             JOIN definition d ON d.id = r.definition
             LEFT JOIN snapshot s ON s.id = d.snapshot
             LEFT JOIN text p ON p.id = r.partition
             LEFT JOIN process w ON w.id = r.process
             WHERE r.id IN {IDS}"
        );
        view.0.query(&sql, &values(self.ids), &mut |row| {
            let record = record(row)?;
            if let Some(place) = self.ids.iter().position(|&asked| asked == record.id) {
                self.records[place] = Some(record);
            }
            Ok(())
        })
    }

    fn read_inputs(&mut self, view: &View<'_>, positions: &Range<u32>) -> Result<()> {
        let sql = format!(
            "{INPUTS} WHERE i.run IN {IDS} AND i.position >= ?33 AND i.position < ?34 ORDER BY i.run, i.position"
        );
        self.rows(view, &sql, &ends(positions), |record, row| {
            let pointer = pointer(row)?;
            if let Some(upstream) = row.optional_integer(8)? {
                record.dependencies.push(Dependency {
                    run: RunId(upstream),
                    component: row.text(9)?.to_owned(),
                    pointer: Some(pointer.name.clone()),
                    matched: Match::decode(row.integer(10)?)?,
                    modified: row.integer(11)? != 0,
                    overlapping: row.integer(12)? != 0,
                });
            }
            record.inputs.push(InputRecord {
                pointer,
                captured_at: from_micros(row.integer(7)?),
                read_back: row.integer(13)? != 0,
            });
            Ok(())
        })
    }

    fn read_declared(&mut self, view: &View<'_>) -> Result<()> {
        let sql = format!(
            "SELECT d.run, d.upstream, c.name FROM declared d JOIN component c ON c.id = d.component
             WHERE d.run IN {IDS} AND d.upstream IS NOT NULL ORDER BY d.run, c.name"
        );
        self.rows(view, &sql, &[], |record, row| {
            record.dependencies.push(Dependency {
                run: RunId(row.integer(1)?),
                component: row.text(2)?.to_owned(),
                pointer: None,
                matched: Match::Declared,
                modified: false,
                overlapping: false,
            });
            Ok(())
        })
    }

    fn read_outputs(&mut self, view: &View<'_>, positions: &Range<u32>) -> Result<()> {
        let sql = format!(
            "{OUTPUTS} WHERE o.run IN {IDS} AND o.position >= ?33 AND o.position < ?34 ORDER BY o.run, o.position"
        );
        self.rows(view, &sql, &ends(positions), |record, row| {
            record.outputs.push(pointer(row)?);
            Ok(())
        })
    }

    fn read_facts(&mut self, view: &View<'_>) -> Result<()> {
        let params =
            format!("SELECT p.run, n.text, p.value FROM param p JOIN text n ON n.id = p.name WHERE p.run IN {IDS}");
        self.rows(view, &params, &[], |record, row| {
            record.params.insert(row.text(1)?.to_owned(), json(row.text(2)?)?);
            Ok(())
        })?;
        let metrics =
            format!("SELECT m.run, n.text, m.value FROM metric m JOIN text n ON n.id = m.name WHERE m.run IN {IDS}");
        self.rows(view, &metrics, &[], |record, row| {
            record.metrics.insert(row.text(1)?.to_owned(), row.real(2)?);
            Ok(())
        })?;
        let checks =
            format!("SELECT run, name, status, message FROM check_result WHERE run IN {IDS} ORDER BY run, position");
        self.rows(view, &checks, &[], |record, row| {
            record.checks.push(Check {
                name: row.text(1)?.to_owned(),
                status: CheckStatus::decode(row.integer(2)?)?,
                message: row.optional_text(3)?.map(ToOwned::to_owned),
            });
            Ok(())
        })?;
        let notes = format!("SELECT run, written_at, text FROM note WHERE run IN {IDS} ORDER BY run, written_at, id");
        self.rows(view, &notes, &[], |record, row| {
            record.notes.push(Note { written_at: from_micros(row.integer(1)?), text: row.text(2)?.to_owned() });
            Ok(())
        })
    }
}

fn ends(positions: &Range<u32>) -> [Value<'static>; 2] {
    [positions.start, positions.end].map(|position| i64::from(position).into())
}

pub(super) fn values<I: Copy + Into<Value<'static>>>(ids: &[I]) -> [Value<'static>; BATCH] {
    std::array::from_fn(|place| ids.get(place).or(ids.last()).map_or(Value::Null, |&id| id.into()))
}

fn record(row: &dyn Row) -> Result<RunRecord> {
    let started_at = row.integer(5)?;
    let ended_at = row.optional_integer(6)?;
    #[allow(clippy::cast_precision_loss, reason = "exact up to 285 years")]
    let duration_ms = ended_at.map(|ended_at| ended_at.saturating_sub(started_at) as f64 / 1e3);
    Ok(RunRecord {
        id: RunId(row.integer(0)?),
        uuid: uuid(row.blob(1)?)?,
        component: row.text(2)?.to_owned(),
        status: liveness::status(row, 3, 22)?,
        partition: row.optional_text(4)?.map(ToOwned::to_owned),
        started_at: from_micros(started_at),
        ended_at: ended_at.map(from_micros),
        duration_ms,
        parent: row.optional_blob(7)?.map(uuid).transpose()?,
        inputs: Vec::new(),
        outputs: Vec::new(),
        dependencies: Vec::new(),
        stale: None,
        stale_at_start: None,
        git: git(row)?,
        code: CodeRecord {
            file: row.optional_text(9)?.map(ToOwned::to_owned),
            line: row.optional_integer(10)?.and_then(|line| u32::try_from(line).ok()),
            crate_version: row.optional_text(11)?.map(ToOwned::to_owned),
            snapshot: row.optional_text(12)?.map(ToOwned::to_owned),
        },
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        checks: Vec::new(),
        labels: None,
        violations: None,
        notes: Vec::new(),
        error: row.optional_text(8)?.map(ToOwned::to_owned),
        host: row.optional_text(15)?.map(ToOwned::to_owned),
        pid: row.optional_integer(16)?.and_then(|pid| u32::try_from(pid).ok()),
        collected_at: row.optional_integer(21)?.map(from_micros),
    })
}

/// The commit that the build stated; else the process's, unless that is of a repository the code does not lie in.
fn git(row: &dyn Row) -> Result<GitRecord> {
    if let Some(commit) = row.optional_text(13)? {
        let (commit, dirty) = match commit.strip_suffix("-dirty") {
            Some(commit) => (commit, Some(true)),
            None => (commit, None),
        };
        let source = Some(CommitSource::Build);
        return Ok(GitRecord { commit: Some(commit.to_owned()), dirty, tags: Vec::new(), source });
    }
    let source = row.optional_text(20)?.map(commit_source).transpose()?;
    if source == Some(CommitSource::Cwd) && row.integer(14)? == 0 {
        return Ok(GitRecord::default());
    }
    Ok(GitRecord {
        commit: row.optional_text(17)?.map(ToOwned::to_owned),
        dirty: row.optional_integer(18)?.map(|dirty| dirty != 0),
        tags: row.optional_text(19)?.map(text_list).transpose()?.unwrap_or_default(),
        source,
    })
}

/// Columns 1 to 6: name, spelled, version kind, version value, type, flagged.
pub(super) fn pointer(row: &dyn Row) -> Result<IoPointer> {
    let version = match row.optional_integer(3)? {
        Some(kind) => {
            let kind = VersionKind::decode(kind)?;
            Some(Version { kind, value: version_text(kind, row.blob(4)?)? })
        }
        None => None,
    };
    Ok(IoPointer {
        name: row.text(1)?.to_owned(),
        spelled: row.optional_text(2)?.map(ToOwned::to_owned),
        version,
        pointer_type: PointerType::decode(row.integer(5)?)?,
        flagged: row.integer(6)? != 0,
        labels: None,
    })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| damaged("a value that is no JSON").with_source(source))
}

pub(super) fn text_list(text: &str) -> Result<Vec<String>> {
    json(text)
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn whether_a_run_wrote_what_it_read_is_not_sought_among_all_that_it_wrote() {
        let plan = Store::in_memory().unwrap().plan(&format!("{INPUTS} WHERE i.run = ?1"), 1);
        assert!(
            plan.contains(
                "SEARCH o USING COVERING INDEX output_by_version (name=? AND version=? AND ended_at=? AND run=?)"
            ),
            "{plan}"
        );
    }
}
