//! Which runs are to blame for what is flagged? Coverage asks which stand behind much of it; suspicion, which do so without
//! standing behind everything else too.
//!
//! Suspicion compares two stories by likelihood. If a run is the culprit, a complaint is about one of the outputs behind
//! which it stands, any of them alike, except for one complaint in twenty that is about anything at all; if it is not, every
//! complaint is about anything at all. Of all outputs that are compared, flagged or not, let the run stand behind a share s.
//! Then a complaint about what it stands behind is 0.95 / s + 0.05 times likelier if the run is the culprit, and any other
//! complaint 0.05 times. Suspicion is q / (1 + q), where q is the geometric mean of these over the flagged outputs.
//!
//! A run behind everything, good or bad, has a half; one behind all that is flagged and little else comes near 1. In random
//! pipelines (`blame_tests`) this finds the culprit more often than coverage x (1 - 1/2 x the share of the unflagged) does,
//! which puts a batch that holds four complaints of five before a model behind all five and most else.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::ancestry::{Ancestry, Outputs, Reached};
use crate::__words::tells_apart;
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{
    Blame, Compared, Flagged, IoPointer, Review, ReviewOrder, RunId, Suspect, SuspectComponent, Truncated,
};
use crate::store::{ComponentId, Flag, NameId, Node, Pointers, VersionId, View};

/// The runs and the components behind everything that is flagged. Of the runs so many are told, and of each so many outputs.
pub(crate) fn review(view: &View<'_>, order: ReviewOrder, limit: usize, outputs: Option<u32>) -> Result<Review> {
    let flagged = flagged_by(view, view.flags()?)?;
    let is_unproduced = |flagged: &&Flagged| flagged.written_by.is_none();
    let unproduced: Vec<IoPointer> =
        flagged.iter().filter(is_unproduced).map(|flagged| flagged.pointer.clone()).collect();
    let mut writers: HashMap<RunId, u64> = HashMap::new();
    for writer in flagged.iter().filter_map(|flagged| flagged.written_by) {
        *writers.entry(writer).or_default() += 1;
    }
    let evidence = Evidence::gather(view, &writers)?;
    let mut review =
        Review { flagged, unproduced, compared: None, runs: vec![], truncated: None, components: vec![], why: None };
    let Some(first) = evidence.earliest_writer() else { return Ok(review) };

    let names = evidence.names(view)?;
    let name = |component: ComponentId| names.get(&component).cloned().unwrap_or_default();
    let mut components: Vec<String> = evidence.writing_components().into_iter().map(name).collect();
    components.sort_unstable();
    let compared = Compared {
        components,
        since_run: first.run,
        since: from_micros(first.started_at),
        outputs: evidence.all.others,
    };
    let runs = evidence.runs(order);
    let shown = &runs[..limit.min(runs.len())];
    let ids: Vec<RunId> = shown.iter().map(|ranked| evidence.run(ranked.subject)).collect();
    review.why = why(&runs, &evidence, &compared, order, |place| {
        format!("#{} {}", evidence.run(place), name(evidence.ancestry.runs()[place].component))
    });
    review.runs = view
        .runs_with(&ids, &Pointers::with_outputs(outputs))?
        .into_iter()
        .zip(shown)
        .map(|(run, ranked)| Suspect { run, blame: evidence.blame(ranked) })
        .collect();
    review.components = evidence
        .components(order, name)
        .into_iter()
        .map(|ranked| SuspectComponent { blame: evidence.blame(&ranked), component: ranked.subject })
        .collect();
    let left_out = (runs.len() - shown.len()) as u64;
    review.truncated = (left_out > 0).then_some(Truncated { runs: left_out });
    review.compared = Some(compared);
    Ok(review)
}

/// What these flags point at, each output of a run once.
pub(crate) fn flagged_by(view: &View<'_>, flags: Vec<Flag>) -> Result<Vec<Flagged>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for flag in flags {
        let writer = writer(view, flag.name, flag.version, flag.flagged_at)?;
        if seen.insert((flag.name, flag.version, writer)) {
            all.push(flagged(view, flag, writer)?);
        }
    }
    Ok(all)
}

