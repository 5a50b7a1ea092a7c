use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use mltrace_core::{IoPointer, RunReport, Tracer, Version, VersionKind};
use serde_json::{Value, json};

use crate::cli::{Cli, PATIENCE};
use crate::pipeline::Store;
use crate::serve::Server;

/// Who collects events, as its rule says: which status the request of this number, from 0, is answered with.
pub(crate) struct Collector {
    pub(crate) url: String,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    requests: AtomicUsize,
    /// Events that were acknowledged, each with the bearer's token that came with it.
    events: Mutex<Vec<(Value, Option<String>)>>,
    more: Condvar,
}

impl Collector {
    pub(crate) fn new(rule: fn(usize) -> u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::new(Kept::default());
        let shared = Arc::clone(&kept);
        // Ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&shared);
                thread::spawn(move || kept.serve(&stream, rule));
            }
        });
        Self { url, kept }
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.kept.events.lock().unwrap().iter().map(|(event, _)| event.clone()).collect()
    }

    fn wait_for(&self, events: usize) {
        let kept = self.kept.events.lock().unwrap();
        let (kept, _) = self.kept.more.wait_timeout_while(kept, PATIENCE, |kept| kept.len() < events).unwrap();
        assert!(kept.len() >= events, "only {} events came", kept.len());
    }
}

impl Kept {
    /// Answers requests on one connection until who sends them goes away, also in the midst of one.
    fn serve(&self, stream: &TcpStream, rule: fn(usize) -> u16) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut length, mut token) = (0, None);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                let line = line.trim();
                if line.is_empty() {
                    break;
                }
                let Some((name, value)) = line.split_once(": ") else { continue };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let status = rule(self.requests.fetch_add(1, Ordering::SeqCst));
            if status < 300 {
                self.events.lock().unwrap().push((serde_json::from_slice(&body).unwrap(), token));
                self.more.notify_all();
            }
            write!(&mut &*stream, "HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}").ok()?;
        }
    }
}

fn emit(store: &Store, url: &str) -> Cli {
    let mut cli = Cli::on(store);
    for variable in ["URL", "ENDPOINT", "NAMESPACE", "API_KEY", "DISABLED"] {
        cli = cli.env(&format!("OPENLINEAGE_{variable}"), "");
    }
    cli.args("openlineage emit --url").arg(url)
}

/// What was said of each run, in the order in which it came: component, and type.
fn said(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event["job"]["name"].as_str().unwrap(), event["eventType"].as_str().unwrap())).collect()
}

/// A file of the project, as a run that read or wrote it records it.
fn measured(name: &str) -> IoPointer {
    let version = Version { kind: VersionKind::Hash, value: "c1ea".to_owned() };
    IoPointer { version: Some(version), ..IoPointer::new(name) }
}

fn report(tracer: &Tracer, run: &Value) {
    let report: RunReport = serde_json::from_value(run.clone()).unwrap();
    tracer.log_reports(vec![report]).unwrap().remove(0).unwrap();
}

#[test]
fn each_run_is_sent_once_with_what_it_read_and_wrote_at_its_start_and_at_its_end() {
    let store = Store::empty();
    let collector = Collector::new(|_| 201);
    let outer = store.log("outer", 0, 60, |run| {
        run.add_input(measured("raw.csv")).add_input("s3://lake/raw/zones").add_output("table");
    });
    let outer = store.tracer.run(outer).unwrap().uuid;
    store.log("inner", 0, 5, |run| {
        run.parent(outer).fail("no rides");
    });
    let sent = emit(&store, &collector.url).args("--namespace taxi").answers();
    assert_eq!(sent, json!({"events": 4, "refused": 0}));
    let events = collector.events();
    assert_eq!(said(&events), [("outer", "START"), ("outer", "COMPLETE"), ("inner", "START"), ("inner", "FAIL")]);
    for event in &events[..2] {
        let named = |side: &str| -> Vec<Value> {
            let datasets = event[side].as_array().unwrap();
            datasets.iter().map(|dataset| json!([dataset["namespace"], dataset["name"]])).collect()
        };
        let path = store.folder().join("raw.csv");
        assert_eq!(named("inputs"), [json!(["file", path]), json!(["s3://lake", "raw/zones"])]);
        assert_eq!(named("outputs"), [json!(["taxi", "table"])]);
    }
    for event in &events[2..] {
        let parent = &event["run"]["facets"]["parent"];
        assert_eq!((&parent["run"]["runId"], &parent["job"]["name"]), (&json!(outer), &json!("outer")));
    }
    assert_eq!(events[3]["run"]["facets"]["errorMessage"]["message"], "no rides");
    assert_eq!(
        (events[0]["eventTime"].as_str(), events[1]["eventTime"].as_str()),
        (Some("2020-05-01T06:00:00Z"), Some("2020-05-01T06:01:00Z"),)
    );
    assert_eq!(emit(&store, &collector.url).succeeds(), "0 events sent\n", "all of it was sent before");
}

#[test]
fn of_a_run_that_is_open_the_end_is_sent_when_it_has_come() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    let mut run = json!({"component": "long", "uuid": "0197f3c0-0000-7000-8000-000000000001",
                         "started_at": "2020-05-01T00:00:00Z"});
    report(&store.tracer, &run);
    assert_eq!(emit(&store, &collector.url).succeeds(), "1 events sent\n");
    store.log("short", 1, 1, |_| {});
    assert_eq!(emit(&store, &collector.url).succeeds(), "2 events sent\n");
    run["ended_at"] = json!("2020-05-01T09:00:00Z");
    report(&store.tracer, &run);
    assert_eq!(emit(&store, &collector.url).succeeds(), "1 events sent\n");
    let events = collector.events();
    assert_eq!(said(&events), [("long", "START"), ("short", "START"), ("short", "COMPLETE"), ("long", "COMPLETE")]);
}

