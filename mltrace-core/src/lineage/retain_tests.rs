use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::collection::vec;
use proptest::prelude::*;

use super::resolve::{producer_of, put_run};
use super::resolve_tests::reported;
use super::retain::{Fate, plan, removable, removals};
use crate::clock::{from_micros, to_micros};
use crate::model::{Note, RunEntry, RunId, RunRecord, Status};
use crate::provenance;
use crate::store::{Mentioned, Store, Write};
use crate::testing::{pointer, run};
use crate::tracer::Tracer;
use crate::{ErrorKind, GcReport};

fn collect(tracer: &Tracer, before: i64) -> GcReport {
    tracer.gc(from_micros(before)).collect().unwrap()
}

fn counts(report: &GcReport) -> (u64, u64, u64) {
    (report.kept, report.tombstoned, report.removed)
}

fn mention(text: &str, at: i64) -> Mentioned {
    let pointer = pointer(text);
    Mentioned { name: pointer.name, version: pointer.version, at: from_micros(at) }
}

fn all(tracer: &Tracer) -> Vec<RunRecord> {
    tracer.recorded_after(RunId(0)).unwrap()
}

/// What a tombstone leaves of a run.
fn place(run: &RunRecord) -> RunRecord {
    let mut place = run.clone();
    place.params.clear();
    place.metrics.clear();
    place.checks.clear();
    place.notes.clear();
    place.error = None;
    place.code.snapshot = None;
    place.collected_at = None;
    place
}

