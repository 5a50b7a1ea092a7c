use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::*;
use crate::component_run::ComponentRun;
use crate::error::ErrorKind;
use crate::model::{PointerType, RunId};
use crate::monitor::testing::uniform;
use crate::monitor::{Alarm, Calibration, Column, Profile, Severity, Status};

/// A Monday.
fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 3, 2).unwrap()
}

fn day(number: u64) -> NaiveDate {
    monday() + Days::new(number)
}

fn at(number: u64) -> DateTime<Utc> {
    day(number).and_hms_opt(8, 0, 0).unwrap().and_utc()
}

/// A run at a time that is over, in which files are not measured.
fn run(component: &str, start: DateTime<Utc>) -> ComponentRun {
    let mut run = ComponentRun::new(component);
    run.started_at(start).ended_at(start + TimeDelta::minutes(1));
    run
}

fn numbers(seed: u64, count: usize, moved: f64) -> Vec<f64> {
    uniform(seed, count).into_iter().map(|value| value + moved).collect()
}

fn distances(seed: u64, count: usize, moved: f64) -> [(&'static str, Column); 1] {
    [("distance", Column::floats(numbers(seed, count, moved)))]
}

fn predictions(seed: u64) -> [(&'static str, Column); 1] {
    [("prediction", Column::floats(numbers(seed, 1_000, 0.0)))]
}

/// A model that was trained before March 2020, and whose training run profiled what the caller says.
fn trained(tracer: &Tracer, profile: impl FnOnce(&mut ComponentRun)) -> RunId {
    let mut train = run("train", at(0) - TimeDelta::days(40));
    train.add_input("rides-january").add_output("forest.model");
    profile(&mut train);
    tracer.log_component_run(train).unwrap()
}

/// Features of a day, and what the model made of it.
fn served(task: &Task, number: u64, moved: f64) {
    let mut features = run("featuregen", at(number));
    features.add_output(format!("features-{number}").as_str());
    features.profile("features", distances(number, 300, moved)).unwrap();
    task.tracer.log_component_run(features).unwrap();
    inferred(task, number);
    let outputs = numbers(100 + number, 300, 0.0).into_iter().enumerate();
    task.log_outputs(outputs.map(|(ride, value)| (format!("ride-{number}-{ride}"), value, at(number)))).unwrap();
}

fn inferred(task: &Task, number: u64) {
    let mut infer = run("infer", at(number) + TimeDelta::hours(1));
    infer.add_input("forest.model").add_input(format!("features-{number}").as_str());
    infer.add_output(format!("ride-{number}-299").as_str());
    task.tracer.log_component_run(infer).unwrap();
}

fn task() -> Task {
    Tracer::in_memory().unwrap().task("high_tip").unwrap()
}

fn column<'r>(report: &'r TaskDriftReport, name: &str) -> &'r crate::monitor::ColumnDrift {
    report.report.columns.iter().find(|column| column.column == name).unwrap()
}

#[test]
fn the_reference_is_found_through_lineage_and_a_window_is_compared_with_it() {
    let task = task();
    let train = trained(&task.tracer, |train| {
        train.profile("features", distances(50, 1_000, 0.0)).unwrap();
        train.profile("validation", predictions(51)).unwrap();
    });
    (0..7).for_each(|number| served(&task, number, 0.0));
    (7..14).for_each(|number| served(&task, number, 0.5));
    let quiet = task.drift().until(day(7)).get().unwrap();
    assert_eq!((quiet.report.severity, quiet.report.judged, quiet.notes.len()), (Severity::None, 2, 0));
    let training = quiet.reference.training.clone().unwrap();
    assert_eq!((training.output.as_str(), training.model.as_str()), ("ride-6-299", "forest.model"));
    assert_eq!((training.run, quiet.reference.runs.as_slice()), (train, [train].as_slice()));
    assert_eq!(task.training().unwrap().run, train);
    assert_eq!((column(&quiet, "distance").count, column(&quiet, "prediction").count), (2_100, 2_100));
    let moved = task.drift().until(day(14)).get().unwrap();
    assert_eq!(column(&moved, "distance").status, Status::Drift);
    assert_eq!(column(&moved, "prediction").status, Status::Ok);
    assert_eq!(moved.live_column("distance").unwrap().count(), 2_100);
    assert_eq!(moved.reference_column("distance").unwrap().count(), 1_000);
}

