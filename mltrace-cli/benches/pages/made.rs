//! A store as a company fills it: pipelines of five stages each, run day by day, and beside them what a reviewer leaves and a
//! model in use logs.
//!
//! A pipeline holds the same runs whatever the number of pipelines, so that its pages show the same in a small store and in
//! a large one.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use mltrace_core::monitor::Column;
use mltrace_core::{ComponentRun, IoPointer, RunReport, Tracer};
use serde_json::{Value, json};

use super::Result;

/// Stages of a pipeline, each a component.
pub(crate) const STAGES: [&str; 5] = ["extract", "clean", "features", "train", "predict"];
/// Days on which each pipeline ran.
const DAYS: usize = 200;
/// Features are made from those of the day before, and anew so often; those of the first pipeline never.
const ANEW: usize = 30;
/// Teams have folders of their own.
const TEAMS: usize = 20;
/// Days on which the task has outputs, and days before them on whose data its model was trained.
const IN_USE: u32 = 100;
const TRAINED_ON: u32 = 56;

/// How much there is of everything.
pub(crate) struct Size {
    pub(crate) runs: usize,
    pub(crate) labels: usize,
    /// Runs of the component that runs most.
    pub(crate) beats: usize,
    /// Outputs of the task.
    pub(crate) outputs: usize,
    /// What one run wrote.
    pub(crate) files: usize,
}

impl Size {
    pub(crate) const SMALL: Self = Self { runs: 10_000, labels: 100, beats: 1_000, outputs: 2_000, files: 1_000 };
    pub(crate) const MIDDLE: Self = Self { runs: 100_000, labels: 300, beats: 10_000, outputs: 20_000, files: 10_000 };
    pub(crate) const LARGE: Self =
        Self { runs: 1_000_000, labels: 2_000, beats: 100_000, outputs: 200_000, files: 100_000 };

    fn pipelines(&self) -> usize {
        self.runs / (STAGES.len() * DAYS)
    }

    pub(crate) fn components(&self) -> usize {
        self.pipelines() * STAGES.len()
    }
}

/// The name of a stage of a pipeline.
pub(crate) fn component(pipeline: usize, stage: &str) -> String {
    format!("{}/{stage}", folder(pipeline))
}

/// What a pipeline gives out on a day.
pub(crate) fn predictions(pipeline: usize, day: usize) -> String {
    format!("predictions/{}/{}.csv", folder(pipeline), date(day))
}

/// What every first stage reads, each day in another version, and in one that a single run read.
pub(crate) const SHARED: &str = "raw/rates.csv";
pub(crate) const RARE: &str = "restated";

/// The model of a pipeline, of which each day brings a version.
pub(crate) fn model(pipeline: usize) -> String {
    format!("models/{}", folder(pipeline))
}

fn versioned(name: &str, day: usize) -> Value {
    json!({"name": name, "version": {"kind": "stated", "value": day.to_string()}})
}

/// The component that runs most.
pub(crate) const BEAT: &str = "ops/beat";

/// What it reads, written once, and what it writes, always the same.
pub(crate) const SETTINGS: &str = "beat/settings.json";
pub(crate) const BEATEN: &str = "beat/last.json";

/// The task whose model is in use.
pub(crate) const TASK: &str = "rides/high_tip";

pub(crate) fn date(day: usize) -> NaiveDate {
    NaiveDate::default() + Days::new(18_000 + day as u64)
}

/// The day after the last.
pub(crate) fn end() -> NaiveDate {
    date(DAYS)
}

pub(crate) fn label(number: usize) -> String {
    format!("customer-{number:05}")
}

fn folder(pipeline: usize) -> String {
    format!("team-{:02}/pipeline-{pipeline:04}", pipeline % TEAMS)
}

fn at(day: usize, second: i64) -> DateTime<Utc> {
    date(day).and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::seconds(second)
}

