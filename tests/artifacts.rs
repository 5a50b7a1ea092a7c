//! Values that runs save and load, and what the store says of them afterwards.
#![cfg(not(feature = "off"))]

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::SystemTime;

use mltrace::{
    Artifact, ComponentRun, ErrorKind, Match, PointerType, Result, RunRecord, Status, Tracer, VersionKind, component,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
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

    fn models(&self) -> PathBuf {
        self.folder.path().join("models/high_tip")
    }

    /// The file of a version.
    fn file(&self, number: u64) -> PathBuf {
        self.models().join(format!("v{number}.msgpack"))
    }

    /// What stands in the folder of versions, sorted.
    fn listed(&self) -> Vec<String> {
        let entries = fs::read_dir(self.models()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A traced function that saves.
    fn train(&self, value: &impl Serialize) -> RunRecord {
        let _guard = mltrace::scoped(&self.tracer);
        train(value, &self.models()).unwrap();
        self.last()
    }

    fn last(&self) -> RunRecord {
        self.tracer.recent(1).unwrap().items.swap_remove(0)
    }
}

#[component(run = run)]
fn train(value: &impl Serialize, models: &Path) -> Result<Artifact> {
    run.save(value, models)
}

#[component(run = run)]
fn serve<T: for<'de> Deserialize<'de>>(models: &Path, version: Option<u64>) -> Result<T> {
    match version {
        Some(number) => run.load_version(models, number),
        None => run.load(models),
    }
}

/// What models are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Model {
    weights: Vec<f64>,
    bias: f32,
    by_zone: BTreeMap<u16, String>,
    kind: Kind,
    parent: Option<Box<Model>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Linear,
    Forest { depth: u8 },
}

fn model() -> Model {
    Model {
        weights: vec![0.1, -0.0, f64::MIN_POSITIVE, f64::INFINITY],
        bias: 1e-40,
        by_zone: BTreeMap::from([(132, "JFK ✈".to_owned())]),
        kind: Kind::Forest { depth: 10 },
        parent: None,
    }
}

#[test]
fn what_a_run_saves_another_loads_and_depends_on_it() {
    let project = Project::new();
    let child = Model { kind: Kind::Linear, parent: Some(Box::new(model())), ..model() };
    let trained = project.train(&child);
    let output = &trained.outputs[0];
    assert_eq!((output.name.as_str(), output.pointer_type), ("models/high_tip", PointerType::Model));
    assert_eq!(output.spelled.as_deref(), Some("models/high_tip/v1.msgpack"));
    let version = output.version.as_ref().unwrap();
    assert_eq!((version.kind, version.value.as_str()), (VersionKind::Hash, b3sum(&project.file(1)).as_str()));

    let guard = mltrace::scoped(&project.tracer);
    assert_eq!(serve::<Model>(&project.models(), None).unwrap(), child);
    drop(guard);
    let served = project.last();
    assert_eq!(served.inputs[0].pointer, *output);
    assert_eq!((served.dependencies[0].run, served.dependencies[0].matched), (trained.id, Match::Version));
    assert!(!served.dependencies[0].modified);
    assert_eq!(project.tracer.trace("models/high_tip").get().unwrap().root.run, Some(trained.id));
}

/// The hash of a whole file, by way of a tracer that hashes whole files of any size.
fn b3sum(path: &Path) -> String {
    let tracer = Tracer::builder(":memory:").fingerprint_limit(u64::MAX).open().unwrap();
    let _guard = mltrace::scoped(&tracer);
    let mut run = ComponentRun::new("b3sum");
    run.add_input(path).start().end();
    let run = tracer.run(tracer.log_component_run(run).unwrap()).unwrap();
    run.inputs[0].pointer.version.clone().unwrap().value
}

#[test]
fn what_is_no_number_stays_none() {
    let project = Project::new();
    Artifact::save(&[f64::NAN], project.models()).unwrap();
    let [loaded] = Artifact::latest(project.models()).unwrap().load::<[f64; 1]>().unwrap();
    assert!(loaded.is_nan());
}

/// A tree as one-sided as boosted stumps can make it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    threshold: f64,
    below: Option<Box<Node>>,
}

#[test]
fn what_is_nested_too_deeply_to_be_loaded_is_not_saved() {
    let project = Project::new();
    let models = project.models();
    let tree = |levels: u32| {
        (0..levels).fold(None, |below, level| Some(Box::new(Node { threshold: f64::from(level), below })))
    };
    let saving = move || {
        let saved = Artifact::save(&tree(1_000), &models).unwrap();
        assert_eq!(saved.load::<Option<Box<Node>>>().unwrap(), tree(1_000));
        Artifact::save(&tree(1_100), &models).unwrap_err()
    };
    // Unoptimised code takes much of the stack for each level.
    let error = thread::Builder::new().stack_size(64 << 20).spawn(saving).unwrap().join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().ends_with("could not be loaded again: depth limit exceeded; nothing was saved"),
        "{error}"
    );
    assert_eq!(project.listed(), ["v1.msgpack"]);
}

