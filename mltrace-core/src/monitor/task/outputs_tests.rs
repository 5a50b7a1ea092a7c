use chrono::{DateTime, Utc};

use super::*;
use crate::clock::from_micros;
use crate::component_run::ComponentRun;
use crate::monitor::ColumnProfile;
use crate::monitor::testing::uniform;
use crate::tracer::Tracer;

const DAY: i64 = 86_400_000_000;
/// A Monday.
const START: i64 = 1_583_107_200_000_000;

/// So many microseconds after 2 March 2020.
fn at(micros: i64) -> DateTime<Utc> {
    from_micros(START + micros)
}

fn task() -> Task {
    Tracer::in_memory().unwrap().task("high_tip").unwrap()
}

fn counts(outputs: &Outputs) -> Vec<(String, u64, u64)> {
    outputs.days.iter().map(|day| (day.day.to_string(), day.outputs, day.labelled)).collect()
}

#[test]
fn days_without_outputs_stand_between_the_others() {
    let task = task();
    task.log_outputs([("a", 0.1, at(5)), ("b", 0.2, at(DAY - 1)), ("c", 0.3, at(2 * DAY))]).unwrap();
    task.log_feedbacks([("b", 1.0, at(DAY + 1))]).unwrap();
    let outputs = task.outputs(None, None).unwrap();
    let days = [("2020-03-02", 2, 1), ("2020-03-03", 0, 0), ("2020-03-04", 1, 0)];
    assert_eq!(counts(&outputs), days.map(|(day, outputs, labelled)| (day.to_owned(), outputs, labelled)));
    assert_eq!((outputs.first, outputs.last), (Some(at(5)), Some(at(2 * DAY))));
    assert_eq!((outputs.outputs, outputs.labelled, outputs.share_labelled), (3, 1, Some(1.0 / 3.0)));
    assert!((2e-6..3e-6).contains(&outputs.usual_lag_s.unwrap()), "{:?}", outputs.usual_lag_s);
}

#[test]
fn days_that_are_asked_for_are_there_though_nothing_came() {
    let task = task();
    task.log_output("long ago", 0.1).unwrap();
    let outputs = task.outputs(Some(at(0)), Some(at(2 * DAY))).unwrap();
    assert_eq!(counts(&outputs), [("2020-03-02".to_owned(), 0, 0), ("2020-03-03".to_owned(), 0, 0)]);
    assert_eq!((outputs.first, outputs.share_labelled, outputs.values.mean), (None, None, None));
    assert!(task.outputs(Some(at(2 * DAY)), Some(at(0))).unwrap().days.len() == 1);
}

#[test]
fn more_days_than_anybody_reads_are_refused_with_what_to_do() {
    let task = task();
    task.log_outputs([("a", 0.1, DateTime::<Utc>::UNIX_EPOCH - chrono::TimeDelta::days(100_000)), ("b", 0.2, at(0))])
        .unwrap();
    let error = task.outputs(None, None).unwrap_err();
    assert!(error.to_string().contains("choose a later start"), "{error}");
    assert_eq!(task.outputs(Some(at(0)), None).unwrap().outputs, 1);
}

#[test]
fn values_of_many_outputs_are_summed_up_within_the_error_that_is_stated() {
    let task = task();
    let scores = uniform(11, 20_000);
    task.log_outputs((0_i64..).zip(&scores).map(|(ride, &score)| (ride.to_string(), score, at(ride)))).unwrap();
    let values = task.outputs(None, None).unwrap().values;
    assert_eq!(values.count, 20_000);
    assert!(values.rank_error > 0.0 && values.rank_error < 0.004);
    for percentile in values.percentiles {
        let below = scores.iter().filter(|&&score| score <= percentile.value).count() as f64 / 20_000.0;
        assert!((below - f64::from(percentile.percent) / 100.0).abs() < 0.004, "{percentile:?}: {below}");
    }
}

