//! Events as a real client of OpenLineage sends them.

use std::path::PathBuf;
use std::process::Command;

use mltrace_core::{ComponentRun, Status};
use mltrace_server::{Config, Limits};

use crate::client::Server;
use crate::sockets::start;

/// Names a Python that has `openlineage-python`, where the one on the path has not.
const PYTHON: &str = "MLTRACE_OPENLINEAGE_PYTHON";

fn python() -> Option<PathBuf> {
    let python = std::env::var_os(PYTHON).map_or_else(|| "python3".into(), PathBuf::from);
    let has_client = Command::new(&python).args(["-c", "import openlineage.client.event_v2"]).output().ok()?;
    has_client.status.success().then_some(python)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_emits_by_the_client_for_python_is_behind_the_rust_stage_that_reads_its_file() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python here has openlineage-python; install it, or name one that has it by {PYTHON}");
        return;
    };
    let running = start(Server::with(Config::default()), Limits::default()).await;
    let server = &running.server;
    let path = server.folder.path().join("rides.csv");
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/openlineage_client.py"));
    command.arg(format!("http://{}", running.address)).arg(&path);
    let emitted = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&emitted.stderr).into_owned();
    assert!(emitted.status.success() && !said.to_lowercase().contains("fail"), "{said}");
    let mut stage = ComponentRun::new("train");
    stage.start().add_input(path.as_path()).add_output("forest.model").end();
    server.tracer.log_component_run(stage).unwrap();

    let behind = server.tracer.trace("forest.model").get().unwrap();
    let names: Vec<_> = behind.runs.iter().map(|node| node.run.component.as_str()).collect();
    assert_eq!(names, ["train", "python/clean"]);
    let clean = server.tracer.run(behind.runs[1].run.id).unwrap();
    assert_eq!((clean.status, clean.duration_ms), (Status::Completed, Some(300_000.0)));
    assert_eq!(clean.inputs[0].pointer.name, "s3://lake/raw/rides");
    assert_eq!(clean.code.snapshot.as_deref(), Some("rides.dropna()"));
    let kept = |name: &str| clean.params.keys().any(|param| param.starts_with(&format!("openlineage.{name}")));
    assert!(kept("run.nominalTime") && kept("input.schema:") && kept("output.outputStatistics:"), "{:?}", clean.params);
    assert!(clean.params.values().all(|value| value.get("_setAside").is_none()), "{:?}", clean.params);
    let component = server.tracer.component("python/clean").unwrap();
    assert_eq!(component.owner.as_deref(), Some("anna"));
    assert_eq!(component.description.as_deref(), Some("Drops rides without a fare"));
    let score = server.tracer.history("python/score").get().unwrap().items.remove(0);
    assert_eq!((score.status, score.error.as_deref()), (Status::Failed, Some("no model")));
}