/// Says that it holds fewer than it does.
struct Miscounted;

impl Serialize for Miscounted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut items = serializer.serialize_seq(Some(1))?;
        items.serialize_element(&1)?;
        items.serialize_element(&2)?;
        items.end()
    }
}

#[test]
fn a_value_that_is_miscounted_is_not_saved() {
    let project = Project::new();
    let error = Artifact::save(&Miscounted, project.models()).unwrap_err();
    assert!(
        error.to_string().ends_with("could not be loaded again: it holds more than it says; nothing was saved"),
        "{error}"
    );
    assert_eq!(project.listed(), [""; 0]);
}

#[test]
fn a_version_that_is_asked_for_leads_to_the_run_that_saved_it() {
    let project = Project::new();
    let first = project.train(&"first");
    let second = project.train(&"second");
    let _guard = mltrace::scoped(&project.tracer);
    assert_eq!(serve::<String>(&project.models(), Some(1)).unwrap(), "first");
    assert_eq!(project.last().dependencies[0].run, first.id);
    assert_eq!(serve::<String>(&project.models(), None).unwrap(), "second");
    assert_eq!(project.last().dependencies[0].run, second.id);
}

#[test]
fn a_run_by_hand_saves_and_loads_too() {
    let project = Project::new();
    let mut training = ComponentRun::new("train");
    training.start();
    let saved = training.save("a forest", project.models()).unwrap();
    training.end();
    let training = project.tracer.log_component_run(training).unwrap();
    let mut serving = ComponentRun::new("serve");
    serving.start();
    assert_eq!(serving.load::<String>(project.models()).unwrap(), "a forest");
    assert_eq!(serving.load_version::<String>(project.models(), saved.number).unwrap(), "a forest");
    serving.end();
    let serving = project.tracer.run(project.tracer.log_component_run(serving).unwrap()).unwrap();
    assert_eq!(serving.inputs.len(), 1, "one name at one version is one pointer");
    assert_eq!(serving.inputs[0].pointer.version, Some(saved.version));
    assert_eq!(serving.dependencies[0].run, training);
}

#[test]
fn an_artifact_is_hashed_whole_whatever_the_limit() {
    let project = Project::new();
    let tracer = Tracer::builder(project.folder.path().join("other.db")).fingerprint_limit(16).open().unwrap();
    let _guard = mltrace::scoped(&tracer);
    let saved = train(&vec![1_u64; 1_000], &project.models()).unwrap();
    let run = tracer.recent(1).unwrap().items.swap_remove(0);
    assert_eq!(run.outputs[0].version, Some(saved.version.clone()));
    assert_eq!((saved.version.kind, saved.version.value), (VersionKind::Hash, b3sum(&saved.path)));
}

#[test]
fn the_latest_is_by_number_and_not_by_text_or_time() {
    let project = Project::new();
    for number in 1..=11_u64 {
        assert_eq!(Artifact::save(&number, project.models()).unwrap().number, number);
    }
    File::open(project.file(9)).unwrap().set_modified(SystemTime::now() + std::time::Duration::from_secs(60)).unwrap();
    let latest = Artifact::latest(project.models()).unwrap();
    assert_eq!((latest.number, latest.load::<u64>().unwrap()), (11, 11));
}

#[test]
fn strangers_in_the_folder_are_no_versions_and_are_left_alone() {
    let project = Project::new();
    Artifact::save(&1, project.models()).unwrap();
    let strangers =
        ["notes.txt", "v.msgpack", "v+7.msgpack", "v07.msgpack", "v3.csv", "V8.msgpack", ".unfinished-a1b2c3"];
    for name in strangers {
        fs::write(project.models().join(name), "mine").unwrap();
    }
    fs::create_dir(project.file(2)).unwrap();
    assert_eq!(Artifact::latest(project.models()).unwrap().number, 1);
    let next = Artifact::save(&3, project.models()).unwrap();
    assert_eq!(next.number, 3, "a folder has the name of the second");
    for name in strangers {
        assert_eq!(fs::read_to_string(project.models().join(name)).unwrap(), "mine");
    }
}

