use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use mltrace_core::{IoPointer, RunId, RunReport, Tracer, Version, VersionKind};
use serde_json::{Value, json};

use crate::cli::{Cli, PATIENCE, end_of};
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
            // A page that is asked for is answered, too, as a proxy or a login page would.
            if status < 300
                && let Ok(event) = serde_json::from_slice(&body)
            {
                self.events.lock().unwrap().push((event, token));
                self.more.notify_all();
            }
            let place = if (300..400).contains(&status) { "location: /moved\r\n" } else { "" };
            write!(&mut &*stream, "HTTP/1.1 {status} x\r\n{place}content-length: 2\r\n\r\n{{}}").ok()?;
        }
    }
}

fn emit(store: &Store, url: &str) -> Cli {
    emit_somewhere(store).arg("--url").arg(url)
}

fn emit_somewhere(store: &Store) -> Cli {
    let mut cli = Cli::on(store);
    for variable in ["URL", "ENDPOINT", "NAMESPACE", "API_KEY", "PARENT_ID", "DISABLED"] {
        cli = cli.env(&format!("OPENLINEAGE_{variable}"), "");
    }
    cli.args("openlineage emit")
}

/// The parent that each event names: namespace, name, and run.
fn parents(events: &[Value]) -> Vec<[&str; 3]> {
    let parents = events.iter().map(|event| &event["run"]["facets"]["parent"]);
    parents
        .map(|parent| {
            ["/job/namespace", "/job/name", "/run/runId"]
                .map(|place| parent.pointer(place).and_then(Value::as_str).unwrap_or_default())
        })
        .collect()
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
        run.add_input(measured("raw.csv")).add_input("s3://lake/raw/zones").add_input("hdfs://node:8020/raw/zones");
        run.add_output("table");
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
        let elsewhere = [json!(["s3://lake", "raw/zones"]), json!(["hdfs://node:8020", "/raw/zones"])];
        assert_eq!(named("inputs"), [[json!(["file", path])].as_slice(), &elsewhere].concat());
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
fn each_way_to_end_has_its_event() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    for status in ["completed", "failed", "panicked", "cancelled"] {
        let run = json!({"component": status, "status": status, "started_at": "2020-05-01T00:00:00Z",
                         "ended_at": "2020-05-01T00:00:01Z"});
        report(&store.tracer, &run);
    }
    emit(&store, &collector.url).succeeds();
    let ends = [("completed", "COMPLETE"), ("failed", "FAIL"), ("panicked", "FAIL"), ("cancelled", "ABORT")];
    assert_eq!(said(&collector.events()).into_iter().skip(1).step_by(2).collect::<Vec<_>>(), ends);
}

#[test]
fn of_a_lost_run_that_comes_back_the_end_is_sent_when_it_has_come() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    store.log("long", 0, 1, |_| {});
    let sql = rusqlite::Connection::open(store.path()).unwrap();
    let (status, ended_at): (i64, i64) =
        sql.query_row("SELECT status, ended_at FROM run", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    sql.execute_batch("UPDATE run SET status = 0, ended_at = NULL").unwrap();
    sql.execute_batch("UPDATE process SET heartbeat_at = heartbeat_at - 600000000").unwrap();
    assert_eq!(emit(&store, &collector.url).succeeds(), "2 events sent\n");
    assert_eq!(emit(&store, &collector.url).succeeds(), "0 events sent\n", "it is still lost");
    sql.execute_batch("UPDATE process SET heartbeat_at = heartbeat_at + 600000000").unwrap();
    assert_eq!(emit(&store, &collector.url).succeeds(), "0 events sent\n", "it runs, as was said");
    sql.execute("UPDATE run SET status = ?1, ended_at = ?2", [status, ended_at]).unwrap();
    assert_eq!(emit(&store, &collector.url).succeeds(), "1 events sent\n");
    assert_eq!(said(&collector.events()), [("long", "START"), ("long", "ABORT"), ("long", "COMPLETE")]);
}

