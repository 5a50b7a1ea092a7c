use std::sync::Arc;

use super::diff::diff;
use crate::model::{Code, Definition, Diff, Parted, Parting, RunEntry, RunId, Snapshot};
use crate::store::Store;
use crate::testing::run;

fn with_code(entry: RunEntry, text: &str) -> RunEntry {
    let snapshot =
        Snapshot { identity: *blake3::hash(text.as_bytes()).as_bytes().first_chunk().unwrap(), text: text.to_owned() };
    let code =
        Code { file: Some("src/taxi.rs".to_owned()), line: Some(7), crate_version: None, snapshot: Some(snapshot) };
    let definition = Definition { code: Some(code), ..Definition::clone(&entry.definition) };
    RunEntry { definition: Arc::new(definition.identified()), ..entry }
}

fn at_commit(entry: RunEntry, commit: &str) -> RunEntry {
    let definition = Definition { build_commit: Some(commit.to_owned()), ..Definition::clone(&entry.definition) };
    RunEntry { definition: Arc::new(definition.identified()), ..entry }
}

fn with_param(mut entry: RunEntry, name: &str, value: i64) -> RunEntry {
    entry.params.insert(name.to_owned(), value.into());
    entry
}

/// Writes the runs in this order, numbered from 1, and compares two.
fn diff_of(entries: &[RunEntry], before: i64, after: i64) -> Diff {
    let store = Store::in_memory().unwrap();
    for entry in entries {
        store.put(entry).unwrap();
    }
    let (before, after) = (store.get(RunId(before)), store.get(RunId(after)));
    store.read(|view| diff(view, before.clone(), after.clone())).unwrap()
}

fn parted(partings: &[Parting]) -> Vec<(u32, i64, i64, &[Parted])> {
    partings.iter().map(|at| (at.depth, at.before.0, at.after.0, at.differs.as_slice())).collect()
}

/// A pipeline of four stages that begins at a time: clean and zones, then features, then train. The outputs' versions
/// carry the given marks.
fn pipeline(at: i64, [raw, clean, features, forest]: [&str; 4]) -> [RunEntry; 4] {
    [
        run("clean", at, at + 1).reads(&format!("raw@{raw}")).writes(&format!("rides@{clean}")),
        run("zones", at, at + 1).reads("map@1").writes("zones@z"),
        run("features", at + 2, at + 3)
            .reads(&format!("rides@{clean}"))
            .reads("zones@z")
            .writes(&format!("features@{features}")),
        run("train", at + 4, at + 5).reads(&format!("features@{features}")).writes(&format!("forest@{forest}")),
    ]
}

fn twice(before: [&str; 4], after: [&str; 4]) -> Vec<RunEntry> {
    pipeline(0, before).into_iter().chain(pipeline(10, after)).collect()
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let diff = diff_of(&[with_param(run("train", 0, 1).reads("rides").writes("forest@1"), "depth", 3)], 1, 1);
    assert!(!diff.is_different(), "{diff:?}");
    assert_eq!((diff.params.same, diff.inputs.same, diff.outputs.same), (1, 1, 1));
}

#[test]
fn two_runs_that_took_another_time_do_not_differ() {
    let diff = diff_of(&[run("train", 0, 1).writes("forest@1"), run("train", 5, 9).writes("forest@1")], 1, 2);
    assert!(!diff.is_different(), "{diff:?}");
    assert_eq!(diff.duration_ms.unwrap().after, Some(0.004));
}

#[test]
fn params_are_added_removed_and_changed() {
    let before = with_param(with_param(with_param(run("train", 0, 1), "depth", 3), "seed", 7), "old", 1);
    let after = with_param(with_param(with_param(run("train", 2, 3), "depth", 4), "seed", 7), "new", 1);
    let params = diff_of(&[before, after], 1, 2).params;
    assert_eq!((params.changed["depth"].before.clone(), params.changed["depth"].after.clone()), (3.into(), 4.into()));
    assert!(params.added.keys().eq(["new"]) && params.removed.keys().eq(["old"]));
    assert_eq!(params.same, 1);
}

