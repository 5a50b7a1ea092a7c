use chrono::NaiveDate;

use super::*;
use crate::component_run::ComponentRun;
use crate::monitor::testing::uniform;
use crate::monitor::{Column, Metric};
use crate::tracer::Tracer;

/// So many days after Monday, 2 March 2020.
fn at(day: i64) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2020, 3, 2).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::days(day)
}

fn run(component: &str, start: DateTime<Utc>, reads: &str, writes: &str) -> ComponentRun {
    let mut run = ComponentRun::new(component);
    run.started_at(start).ended_at(start + TimeDelta::minutes(1)).add_input(reads).add_output(writes);
    run
}

/// A model that was trained twenty days before, with an F1 of 0.8, and has one output so far.
fn trained() -> Task {
    let task = Tracer::in_memory().unwrap().task("high_tip").unwrap();
    let tracer = &task.tracer;
    tracer.log_component_run(run("clean", at(-21), "raw", "rides")).unwrap();
    let mut train = run("train", at(-20), "rides", "forest.model");
    train.metric("train_f1", 0.99).metric("test_f1", 0.8);
    train.profile("validation", [("prediction", Column::floats(uniform(1, 1_000)))]).unwrap();
    tracer.log_component_run(train).unwrap();
    inferred(&task, at(-19), "ride-0");
    task.log_outputs([("ride-0", 0.5, at(-19))]).unwrap();
    task
}

fn inferred(task: &Task, time: DateTime<Utc>, output: &str) {
    task.tracer.log_component_run(run("infer", time, "forest.model", output)).unwrap();
}

/// A week of outputs, whose labels come a day later; of ten that are true so many are missed.
fn week(task: &Task, number: i64, per_day: usize, missed: usize) {
    let ride = |at: usize| format!("ride-{number}-{at}");
    let count = 7 * per_day;
    let time = |at_: usize| at(7 * number) + TimeDelta::minutes(i64::try_from(at_ * 7 * 1_440 / count).unwrap());
    let values = uniform(u64::try_from(number).unwrap() + 9, count);
    task.log_outputs((0..count).map(|at| (ride(at), values[at], time(at)))).unwrap();
    inferred(task, time(count - 1), &ride(count - 1));
    let truth = |at: usize| f64::from(u8::from(values[at] >= 0.5 || at % 10 < missed));
    task.log_feedbacks((0..count).map(|at| (ride(at), truth(at), time(at) + TimeDelta::days(1)))).unwrap();
}

fn ask(task: &Task, day: i64) -> RetrainReport {
    task.retrain().as_of(at(day)).get().unwrap()
}

fn finding(report: &RetrainReport, criterion: Criterion) -> &Finding {
    report.findings.iter().find(|finding| finding.criterion == criterion).unwrap()
}

#[test]
fn a_model_that_does_as_it_did_is_left_alone() {
    let task = trained();
    (0..3).for_each(|number| week(&task, number, 100, 2));
    let report = ask(&task, 22);
    assert_eq!(report.answer, Answer::No, "{report:#?}");
    assert_eq!(report.findings.len(), 5);
    assert!(report.findings.iter().all(|finding| finding.advice.is_none() && !finding.evidence.is_empty()));
    let metric = &finding(&report, Criterion::Metric).evidence;
    assert!(metric[0].starts_with("`test_f1` of run 2 is 0.800, and down to 0.750 is tolerated"), "{metric:?}");
    assert!(metric[1].starts_with("2020-03-02 to 2020-03-09: f1 is 0."), "{metric:?}");
    assert_eq!(report, ask(&task, 22), "seeded");
}

