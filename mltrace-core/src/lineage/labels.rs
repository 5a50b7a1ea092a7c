//! Which labels does something carry? Computed by walking the edges, never stored.
//!
//! An input carries what is attached to its name or to the version read, and all that the run behind it carries. Where
//! the bytes do not prove that edge (they changed, or were not measured), it also carries what is attached to a version
//! which that run wrote: an edited copy is still a copy. A run carries what its inputs carry, and what the runs declared
//! upstream carry; what is attached to one output of a run counts for those who read that output. An output carries what
//! its run carries, and what is attached to it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Range;

use super::resolve;
use super::trace::{self, Reach};
use crate::clock::to_micros;
use crate::error::Result;
use crate::model::{
    Graph, GraphRoot, IoPointer, Label, LabelBrief, LabelImpact, Match, Retraction, RunId, RunRecord, Violation,
};
use crate::store::{LabelId, OPEN, Reading, View};

/// How many runs upstream are looked at before a run is told to have read what was retracted: the run waits for it.
const LOOKED_AT: usize = 1_000;

/// Fills in what a run carries, and what of that had been retracted when it started. Its outputs are those at these positions.
pub(crate) fn fill(view: &View<'_>, run: &mut RunRecord, outputs: &Range<u32>) -> Result<()> {
    let reads = reads(view, run, usize::MAX)?;
    let by = to_micros(run.started_at);
    run.violations = Some(violations(view, reads.iter().map(|(name, labels)| (name.as_str(), labels)), by)?);
    let own: BTreeSet<LabelId> = reads.iter().flat_map(|(_, labels)| labels).copied().collect();
    let mut written = vec![own.clone(); run.outputs.len()];
    for (position, label) in view.labels_on_outputs(run.id, outputs)? {
        let place = usize::try_from(position - i64::from(outputs.start)).ok();
        if let Some(labels) = place.and_then(|place| written.get_mut(place)) {
            labels.insert(label);
        }
    }
    for (input, (_, labels)) in run.inputs.iter_mut().zip(&reads) {
        input.pointer.labels = Some(names(view, labels)?);
    }
    for (output, labels) in run.outputs.iter_mut().zip(&written) {
        output.labels = Some(names(view, labels)?);
    }
    run.labels = Some(names(view, &own)?);
    Ok(())
}

/// What a run that was just written read although a label of it had been retracted, as far as that shows soon.
pub(crate) fn violations_of(view: &View<'_>, run: &RunRecord) -> Result<Vec<Violation>> {
    let reads = reads(view, run, LOOKED_AT)?;
    violations(view, reads.iter().map(|(name, labels)| (name.as_str(), labels)), to_micros(run.started_at))
}

/// A label with what it is attached to.
pub(crate) fn label(view: &View<'_>, id: LabelId, name: String) -> Result<Label> {
    let pointers = view.attached(id)?.into_iter().map(|attached| attached.pointer).collect();
    Ok(Label { name, pointers, retraction: view.retraction(id)? })
}

/// A label with at most so much of what it is attached to, and whether it is attached to more.
pub(crate) fn brief(view: &View<'_>, id: LabelId, name: String, at_most: usize) -> Result<LabelBrief> {
    let mut attached = view.some_attached(id, at_most.saturating_add(1))?;
    let has_more = attached.len() > at_most;
    attached.truncate(at_most);
    let pointers = attached.into_iter().map(|attached| attached.pointer).collect();
    Ok(LabelBrief { label: Label { name, pointers, retraction: view.retraction(id)? }, has_more })
}

/// At most so many of the runs that carry a label, and whether there may be more: nearest first, of those that are as near
/// the last ones. What is looked at does not grow with what a name or a run has touched.
pub(crate) fn nearest_carriers(view: &View<'_>, label: LabelId, at_most: usize) -> Result<(Vec<RunId>, bool)> {
    let one_more = at_most.saturating_add(1);
    let mut nearest = Nearest { at_most, found: Vec::new(), seen: HashSet::new(), may_be_more: false };
    let attached = view.some_attached(label, one_more)?;
    let has_more = attached.len() > at_most;
    for attached in attached {
        nearest.add(&view.readers_of(attached.name, attached.version, Some(one_more))?);
    }
    let mut next = 0;
    while !nearest.may_be_more
        && let Some(&run) = nearest.found.get(next)
    {
        nearest.add(&view.downstream_ids(run, Some(one_more))?);
        next += 1;
    }
    Ok((nearest.found, nearest.may_be_more || has_more))
}