#[test]
fn writers_in_the_same_instant_get_numbers_of_their_own() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 20;
    let project = Project::new();
    let start = Barrier::new(8);
    let saved: Vec<(u64, u64)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (start, project) = (&start, &project);
                scope.spawn(move || {
                    start.wait();
                    let save = |value| (Artifact::save(&value, project.models()).unwrap().number, value);
                    (0..EACH).map(|nth| save(writer * EACH + nth)).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let by_number: BTreeMap<u64, u64> = saved.iter().copied().collect();
    assert!(by_number.keys().copied().eq(1..=WRITERS * EACH), "{by_number:?}");
    for (number, value) in by_number {
        assert_eq!(Artifact::numbered(project.models(), number).unwrap().load::<u64>().unwrap(), value);
    }
    assert_eq!(project.listed().len() as u64, WRITERS * EACH, "nothing else is left behind");
}

#[test]
fn writers_in_several_processes_get_numbers_of_their_own() {
    const NAME: &str = "writers_in_several_processes_get_numbers_of_their_own";
    const MODELS: &str = "MLTRACE_TEST_MODELS";
    const EACH: u64 = 25;
    if let Some(models) = env::var_os(MODELS) {
        for _ in 0..EACH {
            Artifact::save(&std::process::id(), &models).unwrap();
        }
        return;
    }
    let project = Project::new();
    let writer = || {
        let mut writer = Command::new(env::current_exe().unwrap());
        writer.args([NAME, "--exact"]).env(MODELS, project.models()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut writers = [writer(), writer(), writer(), writer()];
    assert!(writers.iter_mut().all(|writer| writer.wait().unwrap().success()));
    let saved = 1..=EACH * writers.len() as u64;
    let by: Vec<u32> =
        saved.map(|number| Artifact::numbered(project.models(), number).unwrap().load().unwrap()).collect();
    for writer in &writers {
        assert_eq!(by.iter().filter(|&&id| id == writer.id()).count() as u64, EACH, "none of its versions is lost");
    }
    assert_eq!(project.listed().len(), by.len(), "nothing else is left behind");
}

#[cfg(unix)]
#[test]
fn whoever_may_read_other_files_may_read_a_version() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let saved = Artifact::save(&1, project.models()).unwrap();
    let ordinary = project.models().join("ordinary");
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved.path), mode(&ordinary));
}

/// What the latest version is answered with after its file was changed so.
fn error_of<T: for<'de> Deserialize<'de> + std::fmt::Debug>(
    change: impl FnOnce(&[u8]) -> Vec<u8>,
) -> (ErrorKind, String) {
    let project = Project::new();
    Artifact::save("old", project.models()).unwrap();
    let saved = Artifact::save(&(1, "new"), project.models()).unwrap();
    fs::write(&saved.path, change(&fs::read(&saved.path).unwrap())).unwrap();
    let _guard = mltrace::scoped(&project.tracer);
    let error = serve::<T>(&project.models(), None).unwrap_err();
    assert!(error.to_string().contains(saved.path.to_str().unwrap()), "{error}");
    let run = project.last();
    assert_eq!((run.status, run.error), (Status::Failed, Some(error.to_string())));
    assert_eq!(run.inputs.len(), usize::from(error.kind() == ErrorKind::WrongType), "only what is whole was read");
    assert_eq!(serve::<String>(&project.models(), Some(1)).unwrap(), "old", "the old version is there for who asks");
    (error.kind(), error.to_string())
}

#[test]
fn a_version_whose_bytes_changed_is_damaged() {
    let (kind, error) = error_of::<(i32, String)>(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[22] ^= 1;
        bytes
    });
    assert_eq!(kind, ErrorKind::Damaged);
    assert!(error.contains("does not hold what was saved"), "{error}");
}

#[test]
fn a_version_that_ends_early_is_cut_off() {
    for kept in [0, 5, 19, 30] {
        let (kind, error) = error_of::<(i32, String)>(|bytes| bytes[..kept].to_vec());
        assert_eq!(kind, ErrorKind::Damaged, "{kept} bytes");
        assert!(error.contains("is cut off") && error.contains("load an earlier version"), "{error}");
    }
}

#[test]
fn a_file_of_somebody_else_is_no_artifact() {
    let (kind, error) = error_of::<(i32, String)>(|_| b"\x93NUMPY and so on".to_vec());
    assert_eq!(kind, ErrorKind::NotAnArtifact);
    assert!(error.contains("is not an artifact that mltrace saved"), "{error}");
}

#[test]
fn a_newer_format_asks_for_a_newer_mltrace() {
    let (kind, error) = error_of::<(i32, String)>(|bytes| {
        let text = b"mltrace-artifact 12\n".iter().chain(&bytes[19..]);
        text.copied().collect()
    });
    assert_eq!(kind, ErrorKind::NewerArtifact);
    assert!(error.contains("format 12") && error.contains("update mltrace"), "{error}");
}