/// The run that a flag points at: the latest that wrote the flagged version. Where the name had no version, the latest that
/// had written it when it was flagged, so that a later run which writes the name again takes no blame; and if there was none
/// by then, the latest of all.
pub(crate) fn writer(
    view: &View<'_>,
    name: NameId,
    version: Option<VersionId>,
    flagged_at: i64,
) -> Result<Option<RunId>> {
    let writer = match version {
        Some(version) => view.latest_writer_of(name, version, None)?,
        None => match view.latest_writer(name, Some(flagged_at))? {
            Some(writer) => Some(writer),
            None => view.latest_writer(name, None)?,
        },
    };
    Ok(writer.map(|writer| writer.run))
}

/// A flagged output, as its run wrote it if one did.
pub(crate) fn flagged(view: &View<'_>, flag: Flag, written_by: Option<RunId>) -> Result<Flagged> {
    let written = written_by.map(|run| view.output(run, flag.name, flag.version)).transpose()?.flatten();
    Ok(Flagged { pointer: written.unwrap_or(flag.pointer), written_by })
}

/// What is known for and against the runs behind flagged outputs.
pub(super) struct Evidence {
    /// The suspects, and then the other runs that stand behind the unflagged outputs.
    ancestry: Ancestry,
    /// The first so many runs of the ancestry stand behind flagged outputs.
    suspects: usize,
    /// How many outputs each run wrote.
    wrote: HashMap<RunId, Outputs>,
    pub(super) all: Outputs,
}

/// A run or a component with what speaks against it.
#[derive(Debug, Clone)]
pub(super) struct Ranked<S> {
    pub(super) subject: S,
    pub(super) behind: Outputs,
    pub(super) depth: u32,
    pub(super) started_at: i64,
}

impl Evidence {
    /// From the runs that wrote flagged outputs, and how many each.
    fn gather(view: &View<'_>, writers: &HashMap<RunId, u64>) -> Result<Self> {
        let unflagged = |components: &[ComponentId], since: i64| {
            let mut counts = HashMap::new();
            for &component in components {
                view.count_unflagged(component, since, &mut counts)?;
            }
            Ok(counts)
        };
        Self::new(writers, &mut |ids| view.nodes(ids), unflagged)
    }

    /// `unflagged` counts the unflagged outputs of each run of some components since a time.
    pub(super) fn new(
        writers: &HashMap<RunId, u64>,
        ask: &mut dyn FnMut(&[RunId]) -> Result<Vec<Node>>,
        unflagged: impl FnOnce(&[ComponentId], i64) -> Result<HashMap<RunId, u64>>,
    ) -> Result<Self> {
        let mut ancestry = Ancestry::default();
        ancestry.add(writers.keys().copied(), ask)?;
        let suspects = ancestry.runs().len();
        let wrote = writers.iter().map(|(&run, &flagged)| (run, Outputs { flagged, others: 0 })).collect();
        let mut evidence = Self { ancestry, suspects, wrote, all: Outputs::default() };
        if let Some(since) = evidence.earliest_writer().map(|first| first.started_at) {
            let others = unflagged(&evidence.writing_components(), since)?;
            evidence.ancestry.add(others.keys().copied(), ask)?;
            for (run, others) in others {
                *evidence.wrote.entry(run).or_default() += Outputs { flagged: 0, others };
            }
        }
        let mut all = Outputs::default();
        evidence.wrote.values().for_each(|&outputs| all += outputs);
        Ok(Self { all, ..evidence })
    }

    /// What the components of the suspects are called.
    fn names(&self, view: &View<'_>) -> Result<HashMap<ComponentId, String>> {
        let mut names = HashMap::new();
        for &Reached { component, .. } in &self.ancestry.runs()[..self.suspects] {
            if let Entry::Vacant(none) = names.entry(component) {
                none.insert(view.component_text(component)?);
            }
        }
        Ok(names)
    }

