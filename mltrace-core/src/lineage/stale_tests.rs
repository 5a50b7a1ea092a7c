use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::resolve::put_run;
use super::stale::Judge;
use crate::model::{Definition, RunEntry, RunId, RunRecord, Stale, StaleKind, Status, Version};
use crate::store::Store;
use crate::testing::run;

const DAY: i64 = 86_400_000_000;
const LATER: i64 = 1_000 * DAY;

fn partition(entry: RunEntry, key: &str) -> RunEntry {
    RunEntry { partition: Some(key.to_owned()), ..entry }
}

fn declaring(entry: RunEntry, component: &str) -> RunEntry {
    RunEntry { upstream: vec![component.to_owned()], ..entry }
}

fn stale_after(entry: RunEntry, days: Option<u64>) -> RunEntry {
    let definition = Definition {
        states_metadata: true,
        stale_after_s: days.map(|days| days * 86_400),
        ..Definition::clone(&entry.definition)
    };
    RunEntry { definition: Arc::new(definition.identified()), ..entry }
}

/// A store of these runs, written in one transaction and numbered from 1.
fn store_of(entries: impl IntoIterator<Item = RunEntry>) -> Store {
    let store = Store::in_memory().unwrap();
    let process = crate::provenance::process();
    store
        .write(None, |tx| {
            for entry in entries {
                put_run(tx, &entry, process)?;
            }
            Ok(())
        })
        .unwrap();
    store
}

fn judge(store: &Store, run: i64, as_of: i64) -> Vec<Stale> {
    store.read(|view| Judge::as_of(view, as_of).judge(RunId(run))).unwrap()
}

fn messages(stale: &[Stale]) -> Vec<&str> {
    stale.iter().map(|reason| reason.message.as_str()).collect()
}

fn only(stale: &[Stale]) -> (StaleKind, i64, &str) {
    let [one] = stale else { panic!("expected one reason, got {stale:#?}") };
    (one.kind, one.run.0, &one.message)
}

/// A loop that cleans twelve months, a day each, and a reader of the first.
fn a_loop_over_months(keyed: bool) -> Store {
    let key = |entry: RunEntry, month: i64| if keyed { partition(entry, &format!("2020-{month:02}")) } else { entry };
    let clean = |month: i64| {
        let entry = run("clean", month * DAY, month * DAY + 1);
        key(entry.reads(&format!("raw/{month}@r{month}")).writes(&format!("clean/{month}@c{month}")), month)
    };
    let reader = run("report", 13 * DAY, 13 * DAY + 1).reads("clean/1@c1").writes("report@1");
    store_of((1..=12).map(clean).chain([reader]))
}

#[test]
fn a_loop_over_months_with_partitions_is_fresh() {
    let store = a_loop_over_months(true);
    for run in 1..=13 {
        assert_eq!(judge(&store, run, 14 * DAY), [], "#{run}");
    }
}

#[test]
fn without_partitions_a_reader_of_january_is_stale_and_the_sentence_names_partition() {
    let stale = judge(&a_loop_over_months(false), 13, 14 * DAY);
    let sentence = "it read `clean/1` from #1 clean; #12 clean is newer by 11 days. \
                    #12 read other inputs than #1: if that is another batch, tell them apart by `partition`";
    assert_eq!(only(&stale), (StaleKind::FresherUpstream, 12, sentence));
}

#[test]
fn a_newer_run_over_the_same_inputs_is_no_matter_for_partitions() {
    let store = store_of([
        run("clean", 0, 1).reads("raw@1").writes("clean/1@c1"),
        run("report", 2, 3).reads("clean/1@c1"),
        run("clean", 3 * 3_600_000_000, 3 * 3_600_000_000 + 1).reads("raw@2").writes("clean/2@c2"),
    ]);
    let sentence = "it read `clean/1` from #1 clean; #3 clean is newer by 3 h";
    assert_eq!(only(&judge(&store, 2, DAY)), (StaleKind::FresherUpstream, 3, sentence));
}