/// Fills a store.
pub(crate) fn fill(tracer: &Tracer, size: &Size) -> Result<()> {
    const AT_ONCE: usize = 2_000;
    let beats = size.beats / DAYS;
    let runs = (0..DAYS).flat_map(|day| (0..size.pipelines()).map(move |pipeline| (day, pipeline)));
    let runs = runs.flat_map(|(day, pipeline)| (0..STAGES.len()).map(move |stage| run(pipeline, day, stage)));
    let beats = (0..DAYS).flat_map(|day| (0..beats).map(move |nth| beat(day, nth)));
    let settings = json!({
        "component": "ops/settings", "started_at": at(0, -60), "ended_at": at(0, -30), "outputs": [versioned(SETTINGS, 0)],
    });
    let mut runs = std::iter::once(settings).chain(beats).chain(runs);
    for part in 1.. {
        let reports: Vec<RunReport> =
            runs.by_ref().take(AT_ONCE).map(serde_json::from_value).collect::<Result<_, _>>()?;
        if reports.is_empty() {
            break;
        }
        for written in tracer.log_reports(reports)? {
            written?;
        }
        if part % 100 == 0 {
            eprintln!("  {} runs in the store", part * AT_ONCE);
        }
    }
    many_files(tracer, size)?;
    task(tracer, size)?;
    other_tasks(tracer)?;
    reviewed(tracer, size)
}

/// A stage of a pipeline on a day.
fn run(pipeline: usize, day: usize, stage: usize) -> Value {
    let folder = folder(pipeline);
    let name = |layer: &str, day: usize| json!(format!("{layer}/{folder}/{}.parquet", date(day)));
    let model = versioned(&model(pipeline), day);
    let is_new = day == 0 || day.is_multiple_of(ANEW) && pipeline > 0;
    let (inputs, output) = match stage {
        0 => (vec![json!(format!("raw/{folder}/{}.csv", date(day))), versioned(SHARED, day)], name("lake", day)),
        1 => (vec![name("lake", day)], name("clean", day)),
        2 if is_new => (vec![name("clean", day)], name("features", day)),
        2 => (vec![name("clean", day), name("features", day - 1)], name("features", day)),
        3 => (vec![name("features", day)], model),
        _ => (vec![name("features", day), model], json!(predictions(pipeline, day))),
    };
    let seconds = i64::try_from(pipeline * STAGES.len() + stage).unwrap_or_default();
    let hash = (pipeline * 7 + day * 13 + stage * 17) % 100;
    let mut run = json!({
        "component": component(pipeline, STAGES[stage]),
        "description": format!("The stage {} of what {folder} gives out", STAGES[stage]),
        "owner": format!("team-{:02}@example.org", pipeline % TEAMS),
        "tags": [STAGES[stage], if pipeline.is_multiple_of(10) { "critical" } else { "nightly" }],
        "stale_after_s": if pipeline % 10 == 1 { json!(86_400) } else { Value::Null },
        "started_at": at(day, seconds), "ended_at": at(day, seconds + 60),
        "partition": date(day).to_string(),
        "inputs": inputs, "outputs": [output],
        "params": {"rows": day * 1_000 + hash, "seed": hash, "mode": "full"},
        "metrics": {"errors": hash, "rows_per_s": 1_000 + hash},
        "git": {"commit": format!("{:040x}", 0xabcd_ef00_usize + day)},
    });
    if hash < 2 {
        run["error"] = json!("schema error: the column `fare` is not there");
    }
    if hash == 50 {
        run["notes"] = json!([{"written_at": at(day, seconds + 90), "text": "fares of a day came twice, looked into"}]);
    }
    if hash.is_multiple_of(10) {
        run["checks"] = json!([{"name": "not empty", "status": "passed", "message": null}]);
    }
    run
}

/// A run of the component that runs most: each has a partition of its own.
fn beat(day: usize, nth: usize) -> Value {
    let second = i64::try_from(nth * 100).unwrap_or_default();
    json!({
        "component": BEAT, "started_at": at(day, second), "ended_at": at(day, second + 1),
        "partition": format!("{}-{nth:03}", date(day)),
        "inputs": [versioned(SHARED, day), versioned(SETTINGS, 0)], "outputs": [versioned(BEATEN, 0)],
        "metrics": {"queued": nth}, "error": if day == 10 && nth == 0 { json!("no answer") } else { Value::Null },
    })
}

/// A run that wrote very many files.
fn many_files(tracer: &Tracer, size: &Size) -> Result<()> {
    let mut run = ComponentRun::new("split");
    run.started_at(at(DAYS, 0)).ended_at(at(DAYS, 60)).add_input(IoPointer::new(SHARED).at_version(RARE));
    run.add_output((0..size.files).map(|file| format!("split/{:02}/{file:06}.csv", file % 100)).collect::<Vec<_>>());
    tracer.log_component_run(run)?;
    Ok(())
}