    pub(super) fn run(&self, place: usize) -> RunId {
        self.ancestry.runs()[place].run
    }

    /// The runs that wrote flagged outputs: the walk began with them.
    fn writers(&self) -> impl Iterator<Item = &Reached> {
        self.ancestry.runs()[..self.suspects].iter().take_while(|reached| reached.depth == 0)
    }

    fn earliest_writer(&self) -> Option<&Reached> {
        self.writers().min_by_key(|reached| (reached.started_at, reached.uuid))
    }

    fn writing_components(&self) -> Vec<ComponentId> {
        let mut components = Vec::new();
        for reached in self.writers() {
            if !components.contains(&reached.component) {
                components.push(reached.component);
            }
        }
        components
    }

    /// The suspects by place, the likeliest culprit first.
    pub(super) fn runs(&self, order: ReviewOrder) -> Vec<Ranked<usize>> {
        let is_suspect = |place| (place < self.suspects).then_some(place);
        let behind = self.ancestry.behind(self.suspects, is_suspect, &self.wrote);
        let suspects = self.ancestry.runs().iter().zip(behind).enumerate();
        let mut ranked: Vec<_> = suspects
            .map(|(subject, (&Reached { depth, started_at, .. }, behind))| Ranked {
                subject,
                behind,
                depth,
                started_at,
            })
            .collect();
        ranked.sort_by(|a, b| {
            let uuid = |ranked: &Ranked<usize>| self.ancestry.runs()[ranked.subject].uuid;
            self.rank(a, order).before(&self.rank(b, order)).then_with(|| uuid(b).cmp(&uuid(a)))
        });
        ranked
    }

    /// The suspects' components by name, the likeliest culprit first.
    fn components(&self, order: ReviewOrder, name: impl Fn(ComponentId) -> String) -> Vec<Ranked<String>> {
        let mut groups: HashMap<ComponentId, usize> = HashMap::new();
        let mut ranked: Vec<Ranked<String>> = Vec::new();
        for &Reached { component, depth, started_at, .. } in &self.ancestry.runs()[..self.suspects] {
            let group = *groups.entry(component).or_insert(ranked.len());
            if group == ranked.len() {
                ranked.push(Ranked { subject: name(component), behind: Outputs::default(), depth, started_at });
            }
            let of_all = &mut ranked[group];
            of_all.depth = of_all.depth.min(depth);
            of_all.started_at = of_all.started_at.max(started_at);
        }
        let group = |place: usize| groups.get(&self.ancestry.runs()[place].component).copied();
        let behind = self.ancestry.behind(ranked.len(), group, &self.wrote);
        ranked.iter_mut().zip(behind).for_each(|(ranked, behind)| ranked.behind = behind);
        ranked.sort_by(|a, b| self.rank(a, order).before(&self.rank(b, order)).then_with(|| a.subject.cmp(&b.subject)));
        ranked
    }

    fn rank<S>(&self, ranked: &Ranked<S>, order: ReviewOrder) -> Rank {
        let (score, hops) = match order {
            ReviewOrder::Suspicion => (self.suspicion(ranked.behind), ranked.depth),
            ReviewOrder::Coverage => (share(ranked.behind.flagged, self.all.flagged), 0),
        };
        Rank { score, hops, started_at: ranked.started_at }
    }

    fn suspicion(&self, behind: Outputs) -> f64 {
        /// The share of complaints that are about anything at all.
        const STRAY: f64 = 0.05;
        let compared = share(behind.flagged + behind.others, self.all.flagged + self.all.others);
        if compared <= 0.0 {
            return 0.0;
        }
        let hit = ((1.0 - STRAY) / compared + STRAY).ln();
        let coverage = share(behind.flagged, self.all.flagged);
        let odds = (coverage * hit + (1.0 - coverage) * STRAY.ln()).exp();
        odds / (1.0 + odds)
    }