#[test]
fn the_most_wrong_is_that_of_the_window() {
    let task = task();
    task.log_outputs([("a", 0.1, at(0)), ("b", 0.2, at(1)), ("c", 0.9, at(2)), ("d", 0.0, at(DAY))]).unwrap();
    assert_eq!(task.most_wrong(at(0), at(DAY)).unwrap(), None, "none is labelled");
    task.log_feedbacks([("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)]).unwrap();
    let found = task.most_wrong(at(0), at(DAY)).unwrap().unwrap();
    assert_eq!(found, LabelledOutput { id: "a".to_owned(), at: at(0), value: 0.1, truth: 1.0 });
}

#[test]
fn the_outputs_of_a_window_are_flagged_and_lead_to_their_run() {
    let tracer = Tracer::in_memory().unwrap();
    let task = tracer.task("high_tip").unwrap();
    let mut run = ComponentRun::new("inference");
    run.start().add_output("a").add_output("b").end();
    let run = tracer.log_component_run(run).unwrap();
    task.log_outputs([("b", 0.1, at(0)), ("unknown", 0.2, at(1)), ("a", 0.9, at(DAY))]).unwrap();
    let flagged = task.flag(at(0), at(DAY)).unwrap();
    let found: Vec<_> = flagged.iter().map(|flagged| (flagged.pointer.name.as_str(), flagged.written_by)).collect();
    assert_eq!(found, [("b", Some(run)), ("unknown", None)]);
    assert_eq!(task.flag(at(0), at(DAY)).unwrap().len(), 2, "again changes nothing");
    assert_eq!(tracer.review().get().unwrap().flagged.len(), 2);
}

#[test]
fn too_many_outputs_are_not_flagged_at_all() {
    let task = task();
    task.log_outputs((0..=10_000_i64).map(|ride| (ride.to_string(), 0.5, at(ride)))).unwrap();
    let error = task.flag(at(0), at(DAY)).unwrap_err();
    assert!(error.to_string().contains("flag those of a shorter time"), "{error}");
    assert!(task.tracer.review().get().unwrap().flagged.is_empty());
    assert_eq!(task.flag(at(0), at(10_000)).unwrap().len(), 10_000);
}

#[test]
fn a_task_that_is_not_there_is_answered_with_those_that_are() {
    let tracer = Tracer::in_memory().unwrap();
    let told = |name: &str| tracer.task(name).unwrap().outputs(None, None).unwrap_err().to_string();
    assert_eq!(told("high_tip"), "there is no task `high_tip`: log an output to it with `Task::log_output` first");
    for name in ["fraud", "high_tip"] {
        tracer.task(name).unwrap().log_output("a", 0.1).unwrap();
    }
    assert_eq!(told("hightip"), "there is no task `hightip`: there are high_tip, fraud");
}

#[test]
fn what_is_spread_over_windows_adds_up_also_where_one_is_empty() {
    let task = task();
    let values: Vec<f64> = uniform(5, 3_000);
    let output = |(at_hour, value): (i64, &f64)| (at_hour.to_string(), *value, at(at_hour * DAY / 3_000));
    task.log_outputs((0..).zip(&values).map(output)).unwrap();
    let ends = [at(0), at(DAY / 4), at(DAY), at(2 * DAY)];
    let spread = task.spread(&ends).unwrap();
    assert_eq!(spread.windows.iter().map(ColumnProfile::count).collect::<Vec<_>>(), [750, 2_250, 0]);
    let whole = spread.whole.summary();
    assert_eq!((whole.count, whole.max), (3_000, values.iter().copied().reduce(f64::max)));
    assert!((spread.whole.quantile(0.5).unwrap() - 0.5).abs() < 0.05);
    assert_eq!(task.spread(&[at(0)]).unwrap().whole.count(), 0);
}

#[test]
fn the_most_wrong_outputs_come_first_with_the_runs_that_wrote_them() {
    let task = task();
    let mut run = ComponentRun::new("infer");
    run.started_at(at(0)).ended_at(at(1)).add_output("b");
    let id = task.tracer.log_component_run(run).unwrap();
    task.log_outputs([("a", 0.9, at(0)), ("b", 0.2, at(1)), ("c", 0.5, at(2)), ("later", 0.0, at(DAY))]).unwrap();
    task.log_feedbacks([("a", 1.0), ("b", 1.0), ("later", 1.0)]).unwrap();
    let found = task.most_wrong_first(at(0), at(DAY), None, 10).unwrap();
    let told: Vec<_> = found.iter().map(|output| (output.id.as_str(), output.truth, output.written_by)).collect();
    assert_eq!(told, [("b", Some(1.0), Some(id)), ("a", Some(1.0), None), ("c", None, None)]);
    assert_eq!(task.most_wrong_first(at(0), at(DAY), None, 1).unwrap().len(), 1);
}

#[test]
fn outputs_of_the_wrong_class_come_before_those_that_are_merely_far_from_their_labels() {
    let task = task();
    let outputs = [("right", 4.1), ("wrong", 0.4), ("more wrong", 0.3), ("unlabelled", 9.0), ("negative", -3.0)];
    task.log_outputs(outputs.map(|(id, value)| (id, value, at(0)))).unwrap();
    task.log_feedbacks([("right", 1.0), ("wrong", 1.0), ("more wrong", 1.0), ("negative", 0.0)]).unwrap();
    let found = |threshold| task.most_wrong_first(at(0), at(DAY), threshold, 10).unwrap();
    let ids = |threshold| found(threshold).into_iter().map(|output| output.id).collect::<Vec<_>>();
    assert_eq!(ids(Some(0.5)), ["more wrong", "wrong", "right", "negative", "unlabelled"]);
    assert_eq!(ids(Some(0.35))[0], "more wrong");
    assert_eq!(ids(None), ["right", "negative", "more wrong", "wrong", "unlabelled"]);
}
