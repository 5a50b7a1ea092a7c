//! What is asked: lists of runs, pointers and versions.

use std::fmt;
use std::str::FromStr;

use super::engine::{Row, Value};
use super::liveness::{self, LIVENESS};
use super::records::{OUTPUTS, pointer};
use super::rows::{Coded, version_bytes, version_text};
use super::sqlite::BY_PARTITION;
use super::{ComponentId, NameId, OPEN, VersionId, View};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IoPointer, Match, RunId, Status, Version, VersionKind};

/// Which runs of a component a history shows. Times are microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryFilter {
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) status: Option<Status>,
    pub(crate) partition: Option<String>,
    pub(crate) parent: Option<uuid::Uuid>,
}

impl HistoryFilter {
    /// Whether runs are asked for that may lie far apart.
    pub(crate) fn is_selective(&self) -> bool {
        self.status.is_some() || self.partition.is_some() || self.parent.is_some()
    }

    /// Where a history begins that goes on after a run: were both keys asked for, SQLite might seek by the one further away.
    pub(super) fn near(&self, newest_first: bool, after: Option<HistoryKey>) -> HistoryKey {
        if newest_first {
            let near = HistoryKey { started_at: self.until.unwrap_or(i64::MAX), run: RunId(i64::MAX) };
            after.map_or(near, |after| after.min(near))
        } else {
            let near = HistoryKey { started_at: self.since.unwrap_or(i64::MIN), run: RunId(i64::MIN) };
            after.map_or(near, |after| after.max(near))
        }
    }
}

/// A run's place in its component's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HistoryKey {
    pub(crate) started_at: i64,
    pub(crate) run: RunId,
}

/// As it stands in the `next` of a page.
impl fmt::Display for HistoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.started_at, self.run)
    }
}

impl FromStr for HistoryKey {
    type Err = Error;

    fn from_str(cursor: &str) -> Result<Self> {
        let key = cursor
            .split_once('.')
            .and_then(|(started_at, run)| Some(Self { started_at: started_at.parse().ok()?, run: run.parse().ok()? }));
        key.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("`{cursor}` is not a cursor of a history")))
    }
}