#[test]
fn of_a_rewritten_name_only_its_writers_count() {
    let train = |day: i64, output: &str| run("train", day * DAY, day * DAY + 1).reads("rides").writes(output);
    let serve = run("serve", 5 * DAY, 5 * DAY + 1).reads("models/latest@2");
    let history = [train(0, "models/latest@1"), train(1, "models/latest@2"), train(2, "models/try@3"), serve];
    assert_eq!(judge(&store_of(history.clone()), 4, 9 * DAY), [], "#3 wrote another name");
    let store = store_of(history.into_iter().chain([train(7, "models/latest@4")]));
    let sentence = "it read `models/latest` from #2 train; #5 train has written over it, 6 days later";
    assert_eq!(only(&judge(&store, 4, 9 * DAY)), (StaleKind::FresherUpstream, 5, sentence));
}

#[test]
fn a_run_that_reads_two_months_is_not_stale_by_its_own_other_input() {
    let store = store_of([
        run("clean", 0, 1).reads("raw/1").writes("clean/1@c1"),
        run("clean", 2, 3).reads("raw/2").writes("clean/2@c2"),
        run("train", 4, 5).reads("clean/1@c1").reads("clean/2@c2").writes("forest@1"),
        run("score", 6, 7).reads("forest@1"),
    ]);
    assert_eq!(judge(&store, 3, 10), []);
    assert_eq!(judge(&store, 4, 10), [], "nor by way of its upstream");
}

#[test]
fn what_an_ancestor_missed_is_no_news_to_a_run_that_read_it() {
    let store = store_of([
        run("clean", 0, 1).reads("raw/1").writes("clean/1@c1"),
        run("features", 2, 3).reads("clean/1@c1").writes("features@1"),
        run("clean", 4, 5).reads("raw/2").writes("clean/2@c2"),
        run("train", 6, 7).reads("features@1").reads("clean/2@c2"),
    ]);
    assert_eq!(only(&judge(&store, 2, 10)).0, StaleKind::FresherUpstream);
    assert_eq!(judge(&store, 4, 10), []);
}

#[test]
fn a_stage_that_reads_its_own_last_output_is_fresh() {
    let step = |at: i64| run("state", at, at + 1).reads(&format!("state@{}", at - 2)).writes(&format!("state@{at}"));
    let store = store_of((0..10).map(|nth| step(2 * nth)));
    assert_eq!(judge(&store, 10, 100), []);
    assert_eq!(judge(&store, 9, 100)[0].run.0, 10, "an earlier state is not the last");
}

#[test]
fn a_rerun_with_the_same_bytes_does_not_count() {
    let clean = |at: i64, output: &str| run("clean", at, at + 1).reads("raw@1").writes(output);
    let reader = run("train", 2, 3).reads("rides@1");
    let after = |output: &str| judge(&store_of([clean(0, "rides@1"), reader.clone(), clean(4, output)]), 2, 10);
    assert_eq!(after("rides@1"), []);
    assert_eq!(after("elsewhere@1"), [], "names aside");
    assert_eq!(only(&after("rides@2")).1, 3);
    assert_eq!(only(&after("rides")).1, 3, "a version that is not known differs from everything");
}

#[test]
fn two_reruns_without_versions_are_not_taken_for_the_same() {
    let clean = |at: i64| run("clean", at, at + 1).writes("rides");
    let store = store_of([clean(0), run("train", 2, 3).reads("rides"), clean(4)]);
    assert_eq!(only(&judge(&store, 2, 10)).1, 3);
}

#[test]
fn one_of_two_equal_outputs_is_not_both() {
    let store = store_of([
        run("clean", 0, 1).writes("a@1").writes("b@1"),
        run("train", 2, 3).reads("a@1"),
        run("clean", 4, 5).writes("a@1"),
    ]);
    assert_eq!(only(&judge(&store, 2, 10)).1, 3);
}

