//! Is a run stale? Judged as of a moment: only the runs that had ended by then exist, and the one that is judged.
//!
//! A run is stale by itself where
//! - `old_input`: a run directly upstream ended more than the threshold before it started; the threshold is what its
//!   component states, else 30 days;
//! - `old_run`: it ended longer ago than its component states;
//! - `fresher_upstream`: of the component and partition of a run directly upstream there is a later completed run, which
//!   is not behind the judged run (nor that run itself) and wrote other versions, as a multiset; a missing version differs
//!   from everything. Where several runs wrote the name that was read, only those that wrote it count.
//!
//! It is stale by others (`stale_upstream`) where a run behind it is stale by itself. "Behind" always means behind the run
//! that is judged, also when the rules are asked of its ancestors: what it has read is not news to it.

mod words;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{RunId, Stale, StaleKind};
use crate::store::{ComponentId, NameId, Producer, Standing, Upstream, VersionId, View};

const SECOND: i64 = 1_000_000;
/// How long before a run its inputs may have been written, where its component states nothing else.
const OLD_INPUT: i64 = 30 * 86_400 * SECOND;

/// Why a run is stale by itself. Ages are microseconds.
#[derive(Debug, Clone)]
enum Reason {
    OldInput { writer: RunId, names: Vec<Option<NameId>>, age: i64, limit: i64 },
    OldRun { run: RunId, age: i64, limit: i64 },
    Fresher(Fresher),
}

/// A run that is fresher than one that was read.
#[derive(Debug, Clone)]
struct Fresher {
    newer: RunId,
    than: RunId,
    names: Vec<Option<NameId>>,
    /// It wrote the very name that was read, as others did.
    is_rewrite: bool,
}

impl Reason {
    fn kind(&self) -> StaleKind {
        match self {
            Self::OldInput { .. } => StaleKind::OldInput,
            Self::OldRun { .. } => StaleKind::OldRun,
            Self::Fresher(_) => StaleKind::FresherUpstream,
        }
    }

    fn points_at(&self) -> RunId {
        match self {
            Self::OldInput { writer: run, .. }
            | Self::OldRun { run, .. }
            | Self::Fresher(Fresher { newer: run, .. }) => *run,
        }
    }
}

/// The runs among which the latest is sought: of a component's partition, and perhaps only those that wrote a name.
type Group = (ComponentId, Option<NameId>, Option<NameId>);

/// Judges runs as of one moment, and remembers what it has looked up for the next.
pub(crate) struct Judge<'v> {
    view: &'v View<'v>,
    as_of: i64,
    standings: HashMap<RunId, Rc<Standing>>,
    latest: HashMap<Group, Option<Producer>>,
    written: HashMap<RunId, Rc<Vec<Option<VersionId>>>>,
    stale_after: HashMap<ComponentId, Option<i64>>,
    facts: HashMap<RunId, Rc<Facts>>,
}

/// What is so of a run whichever is judged. Runs that are judged one after the other have many ancestors in common.
struct Facts {
    /// What it depends on, of that which existed.
    upstream: Vec<Upstream>,
    /// Why it is stale by age.
    aged: Vec<Reason>,
    /// For each dependency the latest run in its place, where that is a later one.
    later: Vec<Fresher>,
}

/// A run and all behind it.
struct Lineage {
    root: RunId,
    /// Nearest first, the root before all.
    order: Vec<RunId>,
    all: HashSet<RunId>,
    readers: HashMap<RunId, Vec<RunId>>,
}

impl<'v> Judge<'v> {
    /// A judge of what had ended by a time, in microseconds.
    pub(crate) fn as_of(view: &'v View<'v>, as_of: i64) -> Self {
        Self {
            view,
            as_of,
            standings: HashMap::new(),
            latest: HashMap::new(),
            written: HashMap::new(),
            stale_after: HashMap::new(),
            facts: HashMap::new(),
        }
    }

