//! Where do two lineages part?
//!
//! The lineages are walked in step, breadth first. Of two matching runs the dependencies match by component and by the name
//! that was read, the rest by component in the order of reading. Where both read the same bytes, nothing behind can have
//! made a difference, and the walk goes no further there.
//!
//! Two matching runs differ by themselves in code, in params, in what they read from outside the pipeline or in the stages
//! that they depend on; in the commit where the code of one is not known; and, where nothing else explains it, in what
//! they wrote. The lineages part at the matching runs that differ by themselves and have none such behind them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};

use crate::error::Result;
use crate::model::{InputRecord, IoPointer, Parted, Parting, RunId, RunRecord, Version};
use crate::store::View;

/// Two runs that match, by their places in the two lineages.
#[derive(Debug)]
struct Pair {
    depth: u32,
    before: RunId,
    after: RunId,
    component: String,
    differs: Vec<Parted>,
    /// Whether they differ by themselves: a commit alone need not mean anything.
    is_decisive: bool,
    readers: Vec<usize>,
}

/// Where the lineages of two runs part, furthest upstream first.
pub(super) fn between(view: &View<'_>, before: &RunRecord, after: &RunRecord) -> Result<Vec<Parting>> {
    if before.id == after.id {
        return Ok(Vec::new());
    }
    let pairs = Walk::from(before.id, after.id).go(view)?;
    let behind = with_a_difference_behind(&pairs);
    let decisive = || pairs.iter().enumerate().filter(|(_, pair)| pair.is_decisive);
    let mut first: Vec<&Pair> = decisive().filter(|(place, _)| !behind.contains(place)).map(|(_, pair)| pair).collect();
    if first.is_empty() {
        // In a cycle each has another behind it.
        first = decisive().map(|(_, pair)| pair).max_by_key(|pair| pair.depth).into_iter().collect();
    }
    first.sort_by_key(|pair| (Reverse(pair.depth), pair.before, pair.after));
    Ok(first.into_iter().map(Pair::parting).collect())
}

impl Pair {
    fn parting(&self) -> Parting {
        let Self { depth, before, after, .. } = *self;
        Parting { depth, before, after, component: self.component.clone(), differs: self.differs.clone() }
    }
}

/// The pairs behind which there is another that differs by itself.
fn with_a_difference_behind(pairs: &[Pair]) -> HashSet<usize> {
    let mut found = HashSet::new();
    let mut open: Vec<usize> = (0..pairs.len()).filter(|&place| pairs[place].is_decisive).collect();
    while let Some(place) = open.pop() {
        open.extend(pairs[place].readers.iter().copied().filter(|&reader| found.insert(reader)));
    }
    found
}

/// The pairs found so far. Two runs that both have a pair already make no new one, so there are no more pairs than runs.
struct Walk {
    open: Vec<(RunId, RunId, Vec<usize>)>,
    places: HashMap<(RunId, RunId), usize>,
    of_before: HashMap<RunId, usize>,
    of_after: HashSet<RunId>,
    pairs: Vec<Pair>,
}

impl Walk {
    fn from(before: RunId, after: RunId) -> Self {
        Self {
            open: vec![(before, after, Vec::new())],
            places: HashMap::new(),
            of_before: HashMap::new(),
            of_after: HashSet::new(),
            pairs: Vec::new(),
        }
    }

    fn go(mut self, view: &View<'_>) -> Result<Vec<Pair>> {
        for depth in 0.. {
            let level = std::mem::take(&mut self.open);
            if level.is_empty() {
                break;
            }
            let mut ids: Vec<RunId> = level.iter().flat_map(|&(before, after, _)| [before, after]).collect();
            ids.sort_unstable();
            ids.dedup();
            let runs: HashMap<RunId, RunRecord> = view.runs(&ids)?.into_iter().map(|run| (run.id, run)).collect();
            for (before, after, readers) in level {
                if let Some(known) = self.known(before, after) {
                    self.pairs[known].readers.extend(readers);
                } else if let (Some(before), Some(after)) = (runs.get(&before), runs.get(&after)) {
                    self.compare(depth, before, after, readers);
                }
            }
        }
        Ok(self.pairs)
    }

    /// The pair that these two are, or that stands for them.
    fn known(&self, before: RunId, after: RunId) -> Option<usize> {
        let nearby = || self.of_before.get(&before).filter(|_| self.of_after.contains(&after));
        self.places.get(&(before, after)).or_else(nearby).copied()
    }

    fn compare(&mut self, depth: u32, before: &RunRecord, after: &RunRecord, readers: Vec<usize>) {
        let place = self.pairs.len();
        self.places.insert((before.id, after.id), place);
        self.of_before.entry(before.id).or_insert(place);
        self.of_after.insert(after.id);
        let compared = Compared::of(before, after);
        self.open.extend(compared.upstream.iter().map(|&(before, after)| (before, after, vec![place])));
        self.pairs.push(Pair {
            depth,
            before: before.id,
            after: after.id,
            component: before.component.clone(),
            is_decisive: compared.differs.iter().any(|what| *what != Parted::Commit) || compared.is_commit_decisive,
            differs: compared.differs,
            readers,
        });
    }
}

/// In what two runs differ by themselves, and the matching runs behind them that may differ.
struct Compared {
    differs: Vec<Parted>,
    is_commit_decisive: bool,
    upstream: Vec<(RunId, RunId)>,
}

