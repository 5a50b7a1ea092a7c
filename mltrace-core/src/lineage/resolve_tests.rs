use std::collections::BTreeSet;
use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::naive;
use crate::model::{Dependency, Match, RunEntry, RunId, Status};
use crate::store::Store;
use crate::testing::run;

/// Writes runs in the order given and says what the last one depends on.
fn dependencies_of_last(entries: &[RunEntry]) -> Vec<Dependency> {
    let store = Store::in_memory().unwrap();
    let ids: Vec<RunId> = entries.iter().map(|entry| store.put(entry).unwrap()).collect();
    store.get(*ids.last().unwrap()).dependencies
}

fn only(dependencies: &[Dependency]) -> (&str, Match, bool, bool) {
    let [one] = dependencies else { panic!("expected one dependency, got {dependencies:?}") };
    (&one.component, one.matched, one.modified, one.overlapping)
}

#[test]
fn the_latest_writer_of_an_overwritten_name_is_the_producer() {
    let found = dependencies_of_last(&[
        run("first", 0, 1).writes("x@1"),
        run("second", 2, 3).writes("x@2"),
        run("reader", 4, 5).reads("x@2"),
    ]);
    assert_eq!(only(&found), ("second", Match::Version, false, false));
}

#[test]
fn an_old_copy_leads_to_the_run_that_wrote_those_bytes() {
    let found = dependencies_of_last(&[
        run("first", 0, 1).writes("x@1"),
        run("second", 2, 3).writes("x@2"),
        run("reader", 4, 5).reads("x@1"),
    ]);
    assert_eq!(only(&found), ("first", Match::Version, false, false));
}

#[test]
fn a_backfilled_run_does_not_take_over_readers_that_came_before_it() {
    let store = Store::in_memory().unwrap();
    store.put(&run("today", 10, 11).writes("x")).unwrap();
    let reader = store.put(&run("reader", 12, 13).reads("x")).unwrap();
    store.put(&run("backfill", 0, 1).writes("x")).unwrap();
    store.put(&run("tomorrow", 20, 21).writes("x")).unwrap();
    assert_eq!(only(&store.get(reader).dependencies), ("today", Match::Name, false, false));
}

#[test]
fn a_producer_that_arrives_after_its_reader_is_found() {
    let store = Store::in_memory().unwrap();
    let reader = store.put(&run("reader", 4, 5).reads("x@1")).unwrap();
    assert!(store.get(reader).dependencies.is_empty());
    store.put(&run("late", 0, 1).writes("x@1")).unwrap();
    assert_eq!(only(&store.get(reader).dependencies), ("late", Match::Version, false, false));
}

#[test]
fn bytes_changed_outside_the_pipeline_are_modified() {
    let found = dependencies_of_last(&[run("writer", 0, 1).writes("x@1"), run("reader", 2, 3).reads("x@edited")]);
    assert_eq!(only(&found), ("writer", Match::Name, true, false));
}

#[test]
fn versions_of_different_kinds_are_not_compared() {
    let found =
        dependencies_of_last(&[run("writer", 0, 1).writes("x@hash:ab"), run("reader", 2, 3).reads("x@tree:cd")]);
    assert_eq!(only(&found), ("writer", Match::Name, false, false));
}

#[test]
fn a_stage_that_reads_its_own_last_output_depends_on_its_last_run() {
    let store = Store::in_memory().unwrap();
    let first = store.put(&run("loop", 0, 1).writes("state@1")).unwrap();
    let second = store.put(&run("loop", 2, 3).reads("state@1").writes("state@2")).unwrap();
    let third = store.put(&run("loop", 4, 5).reads("state@2").writes("state@3")).unwrap();
    assert!(store.get(first).dependencies.is_empty());
    assert_eq!(store.get(second).dependencies[0].run, first);
    assert_eq!(store.get(third).dependencies[0].run, second);
}