impl View<'_> {
    /// The ids of the runs that a run depends on, some perhaps twice.
    pub(crate) fn upstream_ids(&self, run: RunId) -> Result<Vec<RunId>> {
        self.all(
            "SELECT upstream FROM input WHERE run = ?1 AND upstream IS NOT NULL
             UNION ALL SELECT upstream FROM declared WHERE run = ?1 AND upstream IS NOT NULL",
            &[run.into()],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The ids of the runs that depend on a run, the latest first, of which there may be millions: at most so many.
    pub(crate) fn downstream_ids(&self, run: RunId, most: Option<usize>) -> Result<Vec<RunId>> {
        self.all(
            "SELECT run FROM input WHERE upstream = ?1 UNION SELECT run FROM declared WHERE upstream = ?1
             ORDER BY run DESC LIMIT ?2",
            &[run.into(), at_most(most)],
            |row| row.integer(0).map(RunId),
        )
    }

    /// The runs that read a name, those that ended last first, and at most so many. Of one version of it: those that read
    /// this version, and those that read from a run that wrote it where the bytes do not prove the edge.
    pub(crate) fn readers_of(
        &self,
        name: NameId,
        version: Option<VersionId>,
        most: Option<usize>,
    ) -> Result<Vec<RunId>> {
        let run = |row: &dyn Row| row.integer(0).map(RunId);
        match version {
            None => self.all(
                "SELECT DISTINCT run, ended_at FROM input WHERE name = ?1 ORDER BY ended_at DESC LIMIT ?2",
                &[name.into(), at_most(most)],
                run,
            ),
            Some(version) => self.all(&readers_of_version(), &[name.into(), version.into(), at_most(most)], run),
        }
    }

    /// When a run started.
    pub(crate) fn started_at(&self, run: RunId) -> Result<Option<i64>> {
        self.one("SELECT started_at FROM run WHERE id = ?1", &[run.into()], |row| row.integer(0))
    }

    /// The run of the same component and partition that had ended last when a run started.
    pub(crate) fn run_before(&self, run: RunId) -> Result<Option<RunId>> {
        self.one(&before(), &[run.into(), OPEN.into()], |row| row.integer(0).map(RunId))
    }

    /// Whether a run is one of a component.
    pub(crate) fn is_of(&self, run: RunId, component: ComponentId) -> Result<bool> {
        let found =
            self.one("SELECT 1 FROM run WHERE id = ?1 AND component = ?2", &[run.into(), component.into()], |row| {
                row.integer(0)
            })?;
        Ok(found.is_some())
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
        let Some(asked @ (Status::Running | Status::Lost)) = filter.status else {
            return self.stored_history(component, filter, newest_first, after, limit);
        };
        // Which of the open ones are lost stands in no column.
        let stored = HistoryFilter { status: Some(Status::Running), ..filter.clone() };
        let mut keys = Vec::new();
        for key in self.stored_history(component, &stored, newest_first, after, u64::MAX)? {
            if self.status(key.run)? == Some(asked) {
                keys.push(key);
            }
        }
        keys.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(keys)
    }

    /// The last of so many runs of a history, whatever else is asked of them than when they started.
    pub(crate) fn history_edge(
        &self,
        component: ComponentId,
        filter: &HistoryFilter,
        newest_first: bool,
        after: Option<HistoryKey>,
        runs: u64,
    ) -> Result<Option<HistoryKey>> {
        let span = HistoryFilter { since: filter.since, until: filter.until, ..HistoryFilter::default() };
        let seen = self.stored_history(component, &span, newest_first, after, runs)?;
        Ok(seen.last().copied().filter(|_| seen.len() as u64 == runs))
    }

    fn status(&self, run: RunId) -> Result<Option<Status>> {
        self.one(
            &format!("SELECT r.status, {LIVENESS} FROM run r LEFT JOIN process w ON w.id = r.process WHERE r.id = ?1"),
            &[run.into()],
            |row| liveness::status(row, 0, 1),
        )
    }

    pub(super) fn stored_history(
        &self,
        component: ComponentId,
        filter: &HistoryFilter,
        newest_first: bool,
        after: Option<HistoryKey>,
        limit: u64,
    ) -> Result<Vec<HistoryKey>> {
        let (order, beyond) = if newest_first { ("DESC", "<") } else { ("ASC", ">") };
        let near = filter.near(newest_first, after);
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
                Value::from(near.started_at),
                near.run.into(),
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

    /// The id of a run by its uuid.
    pub(crate) fn run_id(&self, uuid: uuid::Uuid) -> Result<Option<RunId>> {
        self.one("SELECT id FROM run WHERE uuid = ?1", &[uuid.as_bytes().as_slice().into()], |row| {
            row.integer(0).map(RunId)
        })
    }

    /// A pointer as a run wrote it, in a version if one is given.
    pub(crate) fn output(&self, run: RunId, name: NameId, version: Option<VersionId>) -> Result<Option<IoPointer>> {
        self.one(
            &output(),
            &[run.into(), name.into(), version.into(), Status::Completed.code().into(), OPEN.into()],
            pointer,
        )
    }

    /// The versions of a name that runs wrote, whose value begins as given.
    pub(crate) fn versions_of(&self, name: NameId, beginning: &str) -> Result<Vec<(VersionId, Version)>> {
        let sql =
            "SELECT DISTINCT v.id, v.kind, v.value FROM output o JOIN version v ON v.id = o.version WHERE o.name = ?1";
        self.versions(sql, name, beginning)
    }

    /// The versions that are spelled so, of whatever they are some: the one that is named with its kind, then those of which
    /// it is the value.
    pub(crate) fn versions_spelled(&self, text: &str) -> Result<Vec<VersionId>> {
        let named = self.version_named(text)?;
        let mut found: Vec<VersionId> = named.into_iter().collect();
        for kind in KINDS {
            found.extend(self.version_of(kind, text)?);
        }
        Ok(found)
    }

    /// The version that is spelled so with its kind.
    pub(crate) fn version_named(&self, text: &str) -> Result<Option<VersionId>> {
        let named = |kind| Some((kind, text.strip_prefix(&format!("{kind}:"))?));
        match KINDS.into_iter().find_map(named) {
            Some((kind, value)) => self.version_of(kind, value),
            None => Ok(None),
        }
    }

    fn version_of(&self, kind: VersionKind, value: &str) -> Result<Option<VersionId>> {
        // A text that cannot be a value of the kind is none.
        if version_bytes(kind, value).is_err() {
            return Ok(None);
        }
        self.version_id(&Version { kind, value: value.to_owned() })
    }

    /// Whether a run wrote a name in a version.
    pub(crate) fn is_written(&self, name: NameId, version: VersionId) -> Result<bool> {
        let sql = "SELECT 1 FROM output WHERE name = ?1 AND version = ?2 LIMIT 1";
        Ok(self.one(sql, &[name.into(), version.into()], |row| row.integer(0))?.is_some())
    }

    /// Whether a run read it so.
    pub(crate) fn is_read(&self, name: NameId, version: VersionId) -> Result<bool> {
        Ok(self.one(IS_READ, &[name.into(), version.into()], |row| row.integer(0))?.is_some())
    }

    /// The versions of a name that runs wrote or read, whose value begins as given.
    pub(crate) fn versions_seen(&self, name: NameId, beginning: &str) -> Result<Vec<(VersionId, Version)>> {
        let sql = "SELECT v.id, v.kind, v.value FROM version v JOIN (
                SELECT version FROM output WHERE name = ?1 AND version IS NOT NULL
                UNION SELECT version FROM input WHERE name = ?1 AND version IS NOT NULL
            ) seen ON seen.version = v.id";
        self.versions(sql, name, beginning)
    }

    fn versions(&self, sql: &str, name: NameId, beginning: &str) -> Result<Vec<(VersionId, Version)>> {
        let found = self.all(sql, &[name.into()], |row| {
            let kind = VersionKind::decode(row.integer(1)?)?;
            let value = version_text(kind, row.blob(2)?)?;
            Ok((VersionId(row.integer(0)?), Version { kind, value }))
        })?;
        Ok(found.into_iter().filter(|(_, version)| version.begins_so(beginning)).collect())
    }
}

const KINDS: [VersionKind; 4] = [VersionKind::Hash, VersionKind::Sampled, VersionKind::Tree, VersionKind::Stated];

/// What a run wrote under a name: the key of the index that has the names is known of the run, which may have written much.
fn output() -> String {
    format!(
        "{OUTPUTS} JOIN run r ON r.id = o.run
         WHERE r.id = ?1 AND o.name = ?2 AND o.completed = (r.status = ?4) AND o.ended_at = COALESCE(r.ended_at, ?5)
           AND (?3 IS NULL OR o.version = ?3)"
    )
}

fn before() -> String {
    format!(
        "SELECT b.id FROM run r JOIN run b {BY_PARTITION}
            ON b.component = r.component AND b.partition IS NOT DISTINCT FROM r.partition
         WHERE r.id = ?1 AND b.ended_at <= r.started_at
           AND (b.ended_at, b.started_at, b.uuid) < (coalesce(r.ended_at, ?2), r.started_at, r.uuid)
         ORDER BY b.ended_at DESC, b.started_at DESC, b.uuid DESC LIMIT 1"
    )
}

const IS_READ: &str = "SELECT 1 FROM input WHERE name = ?1 AND version = ?2 LIMIT 1";

/// The runs that read a version, and those that read from a run that wrote it where the bytes do not prove the edge. Each is
/// sought for itself, so that who read other versions, or what else a writer wrote, is passed by.
fn readers_of_version() -> String {
    let unproven = Match::Name.code();
    format!(
        "SELECT run, ended_at FROM input WHERE name = ?1 AND version = ?2
         UNION SELECT i.run, i.ended_at FROM output o CROSS JOIN input i
            WHERE o.name = ?1 AND o.version = ?2 AND i.upstream = o.run AND i.name = ?1 AND i.match = {unproven}
         ORDER BY ended_at DESC, run DESC LIMIT ?3"
    )
}

/// Where a list that is sorted by name begins, and how what it holds compares with that.
pub(super) fn seek<'a>(beginning: &'a str, after: Option<&'a str>) -> (&'a str, &'static str) {
    match after {
        Some(after) if after >= beginning => (after, ">"),
        _ => (beginning, ">="),
    }
}

