//! What becomes of tasks when a store is moved or cared for.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::clock::from_micros;
use crate::component_run::ComponentRun;
use crate::monitor::{Column, Metric, Profile, Windows};

fn task() -> Task {
    Tracer::in_memory().unwrap().task("high_tip").unwrap()
}

fn exported(tracer: &Tracer) -> String {
    let mut lines = Vec::new();
    tracer.export(&mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

fn at(hours: i64) -> DateTime<Utc> {
    from_micros(hours * 3_600_000_000)
}

/// A task with all that there can be of one.
fn full() -> Task {
    let task = task();
    let tracer = &task.tracer;
    let mut train = ComponentRun::new("train");
    train.started_at(at(0)).ended_at(at(1)).add_output("forest.model");
    train.profile("validation", [("prediction", Column::floats([0.1; 50]))]).unwrap();
    tracer.log_component_run(train).unwrap();
    let mut infer = ComponentRun::new("infer");
    infer.started_at(at(2)).ended_at(at(3)).add_input("forest.model").add_output("ride-1");
    tracer.log_component_run(infer).unwrap();
    task.log_outputs([("ride-0", 0.9, at(2)), ("ride-1", 0.1 + 0.2, at(30))]).unwrap();
    task.log_feedbacks([("ride-1", 1.0, at(40)), ("ride-2", 0.0, at(41))]).unwrap();
    let profile = Profile::of([("distance", Column::floats([1.0, 2.0]))]).unwrap();
    for day in 1..=3 {
        let day = NaiveDate::from_ymd_opt(1970, 1, day).unwrap();
        let part =
            ProfilePart { day, host: "worker-1".to_owned(), uuid: uuid::Uuid::from_u128(7), profile: profile.clone() };
        task.log_profile(&part).unwrap();
    }
    task.metrics(Metric::F1).windows(Windows::DAILY).keep().unwrap();
    task.drift().until(NaiveDate::from_ymd_opt(1970, 1, 4).unwrap()).keep().unwrap();
    task
}

#[test]
fn a_task_moves_between_stores_whole_and_as_often_as_one_likes() {
    let task = full();
    let lines = exported(&task.tracer);
    let other = Tracer::in_memory().unwrap();
    for _ in 0..2 {
        let report = other.import(&mut lines.as_bytes()).unwrap();
        assert_eq!((report.outputs, report.feedback, report.profiles, report.answers), (2, 2, 3, 3));
    }
    assert_eq!(exported(&other), lines);
    task.tracer.import(&mut lines.as_bytes()).unwrap();
    assert_eq!(exported(&task.tracer), lines, "what comes back is not new");
    let moved = other.task("high_tip").unwrap();
    assert_eq!(moved.metric_history("f1").unwrap(), task.metric_history("f1").unwrap());
    assert_eq!(moved.usual_lag().unwrap(), task.usual_lag().unwrap());
    assert_eq!(moved.drift_history().unwrap()[0].drift.report, task.drift_history().unwrap()[0].drift.report);
    assert_eq!(moved.training().unwrap().model, "forest.model");
}

#[test]
fn lines_of_a_task_that_cannot_be_stored_are_refused_by_their_number() {
    let tracer = Tracer::in_memory().unwrap();
    for (line, told) in [
        (r#"{"type":"output","task":"","id":"a","value":1.0,"at":"2020-01-01T00:00:00Z"}"#, "task's name is empty"),
        (r#"{"type":"feedback","task":"t","id":"","value":1.0,"at":"2020-01-01T00:00:00Z"}"#, "the id is empty"),
        (r#"{"type":"output","task":"t","id":"a","value":1e999,"at":"2020-01-01T00:00:00Z"}"#, "out of range"),
        (
            r#"{"type":"task_profile","task":"t","day":"2020-01-01","host":"h","uuid":"00000000-0000-0000-0000-000000000000","profile":"0"}"#,
            "hexadecimal",
        ),
    ] {
        let text = format!("{{\"type\":\"header\",\"format\":1,\"program\":\"x\"}}\n{line}\n");
        let error = tracer.import(&mut text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().starts_with("line 2") && error.to_string().contains(told), "{error}");
    }
    assert_eq!(tracer.tasks().unwrap(), [""; 0]);
}

#[test]
fn gc_forgets_old_outputs_and_keeps_what_was_found_of_them() {
    let task = full();
    let before = at(24);
    let plan = task.tracer.gc(before).plan().unwrap();
    assert_eq!(plan.outputs, 1);
    let done = task.tracer.gc(before).collect().unwrap();
    assert_eq!((done.outputs, task.tracer.gc(before).plan().unwrap().outputs), (1, 0));
    let left = task.metrics(Metric::F1).get().unwrap();
    assert_eq!((left[0].outputs, left[0].labelled), (1, 1));
    let day = |day| NaiveDate::from_ymd_opt(1970, 1, day).unwrap();
    assert_eq!(task.profiles(day(1), day(9)).unwrap().into_keys().collect::<Vec<_>>(), [day(2), day(3)]);
    assert_eq!((task.metric_history("f1").unwrap().len(), task.drift_history().unwrap().len()), (2, 1));
    assert!(task.tracer.doctor().unwrap().is_sound());
    // Labels that never had an output, too.
    assert_eq!(task.tracer.gc(at(100)).collect().unwrap().outputs, 2);
}

#[test]
fn doctor_names_labels_that_have_no_output() {
    let findings = full().tracer.doctor().unwrap().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].message, "1 of the labels that were logged to `high_tip` have no output");
}

#[test]
fn how_long_labels_take_does_not_depend_on_which_came_first() {
    let (first, second) = (task(), task());
    let outputs = || (0..100).map(|ride| (ride.to_string(), 0.5, at(ride)));
    let labels = || (0..100).map(|ride| (ride.to_string(), 1.0, at(ride + 5)));
    first.log_outputs(outputs()).unwrap();
    first.log_feedbacks(labels()).unwrap();
    second.log_feedbacks(labels()).unwrap();
    assert_eq!(second.usual_lag().unwrap(), None, "nobody knows as yet");
    second.log_outputs(outputs()).unwrap();
    second.log_outputs(outputs()).unwrap();
    assert_eq!(first.usual_lag().unwrap(), second.usual_lag().unwrap());
    let lag = first.usual_lag().unwrap().unwrap();
    assert!(lag >= TimeDelta::hours(5) && lag < TimeDelta::minutes(320), "{lag}");
}

/// What is logged to one of two stores.
#[derive(Debug, Clone)]
struct Step {
    is_first: bool,
    is_label: bool,
    ride: u8,
    value: u8,
    hour: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), any::<bool>(), 0_u8..4, 0_u8..3, 0_i64..5);
    let step = step.prop_map(|(is_first, is_label, ride, value, hour)| Step { is_first, is_label, ride, value, hour });
    prop::collection::vec(step, 0..24)
}

fn lags(task: &Task) -> BTreeMap<i64, i64> {
    task.tracer.store().read(|view| view.lags(task.id(view)?)).unwrap_or_default().into_iter().collect()
}

proptest! {
    #[test]
    fn stores_merge_to_the_same_either_way(steps in steps()) {
        let stores = [task(), task()];
        for Step { is_first, is_label, ride, value, hour } in steps {
            let task = &stores[usize::from(is_first)];
            let told = [(ride.to_string(), f64::from(value), at(hour))];
            if is_label { task.log_feedbacks(told).unwrap() } else { task.log_outputs(told).unwrap() }
        }
        let [first, second] = [&stores[0], &stores[1]].map(|task| exported(&task.tracer));
        stores[0].tracer.import(&mut second.as_bytes()).unwrap();
        stores[1].tracer.import(&mut first.as_bytes()).unwrap();
        let sorted = |task: &Task| {
            let mut lines: Vec<_> = exported(&task.tracer).lines().map(ToOwned::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        prop_assert_eq!(sorted(&stores[0]), sorted(&stores[1]));
        prop_assert_eq!(lags(&stores[0]), lags(&stores[1]));
        // As though all had been logged to one store in the first place.
        let anew = task();
        anew.tracer.import(&mut exported(&stores[0].tracer).as_bytes()).unwrap();
        prop_assert_eq!(lags(&anew), lags(&stores[0]));
    }
}

#[test]
fn what_is_found_again_in_another_store_is_not_kept_again() {
    let task = task();
    task.log_outputs((0..48).map(|hour| (hour.to_string(), 0.9, at(hour)))).unwrap();
    task.metrics(Metric::Accuracy).windows(Windows::HOURLY).keep().unwrap();
    let other = Tracer::in_memory().unwrap();
    other.import(&mut exported(&task.tracer).as_bytes()).unwrap();
    // The words of an answer that was moved stand in another order.
    let moved = other.task("high_tip").unwrap();
    moved.metrics(Metric::Accuracy).windows(Windows::HOURLY).keep().unwrap();
    assert_eq!(moved.metric_history("accuracy").unwrap().len(), 48);
}
