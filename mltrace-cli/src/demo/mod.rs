//! A store with a story, so that the page can be seen before anything is traced: a taxi company predicts who tips well. The
//! rides are made up; all that is told of them is computed, by the [`stages`] whose code the runs show.

mod city;
mod lines;
mod stages;

use std::collections::BTreeMap;
use std::iter;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use mltrace_core::monitor::{Column, Figure, Metric};
use mltrace_core::{Result, Tracer, check};
use mltrace_server::link;
use serde_json::json;

use city::{City, Ride, ZONES};
use lines::{Lines, Run};
use stages::{
    CLEANING, FEATUREGEN, FEATUREGEN_IN_MINUTES, Features, INFERENCE, Model, SPLIT, TRAIN, ZONE_TIPS, cleaning,
    columns, count, featuregen, featuregen_in_minutes, inference, month, profiles, split, train,
};

const TASK: &str = "high_tip";
const MODEL: &str = "model/high_tip";
/// Of learning.
const RATE: f64 = 0.8;

/// The commit in use, the one that was wrong, and the one that took it back.
const GOOD: &str = "5b1f0c2a9d3e4f60718293a4b5c6d7e8f9012345";
const WRONG: &str = "c07d1e5f8a2b43c6d9e0f1a2b3c4d5e6f7089123";
const REVERTED: &str = "9e84d2b6f1a05c3e7d8f9a0b1c2d3e4f50617283";

// When what happened, in days before today.
const TRAINED: u64 = 100;
const WRONG_MONTH: [u64; 2] = [61, 1];
/// So long before the retraction that no run of every day reads that month any more.
const LABELLED: u64 = 44;
const WRONG_CODE: [u64; 2] = [37, 8];
const RESENT: u64 = 30;
const CHANGED: u64 = 26;
const RETRACTED: u64 = 12;
const REPORTED_AGAIN: u64 = 5;
const FAULT: u64 = 4;
const LOST: u64 = 2;
const COMPLAINED: u64 = 1;