    /// Why a run is stale: the rules in the order above, of each the runs that it points at in the order of their ids.
    pub(crate) fn judge(&mut self, run: RunId) -> Result<Vec<Stale>> {
        let lineage = self.lineage(run)?;
        let mut own = HashMap::new();
        for &run in &lineage.order {
            let reasons = self.reasons(run, &lineage.all)?;
            if !reasons.is_empty() {
                own.insert(run, reasons);
            }
        }
        let mut stale = Vec::new();
        for reason in own.remove(&run).unwrap_or_default() {
            stale.push(self.told(&reason)?);
        }
        let way = self.ways_to_a_cause(&lineage, &own)?;
        let mut upstream: Vec<_> = self.facts(run)?.upstream.iter().map(|upstream| upstream.run).collect();
        upstream.sort_unstable();
        upstream.dedup();
        for run in upstream {
            let chain = chain(run, &way, &own);
            if !chain.is_empty() {
                stale.push(self.told_by(run, &chain, &own)?);
            }
        }
        Ok(stale)
    }

    fn standing(&mut self, run: RunId) -> Result<Rc<Standing>> {
        if let Some(known) = self.standings.get(&run) {
            return Ok(Rc::clone(known));
        }
        let missing = || {
            let message =
                format!("run {run}, on which others depend, is not in the store: restore the file from a backup");
            Error::new(ErrorKind::Damaged, message)
        };
        let found = Rc::new(self.view.standing(run)?.ok_or_else(missing)?);
        self.standings.insert(run, Rc::clone(&found));
        Ok(found)
    }

    fn upstream(&mut self, standing: &Standing) -> Result<Vec<Upstream>> {
        let mut existing = Vec::with_capacity(standing.upstream.len());
        for &upstream in &standing.upstream {
            if self.standing(upstream.run)?.when.ended_at <= self.as_of {
                existing.push(upstream);
            }
        }
        Ok(existing)
    }

    fn lineage(&mut self, root: RunId) -> Result<Lineage> {
        let mut lineage = Lineage { root, order: vec![root], all: HashSet::from([root]), readers: HashMap::new() };
        let mut at = 0;
        while let Some(&reader) = lineage.order.get(at) {
            at += 1;
            for &Upstream { run, .. } in &self.facts(reader)?.upstream {
                lineage.readers.entry(run).or_default().push(reader);
                if lineage.all.insert(run) {
                    lineage.order.push(run);
                }
            }
        }
        Ok(lineage)
    }

    fn facts(&mut self, run: RunId) -> Result<Rc<Facts>> {
        if let Some(known) = self.facts.get(&run) {
            return Ok(Rc::clone(known));
        }
        let standing = self.standing(run)?;
        let upstream = self.upstream(&standing)?;
        let mut later = Vec::new();
        for edge in &upstream {
            later.extend(self.later(edge)?);
        }
        let aged = self.aged(run, &standing, &upstream)?;
        let found = Rc::new(Facts { upstream, aged, later });
        self.facts.insert(run, Rc::clone(&found));
        Ok(found)
    }

    /// Why a run is stale by itself, where these runs are no news.
    fn reasons(&mut self, run: RunId, behind: &HashSet<RunId>) -> Result<Vec<Reason>> {
        let facts = self.facts(run)?;
        let mut reasons = facts.aged.clone();
        reasons.extend(self.fresher(&facts.later, behind)?.into_iter().map(Reason::Fresher));
        Ok(reasons)
    }

    fn aged(&mut self, run: RunId, standing: &Standing, upstream: &[Upstream]) -> Result<Vec<Reason>> {
        let stated = self.stale_after(standing.component)?;
        let mut reasons = self.old_inputs(standing, upstream, stated.unwrap_or(OLD_INPUT))?;
        let age = self.as_of.saturating_sub(standing.when.ended_at);
        reasons.extend(stated.filter(|limit| age > *limit).map(|limit| Reason::OldRun { run, age, limit }));
        Ok(reasons)
    }

    fn old_inputs(&mut self, reader: &Standing, upstream: &[Upstream], limit: i64) -> Result<Vec<Reason>> {
        let mut old: BTreeMap<RunId, (i64, Vec<Option<NameId>>)> = BTreeMap::new();
        for &Upstream { run, name } in upstream {
            let age = reader.when.started_at.saturating_sub(self.standing(run)?.when.ended_at);
            if age > limit {
                old.entry(run).or_insert((age, Vec::new())).1.push(name);
            }
        }
        Ok(old.into_iter().map(|(writer, (age, names))| Reason::OldInput { writer, names, age, limit }).collect())
    }