#[test]
fn what_a_kept_run_came_from_stays_as_tombstones_and_the_rest_goes() {
    let tracer = Tracer::in_memory().unwrap();
    let store = tracer.store();
    let mut raw = run("download", 0, 1).writes("raw@1");
    raw.metrics.insert("rows".to_owned(), 7.0);
    raw.params.insert("month".to_owned(), "2020-01".into());
    raw.notes.push(Note { written_at: from_micros(1), text: "resent".to_owned() });
    let raw = store.put(&raw).unwrap();
    let stray = store.put(&run("download", 2, 3).writes("stray")).unwrap();
    store.put(&run("download", 4, 5).writes("other")).unwrap();
    let reader = store.put(&run("train", 100, 101).reads("raw@1").writes("model")).unwrap();
    let before = store.get(raw);

    let report = collect(&tracer, 50);
    assert_eq!(counts(&report), (2, 1, 1));
    let after = store.get(raw);
    assert!(after.collected_at.is_some());
    assert_eq!(place(&after), place(&before));
    assert_eq!(after, RunRecord { collected_at: after.collected_at, ..place(&before) }, "the rest is gone");
    assert_eq!(tracer.run(stray).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(tracer.run(reader).unwrap().dependencies[0].run, raw);
}

#[test]
fn a_dry_run_counts_what_is_done_and_does_nothing() {
    let tracer = Tracer::in_memory().unwrap();
    for at in 0..10 {
        tracer
            .store()
            .put(&run("stage", 10 * at, 10 * at + 1).reads(&at.to_string()).writes(&(at + 1).to_string()))
            .unwrap();
        tracer.store().put(&run("stray", 10 * at, 10 * at + 1)).unwrap();
    }
    let before = all(&tracer);
    let told = tracer.gc(from_micros(75)).plan().unwrap();
    assert_eq!((told.dry_run, told.bytes_after), (true, None));
    assert_eq!(all(&tracer), before);
    let done = collect(&tracer, 75);
    assert_eq!((counts(&told), &told.components), (counts(&done), &done.components));
    assert_eq!(counts(&done), (4, 8, 8));
}

#[test]
fn the_latest_completed_run_of_each_partition_stays_whole() {
    let tracer = Tracer::in_memory().unwrap();
    let of = |partition: &str, at: i64, status| {
        let entry = RunEntry { partition: Some(partition.to_owned()), ..run("clean", at, at + 1).ending(status) };
        tracer.store().put(&entry).unwrap()
    };
    of("jan", 0, Status::Completed);
    let january = of("jan", 10, Status::Completed);
    of("jan", 20, Status::Failed);
    let february = of("feb", 5, Status::Completed);
    let last = of("mar", 30, Status::Failed);
    collect(&tracer, 1_000);
    let kept: Vec<RunId> = all(&tracer).iter().map(|run| run.id).collect();
    assert_eq!(kept, [january, february, last], "and the last run of the component, as the catalogue shows it");
}

#[test]
fn the_catalogue_says_the_same_before_and_after() {
    let tracer = Tracer::in_memory().unwrap();
    let mut stated = run("clean", 0, 1);
    let definition = (*stated.definition).clone();
    let definition = crate::model::Definition {
        states_metadata: true,
        owner: Some("data team".to_owned()),
        tags: vec!["nightly".to_owned()],
        ..definition
    };
    stated.definition = std::sync::Arc::new(definition.identified());
    tracer.store().put(&stated).unwrap();
    for at in 1..5 {
        tracer.store().put(&run("clean", 10 * at, 10 * at + 1)).unwrap();
    }
    tracer.tag("clean", ["by hand"]).unwrap();
    let before = tracer.components().get().unwrap();
    assert_eq!(counts(&collect(&tracer, 1_000)), (2, 0, 3));
    assert_eq!(tracer.components().get().unwrap(), before);
}

#[test]
fn who_wrote_what_is_flagged_stays_whole_until_the_flag_is_gone() {
    let tracer = Tracer::in_memory().unwrap();
    let store = tracer.store();
    let frozen = store.put(&run("infer", 0, 1).writes("ride@1")).unwrap();
    let bare = store.put(&run("infer", 2, 3).writes("bare")).unwrap();
    store.put(&run("infer", 4, 5).writes("ride@2")).unwrap();
    store.put(&run("infer", 6, 7)).unwrap();
    store
        .write(None, |tx| {
            tx.take_flag(&mention("ride@1", 10))?;
            tx.take_flag(&mention("bare", 10))
        })
        .unwrap();
    assert_eq!(counts(&collect(&tracer, 1_000)), (3, 0, 1));
    for run in [frozen, bare] {
        assert_eq!(tracer.run(run).unwrap().collected_at, None);
    }
}

#[test]
fn what_carries_a_label_can_still_be_reached() {
    let tracer = Tracer::in_memory().unwrap();
    let store = tracer.store();
    let chain: Vec<RunId> = (0..4)
        .map(|at| store.put(&run("stage", at * 10, at * 10 + 1).reads(&at.to_string()).writes(&(at + 1).to_string())))
        .collect::<Result<_, _>>()
        .unwrap();
    store.put(&run("stage", 100, 101)).unwrap();
    store.write(None, |tx| tx.take_label("customer 7", &mention("2", 5))).unwrap();
    collect(&tracer, 1_000);
    let there: Vec<RunId> = all(&tracer).iter().map(|run| run.id).filter(|id| chain.contains(id)).collect();
    assert_eq!(there, chain, "who wrote it, who read it, what came of it, and what that came from");
    assert!(tracer.run(chain[3]).unwrap().collected_at.is_some());
}

#[test]
fn an_open_run_stays_as_long_as_its_process_may_live() {
    let store = Store::in_memory().unwrap();
    let open = store.put(&run("serve", 0, 1).open()).unwrap();
    store.put(&run("serve", 5, 6)).unwrap();
    let fate = |is_gone| {
        let planned = store.read(|view| plan(view, 1_000, &|_| is_gone)).unwrap();
        planned.iter().find(|planned| planned.run == open).unwrap().fate
    };
    assert_eq!((fate(false), fate(true)), (Fate::Kept, Fate::Removed));
    assert!(!provenance::is_gone(provenance::process()), "this process lives");
}

#[test]
fn a_tombstone_resolves_a_consumer_that_comes_late() {
    let tracer = Tracer::in_memory().unwrap();
    let store = tracer.store();
    let writer = store.put(&run("write", 0, 1).writes("x@1")).unwrap();
    store.put(&run("write", 2, 3)).unwrap();
    store.put(&run("read", 1_000, 1_001).reads("x@1")).unwrap();
    collect(&tracer, 500);
    assert!(tracer.run(writer).unwrap().collected_at.is_some());
    let late = store.put(&run("late", 10, 11).reads("x@1")).unwrap();
    assert_eq!(tracer.run(late).unwrap().dependencies[0].run, writer);
}

#[test]
fn a_run_that_someone_came_to_depend_on_meanwhile_is_not_removed() {
    let store = Store::in_memory().unwrap();
    let source = store.put(&run("source", 0, 1).writes("a@1")).unwrap();
    let middle = store.put(&run("middle", 2, 3).reads("a@1").writes("b@1")).unwrap();
    let stray = store.put(&run("middle", 4, 5).reads("a@1")).unwrap();
    for at in [6, 8] {
        store.put(&run("source", at, at + 1)).unwrap();
        store.put(&run("middle", at, at + 1)).unwrap();
    }
    let planned = removals(&store.read(|view| plan(view, 1_000, &|_| true)).unwrap());
    assert!([source, middle, stray].iter().all(|run| planned.contains(run)), "{planned:?}");
    let late = store.put(&run("late", 10, 11).reads("b@1")).unwrap();
    let all_planned: HashSet<RunId> = planned.iter().copied().collect();
    let removable = store.read(|view| removable(view, &planned, &|run| all_planned.contains(run), 1_000)).unwrap();
    let left: Vec<RunId> = planned.into_iter().filter(|run| !removable.contains(run)).collect();
    assert_eq!(left, [middle, source], "nor what it depends on itself");
    store.write(None, |tx| tx.remove(&removable)).unwrap();
    assert_eq!(store.get(late).dependencies[0].run, middle);
}

#[test]
fn runs_that_depend_on_each_other_go_together() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.store().put(&run("one", 0, 0).reads("y").writes("x")).unwrap();
    tracer.store().put(&run("two", 0, 0).reads("x").writes("y")).unwrap();
    for component in ["one", "two"] {
        tracer.store().put(&run(component, 5, 6)).unwrap();
    }
    assert_eq!(counts(&collect(&tracer, 1_000)), (2, 0, 2));
}