#[test]
fn reading_back_what_the_same_run_wrote_is_no_dependency() {
    let found = dependencies_of_last(&[
        run("earlier", 0, 1).writes("x@1"),
        run("reader", 2, 6).writes("x@2").reads_at("x@2", 5),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_failed_run_that_left_exactly_the_bytes_read_is_the_producer() {
    let found = dependencies_of_last(&[
        run("good", 0, 1).writes("x@1"),
        run("broken", 2, 3).writes("x@half").ending(Status::Failed),
        run("reader", 4, 5).reads("x@half"),
    ]);
    assert_eq!(only(&found), ("broken", Match::Version, false, false));
}

#[test]
fn by_name_alone_a_completed_run_goes_before_a_later_failed_one() {
    let found = dependencies_of_last(&[
        run("good", 0, 1).writes("x"),
        run("broken", 2, 3).writes("x").ending(Status::Failed),
        run("reader", 4, 5).reads("x"),
    ]);
    assert_eq!(only(&found), ("good", Match::Name, false, false));
}

#[test]
fn by_name_alone_a_failed_run_is_better_than_none() {
    let found = dependencies_of_last(&[
        run("broken", 2, 3).writes("x").ending(Status::Panicked),
        run("reader", 4, 5).reads("x"),
    ]);
    assert_eq!(only(&found), ("broken", Match::Name, false, false));
}

#[test]
fn a_long_producer_that_was_read_before_it_ended_is_overlapping() {
    let found = dependencies_of_last(&[run("long", 0, 100).writes("x@1"), run("reader", 50, 60).reads("x@1")]);
    assert_eq!(only(&found), ("long", Match::Version, false, true));
}

#[test]
fn bytes_of_an_unfinished_writer_are_overlapping_rather_than_modified() {
    let found = dependencies_of_last(&[
        run("earlier", 0, 1).writes("x@1"),
        run("long", 10, 100).writes("x@final"),
        run("reader", 50, 60).reads("x@partial"),
    ]);
    assert_eq!(only(&found), ("long", Match::Name, false, true));
}

#[test]
fn a_producer_whose_clock_is_five_seconds_ahead_is_found_by_its_bytes() {
    let second = 1_000_000;
    let found = dependencies_of_last(&[
        run("earlier", 0, second).writes("x@1"),
        run("ahead", 7 * second, 8 * second).writes("x@2"),
        run("reader", 3 * second, 9 * second).reads("x@2"),
    ]);
    assert_eq!(only(&found), ("ahead", Match::Version, false, true));
}

#[test]
fn of_two_producers_in_one_microsecond_the_greater_uuid_wins_in_either_order() {
    let one = run("one", 0, 1).writes("x");
    let two = run("two", 0, 1).writes("x");
    let greater = if one.uuid > two.uuid { "one" } else { "two" };
    let reader = run("reader", 2, 3).reads("x");
    for order in [[&one, &two], [&two, &one]] {
        let found = dependencies_of_last(&[order[0].clone(), order[1].clone(), reader.clone()]);
        assert_eq!(only(&found).0, greater);
    }
}

#[test]
fn runs_with_coarse_times_may_depend_on_each_other() {
    let store = Store::in_memory().unwrap();
    let one = store.put(&run("one", 0, 0).reads("y").writes("x")).unwrap();
    let two = store.put(&run("two", 0, 0).reads("x").writes("y")).unwrap();
    assert_eq!(store.get(one).dependencies[0].run, two);
    assert_eq!(store.get(two).dependencies[0].run, one);
}

#[test]
fn a_declared_upstream_is_the_latest_run_that_ended_before_the_start() {
    let store = Store::in_memory().unwrap();
    let mut reader = run("reader", 10, 11);
    reader.upstream.push("download".to_owned());
    let reader = store.put(&reader).unwrap();
    assert!(store.get(reader).dependencies.is_empty(), "an unknown component stays unresolved");
    store.put(&run("download", 8, 12)).unwrap();
    store.put(&run("download", 1, 2)).unwrap();
    let expected = store.put(&run("download", 3, 4)).unwrap();
    let found = store.get(reader).dependencies;
    assert_eq!(only(&found), ("download", Match::Declared, false, false));
    assert_eq!(found[0].run, expected);
}

#[test]
fn a_run_that_ends_takes_over_the_readers_it_can_have_fed() {
    let store = Store::in_memory().unwrap();
    let old = run("old", 0, 1).writes("x");
    let open = run("open", 2, 5).writes("x");
    store.put(&old).unwrap();
    store.put(&open.clone().open()).unwrap();
    let reader = store.put(&run("reader", 6, 7).reads("x")).unwrap();
    assert_eq!(only(&store.get(reader).dependencies).0, "old");
    store.put(&open).unwrap();
    assert_eq!(only(&store.get(reader).dependencies), ("open", Match::Name, false, false));
}

#[test]
fn an_output_that_a_run_no_longer_claims_is_given_back() {
    let store = Store::in_memory().unwrap();
    store.put(&run("old", 0, 1).writes("x")).unwrap();
    let claims = run("changes", 2, 3).writes("x");
    let mut drops = claims.clone();
    drops.outputs.clear();
    drops.ended_at = Some(crate::clock::from_micros(4));
    store.put(&claims).unwrap();
    let reader = store.put(&run("reader", 5, 6).reads("x")).unwrap();
    assert_eq!(only(&store.get(reader).dependencies).0, "changes");
    store.put(&drops).unwrap();
    assert_eq!(only(&store.get(reader).dependencies).0, "old");
}

#[test]
fn writing_a_run_twice_changes_nothing() {
    let store = Store::in_memory().unwrap();
    let entry = run("once", 0, 1).writes("x@1").reads("y");
    let id = store.put(&entry).unwrap();
    let before = store.get(id);
    assert_eq!(store.put(&entry).unwrap(), id);
    assert_eq!(store.get(id), before);
}

#[test]
fn a_late_report_that_a_run_is_open_does_not_reopen_it() {
    let store = Store::in_memory().unwrap();
    let entry = run("done", 0, 1).writes("x@1");
    let id = store.put(&entry).unwrap();
    store.put(&entry.clone().open()).unwrap();
    assert_eq!(store.get(id).status, Status::Completed);
}

/// One run and the reports of it that reach the store, the last of which is final.
#[derive(Debug, Clone)]
pub(crate) struct Reported(pub(crate) Vec<RunEntry>);

fn pointer_text() -> impl Strategy<Value = String> {
    let version = prop_oneof![
        2 => Just(""),
        3 => Just("@1"),
        3 => Just("@2"),
        1 => Just("@hash:aa"),
        1 => Just("@hash:bb"),
    ];
    (prop_oneof![Just("x"), Just("y"), Just("z")], version).prop_map(|(name, version)| format!("{name}{version}"))
}

pub(crate) fn reported() -> impl Strategy<Value = Reported> {
    let component = prop_oneof![Just("a"), Just("b"), Just("c")];
    let status = prop_oneof![4 => Just(Status::Completed), 1 => Just(Status::Failed), 1 => Just(Status::Running)];
    let io = (vec((pointer_text(), 0_i64..12), 0..3), vec(pointer_text(), 0..3), vec(component.clone(), 0..2));
    // What a first report claimed and the next took back: another start, another output.
    let early = proptest::option::of((0_i64..12, pointer_text()));
    (component, 0_i64..12, 0_i64..6, status, io, early).prop_map(
        |(component, started_at, length, status, (inputs, outputs, upstream), early)| {
            let mut entry = run(component, started_at, started_at + length);
            entry.upstream = BTreeSet::from_iter(upstream).into_iter().map(ToOwned::to_owned).collect();
            for (input, offset) in inputs {
                entry = entry.reads_at(&input, started_at + offset % (length + 1));
            }
            for output in outputs {
                entry = entry.writes(&output);
            }
            crate::record::keep_first(&mut entry.inputs, |input| &input.pointer);
            crate::record::keep_first(&mut entry.outputs, |output| output);
            let mut reports = Vec::new();
            if let Some((other_start, other_output)) = early {
                let mut first = entry.clone().open();
                first.started_at = crate::clock::from_micros(other_start);
                first.inputs.truncate(1);
                first.outputs = vec![crate::testing::pointer(&other_output)];
                reports.push(first);
                reports.push(entry.clone().open());
            }
            reports.push(if status == Status::Running { entry.open() } else { entry.ending(status) });
            for (number, report) in (0..).zip(&mut reports) {
                report.report = number;
            }
            Reported(reports)
        },
    )
}

fn stored_edges(store: &Store, ids: &HashMap<RunId, Uuid>) -> BTreeSet<String> {
    let mut edges = BTreeSet::new();
    for (&id, uuid) in ids {
        for dependency in store.get(id).dependencies {
            let Dependency { run, pointer, matched, modified, overlapping, .. } = dependency;
            let edge: naive::NaiveEdge = (*uuid, pointer, ids[&run], matched, modified, overlapping);
            edges.insert(format!("{edge:?}"));
        }
    }
    edges
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_same_writes_in_any_order_give_the_edges_of_the_naive_model(
        (runs, order) in vec(reported(), 1..9).prop_flat_map(|runs| {
            let writes: Vec<(usize, usize)> = runs
                .iter()
                .enumerate()
                .flat_map(|(run, reported)| (0..reported.0.len()).map(move |report| (run, report)))
                .collect();
            (Just(runs), Just(writes).prop_shuffle())
        })
    ) {
        let store = Store::in_memory().unwrap();
        let mut ids = HashMap::new();
        for (run, report) in order {
            let entry = &runs[run].0[report];
            ids.insert(store.put(entry).unwrap(), entry.uuid);
        }
        let final_states: Vec<RunEntry> = runs.iter().map(|run| run.0.last().unwrap().clone()).collect();
        prop_assert_eq!(stored_edges(&store, &ids), naive::edges(&final_states));
    }
}
