use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{Blame, Flagged, IoPointer, Review, ReviewOrder, RunId, RunRecord, Version, VersionKind};
use crate::testing::run;
use crate::{ComponentRun, ErrorKind, Tracer};

fn review(tracer: &Tracer) -> Review {
    tracer.review().limit(usize::MAX).get().unwrap()
}

fn ids(review: &Review) -> Vec<RunId> {
    review.runs.iter().map(|suspect| suspect.run.id).collect()
}

fn names(flagged: &[Flagged]) -> Vec<String> {
    flagged.iter().map(|flagged| flagged.pointer.name.clone()).collect()
}

fn flag_all<'n>(tracer: &Tracer, names: impl IntoIterator<Item = &'n str>) {
    for name in names {
        tracer.flag(name).unwrap();
    }
}

/// Two models of one day's features, each read by batches that write a prediction for each of so many rides.
struct Served {
    tracer: Tracer,
    features: RunId,
    bad: RunId,
    batches: Vec<RunId>,
}

fn served() -> Served {
    let tracer = Tracer::in_memory().unwrap();
    let store = tracer.store();
    let features = store.put(&run("featuregen", 0, 10).writes("features")).unwrap();
    let good = run("train", 20, 30).reads("features").writes("good");
    store.put(&good).unwrap();
    let bad = store.put(&run("train", 40, 50).reads("features").writes("bad")).unwrap();
    let batch = |(nth, model): (i64, &str)| {
        let entry = run("inference", 100 + nth, 100 + nth).reads(model).reads("features");
        store.put(&(0..4).fold(entry, |entry, ride| entry.writes(&format!("ride-{nth}{ride}")))).unwrap()
    };
    let batches = (0..).zip(["bad", "good", "bad", "good", "bad"]).map(batch).collect();
    Served { tracer, features, bad, batches }
}

#[test]
fn a_model_behind_every_complaint_outranks_a_batch_that_holds_some() {
    let served = served();
    flag_all(&served.tracer, ["ride-00", "ride-01", "ride-02", "ride-20", "ride-40"]);
    let review = review(&served.tracer);
    assert_eq!(review.runs[0].run.id, served.bad);
    let batch = review.runs.iter().find(|suspect| suspect.run.id == served.batches[0]).unwrap();
    assert_eq!((batch.blame.count, batch.blame.others), (3, 1));
    assert_eq!(
        review.why.as_deref(),
        Some(
            "#3 train is behind all 5 flagged outputs and 7 of the 15 others that inference wrote since #4; next is #1 \
             featuregen, behind all 5 and all 15 others"
        )
    );
    assert_eq!((review.truncated, review.unproduced), (None, vec![]));
}

#[test]
fn what_stands_behind_everything_has_a_half() {
    let served = served();
    flag_all(&served.tracer, ["ride-00", "ride-21"]);
    let review = review(&served.tracer);
    let features = review.runs.iter().find(|suspect| suspect.run.id == served.features).unwrap();
    let Blame { depth, count, others, coverage, suspicion } = features.blame;
    assert_eq!((depth, count, others), (1, 2, 18), "it is read by the batches themselves too");
    assert!((coverage - 1.0).abs() < 1e-12 && (suspicion - 0.5).abs() < 1e-12);
    let likelier = 0.95 / (12.0 / 20.0) + 0.05;
    assert!((review.runs[0].blame.suspicion - likelier / (1.0 + likelier)).abs() < 1e-12, "the bad model");
}

#[test]
fn a_component_is_behind_an_output_where_any_of_its_runs_is() {
    let served = served();
    flag_all(&served.tracer, ["ride-00", "ride-10"]);
    let review = review(&served.tracer);
    let train = review.components.iter().find(|suspect| suspect.component == "train").unwrap();
    assert_eq!((train.blame.count, train.blame.others), (2, 18), "one run of it for each");
    let order: Vec<_> = review.components.iter().map(|suspect| suspect.component.as_str()).collect();
    assert_eq!(order, ["inference", "train", "featuregen"], "behind as much: the nearest, and then the newest");
}