#[test]
fn a_newer_run_that_failed_is_nothing_fresher() {
    let store = store_of([
        run("clean", 0, 1).writes("rides@1"),
        run("train", 2, 3).reads("rides@1"),
        run("clean", 4, 5).writes("rides@2").ending(Status::Failed),
        run("clean", 6, 7).writes("rides@3").open(),
    ]);
    assert_eq!(judge(&store, 2, 10), []);
}

#[test]
fn a_newer_run_of_another_partition_is_nothing_fresher() {
    let clean = |at: i64, key: &str| partition(run("clean", at, at + 1).writes(&format!("{key}@{at}")), key);
    let reader = run("train", 3, 4).reads("2020-01@0");
    let store = store_of([clean(0, "2020-01"), reader, clean(5, "2020-02"), clean(7, "2020-01")]);
    assert_eq!(judge(&store, 2, 6), []);
    let sentence = "it read `2020-01` from #1 clean; #4 clean has written over it, less than a second later";
    assert_eq!(only(&judge(&store, 2, 10)), (StaleKind::FresherUpstream, 4, sentence));
}

#[test]
fn an_input_that_lay_for_long_is_old() {
    let at = 45 * DAY;
    let store = store_of([
        run("clean", 0, 0).writes("rides@1").writes("zones@1"),
        run("train", at, at + 1).reads("rides@1").reads("zones@1"),
        run("score", 30 * DAY, 30 * DAY).reads("rides@1"),
        declaring(run("audit", 30 * DAY + 1, 30 * DAY + 1), "clean"),
    ]);
    let sentence = "it started 45 days after #1 clean had written `rides` and 1 more; the limit is 30 days";
    assert_eq!(only(&judge(&store, 2, LATER)), (StaleKind::OldInput, 1, sentence));
    assert_eq!(judge(&store, 3, LATER), [], "thirty days to the microsecond are not more");
    let sentence =
        "it started just over 30 days after #1 clean had ended, which it declares upstream; the limit is 30 days";
    assert_eq!(only(&judge(&store, 4, LATER)), (StaleKind::OldInput, 1, sentence));
}

#[test]
fn the_limit_of_old_inputs_is_what_the_readers_component_states() {
    let history = |days: Option<u64>| {
        let train = run("train", 3 * DAY, 3 * DAY + 1).reads("rides@1");
        store_of([stale_after(run("clean", 0, 0).writes("rides@1"), Some(9)), stale_after(train, days)])
    };
    assert_eq!(judge(&history(None), 2, 3 * DAY), []);
    let sentence = "it started 3 days after #1 clean had written `rides`; the limit is 2 days";
    assert_eq!(only(&judge(&history(Some(2)), 2, 3 * DAY)), (StaleKind::OldInput, 1, sentence));
    assert_eq!(judge(&history(Some(3)), 2, 3 * DAY), []);
}

#[test]
fn a_run_is_old_only_where_its_component_says_so() {
    let history = |days| store_of([stale_after(run("clean", 0, 0).writes("rides@1"), days)]);
    assert_eq!(judge(&history(None), 1, LATER), []);
    assert_eq!(judge(&history(Some(7)), 1, 7 * DAY), []);
    let sentence = "it is 9 days old; the `stale_after` of its component is 7 days";
    assert_eq!(only(&judge(&history(Some(7)), 1, 9 * DAY)), (StaleKind::OldRun, 1, sentence));
}

#[test]
fn a_declared_upstream_is_fresher_by_any_newer_run() {
    let clean = |at: i64| run("clean", at * DAY, at * DAY).writes(&format!("rides@{at}"));
    let store = store_of([clean(0), declaring(run("train", 1, 2), "clean"), clean(2)]);
    let sentence = "it declares #1 clean upstream; #3 clean is newer by 2 days";
    assert_eq!(only(&judge(&store, 2, LATER)), (StaleKind::FresherUpstream, 3, sentence));
}

