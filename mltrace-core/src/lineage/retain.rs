//! Which runs may be forgotten, and which must at least keep their place, so that no lineage breaks?
//!
//! *Kept* are runs that ended (or if they are open, began) at or after a cutoff; open runs whose process may live; of each
//! component and partition the latest completed run; of each component the run with the latest start and the run that its
//! metadata is of; and runs that wrote a flagged output. Older runs that a kept run's trace needs, or that carry a label,
//! become *tombstones*, as do those that these depend on. All others are removed.
//!
//! What stays is closed upstream, so that no edge of it loses its end. It also holds, for every input of it, whichever runs
//! the rule of [`resolve`](super::resolve) decided by: resolving again gives the same edge. And it holds those by which the
//! rule of [`stale`](super::stale) judges it now: nothing becomes stale, or fresh, because others were forgotten.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::trace;
use crate::error::Result;
use crate::model::{Process, RunId, Status};
use crate::store::{ComponentId, Life, OPEN, Protection, View};

/// What is to become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays as it is.
    Kept,
    /// It loses all but its place in the lineage.
    Tombstone,
    Removed,
}

/// A run and its fate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    pub(crate) run: RunId,
    pub(crate) component: ComponentId,
    pub(crate) fate: Fate,
    moment: i64,
}

/// The fate of every run, given a cutoff in microseconds and a way to tell that a process is gone for good.
pub(crate) fn plan(view: &View<'_>, cutoff: i64, is_gone: &dyn Fn(&Process) -> bool) -> Result<Vec<Planned>> {
    let mut survey = Survey::default();
    view.each_life(&mut |life| {
        survey.see(&life, cutoff);
        Ok(())
    })?;
    let mut kept = survey.kept();
    for &run in &survey.open {
        if !view.process_of(run)?.is_some_and(|process| is_gone(&process)) {
            kept.insert(run);
        }
    }
    kept.extend(view.flagged_writers(&Protection::NONE)?);
    let mut needed: HashSet<RunId> = trace::touched(view, view.labelled(&Protection::NONE)?)?.into_iter().collect();
    needed.extend(&kept);
    let needed = closed_upstream(view, needed, &|_| false)?;
    for planned in &mut survey.runs {
        planned.fate = match planned.fate {
            _ if kept.contains(&planned.run) => Fate::Kept,
            fate if needed.contains(&planned.run) => fate,
            _ => Fate::Removed,
        };
    }
    Ok(survey.runs)
}

/// What one look at every run finds.
#[derive(Default)]
struct Survey {
    /// A run that is whole could become a tombstone; a tombstone could only be kept.
    runs: Vec<Planned>,
    recent: HashSet<RunId>,
    /// Runs before the cutoff that have not ended.
    open: Vec<RunId>,
    last_completed: HashMap<(ComponentId, Option<crate::store::NameId>), Life>,
    last_started: HashMap<ComponentId, Life>,
    metadata: HashMap<ComponentId, Life>,
}

impl Survey {
    fn see(&mut self, life: &Life, cutoff: i64) {
        let fate = if life.is_whole { Fate::Tombstone } else { Fate::Kept };
        self.runs.push(Planned { run: life.run, component: life.component, fate, moment: life.moment() });
        if life.moment() >= cutoff {
            self.recent.insert(life.run);
        } else if life.ended_at.is_none() {
            self.open.push(life.run);
        }
        let start = |life: &Life| (life.started_at, life.uuid);
        if life.status == Status::Completed {
            keep_greatest(&mut self.last_completed, (life.component, life.partition), life, Life::lateness);
        }
        keep_greatest(&mut self.last_started, life.component, life, start);
        if life.states_metadata {
            keep_greatest(&mut self.metadata, life.component, life, start);
        }
    }

    fn kept(&self) -> HashSet<RunId> {
        let last = self.last_completed.values().chain(self.last_started.values()).chain(self.metadata.values());
        self.recent.iter().copied().chain(last.map(|life| life.run)).collect()
    }
}

fn keep_greatest<K: std::hash::Hash + Eq, O: Ord>(
    greatest: &mut HashMap<K, Life>,
    key: K,
    life: &Life,
    order: impl Fn(&Life) -> O,
) {
    let held = greatest.entry(key).or_insert(*life);
    if order(held) < order(life) {
        *held = *life;
    }
}