#[test]
fn a_collector_that_fails_every_other_time_and_a_sender_that_is_killed_lose_nothing() {
    let store = Store::of_a_chain(20);
    let collector = Collector::new(|number| if number % 2 == 0 { 503 } else { 201 });
    for kill in 1..=6 {
        let mut child = emit(&store, &collector.url).args("--follow").starts();
        collector.wait_for(5 * kill);
        child.kill().unwrap();
        child.wait().unwrap();
        store.log("step", 100 + i64::try_from(kill).unwrap(), 1, |_| {});
    }
    emit(&store, &collector.url).succeeds();
    let events = collector.events();
    let runs = store.tracer.recent(100).unwrap().items;
    assert_eq!(runs.len(), 26);
    for run in runs {
        let of_run = events.iter().filter(|event| event["run"]["runId"] == json!(run.uuid));
        let kinds: Vec<_> = of_run.map(|event| event["eventType"].as_str().unwrap()).collect();
        assert!(kinds[0] == "START" && kinds.contains(&"COMPLETE"), "{}: {kinds:?}", run.id);
    }
    assert!(events.len() < 2 * 26 + 2 * 6 + 1, "a kill repeats one run at most: {}", events.len());
}

#[test]
fn what_nobody_takes_waits_and_who_is_refused_is_told_why() {
    let store = Store::of_a_chain(2);
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let unreached = emit(&store, &gone).fails(2);
    assert!(unreached.contains("cannot be reached") && unreached.contains("is sent the next time"), "{unreached}");
    let denying = Collector::new(|_| 401);
    assert!(emit(&store, &denying.url).fails(2).contains("answered 401"));
    assert!(emit(&store, "https://localhost:1").fails(2).contains("needs TLS"));
    assert!(emit(&store, "nowhere").fails(2).contains("nowhere"));
    let unnamed = Cli::on(&store).env("OPENLINEAGE_URL", "").args("openlineage emit").fails(2);
    assert!(unnamed.contains("give --url"), "{unnamed}");
    let open = Collector::new(|_| 201);
    let taken = emit(&store, &open.url).env("OPENLINEAGE_API_KEY", "secret").env("OPENLINEAGE_ENDPOINT", "/events");
    assert_eq!(taken.succeeds(), "4 events sent\n");
    assert!(open.kept.events.lock().unwrap().iter().all(|(_, token)| token.as_deref() == Some("secret")));
}

#[test]
fn an_event_that_is_refused_for_good_does_not_keep_back_the_others() {
    let store = Store::of_a_chain(2);
    let collector = Collector::new(|number| if number == 1 { 422 } else { 201 });
    let mut child = emit(&store, &collector.url).args("--json").starts();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({"events": 3, "refused": 1}));
    assert!(err.contains("an event is left out") && err.contains("422"), "{err}");
}

#[test]
fn nothing_is_sent_where_the_environment_says_so() {
    let store = Store::of_a_chain(1);
    let collector = Collector::new(|_| 201);
    let said = emit(&store, &collector.url).env("OPENLINEAGE_DISABLED", "true").succeeds();
    assert!(said.starts_with("nothing is sent") && collector.events().is_empty(), "{said}");
}

#[test]
fn runs_that_one_store_sends_to_another_are_one_lineage_there_and_are_not_sent_back() {
    let here = Store::empty();
    here.log("clean", 0, 1, |run| {
        run.add_output(measured("clean.csv"));
    });
    here.log("train", 1, 1, |run| {
        run.add_input(measured("clean.csv")).add_output("s3://lake/forest.model");
    });
    let there = Store::empty();
    let server = Server::on(&there);
    let url = format!("http://{}", server.address);
    assert_eq!(emit(&here, &url).succeeds(), "4 events sent\n");
    let traced = Cli::on(&there).args("trace s3://lake/forest.model").answers();
    let names: Vec<_> = traced["runs"].as_array().unwrap().iter().map(|node| &node["run"]["component"]).collect();
    assert_eq!(names, ["default/train", "default/clean"]);
    let file = here.folder().join("clean.csv");
    assert_eq!(traced["edges"][0]["pointer"], json!(file), "outside of its project it has its whole name");
    assert_eq!(emit(&there, &Collector::new(|_| 201).url).succeeds(), "0 events sent\n");
}

#[test]
fn what_an_event_tells_of_a_run_is_shown_with_the_run_as_it_came() {
    let store = Store::empty();
    let server = Server::on(&store);
    let event = json!({
        "eventType": "COMPLETE", "eventTime": "2026-02-01T08:00:00Z", "run": {"runId": "nightly", "facets": {
            "acme_cost": {"usd": 3}, "parent": {"run": 7}}},
        "job": {"namespace": "etl", "name": "clean"},
        "inputs": [{"namespace": "s3://lake", "name": "raw", "inputFacets": {"inputStatistics": {"rowCount": 81}}}],
    });
    let sent = ureq::post(format!("http://{}/api/v1/lineage", server.address)).send(event.to_string()).unwrap();
    assert_eq!(sent.status(), 201);
    let shown = Cli::on(&store).args("inspect 1").succeeds();
    for line in [
        r#"openlineage.run.acme_cost = {"_toldAt":"2026-02-01T08:00:00Z","usd":3}"#,
        r#"openlineage.input.inputStatistics:s3://lake/raw = {"_toldAt":"2026-02-01T08:00:00Z","rowCount":81}"#,
        r#"openlineage.run.parent = {"_setAside":"the facet cannot be read: invalid type: "#,
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}
