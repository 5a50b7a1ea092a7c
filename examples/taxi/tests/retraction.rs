//! A customer withdraws consent: the raw month that holds their rides was labelled, and nothing that came of it is trained
//! on again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mltrace::{Status, Tracer};
use tempfile::TempDir;

const LABEL: &str = "customer-7";

/// A folder to run the pipeline in, with a store of its own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn pipeline(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_taxi"))
            .args(["--serve", "2020-04"])
            .current_dir(self.0.path())
            .env("MLTRACE_DB", self.store())
            .output()
            .expect("the program starts")
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("mltrace.db")
    }

    /// Where the pipeline will find the raw rides of a month.
    fn raw(&self, month: &str) -> String {
        path_text(&self.0.path().join(format!("taxi-data/raw/{month}.csv")))
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}

#[test]
fn what_carries_a_retracted_label_is_listed_and_the_next_training_refuses_to_start() {
    let place = Place::new();
    let tracer = Tracer::open(place.store()).expect("a store");
    let labelled = tracer.label(place.raw("2020-01"), LABEL).write().expect("labelled");
    assert!(!labelled.entry.known, "no run has read the month yet");
    let first = place.pipeline();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));

    tracer.retract(LABEL, "consent withdrawn").by("privacy office").write().expect("retracted");
    let impact = tracer.impact_label(LABEL).expect("an impact");
    let runs = impact.graph.runs.iter().map(|found| &found.run);
    let stages: BTreeSet<_> =
        runs.map(|run| (run.component.as_str(), run.partition.as_deref().unwrap_or_default())).collect();
    let expected = [("cleaning", "2020-01"), ("featuregen", "2020-01"), ("inference", "2020-04"), ("split", "2020-01")];
    assert_eq!(stages, expected.into_iter().chain([("train", "2020-01")]).collect());
    let predictions = impact.pointers.iter().filter(|pointer| pointer.name.len() == 36).count();
    assert_eq!(predictions, 1_792, "every prediction of the model that was trained on it");
    assert!(tracer.retracted().expect("retractions")[0].runs.is_empty(), "nobody has read it since");

    let second = place.pipeline();
    let error = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{error}");
    assert!(error.contains("`train` did not run: ") && error.contains("privacy office"), "{error}");
    let last = tracer.history("train").get().expect("a history").items.swap_remove(0);
    assert_eq!((last.status, last.outputs.len(), last.metrics.len()), (Status::Failed, 0, 0));

    let heedless = &tracer.retracted().expect("retractions")[0].runs;
    let heedless: Vec<_> = heedless.iter().map(|run| run.component.as_str()).collect();
    assert_eq!(heedless, ["cleaning", "featuregen", "split"], "those read it again; training didn't");
    let split = tracer.history("split").get().expect("a history").items.swap_remove(0);
    let violations = tracer.run(split.id).expect("the run").violations.expect("walked");
    assert_eq!(violations.len(), 1, "only one of its two months: {violations:?}");
}

#[test]
fn a_retracted_month_that_is_only_served_stops_no_training() {
    let place = Place::new();
    let tracer = Tracer::open(place.store()).expect("a store");
    tracer.label(place.raw("2020-04"), LABEL).write().expect("labelled");
    tracer.retract(LABEL, "consent withdrawn").write().expect("retracted");
    let output = place.pipeline();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trained = tracer.history("train").get().expect("a history").items.swap_remove(0);
    assert_eq!(trained.status, Status::Completed);
    let violated = &tracer.retracted().expect("retractions")[0].runs;
    let violated: BTreeSet<_> = violated.iter().map(|run| run.component.as_str()).collect();
    assert_eq!(violated, BTreeSet::from(["cleaning", "featuregen", "inference"]));
}