#[test]
fn where_the_training_run_profiled_nothing_its_features_are_the_reference() {
    let task = task();
    let mut january = run("featuregen", at(0) - TimeDelta::days(50));
    january.add_output("rides-january");
    january.profile("features", distances(50, 1_000, 0.0)).unwrap();
    let january = task.tracer.log_component_run(january).unwrap();
    trained(&task.tracer, |_| ());
    (0..7).for_each(|number| served(&task, number, 0.5));
    let found = task.drift().until(day(7)).get().unwrap();
    assert_eq!(found.reference.runs, [january]);
    assert_eq!(column(&found, "distance").status, Status::Drift);
    assert_eq!(column(&found, "distance").count, 2_100, "what was trained on is no live data");
    assert!(found.notes[0].contains("the reference has no column `prediction`"), "{:?}", found.notes);
    assert_eq!(found.report.unknown, ["prediction"]);
}

#[test]
fn a_reference_can_be_named() {
    let task = task();
    trained(&task.tracer, |train| {
        train.profile("features", distances(50, 1_000, 0.0)).unwrap();
    });
    (0..7).for_each(|number| served(&task, number, 0.5));
    let mut other = run("other", at(0));
    other.profile("features", distances(52, 1_000, 0.5)).unwrap();
    let other = task.tracer.log_component_run(other).unwrap();
    let found = task.drift().reference(other).until(day(7)).get().unwrap();
    assert_eq!((found.reference.training.clone(), found.reference.runs.as_slice()), (None, [other].as_slice()));
    assert_eq!(column(&found, "distance").status, Status::Ok);
    let error = task.drift().reference(RunId(99)).until(day(7)).get().unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("no run 99"), "{error}");
}

#[test]
fn where_the_trail_ends_the_answer_says_what_to_do() {
    let task = task();
    let told = |what: &str| {
        let error = task.drift().until(day(7)).get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(what), "{error}");
    };
    told("there is no task `high_tip`");
    task.log_feedbacks([("ride-0-299", 1.0, at(0))]).unwrap();
    told("no outputs as yet");
    task.log_outputs([("ride-0-299", 0.5, at(0))]).unwrap();
    told("no traced run wrote the outputs");
    let mut infer = run("infer", at(0));
    infer.add_output("ride-0-299");
    task.tracer.log_component_run(infer).unwrap();
    told("no model was read");
    inferred(&task, 0);
    told("`forest.model`, which no traced run has written");
    trained(&task.tracer, |_| ());
    told("nor any behind it has profiled its data");
    trained(&task.tracer, |train| {
        train.profile("features", distances(50, 100, 0.0)).unwrap();
    });
    told("there is nothing to compare: no run behind the outputs of `high_tip` profiles `features`");
}

#[test]
fn a_model_is_known_by_what_wrote_it_and_found_behind_an_endpoint() {
    let task = task();
    let mut train = run("train", at(0) - TimeDelta::days(2));
    train.add_output_as(PointerType::Model, "registry/17");
    train.profile("validation", predictions(1)).unwrap();
    let train = task.tracer.log_component_run(train).unwrap();
    let mut deploy = run("deploy", at(0) - TimeDelta::days(1));
    deploy.add_input("registry/17").add_output_as(PointerType::Endpoint, "api/tips");
    task.tracer.log_component_run(deploy).unwrap();
    let mut infer = run("infer", at(0));
    infer.add_input("api/tips").add_output("ride-1");
    task.tracer.log_component_run(infer).unwrap();
    task.log_outputs([("ride-1", 0.5, at(0)), ("untraced", 0.5, at(0) + TimeDelta::hours(1))]).unwrap();
    let training = task.training().unwrap();
    assert_eq!((training.run, training.model.as_str()), (train, "registry/17"));
    assert_eq!(column(&task.drift().until(day(7)).get().unwrap(), "prediction").status, Status::TooFew);
}

#[test]
fn a_dead_endpoint_alarms_and_so_do_features_that_stop_coming() {
    let task = task();
    trained(&task.tracer, |train| {
        train.profile("features", distances(50, 1_000, 0.0)).unwrap();
        train.profile("validation", predictions(51)).unwrap();
    });
    (0..7).for_each(|number| served(&task, number, 0.0));
    let dead = task.drift().until(day(14)).get().unwrap();
    assert_eq!(dead.report.severity, Severity::Critical);
    assert!(dead.report.columns.iter().all(|column| column.alarms == [Alarm::NoData]), "{:?}", dead.report);
    // By default the last seven days before today.
    assert_eq!(task.drift().get().unwrap().report.severity, Severity::Critical);
}

#[test]
fn a_column_of_the_reference_in_two_profiles_is_refused() {
    let task = task();
    trained(&task.tracer, |train| {
        train.profile("train", distances(50, 100, 0.0)).unwrap();
        train.profile("test", distances(50, 100, 0.0)).unwrap();
    });
    served(&task, 0, 0.0);
    let error = task.drift().until(day(7)).get().unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("`test` and in `train`"), "{error}");
}

