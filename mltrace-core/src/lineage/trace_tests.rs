use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::resolve::put_run;
use super::trace::{Reach, downstream, upstream};
use crate::error::ErrorKind;
use crate::model::{Graph, GraphRoot, RunEntry, RunId};
use crate::store::{Store, View, Write};
use crate::testing::{pointer, run};
use crate::tracer::Tracer;

fn trace(store: &Store, root: RunId, depth: Option<u32>) -> Graph {
    let reach = Reach { depth, ..Reach::default() };
    store.read(|view| upstream(view, root, None, &reach)).unwrap()
}

/// Writes runs in one transaction, because a test of ten thousand commits would measure the disk.
fn put_all(store: &Store, entries: impl IntoIterator<Item = RunEntry>) -> Vec<RunId> {
    let process = crate::provenance::process();
    let put_all = |tx: &Write<'_>| entries.into_iter().map(|entry| Ok(put_run(tx, &entry, process)?.run)).collect();
    store.write(None, put_all).unwrap()
}

#[test]
fn thirty_levels_of_diamonds_hold_each_run_once() {
    let store = Store::in_memory().unwrap();
    let level = |level: i64| {
        (0..2).map(move |side| {
            let entry = run("stage", 10 * level, 10 * level + 1).writes(&format!("{level}.{side}"));
            if level == 0 { entry } else { entry.reads(&format!("{}.0", level - 1)).reads(&format!("{}.1", level - 1)) }
        })
    };
    let ids = put_all(&store, (0..30).flat_map(level));
    let graph = trace(&store, *ids.last().unwrap(), None);
    assert_eq!(graph.runs.len(), 1 + 29 * 2, "2^29 paths, 59 runs");
    assert_eq!(graph.edges.len(), 2 + 28 * 4);
    assert_eq!(graph.runs.last().unwrap().depth, 29);
    assert_eq!(graph.truncated, None);
}

#[test]
fn a_skip_ladder_of_a_thousand_runs_has_the_fewest_hops() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(
        &store,
        (0..1_000_i64).map(|step| {
            let entry = run("stage", 10 * step, 10 * step + 1).writes(&step.to_string());
            (1..=2).filter(|back| *back <= step).fold(entry, |entry, back| entry.reads(&(step - back).to_string()))
        }),
    );
    let graph = trace(&store, *ids.last().unwrap(), None);
    assert_eq!(graph.runs.len(), 1_000);
    let depths: BTreeMap<RunId, u32> = graph.runs.iter().map(|found| (found.run.id, found.depth)).collect();
    assert_eq!(depths[&ids[0]], 500, "999 steps back, two at a time");
}

#[test]
fn a_chain_of_ten_thousand_runs_is_traced_to_its_source() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(
        &store,
        (0..10_000_i64).map(|step| {
            run("stage", 10 * step, 10 * step + 1).reads(&(step - 1).to_string()).writes(&step.to_string())
        }),
    );
    let graph = trace(&store, *ids.last().unwrap(), None);
    assert_eq!(graph.runs.len(), 10_000);
    assert_eq!(graph.runs.last().unwrap().depth, 9_999);
    let cut = trace(&store, *ids.last().unwrap(), Some(9));
    assert_eq!((cut.runs.len(), cut.truncated.unwrap().runs), (10, 9_990));
}

#[test]
fn a_cycle_ends() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(&store, [run("one", 0, 0).reads("y").writes("x"), run("two", 0, 0).reads("x").writes("y")]);
    let graph = trace(&store, ids[0], None);
    assert_eq!(graph.runs.len(), 2);
    assert_eq!(graph.edges.len(), 2, "both edges of the cycle are told");
}

#[test]
fn stopping_at_a_component_shows_it_and_counts_what_lies_behind() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(
        &store,
        [
            run("raw", 0, 1).writes("a"),
            run("clean", 2, 3).reads("a").writes("b"),
            run("train", 4, 5).reads("b").writes("c"),
        ],
    );
    let reach = Reach { stop_at: Some("clean".to_owned()), ..Reach::default() };
    let graph = store.read(|view| upstream(view, ids[2], None, &reach)).unwrap();
    let shown: Vec<_> = graph.runs.iter().map(|found| found.run.component.as_str()).collect();
    assert_eq!(shown, ["train", "clean"]);
    assert_eq!(graph.truncated.unwrap().runs, 1);
}

fn impact_of_run(store: &Store, root: RunId, depth: Option<u32>) -> Graph {
    let reach = Reach { depth, ..Reach::default() };
    store.read(|view| downstream(view, GraphRoot { pointer: None, run: Some(root) }, None, &reach)).unwrap()
}