#[test]
fn a_chain_leads_the_shortest_way_to_the_cause() {
    let store = store_of([
        run("raw", 0, 1).writes("raw@1"),
        run("clean", 2, 3).reads("raw@1").writes("clean@1"),
        run("split", 4, 5).reads("clean@1").writes("split@1"),
        run("train", 6, 7).reads("split@1").writes("forest@1"),
        run("score", 8, 9).reads("forest@1"),
        run("raw", 2 * DAY, 2 * DAY).writes("raw@2"),
    ]);
    assert_eq!(only(&judge(&store, 2, LATER)).0, StaleKind::FresherUpstream);
    let cause = "read `raw` from #1 raw; #6 raw has written over it, 47 h later";
    let told = |run| only(&judge(&store, run, LATER)).2.to_owned();
    assert_eq!(told(3), format!("#2 clean is stale: it {cause}"));
    assert_eq!(told(4), format!("#3 split is stale through #2 clean, which {cause}"));
    assert_eq!(told(5), format!("#4 train is stale through #3 split and #2 clean, which {cause}"));
    let stale = judge(&store, 5, LATER);
    let chain: Vec<_> = stale[0].chain.iter().map(|link| (link.run.0, link.component.as_str(), link.kind)).collect();
    let (own, through) = (StaleKind::FresherUpstream, StaleKind::StaleUpstream);
    assert_eq!(chain, [(4, "train", through), (3, "split", through), (2, "clean", own)]);
}

#[test]
fn reasons_stand_in_the_order_of_the_rules() {
    use StaleKind::{FresherUpstream, OldInput, OldRun, StaleUpstream};

    let store = store_of([
        run("raw", 0, 1).writes("raw@1"),
        run("clean", 2, 3).reads("raw@1").writes("clean@1"),
        stale_after(run("train", 40 * DAY, 40 * DAY).reads("clean@1"), Some(3)),
        run("raw", 41 * DAY, 41 * DAY).writes("raw@2"),
        run("clean", 42 * DAY, 42 * DAY).reads("raw@2").writes("clean@2"),
    ]);
    let kinds: Vec<_> = judge(&store, 3, LATER).iter().map(|reason| (reason.kind, reason.run.0)).collect();
    assert_eq!(kinds, [(OldInput, 2), (OldRun, 3), (FresherUpstream, 5), (StaleUpstream, 2)]);
}

#[test]
fn many_runs_behind_one_fresher_run_are_one_reason() {
    let clean = |day: i64| run("clean", day * DAY, day * DAY).reads("raw").writes(&format!("clean/{day}@{day}"));
    let train = (0..3).fold(run("train", 4 * DAY, 4 * DAY), |train, day| train.reads(&format!("clean/{day}@{day}")));
    let store = store_of((0..3).map(clean).chain([train, clean(5)]));
    let sentence = "it read `clean/2` from #3 clean; #5 clean is newer by 3 days";
    assert_eq!(only(&judge(&store, 4, LATER)), (StaleKind::FresherUpstream, 5, sentence));
}

#[test]
fn as_of_a_moment_only_what_had_ended_is_known() {
    let store = store_of([
        run("clean", 0, 1).writes("rides@1"),
        run("clean", 2, 10).writes("rides@2"),
        run("train", 5, 6).reads("rides@1"),
    ]);
    assert_eq!(judge(&store, 3, 5), []);
    assert_eq!(judge(&store, 3, 9), []);
    assert_eq!(only(&judge(&store, 3, 10)).1, 2);
}

#[test]
fn as_of_a_moment_only_what_a_component_had_stated_by_then_counts() {
    let clean =
        |day: i64, limit| stale_after(run("clean", day * DAY, day * DAY).writes(&format!("rides@{day}")), limit);
    let store = store_of([clean(0, None), clean(9, Some(3)), clean(12, Some(30))]);
    assert_eq!(judge(&store, 1, 8 * DAY), [], "nobody had stated a limit");
    let sentence = "it is 10 days old; the `stale_after` of its component is 3 days";
    assert_eq!(only(&judge(&store, 1, 10 * DAY)).2, sentence);
    assert_eq!(judge(&store, 1, 13 * DAY), [], "the limit of today");
}