#[test]
fn a_metric_that_fell_in_two_windows_is_a_reason_and_in_one_it_is_none() {
    let task = trained();
    week(&task, 0, 100, 1);
    week(&task, 1, 100, 10);
    assert_eq!(finding(&ask(&task, 16), Criterion::Metric).answer, Answer::No);
    week(&task, 2, 100, 10);
    // The last window is mature once its labels had their time.
    assert_eq!(finding(&ask(&task, 21), Criterion::Metric).answer, Answer::No);
    let report = ask(&task, 23);
    assert_eq!((report.answer, finding(&report, Criterion::Metric).answer), (Answer::Yes, Answer::Yes), "{report:#?}");
    let mut checklist = Checklist::default();
    checklist.metric.tolerance = 0.5;
    let report = task.retrain().checklist(checklist).as_of(at(23)).get().unwrap();
    assert_eq!(finding(&report, Criterion::Metric).answer, Answer::No);
}

#[test]
fn of_errors_it_is_a_rise_that_counts() {
    let task = trained();
    (0..2).for_each(|number| week(&task, number, 100, 8));
    let mut again = run("train", at(-18), "rides", "forest.model");
    again.metric("validation_brier", 0.1);
    task.tracer.log_component_run(again).unwrap();
    let mut checklist = Checklist::default();
    checklist.metric.name = Metric::Brier;
    let report = task.retrain().checklist(checklist).as_of(at(16)).get().unwrap();
    let found = finding(&report, Criterion::Metric);
    assert!(found.answer == Answer::Yes && found.evidence[0].contains("and up to 0.150 is tolerated"), "{found:#?}");
}

#[test]
fn too_few_labels_are_an_answer_of_their_own() {
    let task = trained();
    let report = ask(&task, 16);
    assert_eq!(finding(&report, Criterion::Metric).evidence, ["no label has come as yet"]);
    (0..2).for_each(|number| week(&task, number, 20, 9));
    let report = ask(&task, 16);
    let metric = finding(&report, Criterion::Metric);
    assert_eq!((metric.answer, report.answer), (Answer::TooLittleToKnow, Answer::TooLittleToKnow));
    assert!(metric.evidence[1].ends_with("140 of 140 outputs are labelled: too few labels to know"), "{metric:#?}");
    assert!(metric.advice.is_some());
}

#[test]
fn without_a_validation_metric_or_a_training_run_the_answer_says_what_is_missing() {
    let task = trained();
    (0..2).for_each(|number| week(&task, number, 100, 0));
    let mut checklist = Checklist::default();
    checklist.metric.name = Metric::Accuracy;
    let report = task.retrain().checklist(checklist).as_of(at(16)).get().unwrap();
    assert_eq!(
        finding(&report, Criterion::Metric).evidence,
        ["run 2 has no metric `validation_accuracy` to compare with"]
    );

    let untraced = Tracer::in_memory().unwrap().task("untraced").unwrap();
    assert_eq!(untraced.retrain().get().unwrap_err().kind(), ErrorKind::NotFound);
    untraced.log_output("ride-1", 0.5).unwrap();
    let report = untraced.retrain().get().unwrap();
    assert_eq!((report.answer, report.training), (Answer::TooLittleToKnow, None));
    for finding in report.findings {
        let end =
            if finding.criterion == Criterion::Drift { "no outputs as yet" } else { "no traced run wrote the outputs" };
        assert!(finding.evidence.iter().all(|said| said.contains(end)), "{finding:#?}");
    }
}

#[test]
fn an_old_model_is_a_reason() {
    let task = trained();
    (0..2).for_each(|number| week(&task, number, 100, 0));
    let age = |day: i64| finding(&ask(&task, day), Criterion::ModelAge).clone();
    assert_eq!((age(70).answer, age(71).answer), (Answer::No, Answer::Yes));
    assert!(age(71).evidence[0].contains("90d before; it may be 90d old"), "{:?}", age(71));
}

