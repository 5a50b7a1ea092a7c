use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::Cli;
use crate::serve::Server;

/// A demo, and what it said; its store lies in a folder of the test, because a server that is killed leaves it behind.
struct Demo {
    server: Server,
    said: Value,
    folder: TempDir,
}

fn demo() -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::bare().in_folder(folder.path()).env("TMPDIR", folder.path().to_str().unwrap());
    let (server, said) = Server::of(cli.args("serve --demo --listen 127.0.0.1:0"));
    Demo { server, said, folder }
}

/// What is found at a path of the interface.
fn found(server: &Server, path: &str) -> Value {
    let (status, found) = server.get(&format!("/api/v1{path}"));
    assert_eq!(status, 200, "{path}: {found}");
    found
}

fn items(found: &Value) -> &[Value] {
    found["items"].as_array().unwrap()
}

#[test]
fn a_demo_tells_where_to_begin_and_each_of_these_pages_is_there() {
    let Demo { server, said, folder: _folder } = demo();
    let begin = said["begin"].as_array().unwrap();
    assert!(begin[0]["url"].as_str().unwrap().contains("/trace/ride-"), "{said}");
    for begin in begin {
        let path = begin["url"].as_str().unwrap().strip_prefix(&format!("http://{}", server.address)).unwrap();
        assert_eq!(server.get(path).0, 200, "{path}");
    }
}

#[test]
fn a_demo_has_runs_of_every_component_some_failed_and_one_lost() {
    let Demo { server, folder: _folder, .. } = demo();
    let components = found(&server, "/components");
    let names: Vec<_> = items(&components).iter().map(|component| component["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cleaning", "dbt/zone_tips", "featuregen", "inference", "split", "train"]);
    assert!(items(&components).iter().all(|component| component["owner"].is_string()), "{components}");
    for (component, status, error) in [
        ("cleaning", "failed", "is it another month's file?"),
        ("featuregen", "failed", "RatecodeID 99"),
        ("train", "lost", ""),
    ] {
        let runs = found(&server, &format!("/components/{component}/runs?status={status}"));
        let tells = |run: &Value| run["error"].as_str().unwrap_or_default().contains(error);
        assert!(!items(&runs).is_empty() && items(&runs).iter().all(tells), "{component}: {runs}");
    }
    let cleaned = found(&server, "/components/cleaning/runs?limit=200");
    let checks: Vec<_> = items(&cleaned).iter().flat_map(|run| run["checks"].as_array().unwrap()).collect();
    for status in ["passed", "failed"] {
        assert!(checks.iter().any(|check| check["status"] == status), "no check has {status}");
    }
    assert!(items(&cleaned).iter().any(|run| run["notes"][0]["text"].is_string()), "nobody remarked anything");
}

#[test]
fn the_first_suspect_of_a_demo_is_the_run_whose_code_had_changed() {
    let Demo { server, folder: _folder, .. } = demo();
    let review = found(&server, "/review");
    assert_eq!(review["flagged"].as_array().unwrap().len(), 4);
    let suspect = &review["runs"][0]["run"];
    assert_eq!(suspect["component"], "featuregen");
    assert!(review["runs"][0]["suspicion"].as_f64().unwrap() > 0.8, "{}", review["why"]);
    let (component, end) = (suspect["component"].as_str().unwrap(), suspect["started_at"].as_str().unwrap());
    let before = found(&server, &format!("/components/{component}/runs?until={end}&limit=2"))["items"][1]["id"].clone();
    let diff = found(&server, &format!("/diff?before={before}&after={}", suspect["id"]));
    let changed = diff["code"]["unified"].as_str().unwrap();
    let lines = |sign: char| changed.lines().filter(|line| line.starts_with(sign)).count();
    assert_eq!((lines('-'), lines('+')), (2, 2), "the two names and one line: {changed}");
    assert!(changed.contains("trip_time") && diff["commit"].is_object(), "{diff}");
    assert_eq!(diff["inputs"]["same"], 1, "they read the same");
    let metrics = diff["metrics"]["changed"].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(metrics, ["mean_trip_speed", "mean_trip_time"]);
}

#[test]
fn predictions_with_the_same_fault_are_left_to_be_found_and_flagged() {
    let Demo { server, folder: _folder, .. } = demo();
    let review = found(&server, "/review");
    let flagged: Vec<_> = review["flagged"].as_array().unwrap().iter().map(|output| output["name"].clone()).collect();
    let fault = review["runs"][0]["run"]["id"].clone();
    let touched = found(&server, &format!("/impact?run={fault}"));
    let runs = touched["runs"].as_array().unwrap().iter().map(|found| &found["run"]);
    let outputs = runs.filter(|run| run["component"] == "inference").flat_map(|run| run["outputs"].as_array().unwrap());
    let wrong: Vec<_> = outputs.map(|output| output["name"].clone()).collect();
    assert!(wrong.len() > 30 && flagged.iter().all(|name| wrong.contains(name)), "{wrong:?}");
    let page = server.page("/tasks/high_tip");
    let (_, worst) = page.split_once("The worst day").unwrap();
    let shown = wrong.iter().filter(|name| worst.contains(&format!(">{}<", name.as_str().unwrap())));
    assert_eq!(shown.count(), 10, "{worst}");
}

#[test]
fn the_model_of_a_demo_is_stale_its_data_drifts_and_it_is_to_be_trained_again() {
    let Demo { server, folder: _folder, .. } = demo();
    let stale = found(&server, "/stale?component=train");
    let kinds: Vec<_> = items(&stale)[0]["stale"].as_array().unwrap().iter().map(|reason| &reason["kind"]).collect();
    assert_eq!(kinds, ["old_run", "stale_upstream"]);
    let drift = found(&server, "/tasks/high_tip/drift");
    assert_eq!(drift["severity"], "critical");
    let retrain = found(&server, "/tasks/high_tip/retrain");
    assert_eq!(retrain["answer"], "yes");
    let met = retrain["findings"].as_array().unwrap().iter().filter(|finding| finding["answer"] == "yes");
    let met: Vec<_> = met.map(|finding| finding["criterion"].as_str().unwrap()).collect();
    assert_eq!(met, ["metric", "drift", "model_age", "fresher_data"], "{retrain}");
}

#[test]
fn a_label_of_a_demo_is_retracted_and_somebody_read_it_since() {
    let Demo { server, said, folder: _folder } = demo();
    let labels = found(&server, "/labels");
    assert_eq!(items(&labels)[0]["retraction"]["retracted_by"], "data office", "{labels}");
    let retracted = Cli::at(said["store"].as_str().unwrap()).args("retracted").answers();
    assert_eq!(retracted["items"][0]["runs"][0]["component"], "dbt/zone_tips");
}

#[test]
fn a_demo_is_gone_when_its_server_ends() {
    let Demo { server, said, folder } = demo();
    let store = Path::new(said["store"].as_str().unwrap());
    assert!(store.starts_with(folder.path()) && store.exists());
    server.tell(Signal::TERM);
    assert_eq!(server.ends(), (0, String::new()));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it worked there and leaves nothing");
}

#[test]
fn a_demo_of_a_store_that_is_named_is_refused() {
    let here = tempfile::tempdir().unwrap();
    for arguments in ["--db some.db serve --demo", "serve --demo --db some.db"] {
        let refused = Cli::bare().in_folder(here.path()).args(arguments).fails(2);
        assert!(refused.contains("leave out --db, or --demo"), "{refused}");
    }
    assert_eq!(here.path().read_dir().unwrap().count(), 0);
}