#[test]
fn an_upstream_run_that_had_not_ended_is_not_judged() {
    let store = store_of([
        run("raw", 0, 1).writes("raw@1"),
        run("clean", 2, 20).reads("raw@1").writes("clean@1"),
        run("raw", 3, 4).writes("raw@2"),
        run("train", 5, 25).reads_at("clean@1", 21),
    ]);
    assert_eq!(judge(&store, 4, 5), []);
    assert_eq!(only(&judge(&store, 4, 20)).0, StaleKind::StaleUpstream);
}

#[test]
fn an_open_run_is_judged_by_what_it_has_read() {
    let store = store_of([
        run("clean", 0, 1).writes("rides@1"),
        stale_after(run("train", 2, 3).reads("rides@1").open(), Some(1)),
        run("clean", 4, 5).writes("rides@2"),
    ]);
    assert_eq!(only(&judge(&store, 2, LATER)).0, StaleKind::FresherUpstream, "it has no end to be old by");
}

#[test]
fn a_chain_of_ten_thousand_is_followed_to_its_source() {
    let step = |at: i64| {
        run("step", 2 * at, 2 * at + 1).reads(&format!("{}@{}", at - 1, at - 1)).writes(&format!("{at}@{at}"))
    };
    let raw = |at: i64, version: &str| run("raw", at, at).writes(&format!("0@{version}"));
    let store = store_of([raw(0, "0")].into_iter().chain((1..10_000).map(step)).chain([raw(50_000, "new")]));
    let stale = judge(&store, 10_000, 60_000);
    let [one] = stale.as_slice() else { panic!("{:?}", messages(&stale)) };
    assert_eq!((one.chain.len(), one.chain[9_997].run), (9_998, RunId(2)));
    assert!(one.message.starts_with("#9999 step is stale through #9998 step, 9995 more and #2 step, which read `0`"));
}

#[test]
fn thirty_levels_of_diamonds_are_judged_at_once() {
    let level = |level: i64| {
        (0..2).map(move |side| {
            let entry =
                run(&format!("stage{level}.{side}"), 10 * level, 10 * level + 1).writes(&format!("{level}.{side}@1"));
            if level == 0 {
                return entry;
            }
            entry.reads(&format!("{}.0@1", level - 1)).reads(&format!("{}.1@1", level - 1))
        })
    };
    let again = run("stage0.0", 5_000, 5_001).writes("0.0@2");
    let store = store_of((0..30).flat_map(level).chain([again]));
    let stale = judge(&store, 60, 6_000);
    assert_eq!(stale.iter().map(|reason| (reason.run.0, reason.chain.len())).collect::<Vec<_>>(), [(57, 28), (58, 28)]);
}

#[test]
fn a_cycle_is_judged() {
    let store = store_of([
        run("one", 0, 0).reads("y").writes("x"),
        run("two", 0, 0).reads("x").writes("y"),
        run("two", 5, 5).writes("y2"),
    ]);
    assert_eq!(only(&judge(&store, 1, 10)).0, StaleKind::FresherUpstream, "#1 is stale by itself");
    let stale = judge(&store, 2, 10);
    assert_eq!(
        stale.iter().map(|reason| (reason.kind, reason.run.0)).collect::<Vec<_>>(),
        [(StaleKind::StaleUpstream, 1)]
    );
}

/// The rules, read literally over the runs of a store with the edges they have: slow, plain, and written apart.
mod naive {
    use super::*;