impl Compared {
    fn of(before: &RunRecord, after: &RunRecord) -> Self {
        let (one, other) = (Reads::of(before), Reads::of(after));
        let Matched { pairs, are_all } = matched(&one.from_runs, &other.from_runs);
        let mut upstream = Vec::new();
        let mut reads_differ = one.outside_counted() != other.outside_counted();
        for (one, other) in pairs {
            if one.run == other.run {
                reads_differ |= one.name != other.name || are_known_to_differ(one.version, other.version);
            } else if one.version.is_none() || one.version != other.version {
                upstream.push((one.run, other.run));
            }
        }
        let code = before.code.snapshot.as_ref().zip(after.code.snapshot.as_ref());
        let found = [
            (Parted::Code, code.is_some_and(|(before, after)| before != after)),
            (Parted::Commit, commits_differ(before, after)),
            (Parted::Params, before.params != after.params),
            (Parted::Inputs, reads_differ),
            (Parted::Upstream, !are_all),
        ];
        let mut differs: Vec<Parted> =
            found.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
        let is_commit_decisive = code.is_none() && differs.contains(&Parted::Commit);
        let is_explained = is_commit_decisive || differs.iter().any(|what| *what != Parted::Commit);
        if !is_explained && outputs_differ(before, after) {
            differs.push(Parted::Outputs);
        }
        Self { differs, is_commit_decisive, upstream }
    }
}

/// What a run read.
struct Reads<'r> {
    from_runs: Vec<Read<'r>>,
    /// That no other run wrote, or that was changed since.
    outside: Vec<&'r IoPointer>,
}

/// A dependency, and the version that was read.
#[derive(Clone, Copy)]
struct Read<'r> {
    run: RunId,
    component: &'r str,
    name: Option<&'r str>,
    version: Option<&'r Version>,
}

impl<'r> Reads<'r> {
    fn of(run: &'r RunRecord) -> Self {
        let mut reads = Self { from_runs: Vec::new(), outside: Vec::new() };
        // Dependencies stand in the order of the inputs that prove them, declared ones last.
        let mut dependencies = run.dependencies.iter().peekable();
        for InputRecord { pointer, read_back, .. } in &run.inputs {
            let proven = dependencies.next_if(|dependency| dependency.pointer.as_ref() == Some(&pointer.name));
            if let Some(dependency) = proven {
                reads.from_runs.push(Read {
                    run: dependency.run,
                    component: &dependency.component,
                    name: Some(&pointer.name),
                    version: pointer.version.as_ref(),
                });
            }
            if proven.map_or(!read_back, |dependency| dependency.modified) {
                reads.outside.push(pointer);
            }
        }
        reads.from_runs.extend(dependencies.map(|dependency| Read {
            run: dependency.run,
            component: &dependency.component,
            name: dependency.pointer.as_deref(),
            version: None,
        }));
        reads
    }

    /// By name and version, whatever the order.
    fn outside_counted(&self) -> HashMap<(&'r str, Option<&'r Version>), usize> {
        let mut counts = HashMap::new();
        for pointer in &self.outside {
            *counts.entry((pointer.name.as_str(), pointer.version.as_ref())).or_default() += 1;
        }
        counts
    }
}

struct Matched<'r> {
    pairs: Vec<(Read<'r>, Read<'r>)>,
    /// None is without its match.
    are_all: bool,
}

/// By component and name first, then by component in the order of reading.
fn matched<'r>(before: &[Read<'r>], after: &[Read<'r>]) -> Matched<'r> {
    let by_name = |read: &Read<'r>| (read.component, read.name);
    let (mut pairs, before, after) = paired(before.to_vec(), after.to_vec(), by_name);
    let (rest, before, after) = paired(before, after, |read| (read.component, None));
    pairs.extend(rest);
    Matched { pairs, are_all: before.is_empty() && after.is_empty() }
}

type Key<'r> = (&'r str, Option<&'r str>);
type Paired<'r> = (Vec<(Read<'r>, Read<'r>)>, Vec<Read<'r>>, Vec<Read<'r>>);

/// The pairs of one key, and what is left on either side.
fn paired<'r>(before: Vec<Read<'r>>, after: Vec<Read<'r>>, key: impl Fn(&Read<'r>) -> Key<'r>) -> Paired<'r> {
    let mut waiting: HashMap<Key<'r>, VecDeque<usize>> = HashMap::new();
    for (place, read) in after.iter().enumerate() {
        waiting.entry(key(read)).or_default().push_back(place);
    }
    let mut after: Vec<Option<Read<'r>>> = after.into_iter().map(Some).collect();
    let (mut pairs, mut left) = (Vec::new(), Vec::new());
    for read in before {
        let place = waiting.get_mut(&key(&read)).and_then(VecDeque::pop_front);
        match place.and_then(|place| after[place].take()) {
            Some(other) => pairs.push((read, other)),
            None => left.push(read),
        }
    }
    (pairs, left, after.into_iter().flatten().collect())
}

fn are_known_to_differ(one: Option<&Version>, other: Option<&Version>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

fn commits_differ(before: &RunRecord, after: &RunRecord) -> bool {
    let both = before.git.commit.as_ref().zip(after.git.commit.as_ref());
    both.is_some_and(|(one, other)| one != other || before.git.dirty != after.git.dirty)
}

/// Whether a name was written by both, in versions that are known to differ.
fn outputs_differ(before: &RunRecord, after: &RunRecord) -> bool {
    let written: HashMap<&str, &Version> = versions(before).collect();
    versions(after).any(|(name, version)| written.get(name).is_some_and(|other| *other != version))
}

fn versions(run: &RunRecord) -> impl Iterator<Item = (&str, &Version)> {
    run.outputs.iter().filter_map(|output| Some((output.name.as_str(), output.version.as_ref()?)))
}
