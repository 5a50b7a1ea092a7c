//! Whether files still hold what runs recorded of them.
#![cfg(not(feature = "off"))]

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Utc;
use mltrace::{ComponentRun, ErrorKind, IoPointer, Tracer, Verified, VerifyReport, VerifyStatus, Version, VersionKind};
use serde_json::json;
use tempfile::TempDir;

/// A project with its store in `.mltrace`, as the default one has.
struct Project {
    tracer: Tracer,
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join(".mltrace")).unwrap();
        let tracer = Tracer::open(folder.path().join(".mltrace/mltrace.db")).unwrap();
        Self { tracer, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// A run that writes a file while it runs.
    fn writes(&self, component: &str, name: &str, text: &str) {
        self.put(name, text);
        self.log(component, |run| {
            run.add_output(self.path(name));
        });
    }

    fn reads(&self, component: &str, name: &str) {
        self.log(component, |run| {
            run.add_input(self.path(name));
        });
    }

    fn log(&self, component: &str, describe: impl FnOnce(&mut ComponentRun)) {
        let _guard = mltrace::scoped(&self.tracer);
        let mut run = ComponentRun::new(component);
        run.start();
        describe(&mut run);
        run.end();
        self.tracer.log_component_run(run).unwrap();
    }

    fn report(&self) -> VerifyReport {
        self.tracer.verify().get().unwrap()
    }

    /// What is said of one name.
    fn of(&self, name: &str) -> Verified {
        let mut items = self.tracer.verify().pointer(name).get().unwrap().items;
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }
}

/// Intact, changed, missing, unknown.
fn counts(report: &VerifyReport) -> [u64; 4] {
    [report.intact, report.changed, report.missing, report.unknown]
}

fn files(report: &VerifyReport) -> Vec<(VerifyStatus, &str)> {
    report.items.iter().map(|item| (item.status, item.file.as_str())).collect()
}

#[test]
fn files_are_intact_until_somebody_touches_them() {
    let project = Project::new();
    project.writes("cleaning", "clean.csv", "1");
    project.writes("features", "features.csv", "2");
    project.put("tree/a/b", "3");
    project.log("split", |run| {
        run.add_output(project.path("tree"));
    });
    assert_eq!(counts(&project.report()), [3, 0, 0, 0]);
    project.put("clean.csv", "1, edited");
    fs::remove_file(project.path("features.csv")).unwrap();
    fs::rename(project.path("tree/a/b"), project.path("tree/a/c")).unwrap();
    let report = project.report();
    assert_eq!(counts(&report), [0, 2, 1, 0]);
    let expected = [
        (VerifyStatus::Changed, "clean.csv"),
        (VerifyStatus::Missing, "features.csv"),
        (VerifyStatus::Changed, "tree"),
    ];
    assert_eq!(files(&report), expected);
    let cleaned = &report.items[0];
    assert_eq!((cleaned.component.as_str(), cleaned.written), ("cleaning", true));
    assert_ne!(cleaned.now, cleaned.pointer.version);
    assert_eq!(report.items[1].now, None);
}

#[test]
fn the_last_run_that_wrote_a_name_counts_and_not_who_read_it_since() {
    let project = Project::new();
    project.writes("first", "x.csv", "one");
    project.writes("second", "x.csv", "two");
    assert_eq!(project.of("x.csv").status, VerifyStatus::Intact);
    project.put("x.csv", "edited");
    project.reads("reader", "x.csv");
    let found = project.of("x.csv");
    assert_eq!((found.status, found.component.as_str()), (VerifyStatus::Changed, "second"));
    project.put("x.csv", "one");
    assert_eq!(project.of("x.csv").status, VerifyStatus::Changed, "an older version is not the last");
}

#[test]
fn a_source_is_compared_with_what_was_read_last() {
    let project = Project::new();
    project.put("raw.csv", "one");
    project.reads("january", "raw.csv");
    project.put("raw.csv", "two");
    project.reads("february", "raw.csv");
    assert_eq!(counts(&project.report()), [1, 0, 0, 0]);
    project.put("raw.csv", "three");
    let report = project.report();
    assert_eq!(files(&report), [(VerifyStatus::Changed, "raw.csv")]);
    assert_eq!((report.items[0].component.as_str(), report.items[0].written), ("february", false));
}