#[test]
fn a_run_without_a_parent_has_that_of_the_environment_and_one_with_a_parent_its_own() {
    const TASK: &str = "0197f3c0-0000-7000-8000-000000000007";
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    let outer = store.log("outer", 0, 60, |_| {});
    let outer = store.tracer.run(outer).unwrap().uuid;
    store.log("inner", 0, 5, |run| {
        run.parent(outer);
    });
    let stranger = "0197f3c0-0000-7000-8000-000000000008";
    store.log("called from elsewhere", 0, 5, |run| {
        run.parent(stranger.parse().unwrap());
    });
    let asked = |parent: &str| {
        let cli = emit_somewhere(&store).env("OPENLINEAGE_URL", &collector.url);
        cli.env("OPENLINEAGE_NAMESPACE", "taxi").env("OPENLINEAGE_PARENT_ID", parent)
    };
    assert!(asked("rides").fails(2).contains("`rides` is no `namespace/job/run`"));
    assert_eq!(asked(&format!("airflow/rides.train/{TASK}")).succeeds(), "6 events sent\n");
    let events = collector.events();
    assert!(events.iter().all(|event| event["job"]["namespace"] == "taxi"));
    let outer = outer.to_string();
    let of_each = [["airflow", "rides.train", TASK], ["taxi", "outer", &outer], ["taxi", "unknown", stranger]];
    assert_eq!(parents(&events), of_each.map(|parent| [parent, parent]).concat());
}

#[test]
fn a_parent_that_came_as_events_is_the_job_that_they_named() {
    let store = Store::empty();
    let server = Server::on(&store);
    let task = "0197f3c0-0000-7000-8000-000000000007";
    let started = json!({"eventType": "START", "eventTime": "2020-05-01T00:00:00Z", "run": {"runId": task},
                         "job": {"namespace": "airflow", "name": "rides.train"}});
    let asking = ureq::post(format!("http://{}/api/v1/lineage", server.address));
    asking.header("content-type", "application/json").send(started.to_string()).unwrap();
    store.log("train", 0, 1, |run| {
        run.parent(task.parse().unwrap());
    });
    let collector = Collector::new(|_| 200);
    assert_eq!(emit(&store, &collector.url).succeeds(), "2 events sent\n");
    assert_eq!(parents(&collector.events()), [["airflow", "rides.train", task]; 2]);
}

#[test]
fn who_follows_knows_a_parent_that_is_recorded_after_the_runs_that_it_calls() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    store.log("before", 0, 1, |_| {});
    let mut child = emit(&store, &collector.url).args("--follow").starts();
    collector.wait_for(2);
    outer_until(&store, || collector.wait_for(4));
    collector.wait_for(6);
    child.kill().unwrap();
    child.wait().unwrap();
    let events = collector.events();
    let outer = store.tracer.history("outer").get().unwrap().items.remove(0).uuid.to_string();
    let inner: Vec<_> = events.into_iter().filter(|event| event["job"]["name"] == "inner").collect();
    assert_eq!(parents(&inner), [["default", "outer", &outer]; 2]);
}

#[mltrace::component]
fn outer(until: &dyn Fn()) {
    inner();
    until();
}

#[mltrace::component]
fn inner() {}

fn outer_until(store: &Store, until: impl Fn()) {
    let _tracing = mltrace::scoped(&store.tracer);
    outer(&until);
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
    assert!(emit(&store, "HTTPS://localhost:1").fails(2).contains("send to a proxy that does, over http"));
    let unnamed = emit_somewhere(&store).fails(2);
    assert!(unnamed.contains("give --url"), "{unnamed}");
    let open = Collector::new(|_| 201);
    let taken = emit(&store, &open.url).env("OPENLINEAGE_API_KEY", "secret").env("OPENLINEAGE_ENDPOINT", "/events");
    assert_eq!(taken.succeeds(), "4 events sent\n");
    assert!(open.kept.events.lock().unwrap().iter().all(|(_, token)| token.as_deref() == Some("secret")));
}