#[test]
fn a_run_that_decided_an_edge_without_being_its_end_stays_too() {
    for own in [true, false] {
        let tracer = Tracer::in_memory().unwrap();
        let store = tracer.store();
        // The reader's bytes are not those of the last run that had ended, so they are its own, or those of the run that
        // was open. Without that last run they would be those of whoever was open after the reading.
        let decisive = store.put(&run("write", 0, 1).writes("x@hash:aa")).unwrap();
        store.put(&run("write", 2, 3)).unwrap();
        let reader = run("read", 1_000, 1_020).reads_at("x@hash:bb", 1_010);
        let reader = store.put(&if own { reader.writes("x@hash:bb") } else { reader }).unwrap();
        if !own {
            store.put(&run("open", 1_008, 1_030).writes("x")).unwrap();
        }
        store.put(&run("later", 1_012, 1_040).writes("x")).unwrap();
        let before = store.get(reader);
        assert_eq!(before.dependencies.len(), usize::from(!own));
        collect(&tracer, 500);
        assert!(tracer.run(decisive).unwrap().collected_at.is_some());
        store.write(None, resolve_all).unwrap();
        assert_eq!(store.get(reader), before);
    }
}

#[test]
fn a_name_that_is_known_to_be_rewritten_is_judged_by_its_own_writers_alone_as_before() {
    for (read, reasons) in [("jan@1", 1), ("jan@2", 0)] {
        let tracer = Tracer::in_memory().unwrap();
        let store = tracer.store();
        store.put(&run("download", 0, 1).writes("jan@1")).unwrap();
        store.put(&run("download", 2, 3).writes("jan@2")).unwrap();
        let reader = store.put(&run("train", 4, 5).reads(read)).unwrap();
        store.put(&run("download", 6, 7).writes("feb@1")).unwrap();
        let before = tracer.stale_run(reader).get().unwrap();
        assert_eq!(before.len(), reasons);
        collect(&tracer, 1_000);
        assert_eq!(tracer.stale_run(reader).get().unwrap(), before);
    }
}