#[test]
fn parts_of_other_processes_are_live_data() {
    let task = task();
    trained(&task.tracer, |train| {
        train.profile("features", distances(50, 1_000, 0.0)).unwrap();
    });
    inferred(&task, 0);
    task.log_outputs([("ride-0-299", 0.5, at(0))]).unwrap();
    let part = |number: u64| ProfilePart {
        day: day(number),
        host: "worker-1".to_owned(),
        uuid: uuid::Uuid::from_u128(number.into()),
        profile: Profile::of(distances(number, 300, 0.0)).unwrap(),
    };
    for number in [0, 1, 2, 1, 7] {
        task.log_profile(&part(number)).unwrap();
    }
    let found = task.drift().until(day(7)).get().unwrap();
    assert_eq!((column(&found, "distance").count, column(&found, "distance").status), (900, Status::Ok));
    assert_eq!(task.profile(day(0), 7).unwrap().column("distance").unwrap().count(), 900);
}

#[test]
fn a_reference_by_the_day_calibrates_and_days_are_compared_with_their_weekdays() {
    let task = task();
    let weeks = 7;
    let days: Vec<NaiveDate> = (0..weeks * 7).flat_map(|number| [monday() - Days::new(49 - number); 60]).collect();
    // Weekends are far from the other days.
    let moved = |number: u64| if number % 7 > 4 { 0.8 } else { 0.0 };
    let values: Vec<f64> = (0..weeks * 7).flat_map(|number| numbers(number, 60, moved(number))).collect();
    trained(&task.tracer, |train| {
        train.profile_by_day("features", days, [("distance", Column::floats(values))]).unwrap();
        train.profile("validation", predictions(51)).unwrap();
    });
    (0..7).for_each(|number| served(&task, number, moved(number)));
    let week = task.drift().until(day(7)).get().unwrap();
    let distance = column(&week, "distance");
    assert_eq!((distance.status, distance.calibration), (Status::Ok, Calibration::Calibrated { chunks: 7 }));
    assert_eq!(distance.reference_count, 49 * 60);
    let saturday = task.drift().days(1).until(day(6)).get().unwrap();
    let distance = column(&saturday, "distance");
    assert_eq!(distance.reference_count, 7 * 60);
    assert_ne!(distance.status, Status::Drift);
    let prediction = column(&saturday, "prediction");
    assert_eq!((prediction.reference_count, prediction.status), (0, Status::TooFew), "whose days nobody knows");
    assert!(saturday.notes[0].contains("the days of prediction: profile with"), "{:?}", saturday.notes);
    assert!(week.notes.is_empty(), "{:?}", week.notes);
}

#[test]
fn windows_that_are_not_over_or_empty_are_refused() {
    let task = task();
    let tomorrow = crate::clock::now().date_naive() + Days::new(1);
    for refused in [task.drift().until(tomorrow), task.drift().days(0), task.drift().days(u32::MAX)] {
        assert_eq!(refused.get().unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(task.profile(day(0), 0).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn an_alarm_is_news_when_it_comes_and_when_it_goes_and_not_in_between() {
    let task = task();
    trained(&task.tracer, |train| {
        train.profile("features", distances(50, 1_000, 0.0)).unwrap();
        train.profile("validation", predictions(51)).unwrap();
    });
    (0..28).for_each(|number| served(&task, number, if (7..21).contains(&number) { 0.5 } else { 0.0 }));
    let keep = |end: u64| task.drift().until(day(end)).keep().unwrap();
    let calm = keep(7);
    assert!(!calm.is_news() && !calm.has_new_alarms());
    let raised = keep(14);
    assert!(raised.is_news() && raised.has_new_alarms());
    let change = AlarmChange { column: "distance".to_owned(), before: vec![], now: vec![Alarm::Drift] };
    assert_eq!((raised.changes.as_slice(), raised.severity_before), ([change].as_slice(), Some(Severity::None)));
    assert!(!keep(14).is_news(), "the same window once more");
    assert!(!keep(21).is_news(), "it still drifts");
    assert!(!task.drift().days(8).until(day(21)).keep().unwrap().changes.is_empty(), "windows of another length");
    let gone = keep(28);
    assert_eq!((gone.changes[0].now.as_slice(), gone.is_news()), ([].as_slice(), true));
    assert!(!gone.has_new_alarms(), "nobody is woken to hear that all is well");
    // A window in the past is judged by what was before it.
    assert!(!keep(7).is_news());
    let history = task.drift_history().unwrap();
    let weeks: Vec<_> = history.iter().filter(|kept| kept.drift.report.window.unwrap().days == 7).collect();
    assert_eq!(weeks.iter().map(|kept| kept.is_news()).collect::<Vec<_>>(), [false, false, true, false, false, true]);
    assert_eq!(weeks[2].drift.report, raised.drift.report);
}
