//! The model behind an address while rides come in, and a real Prometheus that watches: every query of the dashboard and of
//! the alert rules gives data.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use mltrace::Tracer;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(180);

/// The whole of it in a process of its own, killed with its test.
struct Live {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    predict: String,
    mltrace: String,
    place: TempDir,
}

impl Live {
    fn new(arguments: &[&str]) -> Self {
        let place = TempDir::new().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_taxi"))
            .args(["live", "--listen", "127.0.0.1:0", "--mltrace", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(place.path())
            .env("MLTRACE_DB", place.path().join("mltrace.db"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let told = lines.next().expect("a line").expect("text");
        let addresses: Vec<&str> = told.split([' ', ',']).filter(|word| word.starts_with("http://")).collect();
        let [predict, mltrace] = addresses[..] else { panic!("{told}") };
        Self { predict: predict.to_owned(), mltrace: mltrace.to_owned(), child, lines, place }
    }

    fn tracer(&self) -> Tracer {
        Tracer::open_existing(self.place.path().join("mltrace.db")).expect("the store")
    }
}

/// A Prometheus that scrapes it, killed with its test.
struct Prometheus {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Prometheus {
    /// `None` where it is not installed.
    fn on(live: &Live) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let target = live.mltrace.trim_start_matches("http://");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n  \
             - job_name: mltrace\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).expect("written");
        fs::write(folder.path().join("rules.yml"), mltrace_server::RULES).expect("written");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address={free}")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            child => child.expect("it starts"),
        };
        Some(Self { child, url: format!("http://{free}"), _folder: folder })
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut answer = ureq::Agent::from(agent).get(format!("{}{path}", self.url)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// What a query gives, as soon as it gives anything.
    fn wait_for(&self, query: &str) -> Vec<Value> {
        let mut encoded = String::new();
        query.bytes().for_each(|byte| write!(encoded, "%{byte:02X}").expect("memory"));
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(&format!("/api/v1/query?query={encoded}")).unwrap_or_default();
            assert_ne!(answer["status"], "error", "{query}: {answer}");
            match answer["data"]["result"].as_array() {
                Some(found) if !found.is_empty() => return found.clone(),
                _ => assert!(Instant::now() < end, "{query} gives nothing"),
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

fn queries_of_the_dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(mltrace_server::DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let chosen = |query: &str| query.replace("$__rate_interval", "1m").replace("$task", ".*").replace("$metric", ".*");
    targets.map(|target| chosen(target["expr"].as_str().expect("text"))).collect()
}

#[test]
fn while_rides_come_in_every_query_of_the_dashboard_and_of_the_rules_gives_data() {
    // The four months in a quarter of a minute.
    let live = Live::new(&["--rate", "1024"]);
    let Some(prometheus) = Prometheus::on(&live) else {
        writeln!(io::stderr(), "skipped: there is no Prometheus here; `cargo xtask test` fetches it").expect("told");
        return;
    };
    // Rates need two scrapes.
    prometheus.wait_for("count_over_time(mltrace_drift_severity[1m]) > 2");
    let queries = queries_of_the_dashboard();
    assert!(queries.len() > 20, "{queries:?}");
    for query in queries {
        prometheus.wait_for(&query);
    }
    let groups = prometheus.ask("/api/v1/rules").expect("rules");
    let groups = groups["data"]["groups"].as_array().expect("groups");
    let rules: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")).collect();
    assert_eq!(rules.len(), 8);
    for rule in rules {
        // Whether it fires or not: as 1 or 0.
        let query = rule["query"].as_str().expect("text").replace(" > ", " > bool ").replace(" >= ", " >= bool ");
        prometheus.wait_for(&query);
    }
    // In April hardly anybody rides, and who does tips otherwise; and the rides are of 2020.
    prometheus.wait_for("max_over_time(mltrace_output_mean[5m]) - min_over_time(mltrace_output_mean[5m]) > 0.03");
    for alert in ["MltraceModelDrifts", "MltraceColumnAlarms", "MltraceNoOutputs"] {
        prometheus.wait_for(&format!("ALERTS{{alertname=\"{alert}\", task=\"high_tip\"}}"));
    }
}

#[test]
fn every_ride_is_answered_and_an_answer_leads_back_to_the_model_and_its_tip() {
    let mut live = Live::new(&["--rate", "1000000", "--serve", "2020-03..2020-04"]);
    let told = live.lines.next().expect("a line").expect("text");
    let [rides, tips] = ["rides sent", "tips told"].map(|what| {
        let before = told.split(what).next().expect("text").trim_end();
        before.rsplit(' ').next().expect("a word").replace(',', "").parse::<u64>().unwrap_or_else(|_| panic!("{told}"))
    });
    let tracer = live.tracer();
    let task = tracer.task("high_tip").expect("the task");
    let outputs = task.outputs(None, None).expect("outputs").values;
    assert_eq!(outputs.count, rides);
    assert!(tips > rides * 8 / 10 && tips < rides, "{told}");
    let last = tracer.history("predict").get().expect("runs").items.remove(0);
    let prediction = &last.outputs[0].name;
    let behind = tracer.trace(prediction).get().expect("a trace");
    let names: Vec<&str> = behind.runs.iter().map(|node| node.run.component.as_str()).collect();
    assert_eq!(names[..3], ["predict", "train", "split"]);

    let agent = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut refused = ureq::Agent::from(agent)
        .post(&live.predict)
        .header("content-type", "application/json")
        .send(r#"[{"pickup": "2020-03-01T00:00:00", "features": [1, 2]}]"#)
        .expect("an answer");
    let reason = refused.body_mut().read_to_string().expect("text");
    assert!(refused.status() == 422 && reason.contains("features"), "{reason}");
}
