use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::from_micros;
use crate::component_run::ComponentRun;
use crate::monitor::{Column, Figure, Metric, Profile};
use crate::store::MovedPart;

const HOUR: i64 = 3_600_000_000;
/// A Monday.
const START: i64 = 1_583_107_200_000_000;

/// So many microseconds after 2 March 2020.
fn at(micros: i64) -> DateTime<Utc> {
    from_micros(START + micros)
}

fn task() -> Task {
    Tracer::in_memory().unwrap().task("high_tip").unwrap()
}

fn run_of_a_moment() -> ComponentRun {
    let mut run = ComponentRun::new("inference");
    run.start().add_output("ride-1").end();
    run
}

fn number(figure: &WindowFigure) -> Option<f64> {
    figure.figure.and_then(Figure::number)
}

#[test]
fn what_is_not_finite_is_refused_by_its_id_and_nothing_is_written() {
    let task = task();
    let error = task.log_outputs([("ride-1", 0.5), ("ride-2", f64::NAN)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("`ride-2` is NaN") && error.to_string().contains("nothing was written"),
        "{error}"
    );
    for refused in [task.log_feedback("ride-1", f64::INFINITY), task.log_output("", 1.0), task.log_output("a\0b", 1.0)]
    {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(task.tracer.tasks().unwrap(), [""; 0]);
    assert_eq!(task.metrics(Metric::F1).get().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(task.tracer.task("").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_second_output_replaces_the_value_and_keeps_the_time() {
    let task = task();
    task.log_outputs([("ride-1", 0.2, at(0)), ("ride-2", 0.2, at(HOUR))]).unwrap();
    task.log_outputs([("ride-1", 0.9, at(5 * HOUR))]).unwrap();
    task.log_feedbacks([("ride-1", 1.0), ("ride-2", 0.0)]).unwrap();
    let hours = task.metrics(Metric::Accuracy).windows(Windows::HOURLY).get().unwrap();
    assert_eq!(hours.iter().map(number).collect::<Vec<_>>(), [Some(1.0), Some(1.0)]);
    assert_eq!((hours[0].from, hours[1].to), (at(0), at(2 * HOUR)));
}

#[test]
fn hours_in_which_nothing_came_are_shown_up_to_where_one_asks() {
    let task = task();
    task.log_outputs([("ride-1", 0.9, at(HOUR / 2)), ("ride-2", 0.9, at(3 * HOUR))]).unwrap();
    let hours =
        task.metrics(Metric::Accuracy).windows(Windows::HOURLY).since(at(-HOUR)).until(at(5 * HOUR)).get().unwrap();
    assert_eq!(hours.iter().map(|hour| hour.outputs).collect::<Vec<_>>(), [0, 1, 0, 0, 1, 0]);
    assert!(hours.iter().all(|hour| hour.figure.is_none() && !hour.is_mature));
    assert_eq!((hours[0].share_labelled, hours[1].share_labelled), (None, Some(0.0)));
}

#[test]
fn weeks_begin_on_monday_and_what_is_said_cuts_them_short() {
    let task = task();
    task.log_outputs([("ride-1", 0.9, at(50 * HOUR))]).unwrap();
    let weeks = || task.metrics(Metric::Accuracy).windows(Windows::Tumbling(TimeDelta::weeks(1)));
    let week = &weeks().get().unwrap()[0];
    assert_eq!((week.from, week.to), (at(0), at(7 * 24 * HOUR)));
    let cut = &weeks().since(at(HOUR)).until(at(60 * HOUR)).get().unwrap()[0];
    assert_eq!((cut.from, cut.to), (at(HOUR), at(60 * HOUR)));
}

#[test]
fn windows_of_no_width_and_too_many_are_refused() {
    let task = task();
    task.log_outputs([("ride-1", 0.9, at(0)), ("ride-2", 0.9, at(30 * 24 * HOUR))]).unwrap();
    for width in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::seconds(1)] {
        let error = task.metrics(Metric::F1).windows(Windows::Tumbling(width)).get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let widest = task.metrics(Metric::F1).windows(Windows::Tumbling(TimeDelta::MAX)).get().unwrap();
    assert_eq!(widest.iter().map(|window| window.outputs).sum::<u64>(), 2);
}

#[test]
fn a_window_is_mature_once_most_labels_have_had_their_time() {
    let task = task();
    let outputs: Vec<_> = (0..100).map(|ride| (ride.to_string(), 0.9, at(ride * HOUR / 100))).collect();
    task.log_outputs(outputs).unwrap();
    let as_of = |hours: i64| task.metrics(Metric::Accuracy).windows(Windows::HOURLY).as_of(at(hours * HOUR));
    assert!(!as_of(90).get().unwrap()[0].is_mature, "no label has come as yet");
    // All but five come after two hours, these after fifty.
    let lag = |ride: i64| if ride < 95 { 2 * HOUR } else { 50 * HOUR };
    task.log_feedbacks((0..100).map(|ride| (ride.to_string(), 1.0, at(ride * HOUR / 100 + lag(ride))))).unwrap();
    let mature = |hours: i64| as_of(hours).get().unwrap()[0].is_mature;
    assert_eq!([2, 3, 4].map(mature), [false, false, true], "an hour, two more, and what a step is wide");
    assert!(as_of(3).matures_after(TimeDelta::hours(2)).get().unwrap()[0].is_mature);
    let found = &as_of(3).get().unwrap()[0];
    assert_eq!((found.outputs, found.labelled, found.share_labelled), (100, 95, Some(0.95)));
}

#[test]
fn what_was_kept_stays_as_it_was_when_labels_come_later() {
    let task = task();
    task.log_outputs([("ride-1", 0.9, at(0)), ("ride-2", 0.9, at(1))]).unwrap();
    task.log_feedback("ride-1", 1.0).unwrap();
    let metric = task.metrics(Metric::Accuracy).windows(Windows::HOURLY);
    metric.keep().unwrap();
    task.log_feedback("ride-2", 0.0).unwrap();
    metric.keep().unwrap();
    task.metrics(Metric::ConfusionMatrix).keep().unwrap();
    let history = task.metric_history("accuracy").unwrap();
    assert_eq!(history.iter().map(|kept| number(&kept.figure)).collect::<Vec<_>>(), [Some(1.0), Some(0.5)]);
    assert_eq!(history[1].figure, metric.get().unwrap()[0]);
    assert!(matches!(task.metric_history("confusion_matrix").unwrap()[0].figure.figure, Some(Figure::Confusion(_))));
    assert_eq!(task.metric_history("f1").unwrap(), []);
}

#[test]
fn what_is_found_again_is_not_kept_again() {
    let task = task();
    task.log_outputs((0..48).map(|hour| (hour.to_string(), 0.9, at(hour * HOUR)))).unwrap();
    task.log_feedbacks((0..48).map(|hour| (hour.to_string(), 1.0, at(hour * HOUR + 1)))).unwrap();
    let hourly = task.metrics(Metric::Accuracy).windows(Windows::HOURLY);
    let kept = || task.metric_history("accuracy").unwrap().len();
    for _ in 0..3 {
        hourly.keep().unwrap();
    }
    assert_eq!(kept(), 48);
    // There and back again is news twice.
    for truth in [0.0, 1.0] {
        task.log_feedback("7", truth).unwrap();
        hourly.keep().unwrap();
    }
    assert_eq!(kept(), 50);
}

#[test]
fn what_was_kept_at_one_threshold_is_told_from_what_was_at_another() {
    let task = task();
    task.log_outputs([("ride-1", 0.4, at(0)), ("ride-2", 0.2, at(1))]).unwrap();
    task.log_feedbacks([("ride-1", 1.0), ("ride-2", 0.0)]).unwrap();
    for _ in 0..2 {
        for threshold in [0.5, 0.3] {
            task.metrics(Metric::Accuracy).threshold(threshold).keep().unwrap();
            task.metrics(Metric::Brier).threshold(threshold).keep().unwrap();
        }
    }
    let history = |metric: &str| {
        let kept = task.metric_history(metric).unwrap().into_iter().map(|kept| kept.figure);
        kept.map(|figure| (figure.threshold, number(&figure))).collect::<Vec<_>>()
    };
    assert_eq!(history("accuracy"), [(Some(0.5), Some(0.5)), (Some(0.3), Some(1.0))]);
    assert_eq!(history("brier").iter().map(|(threshold, _)| *threshold).collect::<Vec<_>>(), [None]);
    let refused = task.metrics(Metric::Accuracy).threshold(f64::NAN).get().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

#[test]
fn a_metric_of_ones_own_needs_a_name_of_its_own() {
    let task = task();
    task.log_output("ride-1", 1.0).unwrap();
    for name in ["", "f1", "a\0b", &"long".repeat(10_000)] {
        let own = task.metrics_by(name, |_, _| 1.0);
        assert_eq!(own.get().unwrap_err().kind(), ErrorKind::Invalid, "{name:.10}");
        assert_eq!(own.keep().unwrap_err().kind(), ErrorKind::Invalid, "{name:.10}");
        assert_eq!(task.metric_history(name).unwrap(), []);
    }
}

#[test]
fn what_was_mature_at_a_past_moment_is_not_told_by_labels_that_came_later() {
    let task = task();
    let outputs = |days: std::ops::Range<i64>| days.map(|day| (day.to_string(), 0.9, at(day * 24 * HOUR)));
    task.log_outputs(outputs(0..40)).unwrap();
    // At first labels take an hour, later ten days.
    let lag = |day: i64| if day < 20 { HOUR } else { 240 * HOUR };
    task.log_feedbacks((0..40).map(|day| (day.to_string(), 1.0, at(day * 24 * HOUR + lag(day))))).unwrap();
    let mature = |day: i64| {
        let days = task.metrics(Metric::Accuracy).windows(Windows::DAILY).as_of(at(day * 24 * HOUR)).get().unwrap();
        days.iter().filter(|day| day.is_mature).count()
    };
    assert_eq!(mature(20), 19, "what was known then: an hour and a day");
    assert_eq!(mature(60), 40);
    assert!(mature(35) < 35 - 9, "by then some had come late");
    assert_eq!(task.usual_lag_as_of(Some(at(-1))).unwrap(), None);
}

#[test]
fn a_metric_of_ones_own_sees_the_pairs_of_its_window() {
    let task = task();
    task.log_outputs([("ride-1", 3.0, at(0)), ("ride-2", 5.0, at(HOUR))]).unwrap();
    task.log_feedbacks([("ride-1", 2.0), ("ride-2", 1.0)]).unwrap();
    let bias = |truth: &[f64], predicted: &[f64]| predicted.iter().sum::<f64>() - truth.iter().sum::<f64>();
    let hours = task.metrics_by("bias", bias).windows(Windows::HOURLY).get().unwrap();
    assert_eq!(hours.iter().map(number).collect::<Vec<_>>(), [Some(1.0), Some(4.0)]);
    let nothing = task.metrics_by("nothing", |_, _| f64::NAN).get().unwrap();
    assert_eq!(nothing[0].figure, None);
}

#[test]
fn a_function_of_ones_own_may_log_and_ask_while_it_measures() {
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || {
        let task = task();
        task.log_outputs([("ride-1", 3.0, at(0)), ("ride-2", 5.0, at(HOUR))]).unwrap();
        task.log_feedbacks([("ride-1", 2.0), ("ride-2", 1.0)]).unwrap();
        let other = task.clone();
        let scorer = move |truth: &[f64], _: &[f64]| {
            other.tracer.log_component_run(run_of_a_moment()).unwrap();
            other.log_feedback("ride-3", 1.0).unwrap();
            other.metrics(Metric::Accuracy).get().unwrap()[0].labelled as f64 + truth[0]
        };
        let hours = task.metrics_by("asking", scorer).windows(Windows::HOURLY).get().unwrap();
        sender.send(hours.iter().map(number).collect::<Vec<_>>()).unwrap();
    });
    let found =
        answers.recv_timeout(Duration::from_secs(30)).expect("the function waits for the store that waits for it");
    assert_eq!(found, [Some(4.0), Some(3.0)]);
}

#[test]
fn a_function_of_ones_own_sees_what_a_rolling_window_and_the_last_outputs_hold() {
    let task = task();
    task.log_outputs((0..6).map(|ride| (ride.to_string(), f64::from(ride), at(i64::from(ride) * HOUR)))).unwrap();
    task.log_feedbacks([0, 1, 3, 4].map(|ride| (ride.to_string(), 0.0))).unwrap();
    let sum = |_: &[f64], predicted: &[f64]| predicted.iter().sum();
    let ask = |windows| {
        let found = task.metrics_by("sum", sum).windows(windows).get().unwrap();
        found.iter().map(|window| (number(window), window.outputs, window.labelled)).collect::<Vec<_>>()
    };
    let rolling = ask(Windows::Rolling { since: at(HOUR), step: TimeDelta::hours(2) });
    assert_eq!(rolling, [(Some(1.0), 1, 1), (Some(4.0), 3, 2), (Some(8.0), 5, 3)]);
    assert_eq!(ask(Windows::Last(2)), [(Some(7.0), 3, 2)]);
    assert_eq!(ask(Windows::Tumbling(TimeDelta::hours(2))), [(Some(1.0), 2, 2), (Some(3.0), 2, 1), (Some(4.0), 2, 1)]);
}

#[test]
fn the_last_no_outputs_are_refused() {
    let task = task();
    task.log_output("ride-1", 1.0).unwrap();
    task.log_feedback("ride-1", 1.0).unwrap();
    let error = task.metrics(Metric::Accuracy).windows(Windows::Last(0)).get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_metric_that_refuses_a_value_says_so() {
    let task = task();
    task.log_output("ride-1", 1.5).unwrap();
    assert_eq!(task.metrics(Metric::LogLoss).get().unwrap()[0].figure, None, "it is not labelled");
    task.log_feedback("ride-1", 1.0).unwrap();
    assert_eq!(task.metrics(Metric::LogLoss).get().unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn the_id_of_an_output_leads_to_the_run_that_made_it() {
    let task = task();
    let id = task.tracer.log_component_run(run_of_a_moment()).unwrap();
    task.log_output("ride-1", 0.9).unwrap();
    assert_eq!(task.tracer.trace("ride-1").get().unwrap().runs[0].run.id, id);
}

#[test]
fn several_tracers_of_one_file_write_one_task() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    thread::scope(|scope| {
        for writer in 0..4 {
            let tracer = Tracer::open(&path).unwrap();
            scope.spawn(move || {
                let task = tracer.task("high_tip").unwrap();
                for batch in 0..5 {
                    let ids: Vec<_> = (0..20).map(|ride| format!("{writer}-{batch}-{ride}")).collect();
                    task.log_feedbacks(ids.iter().map(|id| (id.as_str(), 1.0))).unwrap();
                    task.log_outputs(ids.iter().map(|id| (id.as_str(), 1.0))).unwrap();
                }
            });
        }
    });
    let tracer = Tracer::open_existing(&path).unwrap();
    assert_eq!(tracer.tasks().unwrap(), ["high_tip"]);
    let all = &tracer.task("high_tip").unwrap().metrics(Metric::Accuracy).get().unwrap()[0];
    assert_eq!((all.outputs, all.labelled, number(all)), (400, 400, Some(1.0)));
}

#[test]
fn a_part_of_a_profile_counts_once_and_those_of_other_hosts_too() {
    let task = task();
    let day = |number: u32| NaiveDate::from_ymd_opt(2020, 3, number).unwrap();
    let part = |number: u32, host: &str, uuid: Uuid| ProfilePart {
        day: day(number),
        host: host.to_owned(),
        uuid,
        profile: Profile::of([("distance", Column::floats([1.0, 2.0]))]).unwrap(),
    };
    let uuid = Uuid::now_v7();
    let added = [part(1, "a", uuid), part(1, "a", uuid), part(1, "b", uuid), part(2, "a", uuid)];
    assert_eq!(added.map(|part| task.log_profile(&part).unwrap()), [true, false, true, true]);
    let counts = |first: u32, last: u32| {
        let days = task.profiles(day(first), day(last)).unwrap();
        days.values().map(|profile| profile.column("distance").unwrap().count()).collect::<Vec<_>>()
    };
    assert_eq!(counts(1, 1), [4]);
    assert_eq!(counts(1, 9), [4, 2]);
    assert_eq!(counts(3, 9), [0; 0]);
}

#[test]
fn a_part_that_would_make_its_day_unreadable_is_refused_and_one_that_does_is_named() {
    let task = task();
    let day = NaiveDate::from_ymd_opt(2020, 3, 1).unwrap();
    let numbers = |count: i32| Column::floats((0..count).map(f64::from));
    let part = |host: &str, column: Column| ProfilePart {
        day,
        host: host.to_owned(),
        uuid: Uuid::now_v7(),
        profile: Profile::of([("distance", column)]).unwrap(),
    };
    task.log_profile(&part("a", numbers(50))).unwrap();
    let texts = part("b", Column::texts(["far", "near"]));
    let error = task.log_profile(&texts).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("2020-03-01") && error.to_string().contains("distance"), "{error}");
    assert!(task.log_profile(&part("b", numbers(7))).unwrap(), "the day is as it was");
    assert_eq!(task.profiles(day, day).unwrap()[&day].column("distance").unwrap().count(), 57);

    // As it can come out of another store.
    let bytes = texts.profile.to_bytes().unwrap();
    let part_of_b = MovedPart { day, host: "worker-7".to_owned(), uuid: texts.uuid, bytes };
    task.tracer.store().write(None, |tx| tx.take_part("high_tip", &part_of_b)).unwrap();
    for error in [task.profiles(day, day).unwrap_err(), task.profile(day, 1).unwrap_err()] {
        assert!(error.to_string().contains("2020-03-01") && error.to_string().contains("`worker-7`"), "{error}");
    }
    assert!(task.log_profile(&part("c", numbers(7))).unwrap(), "nobody else is kept from it");
}

/// What is logged of a ride, and when.
#[derive(Debug, Clone, Copy)]
struct Step {
    is_label: bool,
    ride: u8,
    value: u8,
    hour: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), 0_u8..12, 0_u8..=4, 0_i64..6).prop_map(|(is_label, ride, value, hour)| Step {
        is_label,
        ride,
        value,
        hour,
    });
    prop::collection::vec(step, 1..60)
}

/// The last value of each ride with its first time.
fn remembered(steps: &[Step], is_label: bool) -> BTreeMap<u8, (f64, i64)> {
    let mut found: BTreeMap<u8, (f64, i64)> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.is_label == is_label) {
        let value = f64::from(step.value) / 4.0;
        found.entry(step.ride).and_modify(|known| known.0 = value).or_insert((value, step.hour));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_window_equals_a_recomputation_from_scratch(
        steps in steps(),
        batch in 1_usize..20,
        metric in prop::sample::select(Metric::all().collect::<Vec<_>>()),
        as_of in 0_i64..7,
        last in 1_u32..8,
    ) {
        let task = task();
        for part in steps.chunks(batch) {
            // A batch holds one kind of call after the other, as a program would make them.
            for kind in part.chunk_by(|a, b| a.is_label == b.is_label) {
                let logged = kind.iter().map(|step| (step.ride.to_string(), f64::from(step.value) / 4.0, at(step.hour * HOUR)));
                if kind[0].is_label { task.log_feedbacks(logged).unwrap() } else { task.log_outputs(logged).unwrap() }
            }
        }
        let (outputs, labels) = (remembered(&steps, false), remembered(&steps, true));
        // In the order of their times, then of their ids.
        let mut pairs: Vec<(i64, String, f64, Option<f64>)> = outputs
            .iter()
            .filter(|(_, (_, hour))| *hour <= as_of)
            .map(|(ride, &(value, hour))| {
                (hour, ride.to_string(), value, labels.get(ride).filter(|label| label.1 <= as_of).map(|label| label.0))
            })
            .collect();
        pairs.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let ask = |windows: Windows| task.metrics(metric).windows(windows).as_of(at(as_of * HOUR)).get().unwrap();
        // The lag that 95 of 100 pairs do not exceed, of those that were whole by then and of all.
        let lag_by = |limit: i64| {
            let whole = |ride: &u8| Some((outputs.get(ride)?.1, labels.get(ride)?.1));
            let whole = outputs.keys().filter_map(whole).filter(|(output, label)| *output.max(label) <= limit);
            let mut lags: Vec<i64> = whole.map(|(output, label)| (label - output).max(0)).collect();
            lags.sort_unstable();
            lags.get((lags.len() * 95).div_ceil(100).saturating_sub(1)).map(|hours| hours * HOUR)
        };
        // Told to within 6 %.
        let is_told = |told: Option<TimeDelta>, lag: Option<i64>| match (told.and_then(|told| told.num_microseconds()), lag) {
            (Some(told), Some(lag)) => (lag..=lag + lag / 16 + 1).contains(&told),
            (told, lag) => told == lag,
        };
        prop_assert!(is_told(task.usual_lag().unwrap(), lag_by(99)));
        prop_assert!(is_told(task.usual_lag_as_of(Some(at(as_of * HOUR))).unwrap(), lag_by(as_of)));
        let usual = task.usual_lag_as_of(Some(at(as_of * HOUR))).unwrap();
        let check = |found: &WindowFigure, outputs: u64, pairs: &[&(i64, String, f64, Option<f64>)]| {
            let labelled: Vec<_> = pairs.iter().filter_map(|pair| Some((pair.3?, pair.2))).collect();
            let (truth, predicted): (Vec<f64>, Vec<f64>) = labelled.iter().copied().unzip();
            prop_assert_eq!((found.outputs, found.labelled), (outputs, labelled.len() as u64));
            prop_assert_eq!(found.is_mature, usual.is_some_and(|usual| found.to + usual <= at(as_of * HOUR)));
            match (found.figure, metric.of(&truth, &predicted, 0.5).unwrap()) {
                (Some(Figure::Number(found)), Some(Figure::Number(expected))) => {
                    prop_assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{} {}", found, expected);
                }
                (found, expected) => prop_assert_eq!(found, expected),
            }
            Ok(())
        };
        if pairs.is_empty() {
            prop_assert_eq!(ask(Windows::All), []);
            return Ok(());
        }
        let (first, end) = (pairs[0].0, pairs[pairs.len() - 1].0);
        let within = |from: i64, to: i64| pairs.iter().filter(|pair| (from..to).contains(&pair.0)).collect::<Vec<_>>();

        let all = within(0, 99);
        check(&ask(Windows::All)[0], all.len() as u64, &all)?;

        let hours = ask(Windows::HOURLY);
        prop_assert_eq!(i64::try_from(hours.len()).unwrap(), end - first + 1);
        for (hour, found) in (first..).zip(&hours) {
            let expected = within(hour, hour + 1);
            prop_assert_eq!(found.from, at(hour * HOUR));
            check(found, expected.len() as u64, &expected)?;
        }

        let rolling = ask(Windows::Rolling { since: at(first * HOUR), step: TimeDelta::hours(2) });
        for found in &rolling {
            let to = (found.to - at(0)).num_hours();
            let expected = within(first, to);
            prop_assert_eq!((found.from, to % 2), (at(first * HOUR), 0));
            check(found, expected.len() as u64, &expected)?;
        }
        prop_assert!((rolling[rolling.len() - 1].to - at(0)).num_hours() > end);

        let labelled: Vec<_> = pairs.iter().filter(|pair| pair.3.is_some()).collect();
        let last = &labelled[labelled.len().saturating_sub(last as usize)..];
        let outputs = last.first().map_or(pairs.len(), |oldest| within(oldest.0, 99).len());
        check(&ask(Windows::Last(u32::try_from(last.len().max(1)).unwrap()))[0], outputs as u64, last)?;
    }
}
