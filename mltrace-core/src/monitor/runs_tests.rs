//! What runs say of their data, and what becomes of it.

use chrono::NaiveDate;

use super::{Column, Kind, Reference, Status};
use crate::__private::{Ended, Meta, Run};
use crate::error::ErrorKind;
use crate::{ComponentRun, RunId, Tracer, scoped};

static META: Meta = Meta {
    name: "train",
    owner: None,
    description: None,
    tags: &[],
    stale_after_secs: None,
    buffered: false,
    file: file!(),
    line: line!(),
    source: "",
    tokens: "",
    manifest_dir: None,
    crate_version: "0",
    commit: None,
    in_unit_test: true,
};

fn traced(body: impl FnOnce(&Run)) -> (Tracer, RunId) {
    let tracer = Tracer::in_memory().unwrap();
    let guard = scoped(&tracer);
    let run = Run::start(&META);
    body(&run);
    run.finish(|| Ended::Completed);
    drop(guard);
    let id = tracer.recent(1).unwrap().items[0].id;
    (tracer, id)
}

fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 1, number).unwrap()
}

fn distances(values: std::ops::Range<u32>) -> [(&'static str, Column); 1] {
    [("distance", Column::floats(values.map(f64::from)))]
}

#[test]
fn batches_under_one_name_add_up_and_other_names_stand_apart() {
    let (tracer, run) = traced(|run| {
        run.profile("features", distances(0..600));
        run.handle().profile("features", distances(600..1_000));
        run.profile("labels", [("tip", Column::booleans([true]))]);
    });
    let profiles = tracer.profiles(run).unwrap();
    assert_eq!(profiles.keys().collect::<Vec<_>>(), ["features", "labels"]);
    let distance = profiles["features"].whole().column("distance").unwrap();
    assert_eq!((distance.count(), distance.moments().unwrap().max()), (1_000, Some(999.0)));
    assert!(profiles["features"].days().is_empty());
}

#[test]
fn the_days_of_a_run_add_up_to_it_exactly() {
    let days = (0..1_000).map(|row| day(1 + row % 7));
    let zones: Vec<i64> = (0..1_000).map(|row| row / 100).collect();
    let columns = [("distance", Column::floats((0..1_000).map(f64::from))), ("zone", Column::integers(zones))];
    let (tracer, run) = traced(|run| run.profile_by_day("features", days, columns));
    let profile = &tracer.profiles(run).unwrap()["features"];
    assert_eq!(profile.days().len(), 7);
    assert_eq!(profile.days()[&day(1)].column("distance").unwrap().count(), 143);
    let whole = Reference::new(profile.whole().clone());
    let mut sum = profile.days()[&day(1)].clone();
    profile.days().values().skip(1).for_each(|part| sum.merge(part).unwrap());
    let report = whole.drift(&sum).get().unwrap();
    assert!(
        report.columns.iter().all(|column| column.statistic == Some(0.0) && column.status == Status::Ok),
        "{report:?}"
    );
    assert_eq!(report.columns.iter().map(|column| column.kind).collect::<Vec<_>>(), [Kind::Numeric, Kind::Categorical]);
}

#[test]
fn what_cannot_be_summed_up_is_told_in_a_note_and_reaches_nobody() {
    let (tracer, run) = traced(|run| {
        run.profile("features", [("zone", Column::texts(["a"]).of_kind(Kind::Numeric))]);
        run.profile_by_day("days", [day(1)], distances(0..2));
        run.profile("", distances(0..2));
        run.profile("kinds", distances(0..2));
        run.profile("kinds", [("distance", Column::texts(["far"]))]);
    });
    assert_eq!(tracer.profiles(run).unwrap().keys().collect::<Vec<_>>(), ["kinds"]);
    let notes = tracer.run(run).unwrap().notes;
    for told in ["texts cannot be summed up", "2 values and the days are 1", "is empty", "numeric in one profile"] {
        assert!(notes[0].text.contains(told), "{notes:?}");
    }
}

#[test]
fn a_run_by_hand_is_refused_what_cannot_be_summed_up() {
    let mut run = ComponentRun::new("train");
    run.start();
    let error = run.profile("features", [("zone", Column::texts(["a"]).of_kind(Kind::Numeric))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    run.profile("", distances(0..2)).unwrap().end();
    assert_eq!(Tracer::in_memory().unwrap().log_component_run(run).unwrap_err().kind(), ErrorKind::Invalid);
    let mut run = ComponentRun::new("train");
    run.start().profile_by_day("features", [day(1), day(2)], distances(0..2)).unwrap().end();
    let tracer = Tracer::in_memory().unwrap();
    let id = tracer.log_component_run(run).unwrap();
    assert_eq!(tracer.profiles(id).unwrap()["features"].days().len(), 2);
    assert_eq!(tracer.profiles(RunId(7)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
#[cfg(feature = "care")]
fn profiles_move_between_stores_whole() {
    let (tracer, run) = traced(|run| {
        run.profile_by_day("features", [day(1), day(2)], distances(0..2));
        run.profile("labels", [("tip", Column::booleans([true]))]);
    });
    let mut lines = Vec::new();
    tracer.export(&mut lines).unwrap();
    let other = Tracer::in_memory().unwrap();
    other.import(&mut lines.as_slice()).unwrap();
    other.import(&mut lines.as_slice()).unwrap();
    let stored = |tracer: &Tracer, run| tracer.store().read(|view| view.profiles_of_run(run)).unwrap();
    assert_eq!(stored(&other, RunId(1)), stored(&tracer, run));
    assert_eq!(stored(&other, RunId(1)).len(), 4);
}

#[test]
#[cfg(feature = "care")]
fn a_tombstone_keeps_its_profiles_and_a_run_that_is_removed_does_not() {
    let tracer = Tracer::in_memory().unwrap();
    let put = |component: &str, at: i64, input: Option<&str>, output: &str| {
        let mut entry = crate::testing::run(component, at, at + 1).writes(output);
        if let Some(input) = input {
            entry = entry.reads(input);
        }
        super::RunProfile::of(distances(0..2)).unwrap().add_to(&mut entry.profiles, "features").unwrap();
        tracer.store().put(&entry).unwrap()
    };
    let needed = put("train", 0, None, "forest@1");
    let removed = put("train", 10, None, "forest@2");
    put("train", 20, None, "forest@3");
    put("infer", 30, Some("forest@1"), "ride-1");
    assert_eq!(tracer.gc(crate::clock::from_micros(15)).collect().unwrap().tombstoned, 1);
    assert_eq!(tracer.profiles(needed).unwrap().len(), 1);
    assert_eq!(tracer.profiles(removed).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(tracer.store().read(|view| view.profiles_of_run(removed)).unwrap().is_empty());
    assert!(tracer.doctor().unwrap().is_sound());
}