#[test]
fn another_type_is_told_from_damage_and_was_read_all_the_same() {
    for (kind, error) in [
        error_of::<String>(<[u8]>::to_vec),
        error_of::<(i32, String, u8)>(<[u8]>::to_vec),
        error_of::<[i32; 1]>(<[u8]>::to_vec),
    ] {
        assert_eq!(kind, ErrorKind::WrongType);
        assert!(error.contains("not of the type that was asked for"), "{error}");
    }
}

#[test]
fn what_was_never_saved_is_not_found() {
    let project = Project::new();
    let error = Artifact::latest(project.models()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("there is no version of") && error.to_string().contains("save one first"),
        "{error}"
    );
    Artifact::save(&1, project.models()).unwrap();
    let error = Artifact::numbered(project.models(), 7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no version 7 of") && error.to_string().contains("the latest is 1"), "{error}");
}

#[test]
fn a_version_that_is_replaced_is_not_taken_for_the_one_that_was_found() {
    let project = Project::new();
    let found = Artifact::save("old", project.models()).unwrap();
    let other = Artifact::save("new", project.folder.path().join("other")).unwrap();
    fs::copy(&other.path, &found.path).unwrap();
    let error = found.load::<String>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("was replaced"), "{error}");
}

/// Cannot be encoded, once it has been begun.
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeSeq};
        serializer.serialize_seq(Some(2))?.serialize_element(&vec![1_u8; 100_000])?;
        Err(S::Error::custom("the tree is too deep"))
    }
}

#[test]
fn a_value_that_cannot_be_encoded_leaves_nothing_and_no_run_wrote_it() {
    let project = Project::new();
    let guard = mltrace::scoped(&project.tracer);
    let error = train(&Stubborn, &project.models()).unwrap_err();
    drop(guard);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("the tree is too deep; nothing was saved"), "{error}");
    assert!(project.listed().is_empty());
    let run = project.last();
    assert_eq!((run.status, run.outputs.len()), (Status::Failed, 0));
}

#[test]
fn a_file_in_the_way_and_an_empty_name_are_errors_that_say_so() {
    let project = Project::new();
    let file = project.folder.path().join("models");
    fs::write(&file, "").unwrap();
    let error = Artifact::save(&1, project.models()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(project.models().to_str().unwrap()), "{error}");
    assert_eq!(Artifact::save(&1, "").unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Artifact::latest("").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_relative_name_is_taken_from_the_working_directory() {
    let project = Project::new();
    let here = env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(project.models().strip_prefix("/").unwrap());
    let saved = Artifact::save(&1, &relative).unwrap();
    assert_eq!(saved.name, relative.to_str().unwrap());
    assert_eq!(Artifact::latest(project.models()).unwrap().number, saved.number);
    let mut run = ComponentRun::new("serve");
    run.start().add_input(&saved).end();
    let run = project.tracer.run(project.tracer.log_component_run(run).unwrap()).unwrap();
    assert_eq!(run.inputs[0].pointer.name, "models/high_tip");
}

#[test]
fn where_nothing_is_traced_values_are_saved_and_loaded_all_the_same() {
    const NAME: &str = "where_nothing_is_traced_values_are_saved_and_loaded_all_the_same";
    const FOLDER: &str = "MLTRACE_TEST_ARTIFACTS";
    if let Some(folder) = env::var_os(FOLDER) {
        let models = Path::new(&folder).join("models");
        assert_eq!(train(&7, &models).unwrap().number, 1);
        assert_eq!(serve::<i32>(&models, None).unwrap(), 7);
        return;
    }
    for (variable, value) in [("MLTRACE_DISABLED", "1"), ("MLTRACE_DB", "/none/at/all/store.db")] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args([NAME, "--exact"]).current_dir(folder.path()).env(FOLDER, folder.path()).env(variable, value);
        let output = child.output().unwrap();
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(folder.path().join("models/v1.msgpack").is_file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{variable}: nothing but the models");
    }
}

proptest! {
    /// Whatever happens to the bytes of a version, it never loads as another value.
    #[test]
    fn no_change_of_a_file_goes_unnoticed(
        value in prop::collection::vec(any::<(i64, String)>(), 0..6),
        at in any::<prop::sample::Index>(),
        byte in 1_u8..,
        cut in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let saved = Artifact::save(&value, folder.path()).unwrap();
        prop_assert_eq!(&Artifact::latest(folder.path()).unwrap().load::<Vec<(i64, String)>>().unwrap(), &value);
        let mut bytes = fs::read(&saved.path).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= byte }
        fs::write(&saved.path, bytes).unwrap();
        prop_assert!(Artifact::latest(folder.path()).is_err());
    }
}