#[test]
fn inputs_are_paired_by_name_and_then_told_by_version() {
    let before = run("train", 0, 1).reads("a@1").reads("b@1").reads("c").reads("d@1");
    let after = run("train", 2, 3).reads("a@1").reads("b@2").reads("c").reads("e@1");
    let inputs = diff_of(&[before, after], 1, 2).inputs;
    assert_eq!(inputs.same, 2, "a, and c whose version nobody knows");
    assert_eq!((inputs.removed[0].name.as_str(), inputs.added[0].name.as_str()), ("d", "e"));
    let [b] = inputs.changed.as_slice() else { panic!("{inputs:?}") };
    assert_eq!((&*b.before.version.clone().unwrap().value, &*b.after.version.clone().unwrap().value), ("1", "2"));
}

#[test]
fn of_a_name_read_twice_equal_versions_are_paired_first() {
    let before = run("train", 0, 1).reads("a@1").reads("a@2");
    let after = run("train", 2, 3).reads("a@2").reads("a@3");
    let inputs = diff_of(&[before, after], 1, 2).inputs;
    assert_eq!((inputs.same, inputs.changed.len()), (1, 1));
    assert_eq!(inputs.changed[0].before.version.as_ref().unwrap().value, "1");
}

#[test]
fn code_is_a_unified_diff() {
    let before = with_code(run("train", 0, 1), "fn train() {\n    let depth = 3;\n    fit(depth)\n}");
    let after = with_code(run("train", 2, 3), "fn train() {\n    let depth = 4;\n    fit(depth)\n}");
    let code = diff_of(&[before.clone(), after], 1, 2).code;
    assert_eq!(code.is_same, Some(false));
    let expected = "--- src/taxi.rs:7\n+++ src/taxi.rs:7\n@@ -1,4 +1,4 @@\n fn train() {\n\
                    -    let depth = 3;\n+    let depth = 4;\n     fit(depth)\n }\n";
    assert_eq!(code.unified.as_deref(), Some(expected));
    let unknown = diff_of(&[before, run("train", 2, 3)], 1, 2);
    assert_eq!((unknown.code.is_same, unknown.code.unified.clone()), (None, None));
    assert!(!unknown.is_different(), "what is not known is no difference");
}

#[test]
fn lineages_part_at_the_earliest_stage_that_differs() {
    let diff = diff_of(&twice(["r1", "c1", "f1", "m1"], ["r2", "c2", "f2", "m2"]), 4, 8);
    assert_eq!(parted(&diff.partings), [(2, 1, 5, [Parted::Inputs].as_slice())]);
    assert_eq!(diff.partings[0].component, "clean");
}

#[test]
fn a_stage_behind_equal_bytes_is_not_the_one() {
    let mut runs = twice(["r1", "c1", "f1", "m1"], ["r2", "c1", "f2", "m2"]);
    runs[6] = with_param(runs[6].clone(), "bins", 9);
    let diff = diff_of(&runs, 4, 8);
    assert_eq!(parted(&diff.partings), [(1, 3, 7, [Parted::Params].as_slice())], "cleaning wrote the same");
}

#[test]
fn all_places_where_lineages_part_are_told_furthest_first() {
    let mut runs = twice(["r1", "c1", "f1", "m1"], ["r2", "c2", "f2", "m2"]);
    runs[5] = run("zones", 10, 11).reads("map@2").writes("zones@y");
    runs[6].inputs[1].pointer.version.as_mut().unwrap().value = "y".to_owned();
    runs[3] = with_code(runs[3].clone(), "fn one() {}");
    runs[7] = with_code(runs[7].clone(), "fn other() {}");
    let diff = diff_of(&runs, 4, 8);
    let inputs = [Parted::Inputs];
    assert_eq!(parted(&diff.partings), [(2, 1, 5, &inputs[..]), (2, 2, 6, &inputs[..])], "not the code further down");
    assert_eq!(diff.code.is_same, Some(false), "though it is told");
}

#[test]
fn runs_that_share_all_upstream_part_at_themselves() {
    let shared = run("clean", 0, 1).reads("raw@1").writes("rides@1");
    let train = |at: i64, depth: i64| with_param(run("train", at, at + 1).reads("rides@1"), "depth", depth);
    let diff = diff_of(&[shared, train(2, 3), train(4, 4)], 2, 3);
    assert_eq!(parted(&diff.partings), [(0, 2, 3, [Parted::Params].as_slice())]);
}

#[test]
fn a_stage_that_wrote_other_bytes_from_the_same_is_where_lineages_part() {
    let diff = diff_of(&twice(["r1", "c1", "f1", "m1"], ["r1", "c1", "f2", "m2"]), 4, 8);
    assert_eq!(parted(&diff.partings), [(1, 3, 7, [Parted::Outputs].as_slice())]);
}

