//! Behind how much does each run stand? The runs behind many outputs are walked once, and which of them stand behind a run
//! is passed downstream as bits: a million outputs cost what their runs hold and not what their paths do.

use std::collections::{HashMap, VecDeque};
use std::ops::{AddAssign, Range};

use uuid::Uuid;

use super::trace::missing;
use crate::error::Result;
use crate::model::RunId;
use crate::store::{ComponentId, Node};

/// Runs and everything behind them. A run is known by its place, from 0 in the order of the walk.
#[derive(Debug, Default)]
pub(super) struct Ancestry {
    places: HashMap<RunId, usize>,
    runs: Vec<Reached>,
    /// The places of what each run depends on, one run after the other.
    upstream: Vec<usize>,
}

/// A run of the walk.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    pub(super) run: RunId,
    pub(super) uuid: Uuid,
    pub(super) component: ComponentId,
    /// Microseconds.
    pub(super) started_at: i64,
    /// The fewest hops from the runs that the walk began with.
    pub(super) depth: u32,
    upstream: Range<usize>,
}

/// Runs found and not asked about yet, with their depths.
type Queue = VecDeque<(RunId, u32)>;

impl Ancestry {
    /// Adds runs and everything behind them that is not here yet.
    pub(super) fn add(
        &mut self,
        from: impl IntoIterator<Item = RunId>,
        ask: &mut dyn FnMut(&[RunId]) -> Result<Vec<Node>>,
    ) -> Result<()> {
        const ASKED_AT_ONCE: usize = 1_024;
        let mut queue = Queue::new();
        for run in from {
            self.place(run, 0, &mut queue);
        }
        while !queue.is_empty() {
            let (ids, depths): (Vec<_>, Vec<_>) = queue.drain(..queue.len().min(ASKED_AT_ONCE)).unzip();
            let nodes = ask(&ids)?;
            if nodes.len() < ids.len() {
                return Err(missing());
            }
            for (node, depth) in nodes.into_iter().zip(depths) {
                self.push(node, depth, &mut queue);
            }
        }
        Ok(())
    }

    /// The place of a run, which is queued if it is new.
    fn place(&mut self, run: RunId, depth: u32, queue: &mut Queue) -> usize {
        let next = self.places.len();
        *self.places.entry(run).or_insert_with(|| {
            queue.push_back((run, depth));
            next
        })
    }

    fn push(&mut self, node: Node, depth: u32, queue: &mut Queue) {
        let first = self.upstream.len();
        for run in node.upstream {
            let place = self.place(run, depth + 1, queue);
            self.upstream.push(place);
        }
        let Node { run, uuid, component, started_at, .. } = node;
        self.runs.push(Reached { run, uuid, component, started_at, depth, upstream: first..self.upstream.len() });
    }

    /// The runs, by place.
    pub(super) fn runs(&self) -> &[Reached] {
        &self.runs
    }

    /// For each of so many groups of runs, the outputs that any run of the group is behind, where `wrote` tells the outputs
    /// of each run. `group` gives the group of the run at a place.
    pub(super) fn behind(
        &self,
        groups: usize,
        group: impl Fn(usize) -> Option<usize>,
        wrote: &HashMap<RunId, Outputs>,
    ) -> Vec<Outputs> {
        let order = self.upstream_first();
        let is_cyclic = self.is_cyclic(&order);
        let wrote: Vec<(usize, Outputs)> =
            wrote.iter().filter_map(|(run, &outputs)| Some((*self.places.get(run)?, outputs))).collect();
        let mut sums = vec![Outputs::default(); groups];
        for (first, sums) in (0..).step_by(Set::BITS as usize).zip(sums.chunks_mut(Set::BITS as usize)) {
            let own = |place| group(place).and_then(|group| group.checked_sub(first)).filter(|&bit| bit < sums.len());
            let sets = self.sets(&order, is_cyclic, |place| own(place).map_or(0, |bit| 1 << bit));
            let mut by_set: HashMap<Set, Outputs> = HashMap::new();
            for &(place, outputs) in &wrote {
                *by_set.entry(sets[place]).or_default() += outputs;
            }
            for (set, outputs) in by_set {
                let members = sums.iter_mut().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
                members.for_each(|(_, sum)| *sum += outputs);
            }
        }
        sums
    }

    /// For each run the groups that it is of, or that stand behind it.
    fn sets(&self, order: &[usize], is_cyclic: bool, own: impl Fn(usize) -> Set) -> Vec<Set> {
        let mut sets = vec![0; self.runs.len()];
        loop {
            let mut has_changed = false;
            for &place in order {
                let set = self.upstream_of(place).iter().fold(own(place), |set, &upstream| set | sets[upstream]);
                has_changed |= set != sets[place];
                sets[place] = set;
            }
            // One sweep is enough unless runs stand behind themselves.
            if !(is_cyclic && has_changed) {
                return sets;
            }
        }
    }

    fn upstream_of(&self, place: usize) -> &[usize] {
        &self.upstream[self.runs[place].upstream.clone()]
    }

    /// All places, each after those it depends on as far as there are no cycles: a depth-first walk, in post-order.
    fn upstream_first(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.runs.len());
        let mut is_seen = vec![false; self.runs.len()];
        for root in 0..self.runs.len() {
            // Places on the way to the present one, with how many of their upstream places are done.
            let mut path: Vec<(usize, usize)> = Vec::new();
            if !std::mem::replace(&mut is_seen[root], true) {
                path.push((root, 0));
            }
            while let Some((place, done)) = path.last_mut() {
                if let Some(&next) = self.upstream_of(*place).get(*done) {
                    *done += 1;
                    if !std::mem::replace(&mut is_seen[next], true) {
                        path.push((next, 0));
                    }
                } else {
                    order.push(*place);
                    path.pop();
                }
            }
        }
        order
    }

    fn is_cyclic(&self, order: &[usize]) -> bool {
        let mut is_done = vec![false; self.runs.len()];
        order.iter().any(|&place| {
            let waits = self.upstream_of(place).iter().any(|&upstream| !is_done[upstream]);
            is_done[place] = true;
            waits
        })
    }
}

/// A bit for each group; more groups take several rounds, so that memory does not grow with their number.
type Set = u128;

/// Numbers of outputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outputs {
    pub(super) flagged: u64,
    /// Those that are not flagged.
    pub(super) others: u64,
}

impl AddAssign for Outputs {
    fn add_assign(&mut self, more: Self) {
        self.flagged += more.flagged;
        self.others += more.others;
    }
}