struct Nearest {
    at_most: usize,
    found: Vec<RunId>,
    seen: HashSet<RunId>,
    may_be_more: bool,
}

impl Nearest {
    /// Adds runs of which one more was asked for than have room.
    fn add(&mut self, runs: &[RunId]) {
        self.found.extend(runs.iter().filter(|&&run| self.seen.insert(run)));
        self.may_be_more |= runs.len() > self.at_most || self.found.len() > self.at_most;
        self.found.truncate(self.at_most);
    }
}

/// The runs that carry a label.
pub(crate) fn carriers(view: &View<'_>, label: LabelId) -> Result<Vec<RunId>> {
    trace::touched(view, readers(view, label)?)
}

/// Everything that carries a label.
pub(crate) fn impact(view: &View<'_>, id: LabelId, name: String) -> Result<LabelImpact> {
    let label = label(view, id, name)?;
    let root = GraphRoot { pointer: None, run: None };
    let graph = trace::downstream(view, root, Some(readers(view, id)?), &Reach::default())?;
    Ok(LabelImpact { pointers: carrying(&label, &graph), label, graph })
}

/// The runs that read what a label is attached to.
fn readers(view: &View<'_>, label: LabelId) -> Result<Vec<RunId>> {
    let mut readers = Vec::new();
    for attached in view.attached(label)? {
        readers.extend(view.readers_of(attached.name, attached.version, None)?);
    }
    Ok(readers)
}

/// What a label is attached to, and what these runs wrote: each name in each version once.
fn carrying(label: &Label, graph: &Graph) -> Vec<IoPointer> {
    let attached = label
        .pointers
        .iter()
        .map(|pointer| IoPointer { version: pointer.version.clone(), ..IoPointer::new(&pointer.name) });
    let written = graph.runs.iter().flat_map(|found| &found.run.outputs).cloned();
    let key = |pointer: &IoPointer| (pointer.name.clone(), pointer.version.as_ref().map(ToString::to_string));
    let pointers: BTreeMap<_, _> = attached.chain(written).map(|pointer| (key(&pointer), pointer)).collect();
    pointers.into_values().collect()
}

/// What a run reads, with the labels that it carries: its inputs in their order, then the components declared upstream.
fn reads(view: &View<'_>, run: &RunRecord, at_most: usize) -> Result<Vec<(String, BTreeSet<LabelId>)>> {
    let declared: Vec<_> = run.dependencies.iter().filter(|dependency| dependency.pointer.is_none()).collect();
    let inputs = run.inputs.iter().map(|input| &input.pointer.name);
    let read = inputs.chain(declared.iter().map(|dependency| &dependency.component)).cloned();
    if !view.has_labels()? {
        return Ok(read.map(|name| (name, BTreeSet::new())).collect());
    }
    let source = |upstream| Source { attached: BTreeSet::new(), upstream };
    let mut sources: Vec<_> = view.input_upstreams(run.id)?.into_iter().map(source).collect();
    for (position, label) in view.labels_on_inputs(run.id)? {
        if let Some(input) = usize::try_from(position).ok().and_then(|position| sources.get_mut(position)) {
            input.attached.insert(label);
        }
    }
    sources.extend(declared.iter().map(|dependency| source(Some(dependency.run))));
    Ok(read.zip(carried(view, &sources, at_most)?).collect())
}

fn names(view: &View<'_>, labels: &BTreeSet<LabelId>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for &label in labels {
        names.extend(view.label_name(label)?);
    }
    names.sort();
    Ok(names)
}

/// Something that is read: what is attached to it, and the run that it came from.
struct Source {
    attached: BTreeSet<LabelId>,
    upstream: Option<RunId>,
}

/// Which of these inputs of a run that is about to start, and labels them so itself, carry a retracted label.
pub(crate) fn retracted_among(
    view: &View<'_>,
    inputs: &[IoPointer],
    labels: &[String],
    now: i64,
) -> Result<Vec<Violation>> {
    if !view.has_retractions()? {
        return Ok(Vec::new());
    }
    // A label that is new was not retracted.
    let own = labels.iter().filter_map(|label| view.label_id(label).transpose()).collect::<Result<Vec<_>>>()?;
    let mut sources = inputs.iter().map(|input| source_now(view, input, now)).collect::<Result<Vec<_>>>()?;
    for source in &mut sources {
        source.attached.extend(&own);
    }
    let carried = carried(view, &sources, usize::MAX)?;
    violations(view, inputs.iter().map(|input| input.name.as_str()).zip(&carried), now)
}

