use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::labels::{fill, impact, nearest_carriers, retracted_among};
use crate::model::{IoPointer, Match, RunEntry, RunId, RunRecord};
use crate::store::Store;
use crate::testing::{pointer, run};
use crate::tracer::Tracer;

/// Attaches a label to a name, or to one version of it.
fn attach(store: &Store, text: &str, label: &str) {
    let IoPointer { name, version, .. } = pointer(text);
    store
        .write(None, |tx| {
            let version = version.map(|version| tx.version(&version)).transpose()?;
            tx.attach(tx.label(label)?, tx.text(&name)?, version, 0)
        })
        .unwrap();
}

fn retract(store: &Store, label: &str, at: i64) {
    store.write(None, |tx| tx.retract(tx.label(label)?, at, "anna", "consent withdrawn")).unwrap();
}

fn filled(store: &Store, id: RunId) -> RunRecord {
    let fill = |record: &mut RunRecord| store.read(|view| fill(view, record, &(0..u32::MAX)));
    let mut record = store.get(id);
    fill(&mut record).unwrap();
    record
}

fn labels(store: &Store, id: RunId) -> Vec<String> {
    filled(store, id).labels.unwrap()
}

fn put_all<const N: usize>(store: &Store, entries: [RunEntry; N]) -> [RunId; N] {
    entries.map(|entry| store.put(&entry).unwrap())
}

/// The labels and pointers of what a run about to start would read against retractions.
fn refused(store: &Store, inputs: &[&str], now: i64) -> Vec<(String, String)> {
    let inputs: Vec<_> = inputs.iter().map(|input| pointer(input)).collect();
    let found = store.read(|view| retracted_among(view, &inputs, &[], now)).unwrap();
    found.into_iter().map(|violation| (violation.pointer, violation.label)).collect()
}

#[test]
fn a_label_follows_the_data_downstream() {
    let store = Store::in_memory().unwrap();
    attach(&store, "raw", "customer-7");
    let [clean, train, other] = put_all(
        &store,
        [
            run("clean", 0, 1).reads("raw").writes("rides"),
            run("train", 2, 3).reads("rides").writes("forest"),
            run("other", 2, 3).reads("weather"),
        ],
    );
    assert_eq!(labels(&store, clean), ["customer-7"]);
    let train = filled(&store, train);
    assert_eq!(train.inputs[0].pointer.labels.as_deref(), Some(&["customer-7".to_owned()][..]));
    assert_eq!(train.outputs[0].labels.as_deref(), Some(&["customer-7".to_owned()][..]));
    assert_eq!(train.violations, Some(Vec::new()));
    assert!(labels(&store, other).is_empty());
}

#[test]
fn an_output_has_its_labels_whichever_of_a_run_are_told() {
    let tracer = Tracer::in_memory().unwrap();
    let id = tracer.store().put(&run("split", 0, 1).writes("a").writes("b").writes("c")).unwrap();
    attach(tracer.store(), "b", "customer-7");
    let told = tracer.run_with_outputs(id, 1..3).unwrap().run.outputs;
    let labels: Vec<_> = told.iter().map(|output| output.labels.as_deref().unwrap().join(" ")).collect();
    assert_eq!(labels, ["customer-7", ""]);
}

#[test]
fn a_label_on_one_output_does_not_reach_who_reads_another() {
    let store = Store::in_memory().unwrap();
    attach(&store, "train", "customer-7");
    let [split, fit, count] = put_all(
        &store,
        [
            run("split", 0, 1).writes("train").writes("test"),
            run("fit", 2, 3).reads("train"),
            run("count", 2, 3).reads("test"),
        ],
    );
    assert_eq!(labels(&store, fit), ["customer-7"]);
    assert!(labels(&store, count).is_empty());
    let split = filled(&store, split);
    assert!(split.labels.unwrap().is_empty(), "the run read nothing");
    let on_outputs: Vec<_> = split.outputs.into_iter().map(|output| output.labels.unwrap().len()).collect();
    assert_eq!(on_outputs, [1, 0]);
}

