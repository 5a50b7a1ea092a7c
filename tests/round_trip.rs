//! What goes into a store comes out of it; what cannot go in is refused whole, by name.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use mltrace::{ComponentRun, ErrorKind, IoPointer, PointerType, RunRecord, Status, Tracer, Version, VersionKind};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

/// Any text that can be a name: other alphabets, quotes, markup, emoji, whatever; but no NUL and not nothing.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\0]{1,40}",
        Just("models/latest".to_owned()),
        Just("' OR 1=1 --".to_owned()),
        Just("<script>".to_owned())
    ]
}

fn pointer() -> impl Strategy<Value = IoPointer> {
    let pointer_type = prop_oneof![
        Just(PointerType::Data),
        Just(PointerType::Model),
        Just(PointerType::Endpoint),
        Just(PointerType::Unknown)
    ];
    (name(), proptest::option::of(name()), pointer_type).prop_map(|(name, version, pointer_type)| {
        let pointer = IoPointer::new(name).of_type(pointer_type);
        match version {
            Some(version) => pointer.at_version(version),
            None => pointer,
        }
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("a number", |x| x.is_finite()).prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            btree_map(".{0,8}", inner, 0..4).prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

#[derive(Debug)]
struct Given {
    component: String,
    started_at: i64,
    length: i64,
    inputs: Vec<IoPointer>,
    outputs: Vec<IoPointer>,
    partition: Option<String>,
    params: BTreeMap<String, serde_json::Value>,
    metrics: BTreeMap<String, f64>,
    notes: Vec<String>,
    checks: Vec<(String, Result<(), String>)>,
    error: Option<String>,
    owner: Option<String>,
}

prop_compose! {
    fn given()(
        component in name(),
        // From the year 1653 to 2286, and to the microsecond.
        started_at in -10_000_000_000_000_000_i64..10_000_000_000_000_000,
        length in 0_i64..100_000_000_000,
        inputs in vec(pointer(), 0..6),
        outputs in vec(pointer(), 0..6),
        partition in proptest::option::of(name()),
        params in btree_map(name(), json(), 0..4),
        metrics in btree_map(name(), any::<f64>().prop_filter("a number", |x| x.is_finite()), 0..4),
        notes in proptest::collection::btree_set("[^\0]{0,40}", 0..3),
        checks in vec((name(), prop_oneof![Just(Ok(())), "[^\0]{0,40}".prop_map(Err)]), 0..4),
        error in proptest::option::of("[^\0]{0,40}"),
        owner in proptest::option::of("[^\0]{0,40}"),
    ) -> Given {
        let notes = notes.into_iter().collect();
        Given { component, started_at, length, inputs, outputs, partition, params, metrics, notes, checks, error, owner }
    }
}

fn logged(tracer: &Tracer, given: &Given) -> RunRecord {
    let mut run = ComponentRun::new(&given.component);
    run.started_at(time(given.started_at)).ended_at(time(given.started_at + given.length));
    run.add_input(&given.inputs).add_output(&given.outputs);
    for (name, value) in &given.params {
        run.param(name, value).unwrap();
    }
    for (name, value) in &given.metrics {
        run.metric(name, *value);
    }
    for (name, result) in &given.checks {
        run.check(name, result.as_ref().copied());
    }
    for note in &given.notes {
        run.note(note);
    }
    if let Some(partition) = &given.partition {
        run.partition(partition);
    }
    if let Some(error) = &given.error {
        run.fail(error);
    }
    if let Some(owner) = &given.owner {
        run.owner(owner);
    }
    let uuid = run.uuid();
    let id = tracer.log_component_run(run).unwrap();
    let record = tracer.run(id).unwrap();
    assert_eq!((record.id, record.uuid), (id, uuid));
    record
}

/// The first of each name and version, which is what a run keeps, without labels, which were looked for.
fn distinct(pointers: &[IoPointer]) -> Vec<IoPointer> {
    let mut kept: Vec<IoPointer> = Vec::new();
    for pointer in pointers {
        if !kept.iter().any(|seen| seen.name == pointer.name && seen.version == pointer.version) {
            kept.push(IoPointer { labels: Some(Vec::new()), ..pointer.clone() });
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(all in vec(given(), 1..4)) {
        let tracer = Tracer::in_memory().unwrap();
        for given in &all {
            let record = logged(&tracer, given);
            prop_assert_eq!(&record.component, &given.component);
            prop_assert_eq!(record.started_at, time(given.started_at));
            prop_assert_eq!(record.ended_at, Some(time(given.started_at + given.length)));
            prop_assert_eq!(record.ended_at.unwrap() - record.started_at, TimeDelta::microseconds(given.length));
            let read: Vec<IoPointer> = record.inputs.iter().map(|input| input.pointer.clone()).collect();
            prop_assert_eq!(read, distinct(&given.inputs));
            prop_assert_eq!(&record.outputs, &distinct(&given.outputs));
            prop_assert_eq!(&record.partition, &given.partition);
            prop_assert_eq!(&record.params, &given.params);
            prop_assert_eq!(&record.metrics, &given.metrics);
            let checks = record.checks.iter().map(|check| {
                let failed = check.status == mltrace::CheckStatus::Failed;
                let result = if failed { Err(check.message.clone().unwrap_or_default()) } else { Ok(()) };
                (check.name.clone(), result)
            });
            prop_assert_eq!(checks.collect::<Vec<_>>(), given.checks.clone());
            let notes: Vec<&String> = record.notes.iter().map(|note| &note.text).collect();
            prop_assert_eq!(notes, given.notes.iter().collect::<Vec<_>>());
            prop_assert_eq!(&record.error, &given.error);
            prop_assert_eq!(record.status, if given.error.is_some() { Status::Failed } else { Status::Completed });
            prop_assert_eq!(record.code.file.as_deref(), Some(file!()));
            // Of several runs of one component, the latest start would count.
            if all.len() == 1 && given.owner.is_some() {
                prop_assert_eq!(&tracer.component(&given.component).unwrap().owner, &given.owner);
            }
        }
        prop_assert_eq!(tracer.recent(10).unwrap().items.len(), all.len());
    }
}

#[test]
fn every_key_of_a_runs_json_is_there_even_when_nothing_is_known() {
    let tracer = Tracer::in_memory().unwrap();
    let mut run = ComponentRun::new("bare");
    run.start().add_input("in").end();
    let id = tracer.log_component_run(run).unwrap();
    let json = serde_json::to_value(tracer.run(id).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&json),
        "checks code collected_at component dependencies duration_ms ended_at error git host id inputs labels metrics notes \
         outputs params parent partition pid stale stale_at_start started_at status uuid violations"
    );
    assert_eq!(keys(&json["inputs"][0]), "captured_at flagged labels name spelled type version");
    assert_eq!(keys(&json["git"]), "commit dirty source tags");
    assert_eq!(keys(&json["code"]), "crate_version file line snapshot");
    assert_eq!(json["error"], serde_json::Value::Null);
    let started_at = json["started_at"].as_str().unwrap();
    assert!(started_at.ends_with('Z') && started_at.parse::<DateTime<Utc>>().is_ok(), "{started_at}");
}

/// A run that has started and ended, told a bit more.
fn with(tell: impl FnOnce(&mut ComponentRun)) -> ComponentRun {
    let mut run = ComponentRun::new("stage");
    run.start().end();
    tell(&mut run);
    run
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of what is refused")]
fn what_cannot_be_stored_is_refused_by_name_and_nothing_is_written() {
    let tracer = Tracer::in_memory().unwrap();
    let long = "x".repeat(70_000);
    let refusals = [
        (ComponentRun::new("stage"), "no start"),
        (
            {
                let mut run = ComponentRun::new("stage");
                run.start();
                run
            },
            "no end",
        ),
        (with(|run| _ = run.started_at(time(10)).ended_at(time(9))), "before its start"),
        (
            {
                let mut run = ComponentRun::new("");
                run.start().end();
                run
            },
            "the component's name is empty",
        ),
        (with(|run| _ = run.add_input("")), "an input's name is empty"),
        (with(|run| _ = run.add_output("a\0b")), "an output's name holds a NUL byte"),
        (with(|run| _ = run.add_output(&long)), "an output's name has 70000 bytes"),
        (with(|run| _ = run.note(&long)), "a note has 70000 bytes"),
        (with(|run| _ = run.metric("f1", f64::NAN)), "the metric `f1` is NaN"),
        (with(|run| _ = run.metric("loss", f64::INFINITY)), "the metric `loss` is inf"),
        (
            with(|run| {
                let version = Some(Version { kind: VersionKind::Hash, value: "sha256:12".to_owned() });
                run.add_input(IoPointer { version, ..IoPointer::new("x") });
            }),
            "an input's version `sha256:12` is no hash",
        ),
        (with(|run| _ = run.partition("")), "the partition is empty"),
        (with(|run| _ = run.set_upstream("")), "an upstream component's name is empty"),
        (with(|run| _ = run.tag("")), "a tag is empty"),
        (with(|run| _ = run.check("", true)), "a check's name is empty"),
        (with(|run| _ = run.check(&long, true)), "a check's name has 70000 bytes"),
        (with(|run| _ = run.check("rows", Err(&long))), "the message of the check `rows` has 70000 bytes"),
        (with(|run| _ = run.label("a\0b")), "a label holds a NUL byte"),
    ];
    for (run, expected) in refusals {
        let error = tracer.log_component_run(run).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(expected), "expected `{expected}` in: {error}");
        assert!(error.to_string().contains("nothing was written"), "{error}");
    }
    assert!(tracer.recent(10).unwrap().items.is_empty());
    assert!(tracer.components().get().unwrap().is_empty());
}

#[test]
fn a_param_that_is_no_json_is_refused_at_once() {
    let by_pair = BTreeMap::from([((1, 2), 3)]);
    let error = ComponentRun::new("stage").param("grid", &by_pair).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("`grid`"), "{error}");
}

#[test]
fn metadata_is_that_of_the_run_with_the_latest_start_whatever_the_order_of_arrival() {
    let of = |owner: &str, tag: &str, at: i64| {
        let mut run = ComponentRun::new("stage");
        run.owner(owner).tag(tag).started_at(time(at)).ended_at(time(at));
        run
    };
    let silent = || {
        let mut run = ComponentRun::new("stage");
        run.started_at(time(40)).ended_at(time(41));
        run
    };
    let run = |index| match index {
        0 => of("first", "a", 10),
        1 => of("last", "b", 30),
        2 => of("middle", "c", 20),
        _ => silent(),
    };
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let tracer = Tracer::in_memory().unwrap();
        for index in order {
            tracer.log_component_run(run(index)).unwrap();
        }
        let component = tracer.component("stage").unwrap();
        assert_eq!(component.owner.as_deref(), Some("last"), "a run that states nothing takes nothing back");
        assert_eq!(component.tags, ["b"]);
        tracer.tag("stage", ["by-hand"]).unwrap();
        assert_eq!(tracer.component("stage").unwrap().tags, ["b", "by-hand"]);
        assert_eq!(tracer.tags().unwrap().into_keys().collect::<Vec<_>>(), ["b", "by-hand"]);
    }
}

#[test]
fn recent_runs_are_paged_by_key() {
    let tracer = Tracer::in_memory().unwrap();
    for _ in 0..5 {
        let mut run = ComponentRun::new("stage");
        run.start().end();
        tracer.log_component_run(run).unwrap();
    }
    let ids = |page: &mltrace::Page<RunRecord>| page.items.iter().map(|run| run.id.0).collect::<Vec<_>>();
    let first = tracer.recent(3).unwrap();
    assert_eq!(ids(&first), [5, 4, 3]);
    let rest = tracer.recent_before(first.next.unwrap().parse().unwrap(), 3).unwrap();
    assert_eq!((ids(&rest), rest.next), (vec![2, 1], None));
}

#[test]
fn a_history_is_paged_by_key_and_filtered() {
    let tracer = Tracer::in_memory().unwrap();
    for day in 0..10 {
        let mut run = ComponentRun::new("daily");
        // Two runs start in the same moment: the key must still tell them apart.
        run.started_at(time(day / 2 * 100)).ended_at(time(day / 2 * 100 + 10)).partition(day % 3);
        if day % 4 == 0 {
            run.fail("no data");
        }
        tracer.log_component_run(run).unwrap();
    }
    let ids = |page: &mltrace::Page<RunRecord>| page.items.iter().map(|run| run.id.0).collect::<Vec<_>>();
    let mut seen = Vec::new();
    let mut page = tracer.history("daily").limit(3).get().unwrap();
    while let Some(next) = page.next.clone() {
        seen.extend(ids(&page));
        page = tracer.history("daily").limit(3).after(&next).unwrap().get().unwrap();
    }
    seen.extend(ids(&page));
    assert_eq!(seen, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let history = || tracer.history("daily");
    assert_eq!(ids(&history().newest_first(false).limit(2).get().unwrap()), [1, 2]);
    assert_eq!(ids(&history().status(Status::Failed).get().unwrap()), [9, 5, 1]);
    assert_eq!(ids(&history().partition("0").get().unwrap()), [10, 7, 4, 1]);
    assert_eq!(ids(&history().since(time(100)).until(time(200)).get().unwrap()), [6, 5, 4, 3]);
    assert_eq!(history().nth(0).unwrap().unwrap().id.0, 10);
    assert_eq!(history().newest_first(false).nth(2).unwrap().unwrap().id.0, 3);
    assert_eq!(history().nth(10).unwrap(), None);
    assert!(history().partition("none").get().unwrap().items.is_empty());
    assert_eq!(tracer.history("unheard-of").get().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(history().after("nonsense").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn components_are_picked_by_tag_and_by_owner() {
    let tracer = Tracer::in_memory().unwrap();
    for (component, owner, tag) in [("a", "x", "etl"), ("b", "y", "etl"), ("c", "y", "serving")] {
        let mut run = ComponentRun::new(component);
        run.owner(owner).tag(tag).start().end();
        tracer.log_component_run(run).unwrap();
    }
    let names = |components: mltrace::Components<'_>| {
        components.get().unwrap().into_iter().map(|component| component.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(tracer.components()), "a b c");
    assert_eq!(names(tracer.components().tag("etl")), "a b");
    assert_eq!(names(tracer.components().owner("y")), "b c");
    assert_eq!(names(tracer.components().tag("etl").owner("y")), "b");
    assert_eq!(names(tracer.components().tag("none")), "");
}

#[test]
fn a_component_that_was_only_declared_upstream_is_none_as_yet() {
    let tracer = Tracer::in_memory().unwrap();
    let mut run = ComponentRun::new("train");
    run.set_upstream("downlaod").start().end();
    tracer.log_component_run(run).unwrap();
    assert_eq!(tracer.component("downlaod").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(tracer.history("downlaod").get().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(tracer.tag("downlaod", ["x"]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn guards_of_scoped_tracers_may_be_dropped_in_any_order() {
    let [one, two] = [(), ()].map(|()| Tracer::in_memory().unwrap());
    let guard_of_one = mltrace::scoped(&one);
    let guard_of_two = mltrace::scoped(&two);
    drop(guard_of_one);
    let mut run = ComponentRun::new("stage");
    run.start().end();
    mltrace::log_component_run(run).unwrap();
    drop(guard_of_two);
    assert_eq!((one.recent(9).unwrap().items.len(), two.recent(9).unwrap().items.len()), (0, 1));
}