/// A model that was trained once and gives out ever more, of which nine in ten are labelled a day or two later.
fn task(tracer: &Tracer, size: &Size) -> Result<()> {
    let each = size.outputs / IN_USE as usize;
    let first = DAYS - IN_USE as usize;
    let miles = |day: usize| (0..each).map(move |nth| chance(day, 2 * nth) * if day + 24 >= DAYS { 9.0 } else { 5.0 });
    let zones = |day: usize| (0..each).map(move |nth| ["center", "airport", "harbour"][(nth + day) % 3]);
    let scores = |day: usize| (0..each).map(move |nth| chance(day, 2 * nth + 1));
    let train = "rides/train";
    let mut run = ComponentRun::new(train);
    run.started_at(at(first, 0)).ended_at(at(first, 60)).add_input("rides/history").add_output("rides/tips.model");
    run.metric("f1", 0.7);
    let days = first - TRAINED_ON as usize..first;
    let dates = || days.clone().flat_map(|day| std::iter::repeat_n(date(day), each));
    let columns = [
        ("miles", Column::floats(days.clone().flat_map(miles))),
        ("zone", Column::texts(days.clone().flat_map(zones))),
    ];
    run.profile_by_day("features", dates(), columns)?;
    run.profile_by_day("validation", dates(), [("prediction", Column::floats(days.clone().flat_map(scores)))])?;
    tracer.log_component_run(run)?;
    let task = tracer.task(TASK)?;
    for day in first..DAYS {
        let ids: Vec<String> = (0..each).map(|nth| format!("ride-{day}-{nth:05}")).collect();
        let mut run = ComponentRun::new("rides/predict");
        run.started_at(at(day, 80_000)).ended_at(at(day, 80_060)).add_input("rides/tips.model").add_output(ids.clone());
        let columns = [("miles", Column::floats(miles(day))), ("zone", Column::texts(zones(day)))];
        run.profile_by_day("features", std::iter::repeat_n(date(day), each), columns)?;
        tracer.log_component_run(run)?;
        let second = |nth: usize| i64::try_from(nth * 80_000 / each).unwrap_or_default();
        task.log_outputs(
            ids.iter().zip(scores(day)).enumerate().map(|(nth, (id, score))| (id.clone(), score, at(day, second(nth)))),
        )?;
        let known = ids.iter().zip(scores(day)).enumerate().filter(|(nth, _)| nth % 10 > 0);
        let known = known.filter(|(nth, _)| day + 1 + nth % 2 < DAYS);
        task.log_feedbacks(known.map(|(nth, (id, score))| {
            let truth = f64::from(chance(day, 3 * nth + 7) < if day + 24 >= DAYS { 0.4 } else { score });
            (id.clone(), truth, at(day + 1 + nth % 2, second(nth)))
        }))?;
    }
    Ok(())
}

/// Tasks in which little happens.
fn other_tasks(tracer: &Tracer) -> Result<()> {
    const TASKS: usize = 60;
    for number in 0..TASKS {
        let outputs = (0..100).map(|nth| (format!("row-{nth}"), chance(number, nth), at(DAYS - 1 - nth % 20, 0)));
        tracer.task(&format!("task-{number:02}"))?.log_outputs(outputs)?;
    }
    Ok(())
}

/// What reviewers leave: flags, labels, notes and a retraction.
fn reviewed(tracer: &Tracer, size: &Size) -> Result<()> {
    for pipeline in 0..5 {
        for day in [DAYS - 1, DAYS - 2, DAYS / 2, 10] {
            tracer.flag(&predictions(pipeline, day))?;
        }
    }
    for number in 0..size.labels {
        let raw = format!("raw/{}/{}.csv", folder(number % size.pipelines()), date(number % DAYS));
        tracer.label(raw, label(number)).write()?;
    }
    tracer.label(SHARED, "public").write()?;
    tracer.retract(label(1), "consent withdrawn").write()?;
    Ok(())
}

/// From 0 to 1, the same for the same numbers.
fn chance(day: usize, number: usize) -> f64 {
    let mut bits = (1_000_000 * day as u64 + number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from((bits >> 40) as u32) / f64::from(1_u32 << 24)
}
