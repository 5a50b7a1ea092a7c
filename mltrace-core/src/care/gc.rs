//! Retention: forget what is old, but nothing that what is kept depends on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::{self, to_micros};
use crate::error::{ErrorKind, Result};
use crate::lineage::retain::{self, Fate, Planned};
use crate::model::RunId;
use crate::provenance;
use crate::store::{ComponentId, Protection};
use crate::tracer::Tracer;

/// How many runs a transaction removes: few enough that a writer who waits for it does not notice.
const STEP: usize = 300;

impl Tracer {
    /// Forgets runs from before a time, except what others still need.
    pub fn gc(&self, before: DateTime<Utc>) -> Gc<'_> {
        Gc { tracer: self, before, progress: Box::new(|_, _| ()) }
    }
}

/// A removal of old runs: [`plan`](Self::plan) tells what it would do, [`collect`](Self::collect) does it.
///
/// **Kept** as they are: runs that ended (or if they are open, began) at that time or later; open runs whose process may
/// live; of each component and partition the latest completed run; of each component the run with the latest start and
/// the run whose metadata the component has; and runs that wrote a flagged output.
///
/// Older runs become **tombstones** where a kept run's trace needs them or it is judged stale by them, or where they read or
/// wrote labelled data or depend on such a run, so that a retraction still reaches all. A tombstone keeps its component,
/// partition, status, times, inputs, outputs, edges, profiles and commit; params, metrics, checks, notes, the error and the code's
/// text are gone, and [`RunRecord::collected_at`](crate::RunRecord::collected_at) says since when.
///
/// All others are **removed**. No edge of a run that stays changes, now or when runs arrive late. What only removed runs
/// knew cannot be told any more: a run that reads a file again whose writer was removed finds no writer, what was stale at a
/// past moment is judged by the runs that are there, and a review compares with the outputs that are.
///
/// **Outputs** of tasks from before that time are removed with their labels, and what was logged of the profiles of those days;
/// what was kept of metrics and drift stays.
///
/// Others may write meanwhile. What is flagged or labelled while runs are collected stays, with all that it depends on, as
/// far as it is still there.
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for age in [300, 200, 100] {
///     let mut run = ComponentRun::new("ingest");
///     let day = Utc::now() - TimeDelta::days(age);
///     run.started_at(day).ended_at(day).add_output("rides.csv");
///     tracer.log_component_run(run)?;
/// }
/// let before = Utc::now() - TimeDelta::days(90);
/// assert_eq!(tracer.gc(before).plan()?.removed, 2);
/// assert_eq!(tracer.gc(before).collect()?.kept, 1, "the latest of its component");
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[must_use = "call `plan` to ask, `collect` to do it"]
pub struct Gc<'t> {
    tracer: &'t Tracer,
    before: DateTime<Utc>,
    progress: Box<dyn FnMut(u64, u64) + 't>,
}

impl fmt::Debug for Gc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gc").field("tracer", self.tracer).field("before", &self.before).finish_non_exhaustive()
    }
}

/// What a removal of old runs did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GcReport {
    /// The time from before which runs are forgotten.
    pub before: DateTime<Utc>,
    /// Nothing was changed.
    pub dry_run: bool,
    /// Runs that stay as they are, earlier tombstones among them.
    pub kept: u64,
    /// Runs that keep only their place in the lineage.
    pub tombstoned: u64,
    /// Runs that are gone.
    pub removed: u64,
    /// Outputs of tasks that are gone, with their labels, and labels that never had an output.
    pub outputs: u64,
    /// The same by component, by name.
    pub components: Vec<GcComponent>,
    /// What the store took with its log, in bytes.
    pub bytes_before: u64,
    /// What it takes now; `None` where nothing was changed.
    pub bytes_after: Option<u64>,
}

/// What becomes of the runs of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GcComponent {
    /// Its name.
    pub component: String,
    /// Runs that stay as they are.
    pub kept: u64,
    /// Runs that keep only their place in the lineage.
    pub tombstoned: u64,
    /// Runs that are gone.
    pub removed: u64,
}

/// What is to become of every run, as long as nothing else comes to protect some.
struct Plan {
    runs: Vec<Planned>,
    protection: Protection,
}

impl<'t> Gc<'t> {
    /// Tells of the progress of [`collect`](Self::collect): steps done so far, and steps in all as far as is known.
    pub fn progress(self, tell: impl FnMut(u64, u64) + 't) -> Self {
        Self { progress: Box::new(tell), ..self }
    }