#[test]
fn the_impact_of_thirty_levels_of_diamonds_holds_each_run_once() {
    let store = Store::in_memory().unwrap();
    let level = |level: i64| {
        (0..2).map(move |side| {
            let entry = run("stage", 10 * level, 10 * level + 1).writes(&format!("{level}.{side}"));
            if level == 0 { entry } else { entry.reads(&format!("{}.0", level - 1)).reads(&format!("{}.1", level - 1)) }
        })
    };
    let ids = put_all(&store, (0..30).flat_map(level));
    let graph = impact_of_run(&store, ids[0], None);
    assert_eq!(graph.runs.len(), 1 + 29 * 2);
    assert_eq!(graph.runs.last().unwrap().depth, 29);
    let cut = impact_of_run(&store, ids[0], Some(3));
    assert_eq!((cut.runs.len(), cut.truncated.unwrap().runs), (7, 52));
}

#[test]
fn the_impact_of_a_pointer_leaves_out_who_reads_its_siblings() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(
        &store,
        [
            run("split", 0, 1).writes("train").writes("test"),
            run("fit", 2, 3).reads("train").writes("forest"),
            run("count", 2, 3).reads("test").writes("counts"),
            run("score", 4, 5).reads("forest").reads("counts"),
        ],
    );
    let root = GraphRoot { pointer: None, run: Some(ids[0]) };
    let first = |view: &View<'_>| view.readers_of(view.pointer_id("train")?.unwrap(), None, None);
    let impact = |view: &View<'_>| downstream(view, root, Some(first(view)?), &Reach::default());
    let graph = store.read(impact).unwrap();
    let shown: Vec<_> = graph.runs.iter().map(|found| (found.depth, found.run.component.as_str())).collect();
    assert_eq!(shown, [(0, "split"), (1, "fit"), (2, "score")]);
    assert_eq!(graph.edges.len(), 2);
}

#[test]
fn the_impact_of_a_pointer_goes_on_behind_its_writer_if_that_has_read_it_too() {
    let store = Store::in_memory().unwrap();
    let ids = put_all(
        &store,
        [
            run("fit", 0, 1).writes("model"),
            run("fit", 2, 3).reads("model").writes("model").writes("report"),
            run("publish", 4, 5).reads("report"),
        ],
    );
    let impact = |depth| {
        let first = |view: &View<'_>| view.readers_of(view.pointer_id("model")?.unwrap(), None, None);
        let root = GraphRoot { pointer: None, run: Some(ids[1]) };
        let reach = Reach { depth, ..Reach::default() };
        let graph = store.read(|view| downstream(view, root, Some(first(view)?), &reach)).unwrap();
        let shown: Vec<_> = graph.runs.iter().map(|found| (found.depth, found.run.id)).collect();
        (shown, graph.truncated.map_or(0, |truncated| truncated.runs))
    };
    assert_eq!(impact(None), (vec![(0, ids[1]), (2, ids[2])], 0));
    assert_eq!(impact(Some(1)), (vec![(0, ids[1])], 1));
    assert_eq!(impact(Some(0)), (vec![(0, ids[1])], 1), "the root is shown, what it has touched is not");
}

#[test]
fn of_many_runs_the_nearest_and_latest_are_shown_and_the_others_counted() {
    let store = Store::in_memory().unwrap();
    let readers = (0..40_i64).map(|reader| run("read", 10 + reader, 50).reads("model").writes(&reader.to_string()));
    let report = run("report", 60, 61).reads("3").reads("39");
    let all = [run("fit", 0, 1).writes("model")].into_iter().chain(readers).chain([report]);
    let ids = put_all(&store, all);
    let reach = Reach { most: Some(5), ..Reach::default() };
    let root = GraphRoot { pointer: None, run: Some(ids[0]) };
    let graph = store.read(|view| downstream(view, root, None, &reach)).unwrap();
    let shown: Vec<_> = graph.runs.iter().map(|found| found.run.id).collect();
    assert_eq!(shown, [ids[0], ids[37], ids[38], ids[39], ids[40]]);
    assert_eq!(graph.truncated.unwrap().runs, 37, "the report too, though it read from a run that is shown");
    let graph = store.read(|view| upstream(view, ids[41], None, &reach)).unwrap();
    assert_eq!((graph.runs.len(), graph.truncated), (4, None), "what fits is whole");
}

/// The plainest walk there is, over a list of edges.
fn naive_depths(edges: &BTreeSet<(usize, usize)>, root: usize) -> BTreeMap<usize, u32> {
    let mut depths = BTreeMap::from([(root, 0)]);
    let mut queue = VecDeque::from([root]);
    while let Some(at) = queue.pop_front() {
        for &(_, to) in edges.iter().filter(|(from, _)| *from == at) {
            if !depths.contains_key(&to) {
                depths.insert(to, depths[&at] + 1);
                queue.push_back(to);
            }
        }
    }
    depths
}