#[test]
fn a_redirect_is_told_and_not_taken_for_an_acknowledgement() {
    let store = Store::of_a_chain(1);
    let collector = Collector::new(|number| if number == 0 { 301 } else { 200 });
    let told = emit(&store, &collector.url).fails(2);
    assert!(told.contains("answered 301") && told.contains("/moved"), "{told}");
    assert!(collector.events().is_empty());
    assert_eq!(emit(&store, &collector.url).succeeds(), "2 events sent\n");
    assert_eq!(said(&collector.events()), [("step", "START"), ("step", "COMPLETE")]);
}

#[test]
fn who_follows_outlasts_an_address_that_is_not_there_yet() {
    let store = Store::of_a_chain(1);
    let collector = Collector::new(|number| if number < 3 { 404 } else { 200 });
    let mut child = emit(&store, &collector.url).args("--follow").starts();
    collector.wait_for(2);
    child.kill().unwrap();
    let told = child.wait_with_output().unwrap().stderr;
    assert_eq!(said(&collector.events()), [("step", "START"), ("step", "COMPLETE")]);
    assert_eq!(String::from_utf8_lossy(&told), "", "it did not last");
}

#[test]
fn a_key_is_shown_to_nobody_but_who_collects() {
    let store = Store::of_a_chain(1);
    let denying = Collector::new(|_| 401);
    let refused = emit(&store, &denying.url).env("OPENLINEAGE_API_KEY", "k3y-0f-n0b0dy").fails(2);
    let unsendable = emit(&store, &denying.url).env("OPENLINEAGE_API_KEY", "k3y\n0f").fails(2);
    assert!(refused.contains("answered 401") && unsendable.contains("the key cannot be sent"), "{unsendable}");
    let left_out = Collector::new(|_| 422);
    let mut child = emit(&store, &left_out.url).env("OPENLINEAGE_API_KEY", "k3y-0f-n0b0dy").starts();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let (code, log) = end_of(child);
    assert!(code == 0 && out.contains("2 refused") && log.contains("an event is left out"), "{log}");
    let mut seen = [refused, unsendable, out, log].concat();
    for file in std::fs::read_dir(store.path().parent().unwrap()).unwrap() {
        seen.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
    }
    assert!(!seen.contains("k3y"), "{seen}");
}

#[test]
fn what_gc_has_left_of_a_run_is_sent_and_what_it_has_left_of_events_is_not() {
    let (here, there) = (Store::of_a_chain(3), Store::of_a_chain(3));
    let server = Server::on(&there);
    assert_eq!(emit(&here, &format!("http://{}", server.address)).succeeds(), "6 events sent\n");
    let out = Cli::on(&there).args("gc --older-than 2020-05-01T06:02:00Z --yes").succeeds();
    assert!(out.contains("0 runs removed, 4 tombstones made"), "{out}");
    let collector = Collector::new(|_| 200);
    assert_eq!(emit(&there, &collector.url).succeeds(), "6 events sent\n");
    assert_eq!(said(&collector.events()), [("step", "START"), ("step", "COMPLETE")].repeat(3));
}

#[test]
fn where_gc_has_removed_the_last_run_that_was_sent_nothing_is_left_out() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    let emit = || emit(&store, &collector.url).succeeds();
    let gc = || Cli::on(&store).args("gc --older-than 2020-05-01T09:00:00Z --yes").succeeds();
    for (component, minute) in [("other", 0), ("step", 10), ("step", 5)] {
        store.log(component, minute, 1, |_| {});
    }
    assert_eq!(emit(), "6 events sent\n");
    store.log("step", 20, 1, |_| {});
    assert!(gc().contains("2 runs removed"));
    assert_eq!(emit(), "2 events sent\n", "others came after it, so that no number was given twice");
    let removed = store.log("step", 15, 1, |_| {});
    assert_eq!(emit(), "2 events sent\n");
    assert!(gc().contains("1 run removed"));
    assert_eq!(store.log("late", 30, 1, |_| {}), removed, "its number is given again");
    emit();
    let events = collector.events();
    assert_eq!(said(&events).split_off(events.len() - 2), [("late", "START"), ("late", "COMPLETE")]);
    assert_eq!(emit(), "0 events sent\n");
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

