//! Real files: their names, their versions, and the runs they lead to.
#![cfg(not(feature = "off"))]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use mltrace::{ComponentRun, IoPointer, Match, PointerType, RunId, RunRecord, Tracer, VersionKind, component};
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

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A run that writes a file while it runs.
    fn writes(&self, component: &str, name: &str, text: &str) -> RunId {
        let mut run = ComponentRun::new(component);
        run.start().add_output(self.path(name));
        self.write(name, text);
        run.end();
        self.tracer.log_component_run(run).unwrap()
    }

    fn reads(&self, component: &str, path: &Path) -> RunRecord {
        let mut run = ComponentRun::new(component);
        run.add_input(path).start().end();
        self.tracer.run(self.tracer.log_component_run(run).unwrap()).unwrap()
    }
}

#[test]
fn a_relative_a_dotted_and_an_absolute_path_are_one_name() {
    let project = Project::new();
    let written = project.writes("writer", "x.csv", "1");
    let here = env::current_dir().unwrap();
    let absolute = project.path("x.csv");
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(absolute.strip_prefix("/").unwrap());
    let dotted = Path::new(".").join(&relative);
    let roundabout = project.path("none/../x.csv");
    for spelled in [&absolute, &relative, &dotted, &roundabout] {
        let run = project.reads("reader", spelled);
        assert_eq!(run.inputs[0].pointer.name, "x.csv", "relative to the project's root");
        assert_eq!(run.inputs[0].pointer.spelled.as_deref(), spelled.to_str(), "what the program spelled is kept");
        assert_eq!(run.dependencies[0].run, written);
    }
    assert_eq!(project.tracer.io_pointer(absolute.to_str().unwrap()).unwrap().name, "x.csv");
    assert_eq!(project.tracer.trace(absolute.to_str().unwrap()).get().unwrap().root.run, Some(written));
}

#[test]
fn a_path_outside_the_project_has_its_absolute_name() {
    let project = Project::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("x.csv");
    fs::write(&path, "1").unwrap();
    let run = project.reads("reader", &path);
    assert_eq!(run.inputs[0].pointer.name, path.to_str().unwrap());
    assert_eq!(run.inputs[0].pointer.spelled, None);
}

#[test]
fn an_overwritten_file_leads_to_the_run_that_wrote_its_bytes() {
    let project = Project::new();
    let first = project.writes("writer", "x.csv", "one");
    let copy = project.path("copy.csv");
    fs::copy(project.path("x.csv"), &copy).unwrap();
    let second = project.writes("writer", "x.csv", "two");
    let latest = project.reads("reader", &project.path("x.csv"));
    assert_eq!((latest.dependencies[0].run, latest.dependencies[0].matched), (second, Match::Version));
    fs::copy(&copy, project.path("x.csv")).unwrap();
    let restored = project.reads("reader", &project.path("x.csv"));
    assert_eq!((restored.dependencies[0].run, restored.dependencies[0].matched), (first, Match::Version));
}

#[test]
fn a_file_edited_by_hand_is_modified() {
    let project = Project::new();
    let written = project.writes("writer", "x.csv", "one");
    let edited = project.write("x.csv", "one, edited");
    let run = project.reads("reader", &edited);
    let dependency = &run.dependencies[0];
    assert_eq!((dependency.run, dependency.matched, dependency.modified), (written, Match::Name, true));
}

#[component(inputs(path))]
fn reads_back(path: &Path) {
    fs::write(path, "mine").unwrap();
}

#[component(run = run)]
fn writes_and_reads_back(path: &Path) {
    run.output(path);
    fs::write(path, "mine").unwrap();
    run.input(path);
}