    /// The fresher of these later runs, each beside the latest of the runs that it is fresher than.
    fn fresher(&mut self, later: &[Fresher], behind: &HashSet<RunId>) -> Result<Vec<Fresher>> {
        let mut found: BTreeMap<RunId, Fresher> = BTreeMap::new();
        for later in later {
            if behind.contains(&later.newer) || !self.wrote_otherwise(later.newer, later.than)? {
                continue;
            }
            match found.entry(later.newer) {
                Entry::Vacant(none) => {
                    none.insert(later.clone());
                }
                Entry::Occupied(mut known) if known.get().than == later.than => {
                    known.get_mut().names.extend(&later.names);
                }
                Entry::Occupied(mut known) => {
                    if self.standing(known.get().than)?.when < self.standing(later.than)?.when {
                        known.insert(later.clone());
                    }
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The latest run that could have been read in place of the one that was, where it is a later one.
    fn later(&mut self, read: &Upstream) -> Result<Option<Fresher>> {
        let writer = self.standing(read.run)?;
        let is_rewrite = match read.name {
            Some(name) => self.view.another_writer(name, read.run, self.as_of)?.is_some(),
            None => false,
        };
        let group = (writer.component, writer.partition, read.name.filter(|_| is_rewrite));
        let latest = self.latest(group)?.filter(|latest| *latest > writer.when);
        Ok(latest.map(|latest| Fresher { newer: latest.run, than: read.run, names: vec![read.name], is_rewrite }))
    }

    fn latest(&mut self, group: Group) -> Result<Option<Producer>> {
        if let Some(known) = self.latest.get(&group) {
            return Ok(*known);
        }
        let found = match group {
            (component, partition, None) => self.view.latest_completed(component, partition, self.as_of),
            (component, partition, Some(name)) => {
                self.view.latest_completed_writer(name, component, partition, self.as_of)
            }
        }?;
        self.latest.insert(group, found);
        Ok(found)
    }

    /// Whether two runs wrote different versions, names aside.
    fn wrote_otherwise(&mut self, one: RunId, other: RunId) -> Result<bool> {
        let (one, other) = (self.written(one)?, self.written(other)?);
        // Sorted, so that a version that is not known stands first.
        Ok(one != other || one.first().is_some_and(Option::is_none))
    }

    fn written(&mut self, run: RunId) -> Result<Rc<Vec<Option<VersionId>>>> {
        if let Some(known) = self.written.get(&run) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.view.written_versions(run)?);
        self.written.insert(run, Rc::clone(&found));
        Ok(found)
    }

    /// The age in microseconds that a component states.
    fn stale_after(&mut self, component: ComponentId) -> Result<Option<i64>> {
        if let Some(known) = self.stale_after.get(&component) {
            return Ok(*known);
        }
        let seconds = self.view.stale_after(component, self.as_of)?;
        let limit = seconds.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND));
        self.stale_after.insert(component, limit);
        Ok(limit)
    }

    /// For each run behind the root from which a run that is stale by itself can be reached, the next run on the shortest
    /// way there. Of ways as short the one over the latest run is taken.
    fn ways_to_a_cause(
        &mut self,
        lineage: &Lineage,
        own: &HashMap<RunId, Vec<Reason>>,
    ) -> Result<HashMap<RunId, RunId>> {
        let mut next = HashMap::new();
        let mut level: Vec<RunId> = own.keys().copied().collect();
        while !level.is_empty() {
            let mut latest_first = Vec::with_capacity(level.len());
            for run in level {
                latest_first.push(self.standing(run)?.when);
            }
            latest_first.sort_unstable_by(|a, b| b.cmp(a));
            let mut readers = Vec::new();
            for Producer { run, .. } in latest_first {
                for &reader in lineage.readers.get(&run).into_iter().flatten() {
                    if reader != lineage.root && !own.contains_key(&reader) && !next.contains_key(&reader) {
                        next.insert(reader, run);
                        readers.push(reader);
                    }
                }
            }
            level = readers;
        }
        Ok(next)
    }
}

/// The runs from one to the nearest that is stale by itself; none where there is none.
fn chain(from: RunId, next: &HashMap<RunId, RunId>, own: &HashMap<RunId, Vec<Reason>>) -> Vec<RunId> {
    let way = std::iter::successors(Some(from), |run| next.get(run).copied()).collect::<Vec<_>>();
    if way.last().is_some_and(|last| own.contains_key(last)) { way } else { Vec::new() }
}