proptest! {
    #[test]
    fn a_trace_is_the_naive_walk(
        size in 1_usize..24,
        pairs in vec((0_usize..24, 0_usize..24), 0..60),
        depth in proptest::option::of(0_u32..5),
    ) {
        // Edges point from later runs to earlier ones, or between runs of the same moment, which makes cycles.
        let moment = |node: usize| i64::try_from(node / 2).unwrap() * 10;
        let edges: BTreeSet<(usize, usize)> = pairs
            .into_iter()
            .filter(|(from, to)| *from < size && *to < size && from != to && moment(*to) <= moment(*from))
            .collect();
        let store = Store::in_memory().unwrap();
        let ids = put_all(&store, (0..size).map(|node| {
            let entry = run("stage", moment(node), moment(node)).writes(&node.to_string());
            edges.iter().filter(|(from, _)| *from == node).fold(entry, |entry, (_, to)| entry.reads(&to.to_string()))
        }));
        let graph = trace(&store, ids[size - 1], depth);

        let all = naive_depths(&edges, size - 1);
        let shown: BTreeMap<RunId, u32> = all
            .iter()
            .filter(|(_, hops)| depth.is_none_or(|depth| **hops <= depth))
            .map(|(node, hops)| (ids[*node], *hops))
            .collect();
        let found: BTreeMap<RunId, u32> = graph.runs.iter().map(|found| (found.run.id, found.depth)).collect();
        prop_assert_eq!(&found, &shown);
        let cut = all.len() - shown.len();
        prop_assert_eq!(graph.truncated.map_or(0, |truncated| truncated.runs), cut as u64);
        let expected: BTreeSet<(RunId, RunId)> = edges
            .iter()
            .map(|(from, to)| (ids[*from], ids[*to]))
            .filter(|(from, to)| shown.contains_key(from) && shown.contains_key(to))
            .collect();
        let told: BTreeSet<(RunId, RunId)> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn an_impact_is_the_naive_walk_the_other_way(
        size in 1_usize..24,
        pairs in vec((0_usize..24, 0_usize..24), 0..60),
        root in 0_usize..24,
        depth in proptest::option::of(0_u32..5),
    ) {
        let root = root % size;
        let moment = |node: usize| i64::try_from(node / 2).unwrap() * 10;
        let edges: BTreeSet<(usize, usize)> = pairs
            .into_iter()
            .filter(|(from, to)| *from < size && *to < size && from != to && moment(*to) <= moment(*from))
            .collect();
        let store = Store::in_memory().unwrap();
        let ids = put_all(&store, (0..size).map(|node| {
            let entry = run("stage", moment(node), moment(node)).writes(&node.to_string());
            edges.iter().filter(|(from, _)| *from == node).fold(entry, |entry, (_, to)| entry.reads(&to.to_string()))
        }));
        let all = naive_depths(&edges.iter().map(|&(from, to)| (to, from)).collect(), root);
        let shown: BTreeMap<RunId, u32> = all
            .iter()
            .filter(|(_, hops)| depth.is_none_or(|depth| **hops <= depth))
            .map(|(node, hops)| (ids[*node], *hops))
            .collect();
        let graph = impact_of_run(&store, ids[root], depth);
        let found: Vec<(u32, RunId)> = graph.runs.iter().map(|found| (found.depth, found.run.id)).collect();
        prop_assert!(found.is_sorted());
        prop_assert_eq!(&found.into_iter().map(|(hops, id)| (id, hops)).collect::<BTreeMap<_, _>>(), &shown);
        prop_assert_eq!(graph.truncated.map_or(0, |truncated| truncated.runs), (all.len() - shown.len()) as u64);
        let expected: BTreeSet<(RunId, RunId)> = edges
            .iter()
            .map(|(from, to)| (ids[*from], ids[*to]))
            .filter(|(from, to)| shown.contains_key(from) && shown.contains_key(to))
            .collect();
        let told: BTreeSet<(RunId, RunId)> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        prop_assert_eq!(told, expected);
    }
}

#[test]
fn a_whole_version_that_runs_only_read_is_not_taken_for_one_that_begins_like_it() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.store().put(&run("use", 0, 1).reads("model@v1")).unwrap();
    tracer.store().put(&run("train", 2, 3).writes("model@v10")).unwrap();
    for whole in ["v1", "stated:v1"] {
        for error in
            [tracer.trace("model").version(whole).get().unwrap_err(), tracer.flag_version("model", whole).unwrap_err()]
        {
            let message = format!("runs only read `{whole}` of `model`: no traced run wrote it");
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::NotFound, message));
        }
    }
    for whole_or_begun in ["v10", "v", "stated:v10", "stated:v"] {
        assert_eq!(tracer.trace("model").version(whole_or_begun).get().unwrap().runs[0].run.component, "train");
    }
}

#[test]
fn what_a_run_wrote_itself_is_no_source_however_few_of_its_outputs_are_told() {
    let store = Store::in_memory().unwrap();
    let entry = run("split", 0, 1).writes("a@1").writes("b@1").reads("b@1").reads("b@2").reads("raw").reads("a");
    let id = store.put(&entry).unwrap();
    store.put(&run("copy", 2, 3).writes("b@2")).unwrap();
    let reach = Reach { outputs: Some(1), ..Reach::default() };
    let graph = store.read(|view| upstream(view, id, None, &reach)).unwrap();
    let run = &graph.runs[0].run;
    assert_eq!(run.outputs.len(), 1);
    let sources: Vec<_> = run.sources().cloned().collect();
    assert_eq!(sources, ["b@2", "raw", "a"].map(pointer), "other bytes, and what has no bytes to know it again by");
}
