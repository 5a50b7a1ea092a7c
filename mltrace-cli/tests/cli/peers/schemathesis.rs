//! The server as schemathesis, a program that reads its description and tries what it says, finds it.

use std::fs;
use std::process::Command;

use super::{find, skipped};
use crate::monitored::Deployed;
use crate::serve::Server;

/// What has the described form is never answered with 400, for that says that it has not; 422 says that it cannot be meant.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "422", "503"]
"#;

#[test]
fn schemathesis_finds_no_fault_with_all_its_checks() {
    let Some(program) = find("schemathesis") else { return skipped("schemathesis") };
    let deployed = Deployed::new();
    let server = Server::on(&deployed.store);
    let folder = deployed.store.folder();
    fs::write(folder.join("schemathesis.toml"), SETTINGS).unwrap();
    let mut command = Command::new(program);
    command
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{}/api/openapi.json", server.address));
    command.args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "20"]);
    command.args(["--seed", "1", "--no-color", "--continue-on-failure"]).current_dir(folder);
    let found = command.output().unwrap();
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(found.status.success(), "{said}\n{}", String::from_utf8_lossy(&found.stderr));
    assert!(said.contains("Tested: "), "{said}");
}