#[test]
fn a_file_is_measured_as_it_was_when_it_was_recorded() {
    let project = Project::new();
    let store = project.path(".mltrace/mltrace.db");
    project.writes("whole", "whole.bin", &"x".repeat(5_000));
    let sampling = Tracer::builder(&store).fingerprint_limit(1_000).open().unwrap();
    let guard = mltrace::scoped(&sampling);
    let mut run = ComponentRun::new("sampled");
    project.put("sampled.bin", &"y".repeat(5_000));
    run.start().add_output(project.path("sampled.bin")).end();
    sampling.log_component_run(run).unwrap();
    drop(guard);
    for tracer in [&sampling, &project.tracer] {
        let report = tracer.verify().get().unwrap();
        assert_eq!(counts(&report), [2, 0, 0, 0], "{:?}", report.items);
    }
    assert_eq!(project.of("sampled.bin").now.unwrap().kind, VersionKind::Sampled);
    assert_eq!(
        sampling.verify().pointer("whole.bin").get().unwrap().items[0].now.as_ref().unwrap().kind,
        VersionKind::Hash
    );
}

#[test]
fn every_version_of_an_artifact_is_looked_at() {
    let project = Project::new();
    for value in 1..=11 {
        project.log("train", |run| {
            run.save(&value, project.path("model")).unwrap();
        });
    }
    assert_eq!(counts(&project.report()), [11, 0, 0, 0]);
    project.put("model/v2.msgpack", "not mine");
    fs::remove_file(project.path("model/v10.msgpack")).unwrap();
    let report = project.report();
    let expected = [(VerifyStatus::Changed, "model/v2.msgpack"), (VerifyStatus::Missing, "model/v10.msgpack")];
    assert_eq!(files(&report), expected);
    assert_eq!(report.items[0].pointer.name, "model");
    let all = project.tracer.verify().pointer("model").get().unwrap();
    assert_eq!((all.items.len(), counts(&all)), (11, [9, 1, 1, 0]));
}

#[test]
fn a_model_that_was_only_loaded_is_a_source() {
    let project = Project::new();
    mltrace::Artifact::save(&1, project.path("model")).unwrap();
    mltrace::Artifact::save(&2, project.path("model")).unwrap();
    for number in [1, 2, 1] {
        project.log("serve", |run| {
            run.load_version::<i32>(project.path("model"), number).unwrap();
        });
    }
    assert_eq!(counts(&project.report()), [2, 0, 0, 0]);
    project.put("model/v1.msgpack", "");
    let report = project.report();
    assert_eq!(files(&report), [(VerifyStatus::Changed, "model/v1.msgpack")]);
    assert!(!report.items[0].written);
}

#[test]
fn nothing_is_said_of_what_is_no_file() {
    let project = Project::new();
    let measured = |name: &str| IoPointer {
        version: Some(Version { kind: VersionKind::Hash, value: "ab".to_owned() }),
        ..IoPointer::new(name)
    };
    project.log("stage", |run| {
        run.add_input("a bare name").add_input(IoPointer::new("table").at_version("snapshot-81"));
        run.add_output("prediction-1").add_output("prediction-2");
        run.add_output(IoPointer::new("warehouse").at_version("7")).add_output(measured("s3://bucket/model"));
        run.add_output(project.path("never-written.csv"));
    });
    let report = project.report();
    assert_eq!(counts(&report), [0, 0, 0, 7]);
    assert!(report.items.is_empty(), "they are counted, not listed: {:?}", report.items);
    for (name, reason) in [
        ("prediction-1", "no version of it was recorded"),
        ("table", "stated by the program"),
        ("s3://bucket/model", "is no path"),
    ] {
        let said = project.of(name);
        assert_eq!(said.status, VerifyStatus::Unknown);
        assert!(said.reason.as_deref().unwrap().contains(reason), "{said:?}");
    }
}

#[test]
fn names_of_predictions_are_counted_without_being_looked_at() {
    let project = Project::new();
    project.writes("train", "model.bin", "1");
    project.log("inference", |run| {
        run.add_output((0..5_000).map(|nth| format!("ride-{nth}")).collect::<Vec<_>>());
    });
    let mut seen = Vec::new();
    let report = project.tracer.verify().each(|verified| seen.push(verified.file.clone())).unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 5_000]);
    assert_eq!(seen, ["model.bin"]);
}

