//! Runs that other programs report.

use serde_json::{Value, json};

use crate::{ErrorKind, Reported, Result, RunId, RunReport, Status, Tracer};

fn report(json: Value) -> RunReport {
    serde_json::from_value(json).unwrap()
}

fn log(tracer: &Tracer, json: Value) -> Result<Reported> {
    tracer.log_reports(vec![report(json)]).unwrap().remove(0)
}

#[test]
fn a_report_is_kept_whole() {
    let tracer = Tracer::in_memory().unwrap();
    let given = json!({
        "uuid": "0197f3c0-0000-7000-8000-000000000001", "component": "cleaning", "status": "failed",
        "started_at": "2020-02-01T08:00:00.123456789Z", "ended_at": "2020-02-01T10:05:00+02:00",
        "partition": "2020-01", "parent": "0197f3c0-0000-7000-8000-000000000002",
        "inputs": ["raw/1.csv", {"name": "table", "type": "model", "captured_at": "2020-02-01T08:01:00Z",
                                 "version": {"kind": "stated", "value": "81"}}],
        "outputs": ["clean/1.csv"], "upstream": ["download"], "params": {"rows": 3}, "metrics": {"mean": 0.5},
        "checks": [{"name": "sorted", "status": "failed", "message": "no"}], "labels": ["customer-7"],
        "notes": [{"written_at": "2020-02-01T09:00:00Z", "text": "backfill"}], "error": "out of rides",
        "git": {"commit": "abc123", "dirty": true, "tags": ["v1"]},
        "code": {"file": "clean.py", "line": 7, "snapshot": "def clean(): pass"},
        "description": "Cleans", "owner": "anna", "tags": ["taxi"], "stale_after_s": 60, "host": "spark-1", "pid": 42,
    });
    let Reported { id, is_new, .. } = log(&tracer, given).unwrap();
    assert!(is_new);
    let run = serde_json::to_value(tracer.run(id).unwrap()).unwrap();
    let expected = json!({
        "component": "cleaning", "status": "failed", "started_at": "2020-02-01T08:00:00.123456Z",
        "ended_at": "2020-02-01T08:05:00Z", "partition": "2020-01", "params": {"rows": 3}, "metrics": {"mean": 0.5},
        "error": "out of rides", "host": "spark-1", "pid": 42,
        "git": {"commit": "abc123", "dirty": true, "tags": ["v1"], "source": "build"},
        "code": {"file": "clean.py", "line": 7, "crate_version": null, "snapshot": "def clean(): pass"},
        "labels": ["customer-7"],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&run[key], value, "{key}");
    }
    assert_eq!(run["inputs"][0]["captured_at"], "2020-02-01T08:00:00.123456Z");
    assert_eq!(run["inputs"][1]["version"]["value"], "81");
    assert_eq!((&run["inputs"][0]["type"], &run["inputs"][1]["type"]), (&json!("data"), &json!("model")));
    let component = tracer.component("cleaning").unwrap();
    assert_eq!((component.owner.as_deref(), component.stale_after_s), (Some("anna"), Some(60)));
}

#[test]
fn a_report_without_a_status_stands_as_its_end_and_error_say() {
    let tracer = Tracer::in_memory().unwrap();
    let stands = |more: Value| {
        let mut given = json!({"component": "stage", "started_at": "2020-02-01T08:00:00Z"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tracer.run(log(&tracer, given).unwrap().id).unwrap().status
    };
    assert_eq!(stands(json!({"host": "elsewhere"})), Status::Running, "nobody tells whether it lives");
    assert_eq!(stands(json!({"ended_at": "2020-02-01T08:00:00Z"})), Status::Completed);
    assert_eq!(stands(json!({"ended_at": "2020-02-01T08:00:00Z", "error": "no"})), Status::Failed);
}

#[test]
fn a_run_that_is_reported_again_is_one_run_and_its_end_stands() {
    let tracer = Tracer::in_memory().unwrap();
    let uuid = "0197f3c0-0000-7000-8000-000000000001";
    let open = json!({"uuid": uuid, "component": "stage", "started_at": "2020-02-01T08:00:00Z"});
    let mut ended = open.clone();
    ended["ended_at"] = json!("2020-02-01T08:05:00Z");
    let said: Vec<_> = [&open, &ended, &ended, &open].map(|json| log(&tracer, json.clone()).unwrap()).to_vec();
    assert!(said.iter().all(|reported| reported.id == RunId(1)));
    assert_eq!(said.iter().map(|reported| reported.is_new).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(tracer.run(RunId(1)).unwrap().status, Status::Completed);
}

#[test]
fn a_bad_run_is_refused_alone_with_the_field_that_is_to_blame() {
    let good =
        || json!({"component": "stage", "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"});
    let tracer = Tracer::in_memory().unwrap();
    for (field, value, place) in [
        ("component", json!(""), "/component"),
        ("inputs", json!(["raw", ""]), "/inputs/1"),
        ("outputs", json!([{"name": "x", "version": {"kind": "hash", "value": "no"}}]), "/outputs/0"),
        ("params", json!({"a/b~c": "x".repeat(70 << 10)}), "/params/a~1b~0c"),
        ("status", json!("lost"), "/status"),
        ("status", json!("running"), "/ended_at"),
        ("ended_at", json!("2019-02-01T08:05:00Z"), "/ended_at"),
        ("git", json!({"tags": ["v1"]}), "/git/tags"),
        ("code", json!({"snapshot": "\u{0}"}), "/code/snapshot"),
        ("tags", json!([""]), "/tags/0"),
    ] {
        let mut bad = good();
        bad[field] = value;
        let mut answers = tracer.log_reports(vec![report(good()), report(bad), report(good())]).unwrap();
        let error = answers.remove(1).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some(place)), "{error}");
        assert!(answers.iter().all(Result::is_ok));
    }
}