#[test]
fn the_limit_counts_what_it_leaves_out_and_judges_it_all_the_same() {
    let served = served();
    flag_all(&served.tracer, ["ride-00", "ride-20"]);
    let review = served.tracer.review().limit(1).get().unwrap();
    assert_eq!(ids(&review), [served.bad]);
    assert_eq!(review.truncated.unwrap().runs, 3);
    assert!(review.why.unwrap().contains("next is #"));
}

#[test]
fn of_runs_alike_that_started_together_every_store_puts_the_same_first() {
    let twins = ["a", "b"].map(|name| run("serve", 0, 1).writes(name));
    let mut uuids = twins.each_ref().map(|twin| twin.uuid);
    uuids.sort_unstable();
    let [earlier, later] = uuids;
    for entries in [[&twins[0], &twins[1]], [&twins[1], &twins[0]]] {
        let tracer = Tracer::in_memory().unwrap();
        for entry in entries {
            tracer.store().put(entry).unwrap();
        }
        flag_all(&tracer, ["a", "b"]);
        let review = review(&tracer);
        let order: Vec<_> = review.runs.iter().map(|suspect| suspect.run.uuid).collect();
        assert_eq!(order, [later, earlier]);
        let since = review.compared.unwrap().since_run;
        assert_eq!(tracer.run(since).unwrap().uuid, earlier);
    }
}

#[test]
fn nothing_flagged_is_an_empty_answer() {
    let served = served();
    let review = review(&served.tracer);
    assert_eq!((review.flagged.len(), review.runs.len(), review.components.len()), (0, 0, 0));
    assert_eq!((review.compared, review.why), (None, None));
}

#[test]
fn a_complaint_about_something_no_run_wrote_is_kept_and_listed_apart() {
    let served = served();
    assert_eq!(served.tracer.flag("ride-99").unwrap().written_by, None);
    let alone = review(&served.tracer);
    assert_eq!((alone.unproduced[0].name.as_str(), alone.runs.len()), ("ride-99", 0));
    flag_all(&served.tracer, ["ride-00"]);
    let review = review(&served.tracer);
    assert_eq!(names(&review.flagged), ["ride-99", "ride-00"]);
    assert_eq!(review.unproduced.len(), 1);
    assert!((review.runs[0].blame.coverage - 1.0).abs() < 1e-12, "no share counts what nobody wrote");
    // Its run may only be late.
    served.tracer.store().put(&run("inference", 200, 210).reads("good").writes("ride-99")).unwrap();
    assert!(served.tracer.review().get().unwrap().unproduced.is_empty());
}

#[test]
fn a_source_that_was_only_read_is_flagged_as_it_was_read() {
    let tracer = Tracer::in_memory().unwrap();
    let reader = tracer.store().put(&run("clean", 0, 1).reads("raw@one")).unwrap();
    let flagged = tracer.flag("raw").unwrap();
    assert_eq!((flagged.pointer.version.unwrap().value.as_str(), flagged.written_by), ("one", None));
    assert!(tracer.run(reader).unwrap().inputs[0].pointer.flagged);
}

#[test]
fn a_flag_stays_on_its_version_when_the_name_is_written_again() {
    let tracer = Tracer::in_memory().unwrap();
    let bad = tracer.store().put(&run("train", 0, 1).writes("model@one")).unwrap();
    assert!(tracer.flag("model").unwrap().pointer.flagged);
    let good = tracer.store().put(&run("train", 2, 3).writes("model@two")).unwrap();
    assert_eq!(ids(&review(&tracer)), [bad]);
    assert_eq!(review(&tracer).compared.unwrap().outputs, 1, "the other version is not flagged");
    assert!(tracer.run(bad).unwrap().outputs[0].flagged);
    assert!(!tracer.run(good).unwrap().outputs[0].flagged);
}

