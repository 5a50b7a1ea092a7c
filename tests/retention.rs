//! Old runs are collected beside a pipeline that goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use mltrace::{ComponentRun, Tracer};

const NAME: &str = "runs_are_collected_beside_a_pipeline_that_labels_without_pause";

const OLD: usize = 6_000;
/// How long the pipeline goes on, at most.
const LONG: Duration = Duration::from_secs(60);

/// A pipeline that reads data of another customer with each run, until it is killed.
fn label_without_pause(path: &Path) {
    let tracer = Tracer::open(path).unwrap();
    let begun = Instant::now();
    for number in (1_u64..).take_while(|_| begun.elapsed() < LONG) {
        let mut run = ComponentRun::new("busy");
        run.start().add_input(format!("customer-{number}")).add_output(format!("score-{number}"));
        run.label(format!("consent-{number}"));
        run.end();
        tracer.log_component_run(run).unwrap();
    }
}

/// Ends with the test, also where that fails.
struct Pipeline(Child);

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

#[test]
fn runs_are_collected_beside_a_pipeline_that_labels_without_pause() {
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return label_without_pause(&PathBuf::from(path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let day = Utc::now() - TimeDelta::days(100);
    for number in 0..OLD {
        let mut run = ComponentRun::new("old");
        run.started_at(day).ended_at(day).add_output(format!("out-{number}"));
        tracer.queue_component_run(run).unwrap();
    }
    tracer.flush().unwrap();

    let pipeline = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env("MLTRACE_TEST_PATH", &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut pipeline = Pipeline(pipeline.unwrap());
    let labels = || tracer.labels().unwrap().len();
    let begun = Instant::now();
    while labels() == 0 {
        assert!(begun.elapsed() < LONG, "the pipeline does not write");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut steps, mut flagged) = (0, 0);
    let before = labels();
    let collected = tracer.gc(Utc::now() - TimeDelta::days(30)).progress(|_, _| {
        steps += 1;
        // Of what is collected last, and after the plan was made.
        if steps == 2 {
            tracer.flag("out-1").unwrap();
            flagged += 1;
        }
    });
    let report = collected.collect().unwrap();
    assert!(pipeline.0.try_wait().unwrap().is_none(), "it only came to its end when the pipeline had");
    assert!(steps > 10 && flagged == 1 && labels() > before + 10, "{steps} steps beside {} labels", labels() - before);
    assert_eq!(report.removed, OLD as u64 - 2, "all but the flagged one and the last");
    assert_eq!(tracer.trace("out-1").get().unwrap().runs.len(), 1);
}
