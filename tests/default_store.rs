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
    let git = |folder: &Path, arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let repository = folder.path();
    git(repository, &["init", "-q"]).unwrap();
    fs::create_dir(repository.join("tests")).unwrap();
    fs::write(repository.join(file!()), "of the same name").unwrap();
    git(repository, &["add", "-A"]).unwrap();
    let author = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    git(repository, &[&author[..], &["commit", "-q", "-m", "first"]].concat()).unwrap();
    let store = repository.join("store.db");
    succeeded(child(NAME, "default store", repository).env("MLTRACE_DB", &store));
    assert_eq!(runs(&store)[0].git.commit, None, "the code of this test lies elsewhere");

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(commit) = git(here, &["rev-parse", "HEAD"]) else {
        eprintln!("SKIPPED in part: these sources lie in no repository");
        return;
    };
    succeeded(child(NAME, "default store", here).env("MLTRACE_DB", &store));
    let found = &runs(&store)[0].git;
    assert_eq!(found.commit, Some(commit));
    assert_eq!((found.dirty.is_some(), found.source), (true, Some(mltrace::CommitSource::Cwd)));
}

#[test]
fn a_store_and_its_files_stay_where_they_were_when_the_program_moves() {
    const NAME: &str = "a_store_and_its_files_stay_where_they_were_when_the_program_moves";
    if env::var_os(ROLE).is_some() {
        let tracer = Tracer::open("store.db").unwrap();
        let mut run = mltrace::ComponentRun::new("stage");
        run.start().add_output(Path::new("out.txt"));
        fs::write("out.txt", "written").unwrap();
        fs::create_dir("below").unwrap();
        env::set_current_dir("below").unwrap();
        run.end();
        tracer.log_component_run(run).unwrap();
        let output = &tracer.recent(1).unwrap().items[0].outputs[0];
        assert!(output.name.ends_with("/out.txt") && !output.name.contains("below"), "{}", output.name);
        assert!(output.version.is_some());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    succeeded(&mut child(NAME, "moves", folder.path()));
    assert!(folder.path().join("store.db").exists());
}
