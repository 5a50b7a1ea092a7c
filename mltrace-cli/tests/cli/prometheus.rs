//! A real Prometheus over a real server: every query of the dashboard and of the rules gives data.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{Cli, PATIENCE};
use crate::monitored::Deployed;
use crate::serve::Server;

/// Killed with its test.
struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// `None` where it is not installed.
    fn on(server: &Server, rules: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n  \
             - job_name: mltrace\n    static_configs: [{{targets: ['{}']}}]\n",
            server.address
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=data");
        command.arg(format!("--web.listen-address={address}")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().ok()?;
        Some(Self { child, url: format!("http://{address}"), _folder: folder })
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut answer = ureq::Agent::from(agent).get(format!("{}{path}", self.url)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// What a query gives now.
    fn query(&self, query: &str) -> Vec<Value> {
        let mut encoded = String::new();
        query.bytes().for_each(|byte| write!(encoded, "%{byte:02X}").unwrap());
        let answer = self.ask(&format!("/api/v1/query?query={encoded}")).unwrap_or_default();
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    fn wait_for(&self, query: &str) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.query(query);
            if !found.is_empty() {
                return found;
            }
            assert!(Instant::now() < end, "{query} gives nothing");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let chosen = |query: &str| query.replace("$__rate_interval", "1m").replace("$task", ".*").replace("$metric", ".*");
    targets.map(|target| chosen(target["expr"].as_str().unwrap())).collect()
}

#[test]
fn every_query_of_the_dashboard_and_of_the_rules_gives_data() {
    let dashboard: Value = serde_json::from_str(&Cli::bare().args("grafana").succeeds()).unwrap();
    let rules = Cli::bare().args("prometheus-rules").succeeds();
    let deployed = Deployed::new();
    let server = Server::on(&deployed.store);
    let Some(prometheus) = Prometheus::on(&server, &rules) else {
        eprintln!("skipped: there is no Prometheus here; install the package `prometheus`");
        return;
    };
    // Rates need two scrapes.
    prometheus.wait_for("count_over_time(mltrace_drift_severity[1m]) > 2");
    let queries = queries(&dashboard);
    assert!(queries.len() > 20, "{queries:?}");
    for query in queries {
        assert!(!prometheus.wait_for(&query).is_empty());
    }
    let groups = prometheus.ask("/api/v1/rules").unwrap();
    let groups = groups["data"]["groups"].as_array().unwrap().clone();
    let rules: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(rules.len(), 7);
    for rule in rules {
        // Whether it fires or not: as 1 or 0.
        let query = rule["query"].as_str().unwrap().replace(" > ", " > bool ");
        assert!(!prometheus.wait_for(&query).is_empty());
    }
    // In the third week rides have grown longer, and the last output is years old.
    for alert in ["MltraceColumnAlarms", "MltraceNoOutputs"] {
        prometheus.wait_for(&format!("ALERTS{{alertname=\"{alert}\", task=\"high_tip\"}}"));
    }
}