#[test]
fn a_flag_without_a_version_stays_with_the_run_of_that_moment() {
    let tracer = Tracer::in_memory().unwrap();
    let now = chrono::Utc::now().timestamp_micros();
    let bad = tracer.store().put(&run("serve", 0, 1).writes("ride")).unwrap();
    tracer.flag("ride").unwrap();
    tracer.store().put(&run("serve", now + 60_000_000, now + 60_000_000).writes("ride")).unwrap();
    assert_eq!(ids(&review(&tracer)), [bad]);
    // Complained about once more it is the same complaint, as long as no other run has written it by then.
    assert_eq!(tracer.flag("ride").unwrap().written_by, Some(bad));
    assert_eq!(review(&tracer).flagged.len(), 1);
}

#[test]
fn an_earlier_version_is_flagged_by_its_beginning() {
    let tracer = Tracer::in_memory().unwrap();
    let old = tracer.store().put(&run("train", 0, 1).writes("model@april")).unwrap();
    tracer.store().put(&run("train", 2, 3).writes("model@august")).unwrap();
    assert_eq!(tracer.flag_version("model", "ap").unwrap().written_by, Some(old));
    assert_eq!(ids(&review(&tracer)), [old]);
    assert_eq!(tracer.flag_version("model", "a").unwrap_err().kind(), ErrorKind::Invalid, "it begins both");
    let error = tracer.flag_version("model", "may").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("begins with `may`"), "{error}");
}

#[test]
fn to_flag_twice_is_to_flag_once() {
    let served = served();
    let once = served.tracer.flag("ride-00").unwrap();
    assert_eq!(served.tracer.flag("ride-00").unwrap(), once);
    flag_all(&served.tracer, ["nothing", "nothing"]);
    assert_eq!(names(&review(&served.tracer).flagged), ["ride-00", "nothing"]);
}