#[test]
fn inputs_have_the_bytes_of_the_entry_and_outputs_those_of_the_end() {
    let project = Project::new();
    let written = project.writes("writer", "x.csv", "theirs");
    let guard = mltrace::scoped(&project.tracer);
    reads_back(&project.path("x.csv"));
    writes_and_reads_back(&project.path("x.csv"));
    drop(guard);
    let runs = project.tracer.recent(2).unwrap().items;
    assert_eq!(runs[1].dependencies[0].run, written, "what it read was there before it wrote");
    assert_eq!(runs[1].dependencies[0].matched, Match::Version);
    assert!(runs[0].dependencies.is_empty(), "it read what it had just written itself: {:?}", runs[0].dependencies);
    assert_eq!(Some(&runs[0].inputs[0].pointer.version), Some(&runs[0].outputs[0].version));
}

#[test]
fn a_missing_file_is_recorded_without_a_version() {
    let project = Project::new();
    let run = project.reads("reader", &project.path("none.csv"));
    assert_eq!(run.inputs[0].pointer.version, None);
    assert_eq!(run.inputs[0].pointer.pointer_type, PointerType::Data);
}

#[test]
fn a_run_in_the_past_takes_no_versions_from_todays_files() {
    let project = Project::new();
    let path = project.write("x.csv", "today");
    let mut run = ComponentRun::new("backfill");
    run.add_input(&path).add_output(&path);
    run.started_at("2020-01-01T00:00:00Z".parse().unwrap()).ended_at("2020-01-01T01:00:00Z".parse().unwrap());
    let run = project.tracer.run(project.tracer.log_component_run(run).unwrap()).unwrap();
    assert_eq!((&run.inputs[0].pointer.version, &run.outputs[0].version), (&None, &None));
}

#[test]
fn large_files_are_sampled_and_folders_are_trees() {
    let folder = tempfile::tempdir().unwrap();
    let tracer = Tracer::builder(folder.path().join("store.db")).fingerprint_limit(4).open().unwrap();
    let _guard = mltrace::scoped(&tracer);
    let large = folder.path().join("large");
    fs::write(&large, "12345").unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let mut run = ComponentRun::new("stage");
    run.add_input([&large, &tree]).start().end();
    let run = tracer.run(tracer.log_component_run(run).unwrap()).unwrap();
    let kinds: Vec<_> = run.inputs.iter().map(|input| input.pointer.version.as_ref().unwrap().kind).collect();
    assert_eq!(kinds, [VersionKind::Sampled, VersionKind::Tree]);
}

#[test]
fn a_trace_starts_where_it_is_told() {
    let tracer = Tracer::in_memory().unwrap();
    let day = |day: u32| format!("2020-01-0{day}T00:00:00Z").parse().unwrap();
    for number in 1..=3 {
        let mut run = ComponentRun::new("train");
        run.started_at(day(number)).ended_at(day(number));
        run.add_output(IoPointer::new("model").at_version(format!("v{number}")));
        tracer.log_component_run(run).unwrap();
    }
    let root = |trace: mltrace::Trace<'_>| trace.get().map(|graph| graph.root.run.map(|run| run.0));
    assert_eq!(root(tracer.trace("model")).unwrap(), Some(3));
    assert_eq!(root(tracer.trace("model").as_of(day(2))).unwrap(), Some(2));
    assert_eq!(root(tracer.trace("model").version("v1")).unwrap(), Some(1));
    assert_eq!(root(tracer.trace_run(RunId(2))).unwrap(), Some(2));
    let told = |trace: mltrace::Trace<'_>| root(trace).unwrap_err().to_string();
    assert!(told(tracer.trace("model").version("v")).contains("several"), "an ambiguous version");
    assert!(told(tracer.trace("model").version("w")).contains("`w`"), "an unknown version");
    assert!(told(tracer.trace("model").as_of("2019-01-01T00:00:00Z".parse().unwrap())).contains("2019"));
    assert!(told(tracer.trace("modle")).contains("no run wrote or read `modle`"));
}

