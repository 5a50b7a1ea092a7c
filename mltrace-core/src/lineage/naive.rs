//! The rule of `resolve`, read literally over a list of runs: slow, plain, and written apart from it.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::model::{InputEntry, IoPointer, Match, RunEntry, Status};

/// An edge: reader, the input it proves (`None` where declared), writer, how.
pub(super) type NaiveEdge = (Uuid, Option<String>, Uuid, Match, bool, bool);

type Lateness = (i64, i64, Uuid);

fn end(run: &RunEntry) -> i64 {
    run.ended_at.map_or(i64::MAX, |end| end.timestamp_micros())
}

fn start(run: &RunEntry) -> i64 {
    run.started_at.timestamp_micros()
}

fn lateness(run: &RunEntry) -> Lateness {
    (end(run), start(run), run.uuid)
}

fn latest<'r>(runs: impl Iterator<Item = &'r RunEntry>) -> Option<&'r RunEntry> {
    runs.max_by_key(|run| lateness(run))
}

fn outputs_of<'r>(run: &'r RunEntry, name: &'r str) -> impl Iterator<Item = &'r IoPointer> {
    run.outputs.iter().filter(move |output| output.name == name)
}

fn wrote_exactly(run: &RunEntry, input: &IoPointer) -> bool {
    input.version.is_some() && outputs_of(run, &input.name).any(|output| output.version == input.version)
}

fn wrote_comparable(run: &RunEntry, input: &IoPointer) -> bool {
    let Some(read) = &input.version else { return false };
    outputs_of(run, &input.name).any(|output| output.version.as_ref().is_some_and(|wrote| wrote.kind == read.kind))
}

fn edge(runs: &[RunEntry], reader: &RunEntry, input: &InputEntry) -> Option<(Uuid, Match, bool, bool)> {
    let (pointer, capture) = (&input.pointer, input.captured_at.timestamp_micros());
    let candidates: Vec<&RunEntry> = runs
        .iter()
        .filter(|run| run.uuid != reader.uuid)
        .filter(|run| outputs_of(run, &pointer.name).next().is_some())
        .filter(|run| start(run) <= end(reader))
        .collect();
    let ended = |run: &&&RunEntry| end(run) <= capture;
    let exact = |run: &&&RunEntry| wrote_exactly(run, pointer);

    if let Some(run) = latest(candidates.iter().filter(ended).filter(exact).copied()) {
        return Some((run.uuid, Match::Version, false, false));
    }
    if let Some(run) = latest(candidates.iter().filter(exact).copied()) {
        return Some((run.uuid, Match::Version, false, true));
    }
    let completed = latest(candidates.iter().filter(ended).filter(|run| run.status == Status::Completed).copied());
    let Some(run) = completed.or_else(|| latest(candidates.iter().filter(ended).copied())) else {
        return latest(candidates.into_iter()).map(|run| (run.uuid, Match::Name, false, true));
    };
    if !wrote_comparable(run, pointer) {
        return Some((run.uuid, Match::Name, false, false));
    }
    let open = latest(candidates.iter().filter(|run| start(run) <= capture && capture < end(run)).copied());
    if let Some(open) = open {
        return Some((open.uuid, Match::Name, false, true));
    }
    if wrote_exactly(reader, pointer) {
        return None;
    }
    Some((run.uuid, Match::Name, true, false))
}

/// Every edge among these runs.
pub(super) fn edges(runs: &[RunEntry]) -> BTreeSet<String> {
    let mut edges: Vec<NaiveEdge> = Vec::new();
    for reader in runs {
        for input in &reader.inputs {
            if let Some((writer, matched, modified, overlapping)) = edge(runs, reader, input) {
                let pointer = Some(input.pointer.name.clone());
                edges.push((reader.uuid, pointer, writer, matched, modified, overlapping));
            }
        }
        for component in &reader.upstream {
            let ended = runs
                .iter()
                .filter(|run| run.definition.component == *component && run.uuid != reader.uuid)
                .filter(|run| end(run) <= start(reader));
            if let Some(writer) = latest(ended) {
                edges.push((reader.uuid, None, writer.uuid, Match::Declared, false, false));
            }
        }
    }
    edges.iter().map(|edge| format!("{edge:?}")).collect()
}
