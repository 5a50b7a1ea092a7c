//! Two processes write outputs, labels and profiles of one task at once, and nothing is lost or counted twice.
#![cfg(feature = "monitor")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use mltrace::Tracer;
use mltrace::monitor::{Column, Figure, Metric, Profile, ProfilePart, Windows};
use uuid::Uuid;

const NAME: &str = "two_processes_write_one_task_and_nothing_is_lost_or_counted_twice";
const BATCHES: u32 = 60;
const BATCH: u32 = 50;
/// Rides that both log, as a retry on another host does.
const SHARED: u32 = 5;

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 3, 2).unwrap()
}

fn at(batch: u32) -> DateTime<Utc> {
    day().and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::minutes(batch.into())
}

/// The rides of a batch: the first few are both writers'.
fn rides(writer: u32, batch: u32) -> impl Iterator<Item = String> {
    let own = (SHARED..BATCH).map(move |ride| format!("{writer}/{batch}/{ride}"));
    (0..SHARED).map(move |ride| format!("both/{batch}/{ride}")).chain(own)
}

/// One begins with the outputs, the other with the labels.
fn write(path: &Path, writer: u32) {
    let task = Tracer::open(path).unwrap().task("high_tip").unwrap();
    for batch in 0..BATCHES {
        let outputs = || task.log_outputs(rides(writer, batch).map(|ride| (ride, 0.9, at(batch))));
        let labels = || task.log_feedbacks(rides(writer, batch).map(|ride| (ride, 1.0, at(batch + 30))));
        if writer == 0 { outputs().and_then(|()| labels()) } else { labels().and_then(|()| outputs()) }.unwrap();
        let profile = Profile::of([("distance", Column::floats((0..BATCH).map(f64::from)))]).unwrap();
        let uuid = Uuid::from_u128(batch.into());
        let part = ProfilePart { day: day(), host: format!("worker-{writer}"), uuid, profile };
        assert!(task.log_profile(&part).unwrap());
        assert!(!task.log_profile(&part).unwrap());
    }
}

fn start(path: &Path, writer: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env("MLTRACE_TEST_PATH", path)
        .env("MLTRACE_TEST_WRITER", writer.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn two_processes_write_one_task_and_nothing_is_lost_or_counted_twice() {
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        let writer = std::env::var("MLTRACE_TEST_WRITER").unwrap().parse().unwrap();
        return write(&PathBuf::from(path), writer);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mltrace.db");
    let mut writers = [start(&path, 0), start(&path, 1)];
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }
    let tracer = Tracer::open_existing(&path).unwrap();
    let task = tracer.task("high_tip").unwrap();
    let expected = u64::from(BATCHES * (2 * BATCH - SHARED));
    let all = task.metrics(Metric::Accuracy).get().unwrap();
    assert_eq!((all[0].outputs, all[0].labelled), (expected, expected));
    assert_eq!(all[0].figure.and_then(Figure::number), Some(1.0));
    let hours = task.metrics(Metric::Accuracy).windows(Windows::Tumbling(TimeDelta::minutes(1))).get().unwrap();
    assert!(hours.iter().all(|minute| minute.outputs == u64::from(2 * BATCH - SHARED)));
    let lag = task.usual_lag().unwrap().unwrap();
    assert!(lag >= TimeDelta::minutes(30) && lag < TimeDelta::minutes(32), "{lag}");
    let distance = task.profiles(day(), day()).unwrap()[&day()].column("distance").unwrap().count();
    assert_eq!(distance, u64::from(2 * BATCHES * BATCH));
    assert!(tracer.doctor().unwrap().findings.is_empty());
}