/// Where an input comes from that is read now, by the rule for those that are in the store.
fn source_now(view: &View<'_>, input: &IoPointer, now: i64) -> Result<Source> {
    let Some(name) = view.name_id(&input.name)? else {
        return Ok(Source { attached: BTreeSet::new(), upstream: None });
    };
    let version = input.version.as_ref().map(|version| view.version_id(version)).transpose()?.flatten();
    let mut attached: BTreeSet<LabelId> = view.labels_on(name, version)?.into_iter().collect();
    // No run has this id.
    let run = RunId(0);
    let reading = Reading { run, position: 0, name, version, captured_at: now, run_ended_at: OPEN };
    let proof = resolve::producer_of(view, &reading)?;
    if let Some(proof) = proof.filter(|proof| proof.matched == Match::Name) {
        attached.extend(view.labels_on_output(proof.upstream, name)?);
    }
    Ok(Source { attached, upstream: proof.map(|proof| proof.upstream) })
}

/// The labels that each of these carries, as far as they show within so many runs upstream.
fn carried(view: &View<'_>, sources: &[Source], at_most: usize) -> Result<Vec<BTreeSet<LabelId>>> {
    let mut carried: Vec<_> = sources.iter().map(|source| source.attached.clone()).collect();
    let upstream = Upstream::of(view, sources.iter().filter_map(|source| source.upstream), at_most)?;
    for (&label, runs) in &upstream.attached {
        let carriers = upstream.downstream_of(runs);
        for (source, labels) in sources.iter().zip(&mut carried) {
            if source.upstream.is_some_and(|run| carriers.contains(&run)) {
                labels.insert(label);
            }
        }
    }
    Ok(carried)
}

/// The runs behind some runs, each visited once.
struct Upstream {
    /// The runs that depend on a run.
    readers: HashMap<RunId, Vec<RunId>>,
    /// The runs that read something to which a label is attached.
    attached: BTreeMap<LabelId, Vec<RunId>>,
}

impl Upstream {
    fn of(view: &View<'_>, runs: impl Iterator<Item = RunId>, at_most: usize) -> Result<Self> {
        let mut found = Self { readers: HashMap::new(), attached: BTreeMap::new() };
        let mut seen = HashSet::new();
        let mut open: VecDeque<RunId> = runs.filter(|&run| seen.insert(run)).collect();
        for _ in 0..at_most {
            let Some(run) = open.pop_front() else { break };
            for (_, label) in view.labels_on_inputs(run)? {
                found.attached.entry(label).or_default().push(run);
            }
            for upstream in view.upstream_ids(run)? {
                found.readers.entry(upstream).or_default().push(run);
                if seen.insert(upstream) {
                    open.push_back(upstream);
                }
            }
        }
        Ok(found)
    }

    /// These runs and all that depend on them.
    fn downstream_of(&self, runs: &[RunId]) -> HashSet<RunId> {
        let mut found: HashSet<RunId> = runs.iter().copied().collect();
        let mut open: Vec<RunId> = found.iter().copied().collect();
        while let Some(run) = open.pop() {
            open.extend(self.readers.get(&run).into_iter().flatten().filter(|&&reader| found.insert(reader)));
        }
        found
    }
}

/// Of what is carried by each of these, what had been retracted by a time.
fn violations<'a>(
    view: &View<'_>,
    carried: impl Iterator<Item = (&'a str, &'a BTreeSet<LabelId>)>,
    by: i64,
) -> Result<Vec<Violation>> {
    let mut retractions: HashMap<LabelId, Option<Retraction>> = HashMap::new();
    let mut told = HashSet::new();
    let mut found = Vec::new();
    for (pointer, labels) in carried {
        for &label in labels {
            if let std::collections::hash_map::Entry::Vacant(unknown) = retractions.entry(label) {
                let retraction = view.retraction(label)?;
                unknown.insert(retraction.filter(|retraction| to_micros(retraction.retracted_at) <= by));
            }
            if let Some(Some(retraction)) = retractions.get(&label)
                && told.insert((pointer, label))
            {
                found.push(violation(pointer, retraction.clone()));
            }
        }
    }
    Ok(found)
}

fn violation(pointer: &str, retraction: Retraction) -> Violation {
    let Retraction { label, retracted_at, retracted_by, reason } = retraction;
    Violation { pointer: pointer.to_owned(), label, retracted_at, retracted_by, reason }
}