#[test]
fn a_label_on_one_version_is_not_on_the_next() {
    let store = Store::in_memory().unwrap();
    attach(&store, "raw@1", "customer-7");
    let [first, second] = put_all(&store, [run("clean", 0, 1).reads("raw@1"), run("clean", 2, 3).reads("raw@2")]);
    assert_eq!(labels(&store, first), ["customer-7"]);
    assert!(labels(&store, second).is_empty());
}

#[test]
fn an_edited_copy_of_a_labelled_version_is_still_labelled() {
    let store = Store::in_memory().unwrap();
    attach(&store, "rides@1", "customer-7");
    let [_, reader, bare] = put_all(
        &store,
        [
            run("clean", 0, 1).writes("rides@1"),
            run("train", 2, 3).reads("rides@edited"),
            run("count", 2, 3).reads("rides"),
        ],
    );
    assert!(store.get(reader).dependencies[0].modified);
    assert_eq!(labels(&store, reader), ["customer-7"]);
    assert_eq!(labels(&store, bare), ["customer-7"], "nobody knows that it read other bytes");
    assert_eq!(refused_after_retraction(&store, &["rides@edited", "rides"]), ["rides"]);
}

/// The names refused now that the one label is retracted.
fn refused_after_retraction(store: &Store, inputs: &[&str]) -> Vec<String> {
    retract(store, "customer-7", 50);
    refused(store, inputs, 100).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_version_that_was_replaced_since_is_refused_and_its_successor_is_not() {
    let store = Store::in_memory().unwrap();
    attach(&store, "raw@1", "customer-7");
    put_all(
        &store,
        [run("clean", 0, 1).reads("raw@1").writes("rides@1"), run("clean", 2, 3).reads("raw@2").writes("rides@2")],
    );
    assert_eq!(refused_after_retraction(&store, &["rides@2", "rides"]), [""; 0]);
    assert_eq!(refused(&store, &["rides@1"], 100), [("rides".to_owned(), "customer-7".to_owned())]);
}

#[test]
fn a_declared_dependency_carries_what_the_run_read_and_not_what_is_on_its_outputs() {
    let store = Store::in_memory().unwrap();
    attach(&store, "raw", "customer-7");
    attach(&store, "rides", "batch-3");
    store.put(&run("clean", 0, 1).reads("raw").writes("rides")).unwrap();
    let mut train = run("train", 2, 3);
    train.upstream.push("clean".to_owned());
    let train = store.put(&train).unwrap();
    assert_eq!(labels(&store, train), ["customer-7"]);
    retract(&store, "customer-7", 1);
    let violations = filled(&store, train).violations.unwrap();
    assert_eq!(violations[0].pointer, "clean");
}

#[test]
fn labels_given_by_a_run_stand_on_its_inputs_and_those_of_a_source_on_its_outputs() {
    let store = Store::in_memory().unwrap();
    let labelled = |mut entry: RunEntry, label: &str| {
        entry.labels.push(label.to_owned());
        entry
    };
    let [source, clean, train, other] = put_all(
        &store,
        [
            labelled(run("download", 0, 1).writes("raw@1"), "vendor"),
            labelled(run("clean", 2, 3).reads("raw@1").writes("rides"), "customer-7"),
            run("train", 4, 5).reads("rides"),
            run("other", 4, 5).reads("raw@2"),
        ],
    );
    assert!(labels(&store, source).is_empty());
    assert_eq!(filled(&store, source).outputs[0].labels.as_ref().unwrap().len(), 2, "the reader labelled them, too");
    assert_eq!(labels(&store, clean), ["customer-7", "vendor"]);
    assert_eq!(labels(&store, train), ["customer-7", "vendor"]);
    assert_eq!(
        labels(&store, other),
        ["customer-7", "vendor"],
        "by its name from a run that wrote the labelled version"
    );
}

#[test]
fn only_runs_that_started_after_the_retraction_violate_it() {
    let store = Store::in_memory().unwrap();
    attach(&store, "raw", "customer-7");
    let [before, after] =
        put_all(&store, [run("clean", 0, 9).reads("raw").writes("rides"), run("train", 10, 11).reads("rides")]);
    retract(&store, "customer-7", 5);
    assert_eq!(filled(&store, before).violations, Some(Vec::new()));
    let violations = filled(&store, after).violations.unwrap();
    let [violation] = violations.as_slice() else { panic!("one violation, not {violations:?}") };
    assert_eq!((violation.pointer.as_str(), violation.label.as_str()), ("rides", "customer-7"));
    assert_eq!((violation.retracted_by.as_str(), violation.reason.as_str()), ("anna", "consent withdrawn"));
}

#[test]
fn labels_go_round_a_cycle_and_the_walk_ends() {
    let store = Store::in_memory().unwrap();
    attach(&store, "seed", "customer-7");
    let [one, two] = put_all(
        &store,
        [run("one", 0, 0).reads("y").reads("seed").writes("x"), run("two", 0, 0).reads("x").writes("y")],
    );
    let one = filled(&store, one);
    assert_eq!(one.inputs[0].pointer.labels.as_ref().unwrap().len(), 1, "by way of the other run");
    assert_eq!(labels(&store, two), ["customer-7"]);
}

#[test]
fn a_thousand_labels_at_the_top_of_forty_levels_of_diamonds_are_carried_to_the_bottom() {
    let store = Store::in_memory().unwrap();
    for label in 0..1_000 {
        attach(&store, "raw", &format!("customer-{label}"));
    }
    let mut last = store.put(&run("stage", 0, 1).reads("raw").writes("0.0").writes("0.1")).unwrap();
    for level in 1..40_i64 {
        for side in 0..2 {
            let entry = run("stage", 10 * level, 10 * level + 1).writes(&format!("{level}.{side}"));
            last = store.put(&entry.reads(&format!("{}.0", level - 1)).reads(&format!("{}.1", level - 1))).unwrap();
        }
    }
    assert_eq!(labels(&store, last).len(), 1_000);
}

/// A run of a random history: start, duration, names read and written with their versions, component declared upstream.
type Drawn = (i64, i64, BTreeMap<u8, Option<u8>>, BTreeMap<u8, Option<u8>>, Option<u8>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let pointers = || proptest::collection::btree_map(0_u8..5, option::of(0_u8..3), 0..3);
    (0_i64..30, 0_i64..4, pointers(), pointers(), option::weighted(0.2, 0_u8..4))
}

fn text(name: u8, version: Option<u8>) -> String {
    version.map_or_else(|| format!("x{name}"), |version| format!("x{name}@{version}"))
}

fn entry(nth: usize, (start, duration, reads, writes, declared): &Drawn) -> RunEntry {
    let mut entry = run(&format!("c{}", nth % 4), *start, start + duration);
    for (&name, &version) in reads {
        entry = entry.reads(&text(name, version));
    }
    for (&name, &version) in writes {
        entry = entry.writes(&text(name, version));
    }
    entry.upstream.extend(declared.map(|component| format!("c{component}")));
    entry
}

/// What each run carries, by saying over and over what follows at once, until nothing more does.
fn naive(runs: &[RunRecord], attached: &[(IoPointer, String)]) -> BTreeMap<RunId, BTreeSet<String>> {
    let mut carried: BTreeMap<RunId, BTreeSet<String>> = runs.iter().map(|run| (run.id, BTreeSet::new())).collect();
    loop {
        let before = carried.clone();
        for run in runs {
            for input in run.inputs.iter().map(|input| &input.pointer) {
                let edge = run.dependencies.iter().find(|edge| edge.pointer.as_ref() == Some(&input.name));
                for (on, label) in attached.iter().filter(|(on, _)| on.name == input.name) {
                    let wrote_it = edge.filter(|edge| edge.matched == Match::Name).is_some_and(|edge| {
                        let writer = runs.iter().find(|run| run.id == edge.run).unwrap();
                        writer.outputs.iter().any(|output| output.name == on.name && output.version == on.version)
                    });
                    if on.version.is_none() || on.version == input.version || wrote_it {
                        carried.get_mut(&run.id).unwrap().insert(label.clone());
                    }
                }
            }
            for edge in &run.dependencies {
                let upstream = carried[&edge.run].clone();
                carried.get_mut(&run.id).unwrap().extend(upstream);
            }
        }
        if carried == before {
            return carried;
        }
    }
}

proptest! {
    #[test]
    fn what_runs_carry_is_the_naive_fixpoint_and_the_impact_of_a_label_is_the_same_from_above(
        drawn in vec(drawn(), 1..14),
        attached in vec((0_u8..5, option::of(0_u8..3), 0_u8..3), 0..5),
    ) {
        let store = Store::in_memory().unwrap();
        let mut on = Vec::new();
        for (name, version, label) in attached {
            let label = format!("l{label}");
            attach(&store, &text(name, version), &label);
            on.push((pointer(&text(name, version)), label));
        }
        let ids: Vec<RunId> = drawn.iter().enumerate().map(|(nth, run)| store.put(&entry(nth, run)).unwrap()).collect();
        let runs: Vec<RunRecord> = ids.iter().map(|&id| store.get(id)).collect();
        let expected = naive(&runs, &on);
        for &id in &ids {
            prop_assert_eq!(labels(&store, id).into_iter().collect::<BTreeSet<_>>(), expected[&id].clone());
        }
        for label in on.iter().map(|(_, label)| label) {
            let impact = store.read(|view| impact(view, view.label_id(label)?.unwrap(), label.clone())).unwrap();
            let found: BTreeSet<RunId> = impact.graph.runs.iter().map(|found| found.run.id).collect();
            let carrying: BTreeSet<RunId> =
                expected.iter().filter(|(_, labels)| labels.contains(label)).map(|(id, _)| *id).collect();
            prop_assert_eq!(&found, &carrying);
            for at_most in 0..16 {
                let near = store.read(|view| nearest_carriers(view, view.label_id(label)?.unwrap(), at_most)).unwrap();
                let (nearest, may_be_more) = (near.0.iter().copied().collect::<BTreeSet<_>>(), near.1);
                prop_assert_eq!(nearest.len(), near.0.len().min(at_most));
                let is_right = if may_be_more { nearest.is_subset(&carrying) } else { nearest == carrying };
                prop_assert!(is_right);
            }
        }
    }

    #[test]
    fn a_run_about_to_start_is_refused_what_it_would_violate(
        drawn in vec(drawn(), 0..14),
        attached in vec((0_u8..5, option::of(0_u8..3), 0_u8..3), 1..5),
        inputs in proptest::collection::btree_map(0_u8..5, option::of(0_u8..3), 1..4),
        now in 0_i64..40,
    ) {
        let store = Store::in_memory().unwrap();
        for (name, version, label) in attached {
            attach(&store, &text(name, version), &format!("l{label}"));
        }
        for label in 0..3 {
            retract(&store, &format!("l{label}"), 0);
        }
        for (nth, run) in drawn.iter().enumerate() {
            // What began later than now is not in the store now.
            if run.0 <= now {
                store.put(&entry(nth, run)).unwrap();
            }
        }
        // A version that the store has never seen is no version to it before the run is written.
        store.write(None, |tx| (0..3).try_for_each(|version| tx.version(pointer(&text(0, Some(version))).version.as_ref().unwrap()).map(drop))).unwrap();
        let inputs: Vec<String> = inputs.into_iter().map(|(name, version)| text(name, version)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let refused: BTreeSet<_> = refused(&store, &inputs, now).into_iter().collect();
        let reader = inputs.iter().fold(run("reader", now, now + 100), |entry, input| entry.reads(input));
        let reader = store.put(&reader).unwrap();
        let violated = filled(&store, reader).violations.unwrap();
        let violated: BTreeSet<_> = violated.into_iter().map(|found| (found.pointer, found.label)).collect();
        prop_assert_eq!(refused, violated);
    }
}
