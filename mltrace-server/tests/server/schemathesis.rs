//! The service as schemathesis, a program that reads its description and tries what it says, finds it.

use std::path::PathBuf;
use std::process::Command;

use mltrace_core::ComponentRun;
use mltrace_server::{Config, Limits};

use crate::client::Server;
use crate::sockets::start;

/// Names the program, where it is not on the path.
const PROGRAM: &str = "MLTRACE_SCHEMATHESIS";

/// What has the described form is never answered with 400, for that says that it has not; 422 says that it cannot be meant.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "422", "503"]
"#;

fn program() -> Option<PathBuf> {
    let on_path = || {
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join("schemathesis")).find(|program| program.is_file())
    };
    std::env::var_os(PROGRAM).map(PathBuf::from).or_else(on_path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_no_fault_with_all_its_checks() {
    let Some(program) = program() else {
        eprintln!("skipped: there is no schemathesis; install it, or name it by {PROGRAM}");
        return;
    };
    let running = start(Server::with(Config::default()), Limits::default()).await;
    let server = &running.server;
    let mut run = ComponentRun::new("train");
    run.start().add_input("rides").add_output("forest").end();
    server.tracer.log_component_run(run).unwrap();
    server.tracer.task("tip").unwrap().log_output("ride-1", 0.5).unwrap();
    let settings = server.folder.path().join("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let mut command = Command::new(program);
    command.arg("--config-file").arg(&settings).arg("run").arg(format!("http://{}/api/openapi.json", running.address));
    command.args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "20"]);
    command.args(["--seed", "1", "--no-color", "--continue-on-failure"]).current_dir(server.folder.path());
    let found = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(found.status.success(), "{said}\n{}", String::from_utf8_lossy(&found.stderr));
    assert!(said.contains("Tested: "), "{said}");
}
