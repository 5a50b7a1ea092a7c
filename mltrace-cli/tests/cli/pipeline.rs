//! A store as a pipeline on taxi rides leaves it: January trains, May is served, with fixed times.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::{ComponentRun, IoPointer, PointerType, RunId, Tracer};
use tempfile::TempDir;

/// A store in a folder that vanishes with it.
pub(crate) struct Store {
    folder: TempDir,
    pub(crate) tracer: Tracer,
}

impl Store {
    /// At the place where a program without any set-up would have put it.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(".mltrace")).unwrap();
        let tracer = Tracer::open(folder.path().join(".mltrace/mltrace.db")).unwrap();
        Self { folder, tracer }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(".mltrace/mltrace.db")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Logs a run of `component` that starts at a minute of 1 May 2020 and takes so many seconds.
    pub(crate) fn log(
        &self,
        component: &str,
        minute: i64,
        seconds: i64,
        describe: impl FnOnce(&mut ComponentRun),
    ) -> RunId {
        let mut run = ComponentRun::new(component);
        let start = at(minute);
        run.started_at(start).ended_at(start + TimeDelta::seconds(seconds));
        describe(&mut run);
        self.tracer.log_component_run(run).unwrap()
    }

    /// A chain of stages, each of which reads what the one before it wrote, from `x0` on.
    pub(crate) fn of_a_chain(stages: u32) -> Self {
        let store = Self::empty();
        for stage in 0..stages {
            store.log("step", stage.into(), 1, |run| {
                run.add_input(format!("x{stage}")).add_output(format!("x{}", stage + 1));
            });
        }
        store
    }

    /// Six stages, a run that failed, and a prediction in the last of 256 outputs.
    pub(crate) fn of_a_taxi_pipeline() -> Self {
        let store = Self::empty();
        for (minute, month) in [(0, "2020-01"), (600, "2020-05")] {
            store.log("cleaning", minute, 3, |run| {
                run.owner("data-team").tag("nightly").description("Drops rides that cannot be true").partition(month);
                run.add_input(file("raw", month, "5f1c")).add_output(file("clean", month, "c1ea"));
                run.metric("kept", 0.9712);
            });
            store.log("featuregen", minute + 1, 64, |run| {
                run.owner("model-team").tag("nightly").partition(month);
                // In May somebody changed the file by hand after cleaning had written it.
                let read = if month == "2020-05" { "ba5e" } else { "c1ea" };
                run.add_input(file("clean", month, read)).add_output(file("features", month, "fea7"));
            });
        }
        store.log("split", 10, 1, |run| {
            run.add_input(file("features", "2020-01", "fea7"));
            run.add_output(file("split", "train", "7a17")).add_output(file("split", "valid", "7a11"));
            run.param("seed", 7).unwrap().param("share", 0.8).unwrap();
        });
        store.log("train", 11, 252, |run| {
            run.owner("data-team").add_input(file("split", "train", "7a17")).add_input(file("split", "valid", "7a11"));
            run.add_output(IoPointer::new("models/forest.model").at_version("f02e57"));
            run.param("trees", 100).unwrap().param("depth", 10).unwrap().param("criterion", "gini").unwrap();
            run.metric("train_f1", 0.7312).metric("valid_f1", 0.7288);
        });
        store.log("inference", 610, 0, |run| {
            run.partition("2020-05").add_input("features/2020-05.parquet");
            run.fail("the model wants 12 features, the file has 11\ncaused by: no column `tolls_amount`");
        });
        store.log("inference", 620, 2, |run| {
            run.owner("model-team").tag("serving").partition("2020-05");
            run.add_input(file("features", "2020-05", "fea7"));
            run.add_input(IoPointer::new("models/forest.model").at_version("f02e57"));
            for nth in 0..256 {
                run.add_output_as(PointerType::Endpoint, format!("ride-{nth:05}"));
            }
            run.set_upstream("cleaning").metric("f1", 0.4031);
        });
        store
    }
}

fn file(folder: &str, name: &str, version: &str) -> IoPointer {
    IoPointer::new(format!("{folder}/{name}.parquet")).at_version(format!("{version}-{name}"))
}

pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    "2020-05-01T06:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}
