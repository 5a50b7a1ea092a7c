//! What is printed for those who watch a server.

use mltrace_server::{DASHBOARD, RULES};
use serde_json::Value;

use crate::cli::Cli;

#[test]
fn a_dashboard_and_rules_are_printed_without_a_store() {
    let dashboard = Cli::bare().args("grafana").succeeds();
    assert_eq!(dashboard, DASHBOARD);
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    assert_eq!(dashboard["uid"], "mltrace");
    assert_eq!(Cli::bare().args("prometheus-rules").succeeds(), RULES);
}