#[test]
fn what_is_unflagged_is_told_and_what_is_not_flagged_is_an_error() {
    let tracer = Tracer::in_memory().unwrap();
    for (time, version) in [(0, "april"), (2, "august"), (4, "may")] {
        tracer.store().put(&run("train", time, time + 1).writes(&format!("model@{version}"))).unwrap();
        tracer.flag("model").unwrap();
    }
    let one = tracer.unflag_version("model", "ma").unwrap();
    assert_eq!((one.len(), one[0].pointer.flagged, one[0].written_by), (1, false, Some(RunId(3))));
    assert_eq!(tracer.unflag("model").unwrap().len(), 2);
    for error in [tracer.unflag("model"), tracer.unflag("elsewhere"), tracer.unflag_version("model", "ma")] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("flagged"), "{error}");
    }
    flag_all(&tracer, ["model", "nothing"]);
    assert_eq!(names(&tracer.unflag_all().unwrap()), ["model", "nothing"]);
    assert_eq!(tracer.unflag_all().unwrap(), []);
    assert_eq!(tracer.flag("").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_version_that_begins_others_is_unflagged_alone() {
    let tracer = Tracer::in_memory().unwrap();
    for (time, version) in [(0, "v1"), (2, "v10"), (4, "v11")] {
        tracer.store().put(&run("train", time, time + 1).writes(&format!("model@{version}"))).unwrap();
        tracer.flag("model").unwrap();
    }
    let versions = |flagged: &[Flagged]| -> Vec<_> {
        flagged.iter().map(|flagged| flagged.pointer.version.as_ref().unwrap().value.clone()).collect()
    };
    assert_eq!(versions(&tracer.unflag_version("model", "v1").unwrap()), ["v1"]);
    assert_eq!(versions(&review(&tracer).flagged), ["v10", "v11"]);
    assert_eq!(tracer.unflag_version("model", "v1").unwrap_err().kind(), ErrorKind::NotFound, "a second click");
    assert_eq!(versions(&tracer.unflag_version("model", "v").unwrap()), ["v10", "v11"]);
}

#[test]
fn a_version_that_is_called_as_another_is_spelled_is_told_from_it() {
    let tracer = Tracer::in_memory().unwrap();
    for (time, version) in [(0, "1"), (2, "stated:1")] {
        tracer.store().put(&run("train", time, time + 1).writes(&format!("model@{version}"))).unwrap();
    }
    let value = |flagged: &Flagged| flagged.pointer.version.as_ref().unwrap().value.clone();
    for (spelled, meant) in [("stated:1", "1"), ("stated:stated:1", "stated:1"), ("1", "1")] {
        assert_eq!(value(&tracer.flag_version("model", spelled).unwrap()), meant);
    }
    assert_eq!(tracer.trace("model").version("stated:1").get().unwrap().root.run, Some(RunId(1)));
    let unflagged = tracer.unflag_version("model", "stated:1").unwrap();
    assert_eq!(unflagged.iter().map(value).collect::<Vec<_>>(), ["1"]);
    assert_eq!(tracer.unflag_version("model", "stated:1").unwrap_err().kind(), ErrorKind::NotFound, "a second click");
    assert_eq!(review(&tracer).flagged.iter().map(value).collect::<Vec<_>>(), ["stated:1"]);
}

#[test]
fn of_versions_of_two_kinds_that_have_one_value_the_flagged_one_is_unflagged() {
    let tracer = Tracer::in_memory().unwrap();
    let hash = "ab".repeat(32);
    for kind in [VersionKind::Hash, VersionKind::Stated] {
        let mut run = ComponentRun::new("train");
        let version = Some(Version { kind, value: hash.clone() });
        run.start().add_output(IoPointer { version, ..IoPointer::new("model") }).end();
        tracer.log_component_run(run).unwrap();
    }
    tracer.flag_version("model", &format!("stated:{hash}")).unwrap();
    assert_eq!(tracer.unflag_version("model", &format!("hash:{hash}")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(tracer.unflag_version("model", &hash).unwrap().len(), 1);
}

#[test]
fn who_would_be_blamed_for_a_name_is_told_before_it_is_flagged() {
    let tracer = Tracer::in_memory().unwrap();
    let first = tracer.store().put(&run("serve", 0, 1).writes("ride")).unwrap();
    let asked = |name| tracer.to_blame(&[name]).unwrap()[0];
    assert_eq!((asked("ride"), asked("never written")), (Some(first), None));
    let again = tracer.store().put(&run("serve", 2, 3).writes("ride")).unwrap();
    assert_eq!(asked("ride"), Some(again));
    assert_eq!(tracer.flag("ride").unwrap().written_by, Some(again));
}

#[test]
fn outputs_are_compared_since_the_earliest_flagged_run_and_once_each() {
    let tracer = Tracer::in_memory().unwrap();
    let put = |entry| tracer.store().put(&entry).unwrap();
    put(run("serve", 0, 1).writes("before"));
    put(run("serve", 10, 11).writes("flagged").writes("beside"));
    put(run("serve", 20, 21).writes("again@one").writes("bare"));
    put(run("serve", 30, 31).writes("again@one").writes("bare"));
    put(run("serve", 40, 41).writes("again@two"));
    put(run("other", 50, 51).writes("elsewhere"));
    put(run("serve", 60, 60).writes("tie"));
    put(run("serve", 60, 60).writes("tie"));
    flag_all(&tracer, ["flagged"]);
    let compared = review(&tracer).compared.unwrap();
    assert_eq!((compared.components, compared.since_run), (vec!["serve".to_owned()], RunId(2)));
    assert_eq!(compared.outputs, 5, "beside, again@one, bare, again@two, tie");
}

#[test]
fn runs_that_stand_behind_each_other_are_all_suspects() {
    let tracer = Tracer::in_memory().unwrap();
    let put = |entry| tracer.store().put(&entry).unwrap();
    let one = put(run("one", 0, 0).reads("z").writes("x"));
    let two = put(run("two", 0, 0).reads("x").writes("y"));
    let three = put(run("three", 0, 0).reads("y").writes("z"));
    let late = put(run("three", 5, 6).reads("y").writes("good"));
    flag_all(&tracer, ["x", "z"]);
    let review = review(&tracer);
    assert_eq!(ids(&review).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([one, two, three]));
    assert!(review.runs.iter().all(|suspect| (suspect.blame.count, suspect.blame.others) == (2, 1)), "{review:?}");
    assert!(!ids(&review).contains(&late));
}

#[test]
fn by_coverage_the_newest_of_the_same_coverage_goes_first() {
    let served = served();
    flag_all(&served.tracer, ["ride-00", "ride-20"]);
    let review = served.tracer.review().by(ReviewOrder::Coverage).get().unwrap();
    assert_eq!(ids(&review), [served.bad, served.features, served.batches[2], served.batches[0]]);
    assert_eq!(
        review.why.as_deref(),
        Some("#3 train is behind both flagged outputs; next is #1 featuregen, behind as much, but older")
    );
}

#[test]
fn where_nothing_sets_the_flagged_outputs_apart_nobody_is_accused() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.store().put(&run("train", 0, 1).writes("model")).unwrap();
    for batch in 0..3 {
        let mut entry = run("serve", 10 + batch, 20 + batch).reads("model");
        for ride in 0..4 {
            entry = entry.writes(&format!("ride-{batch}-{ride}"));
        }
        tracer.store().put(&entry).unwrap();
    }
    let why = |flagged: &[&str]| {
        tracer.unflag_all().unwrap();
        tracer.flag_each(flagged).unwrap();
        review(&tracer).why.unwrap()
    };
    assert!(why(&["ride-2-0"]).starts_with("nothing sets the flagged output apart"), "{}", why(&["ride-2-0"]));
    let one_of_each = ["ride-0-0", "ride-1-0", "ride-2-0"];
    assert!(why(&one_of_each).starts_with("nothing sets the flagged outputs apart"), "{}", why(&one_of_each));
    let two_culprits = ["ride-0-0", "ride-0-1", "ride-0-2", "ride-0-3", "ride-1-0", "ride-1-1", "ride-1-2", "ride-1-3"];
    assert!(!why(&two_culprits).contains("nothing sets"), "{}", why(&two_culprits));
    assert!(why(&["ride-0-0"]).ends_with("one flag tells little, so flag more"), "{}", why(&["ride-0-0"]));
}

#[test]
fn of_runs_in_series_the_nearest_goes_first() {
    let tracer = Tracer::in_memory().unwrap();
    for (time, component) in [(0, "download"), (10, "clean"), (20, "train")] {
        let entry = run(component, time, time + 1).reads(&time.to_string()).writes(&(time + 10).to_string());
        tracer.store().put(&entry).unwrap();
    }
    flag_all(&tracer, ["30"]);
    let review = review(&tracer);
    let depths: Vec<_> = review.runs.iter().map(|suspect| (suspect.run.id.0, suspect.blame.depth)).collect();
    assert_eq!(depths, [(3, 0), (2, 1), (1, 2)]);
    assert_eq!(
        review.why.as_deref(),
        Some(
            "#3 train is behind the only flagged output, and train wrote no others since #3 to compare with; next is #2 \
             clean, behind as much, but further from them"
        )
    );
}

/// More suspects than one round of bits holds.
#[test]
fn a_thousand_suspects_in_a_chain_are_each_behind_what_comes_after_them() {
    let tracer = Tracer::in_memory().unwrap();
    let process = crate::provenance::process();
    let step =
        |step: i64| run("step", 10 * step, 10 * step + 1).reads(&(step - 1).to_string()).writes(&step.to_string());
    tracer
        .store()
        .write(None, |tx| (0..1_000).try_for_each(|nth| super::resolve::put_run(tx, &step(nth), process).map(drop)))
        .unwrap();
    flag_all(&tracer, ["500", "999"]);
    let review = review(&tracer);
    assert_eq!(review.runs.len(), 1_000);
    assert_eq!(review.compared.as_ref().unwrap().outputs, 498);
    for suspect in &review.runs {
        let step = u64::try_from(suspect.run.id.0).unwrap() - 1;
        let expected = (1 + u64::from(step <= 500), 498.min(999 - step));
        assert_eq!((suspect.blame.count, suspect.blame.others), expected, "step {step}");
    }
}

/// A name, and a version if it has one.
type Output = (String, Option<String>);

/// The plainest count there is: for each output the set of all runs behind it.
fn naive(runs: &[RunRecord], flagged: &BTreeSet<Output>) -> BTreeMap<RunId, (u64, u64)> {
    let by_id: HashMap<RunId, &RunRecord> = runs.iter().map(|run| (run.id, run)).collect();
    let behind = |run: RunId| {
        let mut seen = BTreeSet::from([run]);
        let mut open = vec![run];
        while let Some(at) = open.pop() {
            let upstream = by_id[&at].dependencies.iter().map(|dependency| dependency.run);
            open.extend(upstream.filter(|&to| seen.insert(to)));
        }
        seen
    };
    let mut latest: BTreeMap<Output, _> = BTreeMap::new();
    let mut latest_of_name = BTreeMap::new();
    for run in runs {
        for output in &run.outputs {
            let version = output.version.as_ref().map(ToString::to_string);
            let lateness = (run.ended_at, run.started_at, run.uuid, run.id);
            let held = latest.entry((output.name.clone(), version)).or_insert(lateness);
            *held = lateness.max(*held);
            let held = latest_of_name.entry(output.name.clone()).or_insert(lateness);
            *held = lateness.max(*held);
        }
    }
    let writer = |flag: &Output| if flag.1.is_none() { latest_of_name.get(&flag.0) } else { latest.get(flag) };
    let writers: Vec<&RunRecord> = flagged.iter().filter_map(writer).map(|lateness| by_id[&lateness.3]).collect();
    let is_flagged = |output: &Output| flagged.contains(output) || flagged.contains(&(output.0.clone(), None));
    let since = writers.iter().map(|run| run.started_at).min();
    let components: BTreeSet<&str> = writers.iter().map(|run| run.component.as_str()).collect();
    let good = latest.iter().filter(|(output, _)| !is_flagged(output));
    let compared = good.map(|(_, lateness)| by_id[&lateness.3]).filter(|run| {
        components.contains(run.component.as_str()) && since.is_some_and(|since| run.started_at >= since)
    });
    let mut counts: BTreeMap<RunId, (u64, u64)> = BTreeMap::new();
    for run in &writers {
        for suspect in behind(run.id) {
            counts.entry(suspect).or_default().0 += 1;
        }
    }
    for run in compared {
        for suspect in behind(run.id) {
            counts.entry(suspect).and_modify(|count| count.1 += 1);
        }
    }
    counts
}

proptest! {
    #[test]
    fn a_review_is_the_naive_count(
        // Component, start, length, names read, names written with a version or without.
        runs in vec((0_usize..4, 0_i64..30, 0_i64..3, vec(0_usize..8, 0..3), vec((0_usize..8, 0_usize..3), 0..3)), 1..24),
        flags in vec(0_usize..8, 0..4),
    ) {
        let tracer = Tracer::in_memory().unwrap();
        let version = |version: usize| if version == 0 { String::new() } else { format!("@{version}") };
        for (component, start, length, reads, writes) in runs {
            let entry = run(["clean", "train", "serve", "report"][component], start, start + length);
            let entry = reads.into_iter().fold(entry, |entry, name| entry.reads(&format!("x{name}")));
            let mut seen = BTreeSet::new();
            let writes = writes.into_iter().filter(|write| seen.insert(write.0));
            let entry = writes.fold(entry, |entry, (name, v)| entry.writes(&format!("x{name}{}", version(v))));
            tracer.store().put(&entry).unwrap();
        }
        let mut flagged = BTreeSet::new();
        for name in flags {
            let pointer = tracer.flag(&format!("x{name}")).unwrap().pointer;
            flagged.insert((pointer.name, pointer.version.map(|version| version.to_string())));
        }
        let records: Vec<RunRecord> = tracer.recent(100).unwrap().items;
        let expected = naive(&records, &flagged);
        let review = review(&tracer);
        let found: BTreeMap<RunId, (u64, u64)> =
            review.runs.iter().map(|suspect| (suspect.run.id, (suspect.blame.count, suspect.blame.others))).collect();
        prop_assert_eq!(found, expected);
    }
}