    fn blame<S>(&self, ranked: &Ranked<S>) -> Blame {
        let Outputs { flagged: count, others } = ranked.behind;
        let coverage = share(count, self.all.flagged);
        Blame { depth: ranked.depth, count, others, coverage, suspicion: self.suspicion(ranked.behind) }
    }
}

/// What a run or a component is ordered by; who comes first is the least. Runs behind the same have the same score, to the
/// bit, because it is computed from the same numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rank {
    score: f64,
    hops: u32,
    started_at: i64,
}

impl Rank {
    fn before(&self, other: &Self) -> Ordering {
        let newest_first = other.started_at.cmp(&self.started_at);
        other.score.total_cmp(&self.score).then(self.hops.cmp(&other.hops)).then(newest_first)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share of more than 2^53 outputs is as good rounded")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What speaks against the first run, and what sets it apart from the second.
fn why(
    runs: &[Ranked<usize>],
    evidence: &Evidence,
    compared: &Compared,
    order: ReviewOrder,
    name: impl Fn(usize) -> String,
) -> Option<String> {
    let first = runs.first()?;
    let all = evidence.all;
    let tells = |run: &Ranked<usize>| tells_apart(&evidence.blame(run), all.others);
    if order == ReviewOrder::Suspicion && !runs.iter().any(tells) {
        let nothing = match all.flagged {
            1 => "nothing sets the flagged output apart: each run behind it is behind all the others too; flag more",
            _ => {
                "nothing sets the flagged outputs apart: each run behind them is behind as much of the others; flag those that \
                 turned out wrong rather than all of some time"
            }
        };
        return Some(nothing.to_owned());
    }
    let outputs = if all.flagged == 1 { "output" } else { "outputs" };
    let flagged = format!("{} flagged {outputs}", part(first.behind.flagged, all.flagged));
    let by = list(&compared.components);
    let since = compared.since_run;
    let others = match all.others {
        0 => format!(", and {by} wrote no others since #{since} to compare with"),
        _ => format!(" and {} that {by} wrote since #{since}", part_of_others(first.behind.others, all.others)),
    };
    let others = if order == ReviewOrder::Coverage { String::new() } else { others };
    let next = runs.get(1).map_or_else(String::new, |second| {
        let what = if evidence.rank(first, order).score.total_cmp(&evidence.rank(second, order).score).is_eq() {
            let apart = if order == ReviewOrder::Suspicion && first.depth < second.depth {
                "but further from them"
            } else if first.started_at > second.started_at {
                "but older"
            } else {
                "and started at the same time"
            };
            format!("behind as much, {apart}")
        } else if order == ReviewOrder::Coverage || all.others == 0 {
            format!("behind {}", part(second.behind.flagged, all.flagged))
        } else {
            let others = part_of_others(second.behind.others, all.others);
            format!("behind {} and {others}", part(second.behind.flagged, all.flagged))
        };
        format!("; next is {}, {what}", name(second.subject))
    });
    let few = if all.flagged == 1 && all.others > 0 { "; one flag tells little, so flag more" } else { "" };
    Some(format!("{} is behind {flagged}{others}{next}{few}", name(first.subject)))
}

fn part(behind: u64, all: u64) -> String {
    match (behind, all) {
        (1, 1) => "the only".to_owned(),
        (2, 2) => "both".to_owned(),
        (behind, all) if behind == all => format!("all {all}"),
        (behind, all) => format!("{behind} of {all}"),
    }
}

fn part_of_others(behind: u64, all: u64) -> String {
    match (behind, all) {
        (0, 1) => "not the one other".to_owned(),
        (1, 1) => "the one other".to_owned(),
        (2, 2) => "both others".to_owned(),
        (0, all) => format!("none of the {all} others"),
        (behind, all) if behind == all => format!("all {all} others"),
        (behind, all) => format!("{behind} of the {all} others"),
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        several => format!("{} components", several.len()),
    }
}