#[test]
fn fresher_data_than_the_model_saw_is_a_reason_from_when_it_is_there() {
    let task = trained();
    task.tracer.log_component_run(run("clean", at(3), "raw", "rides")).unwrap();
    let fresher = |day: i64| finding(&ask(&task, day), Criterion::FresherData).clone();
    assert_eq!((fresher(2).answer, fresher(4).answer), (Answer::No, Answer::Yes));
    assert!(fresher(4).evidence[0].starts_with("run 2: it read `rides`"), "{:?}", fresher(4));
    let checklist = Checklist { data: DataRule { fresher: false, modified: false }, ..Checklist::default() };
    let report = task.retrain().checklist(checklist).as_of(at(4)).get().unwrap();
    assert_eq!(report.findings.len(), 3);
}

#[test]
fn of_a_time_before_the_model_was_trained_there_is_nothing_to_tell_of_fresher_data() {
    let task = Tracer::in_memory().unwrap().task("tip").unwrap();
    for (component, reads, writes) in [("clean", "raw", "rides"), ("train", "rides", "forest.model")] {
        task.tracer.log_component_run(run(component, at(30), reads, writes)).unwrap();
    }
    task.log_outputs([("ride", 0.5, at(1))]).unwrap();
    inferred(&task, at(31), "ride");
    let found = finding(&ask(&task, 2), Criterion::FresherData).clone();
    assert_eq!(found.answer, Answer::TooLittleToKnow);
    assert!(found.evidence[0].contains("after the time that is asked about"), "{found:?}");
}

#[test]
fn an_input_that_was_retracted_or_changed_is_a_reason() {
    let task = trained();
    let modified = || finding(&task.retrain().get().unwrap(), Criterion::ModifiedData).clone();
    assert_eq!(modified().answer, Answer::No);
    task.tracer.label("rides", "rider-7").write().unwrap();
    assert_eq!(modified().answer, Answer::No);
    task.tracer.retract("rider-7", "erased").write().unwrap();
    let found = modified();
    assert!(
        found.answer == Answer::Yes && found.evidence[0].contains("labelled `rider-7`, which was retracted"),
        "{found:?}"
    );
}

#[test]
fn a_file_that_was_changed_after_training_is_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rides.csv");
    std::fs::write(&file, "1").unwrap();
    let task = Tracer::in_memory().unwrap().task("high_tip").unwrap();
    for (component, reads, writes) in
        [("train", &*file, "forest.model"), ("infer", std::path::Path::new("forest.model"), "ride-1")]
    {
        let mut run = ComponentRun::new(component);
        match reads.to_str() {
            Some("forest.model") => run.add_input("forest.model"),
            _ => run.add_input(reads),
        };
        run.start().add_output(writes).end();
        task.tracer.log_component_run(run).unwrap();
    }
    task.log_output("ride-1", 0.5).unwrap();
    let modified = || finding(&task.retrain().get().unwrap(), Criterion::ModifiedData).clone();
    assert_eq!(modified().answer, Answer::No);
    std::fs::write(&file, "2").unwrap();
    let found = modified();
    assert!(
        found.answer == Answer::Yes && found.evidence[0].contains("rides.csv` is not what runs recorded"),
        "{found:?}"
    );
}

#[test]
fn critical_drift_in_two_weeks_is_a_reason_and_a_dead_endpoint_is_none() {
    let task = trained();
    let outputs = |week: i64, moved: f64| {
        let values = uniform(3, 700).into_iter().enumerate();
        task.log_outputs(values.map(|(ride, value)| (format!("{week}-{ride}"), value + moved, at(7 * week)))).unwrap();
        inferred(&task, at(7 * week), &format!("{week}-99"));
    };
    let drift = |day: i64| finding(&ask(&task, day), Criterion::Drift).clone();
    outputs(0, 0.0);
    outputs(1, 0.5);
    assert_eq!(drift(14).answer, Answer::No);
    outputs(2, 0.5);
    let found = drift(21);
    assert!(
        found.answer == Answer::Yes && found.evidence[1].contains("critical: 1 of 1 columns alarm, `prediction`"),
        "{found:?}"
    );
    let dead = drift(42);
    assert_eq!(dead.answer, Answer::TooLittleToKnow, "{dead:?}");
}