    pub(super) struct History<'r> {
        pub(super) runs: &'r [RunRecord],
        pub(super) stale_after: &'r BTreeMap<String, i64>,
        pub(super) judged: RunId,
        pub(super) as_of: i64,
    }

    fn end(run: &RunRecord) -> i64 {
        run.ended_at.map_or(i64::MAX, |end| end.timestamp_micros())
    }

    fn lateness(run: &RunRecord) -> (i64, i64, uuid::Uuid) {
        (end(run), run.started_at.timestamp_micros(), run.uuid)
    }

    fn versions(run: &RunRecord) -> Vec<Option<&Version>> {
        run.outputs.iter().map(|output| output.version.as_ref()).collect()
    }

    fn same(one: &RunRecord, other: &RunRecord) -> bool {
        let (one, mut other) = (versions(one), versions(other));
        one.len() == other.len()
            && one.iter().all(|version| {
                let place = other.iter().position(|found| version.is_some() && found == version);
                place.map(|place| other.remove(place)).is_some()
            })
    }

    impl History<'_> {
        fn existing(&self) -> impl Iterator<Item = &RunRecord> {
            self.runs.iter().filter(|run| end(run) <= self.as_of)
        }

        fn run(&self, id: RunId) -> &RunRecord {
            self.runs.iter().find(|run| run.id == id).unwrap()
        }

        /// The existing runs directly upstream, each with the name that proves it.
        fn upstream(&self, id: RunId) -> Vec<(&RunRecord, Option<&str>)> {
            let all = self.run(id).dependencies.iter();
            all.map(|found| (self.run(found.run), found.pointer.as_deref()))
                .filter(|(run, _)| end(run) <= self.as_of)
                .collect()
        }

        fn behind(&self) -> BTreeSet<RunId> {
            let mut behind = BTreeSet::from([self.judged]);
            loop {
                let more: Vec<RunId> = behind.iter().flat_map(|id| self.upstream(*id)).map(|(run, _)| run.id).collect();
                let before = behind.len();
                behind.extend(more);
                if behind.len() == before {
                    return behind;
                }
            }
        }

        fn own(&self, id: RunId) -> BTreeSet<(StaleKind, RunId)> {
            let run = self.run(id);
            let stated = self.stale_after.get(&run.component).copied();
            let mut found = BTreeSet::new();
            if stated.is_some_and(|limit| end(run) <= self.as_of && self.as_of - end(run) > limit) {
                found.insert((StaleKind::OldRun, id));
            }
            for (upstream, name) in self.upstream(id) {
                if run.started_at.timestamp_micros() - end(upstream) > stated.unwrap_or(30 * DAY) {
                    found.insert((StaleKind::OldInput, upstream.id));
                }
                let wrote = |run: &RunRecord| run.outputs.iter().any(|output| Some(output.name.as_str()) == name);
                let is_rewritten = self.existing().filter(|run| wrote(run)).count() > 1;
                let latest = self
                    .existing()
                    .filter(|run| run.status == Status::Completed)
                    .filter(|run| run.component == upstream.component && run.partition == upstream.partition)
                    .filter(|run| !is_rewritten || wrote(run))
                    .max_by_key(|run| lateness(run));
                if let Some(latest) = latest
                    && lateness(latest) > lateness(upstream)
                    && !self.behind().contains(&latest.id)
                    && !same(latest, upstream)
                {
                    found.insert((StaleKind::FresherUpstream, latest.id));
                }
            }
            found
        }

        /// Every reason: the rule, the run it points at, and how long its chain is.
        pub(super) fn reasons(&self) -> BTreeSet<(StaleKind, RunId, usize)> {
            let mut found: BTreeSet<_> = self.own(self.judged).into_iter().map(|(kind, run)| (kind, run, 0)).collect();
            for (upstream, _) in self.upstream(self.judged) {
                let mut seen = BTreeSet::from([self.judged, upstream.id]);
                let mut level = vec![upstream.id];
                for length in 1.. {
                    if level.iter().any(|id| !self.own(*id).is_empty()) {
                        found.insert((StaleKind::StaleUpstream, upstream.id, length));
                        break;
                    }
                    let next = level.iter().flat_map(|id| self.upstream(*id)).map(|(run, _)| run.id);
                    level = next.filter(|id| seen.insert(*id)).collect();
                    if level.is_empty() {
                        break;
                    }
                }
            }
            found
        }

        /// Whether a chain is one: edge by edge, and stale by itself only at its end.
        pub(super) fn holds(&self, stale: &Stale) -> bool {
            let edges = stale
                .chain
                .windows(2)
                .all(|pair| self.upstream(pair[0].run).iter().any(|(run, _)| run.id == pair[1].run));
            let kinds = stale.chain.iter().all(|link| match self.own(link.run).first() {
                None => link.kind == StaleKind::StaleUpstream,
                Some((first, _)) => link.kind == *first,
            });
            edges && kinds && stale.chain.first().is_none_or(|first| first.run == stale.run)
        }
    }
}

