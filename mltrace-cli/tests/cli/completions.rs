use std::env;
use std::path::Path;
use std::process::Command;

use crate::cli::Cli;
use crate::pipeline::Store;

/// What bash offers for the last of these words.
fn offered(store: &Store, words: &[&str]) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_mltrace")).parent().unwrap();
    let path = env::var_os("PATH").unwrap();
    let path = env::join_paths(std::iter::once(program.to_owned()).chain(env::split_paths(&path))).unwrap();
    let press_tab = r#"
        source <(mltrace completions bash)
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _clap_complete_mltrace mltrace "${COMP_WORDS[COMP_CWORD]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["-c", press_tab, "bash", "mltrace"])
        .args(words)
        .env("PATH", path)
        .env("MLTRACE_DB", store.path())
        .output()
        .unwrap();
    let mut offered: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect();
    offered.retain(|word| !word.is_empty());
    offered
}

#[test]
fn bash_completes_the_names_of_components() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(offered(&store, &["history", "cl"]), ["cleaning"]);
    assert!(offered(&store, &["tag", ""]).contains(&"train".to_owned()));
    assert!(offered(&store, &["history", "nothing"]).is_empty());
}

#[test]
fn bash_completes_outputs_runs_owners_tags_and_labels() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer-7").write().unwrap();
    let all = |words: &[&str], expected: &str| {
        let offered = offered(&store, words);
        assert!(offered.iter().any(|word| word == expected), "{words:?}: {offered:?}");
    };
    all(&["trace", "models/"], "models/forest.model");
    all(&["inspect", ""], "1");
    all(&["components", "--owner", ""], "data-team");
    all(&["components", "--tag", ""], "nightly");
    all(&["retract", "cust"], "customer-7");
    store.tracer.task("high_tip").unwrap().log_output("ride", 0.5).unwrap();
    all(&["drift", "hi"], "high_tip");
    all(&["profile", "hi"], "high_tip");
    all(&["metrics", "high_tip", "--metric", "roc"], "roc_auc");
}

#[test]
fn the_store_that_the_line_names_is_the_one_that_is_asked() {
    let (elsewhere, store) = (Store::empty(), Store::of_a_taxi_pipeline());
    let path = store.path().to_str().unwrap().to_owned();
    assert_eq!(offered(&elsewhere, &["--db", &path, "history", "cl"]), ["cleaning"]);
    assert_eq!(offered(&elsewhere, &[&format!("--db={path}"), "history", "cl"]), ["cleaning"]);
    assert!(offered(&elsewhere, &["history", "cl"]).is_empty());
}

#[test]
fn where_there_is_no_store_commands_are_completed_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.db");
    let offered = Cli::bare()
        .env("MLTRACE_DB", missing.to_str().unwrap())
        .env("MLTRACE_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "1")
        .args("-- mltrace hist")
        .succeeds();
    assert_eq!(offered, "history");
    assert!(!missing.exists());
}

#[test]
fn each_shell_gets_its_completions_without_a_store() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Cli::bare().args("completions").arg(shell).succeeds();
        assert!(script.contains("mltrace") && script.contains("MLTRACE_COMPLETE"), "{shell}: {script}");
    }
}
