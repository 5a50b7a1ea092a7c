//! Where runs go when the program says nothing: which store, which parent, or nowhere at all.
#![cfg(not(feature = "off"))]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mltrace::{RunRecord, Tracer, component};
use tempfile::TempDir;

const ROLE: &str = "MLTRACE_TEST_ROLE";

#[component(outputs("out"))]
fn stage() -> u8 {
    1
}

/// This test program again, as a child with a role, in a folder.
fn child(test: &str, role: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).current_dir(folder).env(ROLE, role).env_remove("MLTRACE_DB");
    command
}

fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// In the role of the child: opens the default store and runs a stage.
fn plays_its_role() -> bool {
    match env::var(ROLE).as_deref() {
        Ok("default store") => mltrace::init(Tracer::open_default().unwrap()).unwrap(),
        Ok("unit test") => {}
        _ => return false,
    }
    assert_eq!(stage(), 1);
    true
}

fn runs(store: &Path) -> Vec<RunRecord> {
    Tracer::open_existing(store).unwrap().recent(100).unwrap().items
}

/// A folder with a place deep inside it to start from.
fn project() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    (folder, deep)
}

#[test]
fn a_new_store_is_made_at_the_repository_and_found_from_anywhere_in_it() {
    const NAME: &str = "a_new_store_is_made_at_the_repository_and_found_from_anywhere_in_it";
    if plays_its_role() {
        return;
    }
    let (folder, deep) = project();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let store = folder.path().join(".mltrace/mltrace.db");
    let said = succeeded(&mut child(NAME, "default store", &deep));
    assert!(said.contains("mltrace: tracing to") && said.contains(".mltrace/mltrace.db"), "named once: {said}");
    assert_eq!(fs::read_to_string(folder.path().join(".mltrace/.gitignore")).unwrap(), "*\n");
    let said = succeeded(&mut child(NAME, "default store", folder.path()));
    assert!(!said.contains("tracing to"), "only the first creation is told: {said}");
    assert_eq!(runs(&store).len(), 2);
}

#[test]
fn a_new_store_is_made_at_the_workspace_or_else_here() {
    const NAME: &str = "a_new_store_is_made_at_the_workspace_or_else_here";
    if plays_its_role() {
        return;
    }
    let (folder, deep) = project();
    fs::write(deep.join("Cargo.toml"), "[package]\nname = \"member\"\n").unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = [\"a/b\"]\n").unwrap();
    succeeded(&mut child(NAME, "default store", &deep));
    assert_eq!(runs(&folder.path().join(".mltrace/mltrace.db")).len(), 1);

    let (_folder, alone) = project();
    succeeded(&mut child(NAME, "default store", &alone));
    assert_eq!(runs(&alone.join(".mltrace/mltrace.db")).len(), 1);
}

#[test]
fn the_environment_names_the_store() {
    const NAME: &str = "the_environment_names_the_store";
    if plays_its_role() {
        return;
    }
    let (folder, deep) = project();
    let store = folder.path().join("elsewhere.db");
    succeeded(child(NAME, "default store", &deep).env("MLTRACE_DB", &store));
    assert_eq!(runs(&store).len(), 1);
    succeeded(child(NAME, "default store", &deep).env("MLTRACE_DB", ":memory:"));
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0, "nothing was left behind");
}

#[test]
fn a_unit_test_leaves_no_file_behind() {
    const NAME: &str = "a_unit_test_leaves_no_file_behind";
    if plays_its_role() {
        return;
    }
    let (folder, deep) = project();
    succeeded(&mut child(NAME, "unit test", &deep));
    assert!(!folder.path().join(".mltrace").exists() && !deep.join(".mltrace").exists());
}

#[test]
fn a_parent_in_another_process_is_named_by_the_environment() {
    const NAME: &str = "a_parent_in_another_process_is_named_by_the_environment";
    if plays_its_role() {
        return;
    }
    let (folder, deep) = project();
    let store = folder.path().join("store.db");
    let parent = "018f3b5e-0000-7000-8000-000000000001";
    succeeded(child(NAME, "default store", &deep).env("MLTRACE_DB", &store).env("MLTRACE_PARENT", parent));
    assert_eq!(runs(&store)[0].parent.unwrap().to_string(), parent);
}

#[test]
fn disabled_nothing_is_created() {
    const NAME: &str = "disabled_nothing_is_created";
    if env::var_os(ROLE).is_some() {
        assert_eq!(stage(), 1);
        let mut run = mltrace::ComponentRun::new("by hand");
        run.start().end();
        assert_eq!(mltrace::log_component_run(run).unwrap(), mltrace::RunId(0));
        return;
    }
    let (folder, deep) = project();
    let store = folder.path().join("store.db");
    succeeded(child(NAME, "disabled", &deep).env("MLTRACE_DB", &store).env("MLTRACE_DISABLED", "1"));
    assert!(!store.exists());
}

#[test]
fn the_commit_of_a_program_that_ends_at_once_is_kept() {
    const NAME: &str = "the_commit_of_a_program_that_ends_at_once_is_kept";
    if plays_its_role() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let here = env::current_dir().unwrap();
    succeeded(child(NAME, "default store", &here).env("MLTRACE_DB", &store).env("MLTRACE_COMMIT", "abc123-dirty"));
    let git = &runs(&store)[0].git;
    assert_eq!((git.commit.as_deref(), git.dirty), (Some("abc123"), Some(true)));
}

#[test]
fn the_commit_of_the_working_directory_is_that_of_code_in_its_repository_alone() {
    const NAME: &str = "the_commit_of_the_working_directory_is_that_of_code_in_its_repository_alone";
    if plays_its_role() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let status = Command::new("git").args(arguments).current_dir(folder.path()).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["tag", "v1"]);
    let store = folder.path().join("store.db");
    succeeded(child(NAME, "default store", folder.path()).env("MLTRACE_DB", &store));
    assert_eq!(runs(&store)[0].git.commit, None, "the code of this test lies elsewhere");

    fs::create_dir(folder.path().join("tests")).unwrap();
    fs::write(folder.path().join(file!()), "as if it lay here").unwrap();
    succeeded(child(NAME, "default store", folder.path()).env("MLTRACE_DB", &store));
    let found = &runs(&store)[0].git;
    assert_eq!(found.commit.as_ref().unwrap().len(), 40);
    assert_eq!((found.dirty, found.tags.as_slice()), (Some(false), ["v1".to_owned()].as_slice()));
}