pub(super) fn limit(rows: usize) -> Value<'static> {
    i64::try_from(rows).unwrap_or(i64::MAX).into()
}

/// A limit, if there is one: less than nothing stands for none.
pub(super) fn at_most(rows: Option<usize>) -> Value<'static> {
    rows.map_or((-1).into(), limit)
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn an_output_is_not_sought_among_all_that_its_run_wrote() {
        let plan = Store::in_memory().unwrap().plan(&output(), 5);
        assert!(plan.contains("output_by_name (name=? AND completed=? AND ended_at=? AND run=?)"), "{plan}");
    }

    #[test]
    fn a_version_is_sought_among_readings_as_such() {
        let plan = Store::in_memory().unwrap().plan(IS_READ, 2);
        assert_eq!(plan, "SEARCH input USING COVERING INDEX input_by_version (name=? AND version=?)");
    }

    #[test]
    fn readers_of_a_version_are_sought_without_looking_at_those_of_others() {
        let plan = Store::in_memory().unwrap().plan(&readers_of_version(), 3);
        for step in [
            "SEARCH input USING COVERING INDEX input_by_version (name=? AND version=?)",
            "SEARCH o USING COVERING INDEX output_by_version (name=? AND version=?)",
            "SEARCH i USING INDEX input_unproven (upstream=? AND name=?)",
        ] {
            assert!(plan.contains(step), "{plan}");
        }
    }

    #[test]
    fn the_run_before_is_sought_whether_there_is_a_partition_or_none() {
        let plan = Store::in_memory().unwrap().plan(&before(), 2);
        assert!(
            plan.contains("SEARCH b USING INDEX run_by_partition (component=? AND partition=? AND ended_at<?)"),
            "{plan}"
        );
        assert!(plan.contains("LAST 2 TERMS OF ORDER BY"), "of runs that ended at once alone: {plan}");
    }
}