#[test]
fn more_names_than_a_page_holds_are_each_looked_at_once() {
    let project = Project::new();
    let paths: Vec<PathBuf> = (0..600).map(|nth| project.path(&format!("part-{nth}.csv"))).collect();
    for path in &paths {
        fs::write(path, path.to_str().unwrap()).unwrap();
    }
    project.log("reader", |run| {
        run.add_input(&paths[300..]);
    });
    project.log("writer", |run| {
        run.add_output(&paths[..300]);
    });
    assert_eq!(counts(&project.report()), [600, 0, 0, 0]);
}

#[test]
fn of_a_run_in_the_past_nothing_was_measured() {
    let project = Project::new();
    project.put("x.csv", "1");
    let mut run = ComponentRun::new("backfill");
    run.started_at(Utc::now()).ended_at(Utc::now()).add_output(project.path("x.csv"));
    project.tracer.log_component_run(run).unwrap();
    assert_eq!(project.of("x.csv").status, VerifyStatus::Unknown);
}

#[test]
fn what_lies_in_the_place_of_a_file_or_folder_is_told_from_it() {
    let project = Project::new();
    project.writes("stage", "file", "1");
    fs::remove_file(project.path("file")).unwrap();
    project.put("file/inside", "1");
    let found = project.of("file");
    assert_eq!((found.status, found.now.unwrap().kind), (VerifyStatus::Changed, VersionKind::Tree));
    fs::remove_dir_all(project.path("file")).unwrap();
    assert_eq!(project.of("file").status, VerifyStatus::Missing);
}

#[test]
fn a_store_that_was_moved_away_from_its_project_knows_only_whole_paths() {
    let project = Project::new();
    project.writes("stage", "x.csv", "1");
    let moved = project.path("moved.db");
    drop(project.tracer);
    fs::copy(project.folder.path().join(".mltrace/mltrace.db"), &moved).unwrap();
    let report = Tracer::open_existing(&moved).unwrap().verify().pointer("x.csv").get().unwrap();
    assert_eq!(report.items[0].status, VerifyStatus::Unknown);
    assert!(report.items[0].reason.as_deref().unwrap().contains("project folder"), "{report:?}");
}

#[test]
fn a_file_of_another_host_is_unknown_unless_it_is_here() {
    let project = Project::new();
    project.writes("stage", "shared.csv", "1");
    project.writes("stage", "local.csv", "1");
    fs::remove_file(project.path("local.csv")).unwrap();
    let store = rusqlite::Connection::open(project.path(".mltrace/mltrace.db")).unwrap();
    store.execute("UPDATE process SET host = 'elsewhere'", []).unwrap();
    assert_eq!(project.of("shared.csv").status, VerifyStatus::Intact, "the same bytes are proof");
    let local = project.of("local.csv");
    assert_eq!(local.status, VerifyStatus::Unknown);
    assert!(local.reason.unwrap().contains("on the host elsewhere"));
}

#[test]
fn a_name_that_nobody_knows_is_not_found_and_a_path_is_a_name_too() {
    let project = Project::new();
    project.writes("stage", "x.csv", "1");
    let error = project.tracer.verify().pointer("none").get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(project.of(project.path("x.csv").to_str().unwrap()).file, "x.csv");
}

#[test]
fn the_json_has_every_key() {
    let project = Project::new();
    project.writes("stage", "x.csv", "1");
    fs::remove_file(Path::new(&project.path("x.csv"))).unwrap();
    let report = project.report();
    let item = &report.items[0];
    assert_eq!(
        json!(report),
        json!({
            "intact": 0, "changed": 0, "missing": 1, "unknown": 0,
            "items": [{
                "status": "missing", "file": "x.csv", "pointer": json!(item.pointer), "run": 1, "component": "stage",
                "written": true, "now": null, "reason": null,
            }],
        })
    );
}

#[cfg(unix)]
#[test]
fn a_file_whose_path_is_no_utf8_is_unknown_and_not_missing() {
    use std::os::unix::ffi::OsStrExt;
    let project = Project::new();
    let path = project.folder.path().join(std::ffi::OsStr::from_bytes(b"rides\xff.csv"));
    // Some file systems take no such name.
    if fs::write(&path, "1.2,10").is_err() {
        return;
    }
    project.log("cleaning", |run| {
        run.add_output(&path);
    });
    assert_eq!(counts(&project.report()), [0, 0, 0, 1]);
    assert_eq!(project.of("rides\\xff.csv").reason.unwrap(), "its path is no UTF-8, and its name only stands for it");
}