/// The runs that must stay because of flags and labels that came since, apart from those that stay anyway, behind which
/// all does.
pub(crate) fn protected_since(
    view: &View<'_>,
    since: &Protection,
    stays: &dyn Fn(RunId) -> bool,
) -> Result<HashSet<RunId>> {
    let flagged = view.flagged_writers(since)?;
    let labelled = trace::touched(view, view.labelled(since)?)?;
    closed_upstream(view, flagged.into_iter().chain(labelled).collect(), stays)
}

/// These runs and all that their edges depend on, as far as nothing is reached whose upstream is known.
fn closed_upstream(view: &View<'_>, from: HashSet<RunId>, is_known: &dyn Fn(RunId) -> bool) -> Result<HashSet<RunId>> {
    let mut open: Vec<RunId> = from.iter().copied().collect();
    let mut reached = from;
    while let Some(run) = open.pop() {
        if is_known(run) {
            continue;
        }
        let decisive = view.upstream_ids(run)?.into_iter().chain(witnesses(view, run)?).chain(rivals(view, run)?);
        open.extend(decisive.filter(|&upstream| reached.insert(upstream)));
    }
    Ok(reached)
}

/// The runs without which inputs of a run would resolve otherwise, though they depend on another run, or on none: the
/// latest that had written a name, where a run that was still writing it was preferred, or the reader's own bytes were.
fn witnesses(view: &View<'_>, run: RunId) -> Result<Vec<RunId>> {
    let mut witnesses = Vec::new();
    for reading in view.indirect_readings(run)? {
        witnesses.extend(view.named_ended(&reading)?.map(|producer| producer.run));
    }
    Ok(witnesses)
}

/// The runs by which a run is judged stale, apart from those that are kept anyway: of each name that it read, the latest
/// that its writer is compared with; and another writer, for as long as there is one the name is known to be rewritten.
fn rivals(view: &View<'_>, run: RunId) -> Result<Vec<RunId>> {
    const EVER: i64 = OPEN - 1;
    let mut rivals = Vec::new();
    for upstream in view.standing(run)?.map(|standing| standing.upstream).unwrap_or_default() {
        let Some(name) = upstream.name else { continue };
        let Some(other) = view.another_writer(name, upstream.run, EVER)? else { continue };
        rivals.push(other);
        if let Some(writer) = view.standing(upstream.run)? {
            let latest = view.latest_completed_writer(name, writer.component, writer.partition, EVER)?;
            rivals.extend(latest.map(|producer| producer.run));
        }
    }
    Ok(rivals)
}

/// Those of these runs that are still there and old.
pub(crate) fn still_before(view: &View<'_>, runs: &[RunId], cutoff: i64) -> Result<Vec<RunId>> {
    let mut old = Vec::with_capacity(runs.len());
    for &run in runs {
        if view.is_before(run, cutoff)? {
            old.push(run);
        }
    }
    Ok(old)
}

/// The runs to remove, consumers before producers as far as their times tell.
pub(crate) fn removals(plan: &[Planned]) -> Vec<RunId> {
    let mut removed: Vec<&Planned> = plan.iter().filter(|planned| planned.fate == Fate::Removed).collect();
    removed.sort_unstable_by_key(|planned| std::cmp::Reverse((planned.moment, planned.run)));
    removed.into_iter().map(|planned| planned.run).collect()
}

/// Of these runs those that can be removed now, together with those that are to go anyway and depend on them. A run that
/// another has come to depend on meanwhile, or that is no longer old, stays with all that it depends on.
pub(crate) fn removable(
    view: &View<'_>,
    runs: &[RunId],
    is_to_go: &dyn Fn(&RunId) -> bool,
    cutoff: i64,
) -> Result<Vec<RunId>> {
    let mut group: BTreeMap<RunId, Vec<RunId>> = BTreeMap::new();
    let mut open = runs.to_vec();
    while let Some(run) = open.pop() {
        if group.contains_key(&run) || !view.is_before(run, cutoff)? {
            continue;
        }
        let referers = view.downstream_ids(run, None)?;
        open.extend(referers.iter().filter(|referer| is_to_go(referer)));
        group.insert(run, referers);
    }
    loop {
        let is_needed = |referers: &[RunId]| referers.iter().any(|referer| !group.contains_key(referer));
        let needed: Vec<RunId> =
            group.iter().filter(|(_, referers)| is_needed(referers)).map(|(&run, _)| run).collect();
        if needed.is_empty() {
            return Ok(group.into_keys().collect());
        }
        group.retain(|run, _| !needed.contains(run));
    }
}