#[derive(Debug, Clone)]
struct Given {
    component: usize,
    partition: Option<usize>,
    start: i64,
    length: i64,
    status: Status,
    reads: Vec<(usize, Option<usize>)>,
    writes: Vec<(usize, Option<usize>)>,
    declares: Option<usize>,
}

const COMPONENTS: [&str; 4] = ["raw", "clean", "train", "score"];

fn given() -> impl Strategy<Value = Given> {
    let pointers = || vec((0_usize..4, proptest::option::weighted(0.8, 0_usize..3)), 0..3);
    let statuses = prop_oneof![6 => Just(Status::Completed), 1 => Just(Status::Failed), 1 => Just(Status::Running)];
    let declares = proptest::option::weighted(0.2, 0_usize..4);
    let partitions = proptest::option::weighted(0.3, 0_usize..2);
    (0_usize..4, partitions, 0_i64..12, 0_i64..3, statuses, pointers(), pointers(), declares).prop_map(
        |(component, partition, start, length, status, reads, writes, declares)| Given {
            component,
            partition,
            start,
            length,
            status,
            reads,
            writes,
            declares,
        },
    )
}

fn entry(given: &Given, limits: &[Option<u64>]) -> RunEntry {
    const STEP: i64 = 9 * DAY;
    let pointer = |(name, version): &(usize, Option<usize>)| match version {
        Some(version) => format!("{name}@{version}"),
        None => name.to_string(),
    };
    let start = given.start * STEP;
    let entry = run(COMPONENTS[given.component], start, start + given.length * STEP);
    let entry = stale_after(entry, limits[given.component]);
    let entry = given.reads.iter().fold(entry, |entry, read| entry.reads(&pointer(read)));
    let entry = given.writes.iter().fold(entry, |entry, wrote| entry.writes(&pointer(wrote)));
    let entry = given.declares.into_iter().fold(entry, |entry, component| declaring(entry, COMPONENTS[component]));
    let entry = given.partition.iter().fold(entry, |entry, key| partition(entry, &key.to_string()));
    if given.status == Status::Running { entry.open() } else { entry.ending(given.status) }
}

proptest! {
    #[test]
    fn staleness_is_what_the_rules_say(
        history in vec(given(), 1..14),
        limits in vec(proptest::option::weighted(0.3, 5_u64..60), 4),
        moment in 0_i64..16,
    ) {
        let as_of = moment * 9 * DAY;
        let store = store_of(history.iter().map(|given| entry(given, &limits)));
        let runs: Vec<RunRecord> = (1..=history.len()).map(|id| store.get(RunId(i64::try_from(id).unwrap()))).collect();
        let with_metadata = COMPONENTS.iter().zip(&limits).filter_map(|(name, days)| Some((name, (*days)?)));
        let stale_after: BTreeMap<String, i64> = with_metadata
            .map(|(name, days)| ((*name).to_owned(), i64::try_from(days).unwrap() * DAY))
            .collect();
        // As of a time before its start no run is judged: see `StaleRun`.
        for run in runs.iter().filter(|run| run.started_at.timestamp_micros() <= as_of) {
            let naive = naive::History { runs: &runs, stale_after: &stale_after, judged: run.id, as_of };
            let stale = judge(&store, run.id.0, as_of);
            let found: BTreeSet<_> = stale.iter().map(|reason| (reason.kind, reason.run, reason.chain.len())).collect();
            prop_assert_eq!(found.len(), stale.len(), "a reason is told once");
            prop_assert_eq!(&found, &naive.reasons(), "#{} of {:#?}", run.id, runs);
            prop_assert!(stale.iter().all(|reason| naive.holds(reason)), "{:#?}", stale);
            let keys = |reason: &Stale| (reason.kind, reason.run);
            prop_assert!(stale.is_sorted_by_key(keys));
        }
    }
}