    /// What [`collect`](Self::collect) would do.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn plan(self) -> Result<GcReport> {
        let bytes_before = self.tracer.store().bytes()?;
        let fates = self.fates()?.runs.into_iter().map(|planned| (planned.component, planned.fate));
        let outputs = self.tracer.store().read(|view| view.count_pairs_before(to_micros(self.before)))?;
        self.report(fates, outputs, bytes_before, None)
    }

    /// Removes runs, in many transactions between which others write, and gives the space back to the file system. When it
    /// is interrupted the store is sound, and another `collect` goes on.
    ///
    /// # Errors
    /// The store cannot be written. What was removed before that stays removed.
    pub fn collect(mut self) -> Result<GcReport> {
        let store = self.tracer.store();
        let bytes_before = store.bytes()?;
        let plan = self.fates()?;
        let mut fates: HashMap<RunId, (ComponentId, Fate)> =
            plan.runs.iter().map(|planned| (planned.run, (planned.component, Fate::Kept))).collect();
        self.follow(plan, &mut fates)?;
        let outputs = self.remove_outputs()?;
        store.sweep(&provenance::may_write)?;
        match store.shrink() {
            // The runs are gone all the same, and the next `collect` gives the space back.
            Err(error) if error.kind() == ErrorKind::Busy => tracing::warn!(%error, "space was not given back"),
            shrunk => shrunk?,
        }
        let bytes_after = Some(store.bytes()?);
        self.report(fates.into_values(), outputs, bytes_before, bytes_after)
    }

    fn remove_outputs(&self) -> Result<u64> {
        const STEP: i64 = 5_000;
        let mut removed = 0;
        loop {
            let step = self.tracer.store().write(None, |tx| tx.remove_pairs_before(to_micros(self.before), STEP))?;
            removed += step;
            if step == 0 {
                return Ok(removed);
            }
        }
    }

    /// Does what was planned and notes it in `fates`. Of what is still to go, what a flag or a label has come to protect
    /// meanwhile stays; beside a pipeline that labels what it reads, some come all the time.
    fn follow(&mut self, plan: Plan, fates: &mut HashMap<RunId, (ComponentId, Fate)>) -> Result<()> {
        let (store, cutoff) = (self.tracer.store(), to_micros(self.before));
        let Plan { runs, mut protection } = plan;
        let of_fate = |fate| runs.iter().filter(move |planned| planned.fate == fate).map(|planned| planned.run);
        let tombstones: Vec<RunId> = of_fate(Fate::Tombstone).collect();
        let stays: HashSet<RunId> = of_fate(Fate::Kept).chain(tombstones.iter().copied()).collect();
        let removals = retain::removals(&runs);
        let planned: HashSet<RunId> = removals.iter().copied().collect();
        let mut spared: HashSet<RunId> = HashSet::new();
        let steps = tombstones.chunks(STEP).map(|runs| (runs, Fate::Tombstone));
        let total = (tombstones.len() + removals.len()) as u64;
        let mut looked_at = 0;
        for (runs, fate) in steps.chain(removals.chunks(STEP).map(|runs| (runs, Fate::Removed))) {
            let done = store.write(None, |tx| {
                let now = tx.protection()?;
                if now != protection {
                    spared.extend(retain::protected_since(tx, &protection, &|run| stays.contains(&run))?);
                    protection = now;
                }
                let unspared: Vec<RunId> = runs.iter().copied().filter(|run| !spared.contains(run)).collect();
                let done = match fate {
                    Fate::Removed => {
                        let is_to_go = |run: &RunId| planned.contains(run) && !spared.contains(run);
                        retain::removable(tx, &unspared, &is_to_go, cutoff)?
                    }
                    _ => retain::still_before(tx, &unspared, cutoff)?,
                };
                match fate {
                    Fate::Removed => tx.remove(&done)?,
                    _ => tx.make_tombstones(&done, to_micros(clock::now()))?,
                }
                Ok(done)
            })?;
            for run in done {
                fates.entry(run).and_modify(|of| of.1 = fate);
            }
            looked_at += runs.len() as u64;
            (self.progress)(looked_at, total);
        }
        Ok(())
    }

    fn fates(&self) -> Result<Plan> {
        self.tracer.store().read(|view| {
            let runs = retain::plan(view, to_micros(self.before), &provenance::is_gone)?;
            Ok(Plan { runs, protection: view.protection()? })
        })
    }

    fn report(
        &self,
        fates: impl IntoIterator<Item = (ComponentId, Fate)>,
        outputs: u64,
        bytes_before: u64,
        bytes_after: Option<u64>,
    ) -> Result<GcReport> {
        let names: HashMap<ComponentId, String> =
            self.tracer.store().read(|view| Ok(view.component_names(None)?.into_iter().collect()))?;
        let mut components: BTreeMap<String, GcComponent> = BTreeMap::new();
        for (component, fate) in fates {
            let name = names.get(&component).cloned().unwrap_or_default();
            let of = components.entry(name).or_insert_with_key(|name| GcComponent {
                component: name.clone(),
                kept: 0,
                tombstoned: 0,
                removed: 0,
            });
            *match fate {
                Fate::Kept => &mut of.kept,
                Fate::Tombstone => &mut of.tombstoned,
                Fate::Removed => &mut of.removed,
            } += 1;
        }
        let sum = |of: fn(&GcComponent) -> u64| components.values().map(of).sum();
        Ok(GcReport {
            before: self.before,
            dry_run: bytes_after.is_none(),
            kept: sum(|of| of.kept),
            tombstoned: sum(|of| of.tombstoned),
            removed: sum(|of| of.removed),
            outputs,
            components: components.into_values().collect(),
            bytes_before,
            bytes_after,
        })
    }
}