#[test]
fn an_input_added_while_a_run_is_under_way_was_read_then() {
    let tracer = Tracer::in_memory().unwrap();
    let log = |component: &str| {
        let mut run = ComponentRun::new(component);
        run.start().add_output("table").end();
        tracer.log_component_run(run).unwrap()
    };
    log("yesterday");
    let mut reader = ComponentRun::new("reader");
    reader.start();
    let today = log("today");
    reader.add_input("table").end();
    let reader = tracer.run(tracer.log_component_run(reader).unwrap()).unwrap();
    assert_eq!((reader.dependencies[0].run, reader.dependencies[0].overlapping), (today, false));
}

#[test]
fn a_version_that_begins_another_can_be_named() {
    let tracer = Tracer::in_memory().unwrap();
    let mut run = ComponentRun::new("train");
    run.start();
    for version in ["v1", "v10", "v11"] {
        run.add_output(IoPointer::new("model").at_version(version));
    }
    run.end();
    tracer.log_component_run(run).unwrap();
    let graph = tracer.trace("model").version("v1").get().unwrap();
    assert_eq!(graph.root.pointer.unwrap().version.unwrap().value, "v1", "and is the one that is shown");
}

#[test]
fn a_folder_that_holds_the_store_keeps_its_version_while_runs_are_traced() {
    let project = Project::new();
    project.write("x.csv", "1");
    let versions: Vec<_> =
        (0..3).map(|_| project.reads("reader", project.folder.path()).inputs[0].pointer.version.clone()).collect();
    assert!(versions[0].is_some() && versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    let store = project.reads("reader", &project.path(".mltrace/mltrace.db"));
    assert_eq!(store.inputs[0].pointer.version, None, "the store itself is never opened but by SQLite");
}

#[test]
fn files_whose_names_begin_like_the_stores_are_files_as_any() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tracer = Tracer::open(folder.path().join("taxi")).unwrap();
    let log = |path: &Path| {
        let mut run = ComponentRun::new("reader");
        run.add_input(path).start().end();
        tracer.run(tracer.log_component_run(run).unwrap()).unwrap().inputs[0].pointer.version.clone()
    };
    let rides = folder.path().join("taxi.csv");
    fs::write(&rides, "1").unwrap();
    assert!(log(&rides).is_some());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("taxi"), &link).unwrap();
    assert_eq!(log(&link), None, "a link to the store is the store");
}

#[test]
fn a_path_is_opened_as_it_is_spelled_and_only_named_in_short() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::create_dir_all(folder.path().join("far/deep")).unwrap();
    fs::write(folder.path().join("far/x.csv"), "far").unwrap();
    fs::write(folder.path().join("x.csv"), "near").unwrap();
    std::os::unix::fs::symlink("far/deep", folder.path().join("link")).unwrap();
    let tracer = Tracer::in_memory().unwrap();
    let version = |name: &str| {
        let mut run = ComponentRun::new("reader");
        run.add_input(folder.path().join(name)).start().end();
        tracer.run(tracer.log_component_run(run).unwrap()).unwrap().inputs[0].pointer.version.clone()
    };
    assert_eq!(version("link/../x.csv"), version("far/x.csv"), "what the program reads there");
    assert_ne!(version("link/../x.csv"), version("x.csv"));
}

#[test]
fn a_folder_beside_a_store_of_another_name_leaves_the_store_alone() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tracer = Tracer::open(folder.path().join("own.db")).unwrap();
    let version = || {
        let mut run = ComponentRun::new("reader");
        let _guard = mltrace::scoped(&tracer);
        run.add_input(folder.path()).start().end();
        tracer.run(tracer.log_component_run(run).unwrap()).unwrap().inputs[0].pointer.version.clone()
    };
    assert_eq!(version(), version());
}

#[test]
fn an_output_added_after_the_end_has_its_bytes() {
    let project = Project::new();
    let path = project.write("x.csv", "1");
    let mut run = ComponentRun::new("writer");
    run.start().end().add_output(&path);
    let run = project.tracer.run(project.tracer.log_component_run(run).unwrap()).unwrap();
    assert!(run.outputs[0].version.is_some());
}