/// Where to begin: what is worth a look, and the path of its page.
pub(crate) type Begin = (&'static str, String);

/// Fills a store with what has happened by now.
pub(crate) fn fill(tracer: &Tracer, now: DateTime<Utc>) -> Result<[Begin; 3]> {
    let mut story = Story { now, lines: Lines::until(now), features: BTreeMap::new(), outputs: Vec::new() };
    let model = story.trains()?;
    for ago in (0..TRAINED).rev() {
        story.lives(ago, &model)?;
    }
    let complaint = story.people();
    let task = tracer.task(TASK)?;
    task.log_outputs(story.outputs.iter().map(|output| (output.id.as_str(), output.value, output.at)))?;
    task.log_feedbacks(story.told().map(|(output, at)| (output.id.as_str(), f64::from(output.high_tip), at)))?;
    story.lines.import_into(tracer)?;
    Ok([
        ("a driver complains about this prediction: what made it?", link::of("/trace", &complaint)),
        ("which run stands behind all the complaints?", "/review".to_owned()),
        ("is the model still any good?", link::of("/tasks", TASK)),
    ])
}

struct Story {
    now: DateTime<Utc>,
    lines: Lines,
    /// By month, as far as they are made.
    features: BTreeMap<String, Vec<Features>>,
    outputs: Vec<Output>,
}

/// What the model said of a ride, and what comes true.
struct Output {
    id: String,
    value: f64,
    at: DateTime<Utc>,
    high_tip: bool,
    is_faulty: bool,
}

impl Story {
    fn day(&self, ago: u64) -> NaiveDate {
        self.now.date_naive() - Days::new(ago)
    }

    /// A time of a day, UTC.
    fn at(&self, ago: u64, hour: i64, minute: i64) -> DateTime<Utc> {
        self.day(ago).and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(60 * hour + minute)
    }

    /// From when on the wrong commit was in use.
    fn faulty_from(&self) -> DateTime<Utc> {
        self.at(FAULT, 10, 30)
    }

    /// The commit in use at a time.
    fn commit(&self, at: DateTime<Utc>) -> &'static str {
        if at < self.faulty_from() {
            GOOD
        } else if at < self.at(FAULT - 1, 0, 0) {
            WRONG
        } else {
            REVERTED
        }
    }

    /// Of two months a model is made, in three attempts of which the last is put to use.
    fn trains(&mut self) -> Result<Model> {
        const RIDES: u32 = 1_200;
        let test_from = month_before(self.day(TRAINED));
        let train_from = month_before(test_from);
        let (train_month, test_month) = (month(train_from), month(test_from));
        let raw = |first: NaiveDate, seed| {
            let length = (first + Months::new(1) - first).num_days();
            let day = |nth: u32| first + TimeDelta::days(length * i64::from(nth) / i64::from(RIDES));
            City::Calm.rides((0..RIDES).map(day), seed)
        };
        let (early, late) = (raw(train_from, 1), raw(test_from, 2));
        let mut made = self.adds(&train_month, "1", self.at(TRAINED, 5, 0), &early, "")?;
        made.extend(self.adds(&test_month, "1", self.at(TRAINED, 5, 5), &late, "")?);
        self.adds(&test_month, "2", self.at(RESENT, 9, 40), &late[14..], "the vendor sent it again, 14 rides less")?;

        let (seen, unseen) = split(&made, test_from);
        let [to_train, to_test] = ["train", "test"].map(|part| format!("{part}/{train_month}.parquet"));
        let run = Run::of(&SPLIT, GOOD, self.at(TRAINED, 6, 0)).partition(&train_month);
        let run = run.input(&features_of(&train_month), 1).input(&features_of(&test_month), 1);
        let run = run.param("train_month", train_month.as_str()).param("test_month", test_month.as_str());
        self.lines.run(&run.output(&to_train, 1).output(&to_test, 1));
        let mut model = Model::default();
        for (version, rounds) in (1..).zip([10, 40, 160]) {
            model = train(seen, rounds, RATE);
            let [train_f1, test_f1] = [f1(&model, seen)?, f1(&model, unseen)?];
            let predictions =
                |rides: &[Features]| [("prediction", Column::floats(rides.iter().map(|ride| inference(&model, ride))))];
            let run = Run::of(&TRAIN, GOOD, self.at(TRAINED, 6 + version, 0)).partition(&train_month);
            let run = run.input(&to_train, 1).input(&to_test, 1).output(MODEL, format!("v{version}"));
            let run = run.param("rounds", rounds).param("rate", RATE).param("rides", seen.len());
            let run = run.metric("train_f1", train_f1).metric("test_f1", test_f1);
            let run = run.check("good enough to serve", check::in_range([test_f1], 0.6..=1.0));
            let run = run.profile("features", profiles(seen, columns)?)?;
            self.lines.run(&run.profile("validation", profiles(unseen, predictions)?)?);
        }
        Ok(model)
    }

    /// One day: the rides of the day before are made into features, and answered in three batches.
    fn lives(&mut self, ago: u64, model: &Model) -> Result<()> {
        const RIDES: usize = 60;
        let day = self.day(ago + 1);
        let (of, version) = (month(day), day.to_string());
        let city = if ago < CHANGED { City::Changed } else { City::Calm };
        let raw = city.rides(iter::repeat_n(day, RIDES), 1_000 + ago);
        let (mut spoilt, first) = (raw.clone(), format!("{version}.0"));
        if WRONG_MONTH.contains(&ago) {
            spoilt.iter_mut().step_by(25).for_each(|ride| ride.dropoff -= TimeDelta::days(365));
            self.adds(&of, &first, self.at(ago, 0, 20), &spoilt, "the vendor knows, and sends it again by four")?;
        }
        if WRONG_CODE.contains(&ago) {
            spoilt[17].rate_code = 99;
            self.adds(&of, &first, self.at(ago, 0, 20), &spoilt, "")?;
        }
        let features = self.adds(&of, &version, self.at(ago, 4, 20), &raw, "")?;
        self.features.entry(of.clone()).or_default().extend_from_slice(&features);
        let mut made = (features, version.clone());
        for (nth, hour) in (0..).zip([6, 12, 18]) {
            if ago == FAULT && nth == 1 {
                let again = format!("{version}.2");
                let clean = cleaning(&raw, &of).unwrap_or_default();
                made = (self.generates(&of, [&version, &again], self.faulty_from(), &clean)?, again);
            }
            let batch = made.0.chunks(RIDES / 3).nth(nth).unwrap_or_default();
            self.serves(&of, &made.1, self.at(ago, hour, 0), batch, model);
        }
        if self.day(ago).day() == 1 {
            self.reports(&of, self.at(ago, 8, 0));
        }
        Ok(())
    }

    /// A month, or a day more of it, is cleaned and made into features; none where that fails.
    fn adds(&mut self, of: &str, version: &str, at: DateTime<Utc>, raw: &[Ride], note: &str) -> Result<Vec<Features>> {
        let run = Run::of(&CLEANING, self.commit(at), at).partition(of).param("month", of);
        let run = run.input(&format!("raw/{of}.csv"), version).note(note);
        let clean = match cleaning(raw, of) {
            Ok(clean) => clean,
            Err(error) => {
                self.lines.run(&run.fails(&error));
                return Ok(Vec::new());
            }
        };
        let passengers = clean.iter().map(|ride| ride.passenger_count);
        let run = run.output(&clean_of(of), version);
        let run = run.metric("rides", count(&clean)).metric("dropped", count(raw) - count(&clean));
        let run = run.check("enough rides", check::row_count(clean.len(), 40..));
        self.lines.run(&run.check("passengers are counted", check::null_share(passengers, 0.1)));
        self.generates(of, [version; 2], at + TimeDelta::minutes(20), &clean)
    }

    /// Clean rides are made into features by the code of that time.
    fn generates(
        &mut self,
        of: &str,
        [read, written]: [&str; 2],
        at: DateTime<Utc>,
        clean: &[Ride],
    ) -> Result<Vec<Features>> {
        let is_wrong = self.commit(at) == WRONG;
        let stage = if is_wrong { FEATUREGEN_IN_MINUTES } else { FEATUREGEN };
        let run = Run::of(&stage, self.commit(at), at).partition(of).param("month", of).input(&clean_of(of), read);
        let run = run.note(if is_wrong { "tidied up: minutes are easier to read" } else { "" });
        let features = match if is_wrong { featuregen_in_minutes(clean) } else { featuregen(clean) } {
            Ok(features) => features,
            Err(error) => {
                self.lines.run(&run.fails(&error));
                return Ok(Vec::new());
            }
        };
        let mean = |value: fn(&Features) -> f64| features.iter().map(value).sum::<f64>() / count(&features);
        let run = run.output(&features_of(of), written).metric("rides", count(&features));
        let run = run.metric("mean_trip_time", mean(|ride| ride.trip_time));
        let run = run.metric("mean_trip_speed", mean(|ride| ride.trip_speed));
        self.lines.run(&run.profile("features", profiles(&features, columns)?)?);
        Ok(features)
    }

    /// The model in use answers a batch.
    fn serves(&mut self, of: &str, version: &str, at: DateTime<Utc>, batch: &[Features], model: &Model) {
        let commit = self.commit(at);
        let predictions: Vec<f64> = batch.iter().map(|ride| inference(model, ride)).collect();
        let run = Run::of(&INFERENCE, commit, at).partition(of).input(MODEL, "v3").input(&features_of(of), version);
        let run = run.answers(batch.iter().map(|ride| ride.id.as_str()));
        let run = run.metric("mean_prediction", predictions.iter().sum::<f64>() / count(batch));
        if self.lines.run(&run) {
            let (at, is_faulty) = (run.ended_at, commit == WRONG);
            let output = |(ride, value): (&Features, f64)| Output {
                id: ride.id.clone(),
                value,
                at,
                high_tip: ride.high_tip,
                is_faulty,
            };
            self.outputs.extend(batch.iter().zip(predictions).map(output));
        }
    }

    /// Another team looks at the features, too.
    fn reports(&mut self, of: &str, at: DateTime<Utc>) {
        let rides = self.features.get(of).map(Vec::as_slice).unwrap_or_default();
        let run = Run::of(&ZONE_TIPS, self.commit(at), at).partition(of).param("month", of);
        let version = rides.last().map(|ride| ride.day.to_string()).unwrap_or_default();
        let run = run.input(&features_of(of), version).output(&format!("reports/zone_tips/{of}"), at.date_naive());
        let of_zone = |run: Run, (zone, _): (i64, f64)| {
            let rides: Vec<_> = rides.iter().filter(|ride| ride.pickup_zone == zone).collect();
            let high: f64 = rides.iter().map(|ride| f64::from(ride.high_tip)).sum();
            run.metric(&format!("high_tips_{zone}"), high / count(&rides))
        };
        self.lines.run(&ZONES.into_iter().fold(run, of_zone));
    }

    /// What came true, and when that was told: a day or two later, and of one in ten rides never.
    fn told(&self) -> impl Iterator<Item = (&Output, DateTime<Utc>)> {
        let told = self.outputs.iter().enumerate().filter(|(nth, _)| nth % 10 != 3).map(|(nth, output)| {
            let late = TimeDelta::hours(if nth.is_multiple_of(2) { 24 } else { 48 });
            (output, output.at + late)
        });
        told.filter(|(_, at)| *at <= self.now)
    }

    /// Somebody tries to train anew, a vendor's consent is withdrawn, and drivers complain. Gives what the first complaint is
    /// about.
    fn people(&mut self) -> String {
        let (last, labelled) = (month(self.day(LOST + 1)), month(self.day(LABELLED)));
        let run = Run::of(&TRAIN, REVERTED, self.at(LOST, 10, 0)).partition(&last).param("rounds", 640);
        self.lines.run(&run.param("rate", RATE).input(&features_of(&last), self.day(LOST + 1)).lost());

        let (name, at) = (format!("raw/{labelled}.csv"), self.at(LABELLED, 11, 0));
        self.lines.tell(at, &json!({"type": "label", "label": "vendor-2", "pointer": {"name": name, "at": at}}));
        let (at, by, reason) = (self.at(RETRACTED, 15, 0), "data office", "consent withdrawn");
        self.lines.tell(at, &json!({"type": "retraction", "label": "vendor-2", "at": at, "by": by, "reason": reason}));
        // Not at the hour of the report that a new month brings.
        self.reports(&labelled, self.at(REPORTED_AGAIN, 9, 30));

        let wrong = self.told().filter(|(output, _)| output.is_faulty && output.high_tip);
        let wrong: Vec<String> = wrong.map(|(output, _)| output.id.clone()).collect();
        // Of both batches; the others are left for whoever looks.
        for (hour, id) in (9..).zip(wrong.iter().take(2).chain(wrong.iter().rev().take(2))) {
            let at = self.at(COMPLAINED, hour, 12);
            self.lines.tell(at, &json!({"type": "flag", "name": id, "at": at}));
        }
        wrong.into_iter().next().unwrap_or_default()
    }
}