#[derive(Debug, Clone)]
enum Remark {
    Flag(&'static str),
    Label(&'static str),
}

fn remark() -> impl Strategy<Value = Remark> {
    let pointer = || prop_oneof![Just("x"), Just("y@1"), Just("z@2"), Just("x@hash:aa")];
    prop_oneof![pointer().prop_map(Remark::Flag), pointer().prop_map(Remark::Label)]
}

/// Resolves every input again.
fn resolve_all(tx: &Write<'_>) -> crate::Result<()> {
    for name in ["x", "y", "z"] {
        let Some(name) = tx.name_id(name)? else { continue };
        for reading in tx.readings_of(name, i64::MIN, RunId(0))? {
            tx.set_edge(&reading, producer_of(tx, &reading)?)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_stays_is_as_it_was_and_resolves_as_it_did(
        runs in vec(reported(), 1..12),
        remarks in vec(remark(), 0..2),
        cutoff in 0_i64..20,
    ) {
        let tracer = Tracer::in_memory().unwrap();
        let store = tracer.store();
        for report in runs.iter().flat_map(|run| &run.0) {
            store.put(report).unwrap();
        }
        store.write(None, |tx| remarks.iter().try_for_each(|remark| match remark {
            Remark::Flag(pointer) => tx.take_flag(&mention(pointer, 6)),
            Remark::Label(pointer) => tx.take_label("consent", &mention(pointer, 6)),
        })).unwrap();
        let before: HashMap<RunId, RunRecord> = all(&tracer).into_iter().map(|run| (run.id, run)).collect();
        let now = |run: &RunId| {
            let run = tracer.run(*run).unwrap();
            let kinds: BTreeSet<_> = run.stale.unwrap().into_iter().map(|stale| (stale.kind, stale.run)).collect();
            (kinds, run.labels)
        };
        let said: HashMap<RunId, _> = before.keys().map(|run| (*run, now(run))).collect();
        let told = tracer.gc(from_micros(cutoff)).plan().unwrap();
        let done = collect(&tracer, cutoff);
        prop_assert_eq!(counts(&told), counts(&done));

        let check = |tracer: &Tracer| -> Result<(), TestCaseError> {
            for run in all(tracer) {
                let was = &before[&run.id];
                prop_assert_eq!(place(&run), place(was));
                if run.collected_at.is_none() {
                    prop_assert_eq!(&run, was);
                }
                let moment = run.ended_at.unwrap_or(run.started_at);
                prop_assert!(run.collected_at.is_none() || to_micros(moment) < cutoff);
            }
            Ok(())
        };
        check(&tracer)?;
        for run in all(&tracer) {
            prop_assert_eq!(&now(&run.id), &said[&run.id], "stale, and labels");
        }
        let there: BTreeSet<RunId> = all(&tracer).iter().map(|run| run.id).collect();
        for run in before.values() {
            let moment = run.ended_at.unwrap_or(run.started_at);
            prop_assert!(there.contains(&run.id) || to_micros(moment) < cutoff);
        }
        store.write(None, resolve_all).unwrap();
        check(&tracer)?;

        let health = tracer.doctor().unwrap();
        prop_assert!(health.is_sound(), "{:?}", health.damage);
        prop_assert!(!health.findings.iter().any(|found| found.message.contains("refers")), "{:?}", health.findings);
        let again = collect(&tracer, cutoff);
        prop_assert_eq!((again.tombstoned, again.removed), (0, 0));
    }
}

/// A pipeline that ran on so many days: each day's rides are read, a model is trained, and it serves a hundred rides.
fn days(days: i64) -> impl Iterator<Item = RunEntry> {
    const DAY: i64 = 1_000;
    (0..days).flat_map(|day| {
        let at = day * DAY;
        let clean = run("clean", at, at + 1).reads(&format!("raw/{day}@{day}")).writes(&format!("clean/{day}@{day}"));
        let train = run("train", at + 2, at + 3).reads(&format!("clean/{day}@{day}")).writes(&format!("model@{day}"));
        let serve = move |ride: i64| {
            let at = at + 10 + ride;
            run("serve", at, at + 1).reads(&format!("model@{day}")).writes(&format!("ride-{day}-{ride}"))
        };
        [clean, train].into_iter().chain((0..98).map(serve))
    })
}

#[test]
fn a_flag_and_a_label_that_come_while_runs_are_collected_protect_what_was_to_go() {
    let tracer = Tracer::in_memory().unwrap();
    let entries = (0..1_000).map(|at| run("stage", at, at + 1).writes(&format!("out-{at}")));
    let put_all =
        |tx: &Write<'_>| entries.clone().try_for_each(|entry| put_run(tx, &entry, provenance::process()).map(drop));
    tracer.store().write(None, put_all).unwrap();
    let mut is_first = true;
    let collected = tracer.gc(from_micros(2_000)).progress(|_, _| {
        if std::mem::take(&mut is_first) {
            tracer.flag("out-3").unwrap();
            tracer.label("out-5", "consent").write().unwrap();
        }
    });
    let report = collected.collect().unwrap();
    assert!(!is_first);
    assert_eq!(counts(&report), (3, 0, 997), "the latest, the flagged one and the labelled one");
    assert_eq!(counts(&collect(&tracer, 2_000)), (2, 1, 0), "the labelled one needs only its place");
    assert_eq!(tracer.trace("out-3").get().unwrap().runs.len(), 1);
    assert_eq!(tracer.trace("out-5").get().unwrap().runs.len(), 1);
}

#[test]
fn a_hundred_thousand_runs_are_collected_though_interrupted_and_no_kept_trace_changes() {
    const DAYS: i64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let tracer = Tracer::open(folder.path().join("store.db")).unwrap();
    let store = tracer.store();
    let entries: Vec<RunEntry> = days(DAYS).collect();
    for entries in entries.chunks(10_000) {
        let put_all =
            |tx: &Write<'_>| entries.iter().try_for_each(|entry| put_run(tx, entry, provenance::process()).map(drop));
        store.write(None, put_all).unwrap();
    }
    // The last hundred days are kept, and a ride of long ago that someone complained about.
    let cutoff = (DAYS - 100) * 1_000;
    store.write(None, |tx| tx.take_flag(&mention("ride-7-7", 0))).unwrap();
    let kept: Vec<String> =
        (DAYS - 100..DAYS).map(|day| format!("ride-{day}-{}", day % 98)).chain(["ride-7-7".to_owned()]).collect();
    let graphs = || kept.iter().map(|name| tracer.trace(name).get().unwrap()).collect::<Vec<_>>();
    let whole = graphs();

    let interrupted = tracer.gc(from_micros(cutoff)).progress(|done, _| assert!(done < 20_000, "as if killed"));
    catch_unwind(AssertUnwindSafe(|| interrupted.collect())).unwrap_err();
    assert!(tracer.doctor().unwrap().is_sound());
    assert!(graphs().iter().zip(&whole).all(|(now, then)| now.edges == then.edges));

    let report = collect(&tracer, cutoff);
    assert_eq!(
        report.kept,
        100 * 100 + 3,
        "a hundred days, the flagged ride, and behind it the tombstones made before"
    );
    assert!(report.removed > 60_000, "{report:?}");
    let bytes_after = report.bytes_after.unwrap();
    assert!(bytes_after * 5 < report.bytes_before, "{} to {bytes_after}", report.bytes_before);
    for (now, then) in graphs().iter().zip(&whole) {
        assert_eq!(now.edges, then.edges);
        assert!(now.runs.iter().zip(&then.runs).all(|(now, then)| place(&now.run) == place(&then.run)));
    }
    assert!(tracer.doctor().unwrap().is_sound());
}
