//! The pipeline as a user runs it, and what its trace says afterwards.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use mltrace::{Graph, PointerType, Status, Tracer};
use tempfile::TempDir;

/// Names the folder that holds the real months from January to June 2020.
const REAL_DATA: &str = "MLTRACE_TAXI_DATA";

/// A folder to run the pipeline in, with a store of its own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_taxi"))
            .args(args)
            .current_dir(self.0.path())
            .env("MLTRACE_DB", self.store())
            .output()
            .expect("the program starts")
    }

    /// The report of a run that must succeed.
    fn report(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The complaint of a run that must fail.
    fn complaint(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("mltrace.db")
    }

    fn tracer(&self) -> Tracer {
        Tracer::open_existing(self.store()).expect("the store")
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.0.path().join(name), content).expect("written");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// F1 by month, from the report's table.
fn f1_by_month(report: &str) -> BTreeMap<&str, f64> {
    let row = |line| {
        let fields: Vec<&str> = str::split_whitespace(line).collect();
        Some((*fields.first()?, fields.get(5)?.parse().ok()?))
    };
    report.lines().filter(|line| line.starts_with("20")).filter_map(row).collect()
}

/// The id in the command that the report ends with.
fn id_to_trace(report: &str) -> &str {
    let (_, id) = report.trim_end().rsplit_once(" trace ").expect("a command to trace a prediction");
    id
}

/// The component and partition of every run in a trace, in their order.
fn stages(graph: &Graph) -> Vec<(&str, &str)> {
    let runs = graph.runs.iter().map(|node| &node.run);
    let mut stages: Vec<_> =
        runs.map(|run| (run.component.as_str(), run.partition.as_deref().unwrap_or_default())).collect();
    stages.sort_unstable();
    stages
}

#[test]
fn without_data_the_months_made_up_tell_the_story_of_2020() {
    let f1 = Place::new().report(&[]);
    let f1 = f1_by_month(&f1);
    let months: Vec<&str> = f1.keys().copied().collect();
    assert_eq!(months, ["2020-01", "2020-02", "2020-03", "2020-04", "2020-05", "2020-06"]);
    for calm in ["2020-01", "2020-02", "2020-03"] {
        for quiet in ["2020-04", "2020-05", "2020-06"] {
            assert!(f1[quiet] < f1[calm] - 0.05, "{f1:?}");
        }
    }
}

#[test]
fn a_prediction_traces_back_to_every_run_behind_it_once() {
    let place = Place::new();
    let report = place.report(&["--serve", "2020-04"]);
    let graph = place.tracer().trace(id_to_trace(&report)).get().expect("a trace");
    assert_eq!(
        stages(&graph),
        [
            ("cleaning", "2020-01"),
            ("cleaning", "2020-02"),
            ("cleaning", "2020-04"),
            ("featuregen", "2020-01"),
            ("featuregen", "2020-02"),
            ("featuregen", "2020-04"),
            ("inference", "2020-04"),
            ("split", "2020-01"),
            ("train", "2020-01"),
        ]
    );
    assert!(graph.edges.iter().all(|edge| !edge.modified && !edge.overlapping), "{:?}", graph.edges);
}

#[test]
fn the_stages_record_what_they_are_asked_to() {
    let place = Place::new();
    let report = place.report(&["--serve", "2020-04"]);
    let tracer = place.tracer();

    let trained = tracer.history("train").get().expect("a history").items.swap_remove(0);
    assert_eq!(trained.status, Status::Completed);
    assert_eq!([&trained.params["depth"], &trained.params["trees"], &trained.params["seed"]], [10, 100, 42]);
    let printed = f1_by_month(&report);
    assert!((trained.metrics["train_f1"] - printed["2020-01"]).abs() < 5e-4);
    assert!((trained.metrics["test_f1"] - printed["2020-02"]).abs() < 5e-4);
    assert_eq!(trained.outputs[0].pointer_type, PointerType::Model);

    let batches = tracer.history("inference").get().expect("a history").items;
    assert_eq!(batches.len(), 1_792_usize.div_ceil(256));
    let ids: HashSet<&str> = batches.iter().flat_map(|run| &run.outputs).map(|id| id.name.as_str()).collect();
    assert_eq!(ids.len(), 1_792);
    assert!(batches.iter().flat_map(|run| &run.outputs).all(|id| id.pointer_type == PointerType::Endpoint));

    let tags = tracer.tags().expect("tags");
    let tagged: Vec<(&str, Vec<&str>)> =
        tags.iter().map(|(tag, names)| (tag.as_str(), names.iter().map(String::as_str).collect())).collect();
    assert_eq!(
        tagged,
        [
            ("etl", vec!["cleaning", "featuregen"]),
            ("inference", vec!["inference"]),
            ("training", vec!["split", "train"])
        ]
    );
}

#[test]
fn a_month_without_a_file_stops_everything_before_the_first_stage() {
    let place = Place::new();
    place.put("yellow_2020-01.csv", "");
    let error = place.complaint(&["--data", "."]);
    assert!(error.contains("no file holds 2020-02"), "{error}");
    assert!(error.contains("yellow_2020-01.csv"), "{error}");
    assert!(!place.store().exists());
}

#[test]
fn a_stage_that_fails_is_in_the_store_with_its_reason() {
    let place = Place::new();
    place.put("rides.csv", "trip_distance,fare_amount\n1.4,10\n");
    let error = place.complaint(&["--data", "rides.csv"]);
    assert!(error.contains("rides.csv lacks tpep_pickup_datetime"), "{error}");
    let runs = place.tracer().recent(10).expect("runs").items;
    let [run] = runs.as_slice() else { panic!("one run, not {}", runs.len()) };
    assert_eq!((run.component.as_str(), run.status), ("cleaning", Status::Failed));
    let reason = run.error.as_deref().unwrap_or_default();
    assert!(reason.contains("lacks tpep_pickup_datetime"), "{reason}");
}

#[test]
fn the_real_months_of_2020_fall_from_april() {
    let Some(data) = std::env::var_os(REAL_DATA) else {
        // Past the harness, which would hold back what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED, {REAL_DATA} is not set: the_real_months_of_2020_fall_from_april")
            .expect("written");
        return;
    };
    let data = fs::canonicalize(data).expect("the folder of the real months");
    let place = Place::new();
    let report = place.report(&["--data", data.to_str().expect("a readable path")]);
    assert!(report.contains("2020-01  train        9,962"), "{report}");
    let f1 = f1_by_month(&report);
    assert!((0.70..0.80).contains(&f1["2020-01"]), "{f1:?}");
    assert!((f1["2020-02"] - 0.73).abs() < 0.02, "{f1:?}");
    assert!(f1["2020-04"] < f1["2020-03"] - 0.08, "{f1:?}");
    let graph = place.tracer().trace(id_to_trace(&report)).get().expect("a trace");
    assert_eq!(graph.runs.len(), 9, "{:?}", stages(&graph));
}