/// The first day of the month before that of a day.
fn month_before(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day) - Months::new(1)
}

fn clean_of(month: &str) -> String {
    format!("clean/{month}.parquet")
}

fn features_of(month: &str) -> String {
    format!("features/{month}.parquet")
}

/// How well a model does.
fn f1(model: &Model, rides: &[Features]) -> Result<f64> {
    let truth: Vec<f64> = rides.iter().map(|ride| f64::from(ride.high_tip)).collect();
    let predicted: Vec<f64> = rides.iter().map(|ride| inference(model, ride)).collect();
    Ok(Metric::F1.of(&truth, &predicted, 0.5)?.and_then(Figure::number).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use mltrace_core::Status;
    use mltrace_core::monitor::{Answer, Severity, WindowFigure, Windows};

    use super::*;

    fn told(now: DateTime<Utc>) -> Tracer {
        let tracer = Tracer::in_memory().unwrap();
        fill(&tracer, now).unwrap();
        tracer
    }

    fn by_day(tracer: &Tracer, now: DateTime<Utc>) -> Vec<WindowFigure> {
        let task = tracer.task(TASK).unwrap();
        task.metrics(Metric::F1).windows(Windows::DAILY).until(now).as_of(now).get().unwrap()
    }

    /// Leap days, ends of months and of years, and the first and the last minute of a day.
    const NOWS: [&str; 9] = [
        "2024-02-29T12:00:00Z",
        "2024-03-01T00:00:00Z",
        "2025-03-05T23:59:59Z",
        "2025-05-31T06:00:02Z",
        "2026-01-01T00:01:00Z",
        "2026-11-03T09:30:00Z",
        // A report of another month falls on the day of the one that did not heed the retraction.
        "2025-12-06T12:00:00Z",
        // The month that is labelled has only just ended.
        "2026-02-10T12:00:00Z",
        "2026-02-13T12:00:00Z",
    ];

    #[test]
    fn the_story_is_whole_on_whichever_day_it_is_told() {
        for now in NOWS.map(|now| now.parse::<DateTime<Utc>>().unwrap()) {
            let tracer = told(now);
            let review = tracer.review().get().unwrap();
            let suspect = &review.runs[0].run;
            assert_eq!((&*suspect.component, suspect.git.commit.as_deref()), ("featuregen", Some(WRONG)), "{now}");
            assert_eq!(review.flagged.len(), 4, "{now}");

            let task = tracer.task(TASK).unwrap();
            let drift = task.drift().until(now.date_naive()).get().unwrap();
            assert_eq!(drift.report.severity, Severity::Critical, "{now}");
            let retrain = task.retrain().as_of(now).get().unwrap();
            let met = retrain.findings.iter().filter(|finding| finding.answer == Answer::Yes).count();
            assert_eq!((retrain.answer, met), (Answer::Yes, 4), "{now}: {:?}", retrain.findings);
            let days = by_day(&tracer, now);
            let mature = days.iter().filter(|day| day.is_mature && day.labelled >= 30);
            let f1 = |day: &WindowFigure| day.figure.and_then(Figure::number).unwrap();
            let worst = mature.min_by(|one, other| f1(one).total_cmp(&f1(other)));
            assert_eq!(worst.unwrap().from.date_naive(), now.date_naive() - Days::new(FAULT), "{now}");

            let failed = |component| tracer.history(component).status(Status::Failed).get().unwrap().items.len();
            assert_eq!((failed("cleaning"), failed("featuregen")), (2, 2), "{now}");
            assert_eq!(tracer.history("train").status(Status::Lost).get().unwrap().items.len(), 1, "{now}");
            let heedless = tracer.retracted().unwrap().remove(0).runs;
            assert_eq!((heedless.len(), &*heedless[0].component), (1, "dbt/zone_tips"), "{now}");
            let latest = tracer.recent(1).unwrap().items[0].ended_at.unwrap();
            assert!(latest <= now && now - latest < TimeDelta::hours(11), "{now}: the last run was at {latest}");
        }
    }

    #[test]
    fn the_figures_are_the_same_on_whichever_day_they_are_made() {
        let [first, second] = ["2024-03-01T07:00:00Z", "2026-11-30T07:00:00Z"].map(|now| {
            let now = now.parse().unwrap();
            by_day(&told(now), now).iter().map(|day| (day.outputs, day.labelled, day.figure)).collect::<Vec<_>>()
        });
        assert_eq!(first, second);
    }

    #[test]
    fn the_code_that_was_wrong_differs_by_one_line() {
        let [right, wrong] = [FEATUREGEN, FEATUREGEN_IN_MINUTES].map(|stage| stage.code.1.lines());
        assert_eq!(right.zip(wrong).filter(|(right, wrong)| right != wrong).count(), 1);
    }
}