#[test]
fn an_input_changed_by_hand_is_where_lineages_part() {
    let mut runs = twice(["r1", "c1", "f1", "m1"], ["r1", "c1", "f2", "m2"]);
    runs[6].inputs[0].pointer.version.as_mut().unwrap().value = "by-hand".to_owned();
    assert_eq!(parted(&diff_of(&runs, 4, 8).partings), [(1, 3, 7, [Parted::Inputs].as_slice())]);
}

#[test]
fn without_versions_the_walk_goes_on_until_something_is_known_to_differ() {
    let runs = |at: i64, seed: i64| {
        [
            with_param(run("split", at, at + 1).reads("rides").writes("train"), "seed", seed),
            run("fit", at + 2, at + 3).reads("train"),
        ]
    };
    let all: Vec<_> = runs(0, 1).into_iter().chain(runs(10, 2)).collect();
    assert_eq!(parted(&diff_of(&all, 2, 4).partings), [(1, 1, 3, [Parted::Params].as_slice())]);
    let equal: Vec<_> = runs(0, 1).into_iter().chain(runs(10, 1)).collect();
    assert_eq!(diff_of(&equal, 2, 4).partings, []);
}

#[test]
fn other_partitions_match_by_component() {
    let stage = |at: i64, month: &str| {
        [
            run("clean", at, at + 1).reads(&format!("raw/{month}@r{month}")).writes(&format!("clean/{month}@c{month}")),
            run("train", at + 2, at + 3).reads(&format!("clean/{month}@c{month}")),
        ]
    };
    let runs: Vec<_> = stage(0, "01").into_iter().chain(stage(10, "02")).collect();
    assert_eq!(parted(&diff_of(&runs, 2, 4).partings), [(1, 1, 3, [Parted::Inputs].as_slice())]);
}

#[test]
fn a_stage_more_is_a_difference() {
    let zones = run("zones", 0, 1).writes("zones@1");
    let runs = [zones, run("train", 2, 3), run("train", 4, 5).reads("zones@1")];
    assert_eq!(parted(&diff_of(&runs, 2, 3).partings), [(0, 2, 3, [Parted::Upstream].as_slice())]);
}

#[test]
fn a_commit_counts_upstream_only_where_code_cannot_be_compared() {
    let runs = |at: i64, commit: &str, code: Option<&str>| {
        let clean = at_commit(run("clean", at, at + 1).reads("raw").writes("rides"), commit);
        let clean = code.map_or(clean.clone(), |text| with_code(clean, text));
        [clean, run("train", at + 2, at + 3).reads("rides")]
    };
    let partings = |code: Option<&str>| {
        let all: Vec<_> = runs(0, "abc", code).into_iter().chain(runs(10, "def", code)).collect();
        diff_of(&all, 2, 4).partings
    };
    assert_eq!(parted(&partings(None)), [(1, 1, 3, [Parted::Commit].as_slice())]);
    assert_eq!(partings(Some("fn clean() {}")), []);
}

#[test]
fn a_cycle_and_a_long_chain_end() {
    let step = |side: i64, at: i64| {
        let version = |at: i64| if at == 0 { format!("{at}@{side}") } else { format!("{at}@{side}-{at}") };
        run("step", 10 * at + side, 10 * at + side).reads(&version(at)).writes(&version(at + 1))
    };
    let runs: Vec<_> = (0..300).flat_map(|at| [step(1, at), step(2, at)]).collect();
    assert_eq!(parted(&diff_of(&runs, 599, 600).partings), [(299, 1, 2, [Parted::Inputs].as_slice())]);
    let ring = |at: i64| {
        [run("one", at, at).reads("y").writes("x"), with_param(run("two", at, at).reads("x").writes("y"), "at", at)]
    };
    let runs: Vec<_> = ring(0).into_iter().chain(ring(10)).collect();
    assert_eq!(parted(&diff_of(&runs, 1, 3).partings), [(1, 2, 4, [Parted::Params].as_slice())]);
}

#[test]
fn either_way_round_lineages_part_at_the_same_runs() {
    let runs = twice(["r1", "c1", "f1", "m1"], ["r2", "c2", "f2", "m2"]);
    let (one, other) = (diff_of(&runs, 4, 8).partings, diff_of(&runs, 8, 4).partings);
    let swapped: Vec<_> = other.iter().map(|at| (at.depth, at.after.0, at.before.0, at.differs.as_slice())).collect();
    assert_eq!(parted(&one), swapped);
}