/// What was read and written, and what follows from it, of each run.
fn lineage(store: &Store) -> Vec<Value> {
    let runs = store.tracer.runs(&[1, 2, 3].map(RunId)).unwrap();
    let of = |run: mltrace_core::RunRecord| {
        let followed: Vec<_> = run.dependencies.iter().map(|upstream| (upstream.run, &upstream.pointer)).collect();
        let how: Vec<_> = run.dependencies.iter().map(|upstream| (upstream.matched, upstream.modified)).collect();
        json!([run.inputs, run.outputs, followed, how])
    };
    runs.into_iter().map(of).collect()
}

#[test]
fn what_one_store_sends_to_another_is_the_same_lineage_there() {
    let here = Store::empty();
    let file = |digit: &str| {
        let version = Version { kind: VersionKind::Hash, value: digit.repeat(64) };
        IoPointer { version: Some(version), ..IoPointer::new("/data/clean.csv") }
    };
    here.log("clean", 0, 1, |run| {
        run.add_input("hdfs://node:8020/user/rides").add_input("postgres://db:5432/taxi.public.zones");
        run.add_output(file("a"));
    });
    here.log("train", 1, 1, |run| {
        run.add_input(file("a")).add_input(IoPointer::new("s3://lake/zones").at_version("81"));
        run.add_output(IoPointer::new("s3://lake/forest.model").at_version("v7"));
    });
    here.log("infer", 2, 1, |run| {
        run.add_input(file("b")).add_input(IoPointer::new("s3://lake/forest.model").at_version("v7"));
    });
    let there = Store::empty();
    let server = Server::on(&there);
    assert_eq!(emit(&here, &format!("http://{}", server.address)).succeeds(), "6 events sent\n");
    assert_eq!(lineage(&there), lineage(&here));
    assert_eq!(lineage(&there)[2][3], json!([["name", true], ["version", false]]), "the hash is evidence there, too");
}

#[test]
fn a_run_of_another_language_is_not_said_to_be_one_of_rust() {
    let store = Store::empty();
    let collector = Collector::new(|_| 200);
    let commit = "c0".repeat(20);
    let checks = json!([{"name": "rows", "status": "passed", "message": null},
                        {"name": "range", "status": "failed", "message": "3 below 0"}]);
    for code in [json!({"file": "score.py", "snapshot": "def score(): ..."}), Value::Null] {
        let run = json!({"component": "score", "started_at": "2020-05-01T00:00:00Z", "ended_at": "2020-05-01T00:00:01Z",
                         "error": "no rides", "checks": checks, "code": code, "git": {"commit": commit}});
        report(&store.tracer, &run);
    }
    emit(&store, &collector.url).succeeds();
    let events = collector.events();
    let at = |event: usize, place: &str| events[event].pointer(place).cloned().unwrap_or_default();
    assert_eq!(at(1, "/run/facets/errorMessage/programmingLanguage"), "python");
    assert_eq!(at(3, "/run/facets/errorMessage/programmingLanguage"), "unknown");
    assert_eq!(at(1, "/job/facets/sourceCode/language"), "python");
    let place = ["url", "path", "version"].map(|key| at(1, &format!("/job/facets/sourceCodeLocation/{key}")));
    assert_eq!(place, ["file:score.py", "score.py", &commit].map(Value::from));
    let tests = json!([{"name": "rows", "status": "pass"},
                       {"name": "range", "status": "fail", "description": "3 below 0"}]);
    assert_eq!(at(1, "/run/facets/test/tests"), tests);
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
