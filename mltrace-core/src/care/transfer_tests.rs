use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::from_micros;
use crate::lineage::resolve_tests::{Reported, reported};
use crate::model::{Check, CheckStatus, Note, Retraction, ReviewOrder, RunEntry, RunId, RunRecord};
use crate::store::Mentioned;
use crate::testing::{pointer, run};
use crate::tracer::Tracer;
use crate::{ErrorKind, ImportReport};

fn export(tracer: &Tracer) -> Vec<u8> {
    let mut lines = Vec::new();
    tracer.export(&mut lines).unwrap();
    lines
}

fn import(tracer: &Tracer, lines: &[u8]) -> ImportReport {
    tracer.import(&mut &*lines).unwrap()
}

/// A store that was filled from these exports, in this order.
fn store_of(exports: &[&[u8]]) -> Tracer {
    let tracer = Tracer::in_memory().unwrap();
    for lines in exports {
        import(&tracer, lines);
    }
    tracer
}

fn mention(text: &str, at: i64) -> Mentioned {
    let pointer = pointer(text);
    Mentioned { name: pointer.name, version: pointer.version, at: from_micros(at) }
}

/// The answers to every question, with uuids for the numbers that hold in one store only.
fn answers(tracer: &Tracer) -> BTreeMap<String, Value> {
    let runs = tracer.recorded_after(RunId(0)).unwrap();
    let runs: Vec<RunRecord> = runs.iter().map(|run| tracer.run(run.id).unwrap()).collect();
    let uuids: HashMap<i64, Uuid> = runs.iter().map(|run| (run.id.0, run.uuid)).collect();
    let json = |value: Value| by_uuid(value, &uuids);
    let record = |run: &RunRecord| json(serde_json::to_value(run).unwrap());
    let mut answers: BTreeMap<String, Value> =
        runs.iter().map(|run| (format!("run {}", run.uuid), record(run))).collect();
    let components = tracer.components().get().unwrap();
    for component in &components {
        let history = tracer.history(component.name.clone()).get().unwrap().items;
        let uuids: BTreeSet<Uuid> = history.iter().map(|run| run.uuid).collect();
        answers.insert(format!("history of {}", component.name), json!(uuids));
    }
    answers.insert("components".to_owned(), json(serde_json::to_value(&components).unwrap()));
    answers.insert("tags".to_owned(), json!(tracer.tags().unwrap()));
    let mut answer = |question: String, answer: serde_json::Result<Value>| {
        answers.insert(question, json(answer.unwrap()));
    };
    for name in ["x", "y", "z"] {
        answer(format!("trace of {name}"), serde_json::to_value(tracer.trace(name).get().ok()));
        answer(format!("impact of {name}"), serde_json::to_value(tracer.impact(name).get().ok()));
        answer(format!("pointer {name}"), serde_json::to_value(tracer.io_pointer(name).ok()));
    }
    for component in &components {
        let checks = tracer.checks(component.name.clone()).get().unwrap();
        answer(format!("checks of {}", component.name), serde_json::to_value(checks.items));
    }
    let (first, last) = (runs.iter().min_by_key(|run| run.uuid), runs.iter().max_by_key(|run| run.uuid));
    if let (Some(first), Some(last)) = (first, last) {
        answer("diff".to_owned(), serde_json::to_value(tracer.diff(first.id, last.id).unwrap()));
        answer("impact of a run".to_owned(), serde_json::to_value(tracer.impact_run(first.id).get().unwrap()));
    }
    let labels = tracer.labels().unwrap();
    for label in &labels {
        let impact = tracer.impact_label(&label.name).unwrap();
        answer(format!("impact of {}", label.name), serde_json::to_value(impact));
    }
    answer("labels".to_owned(), serde_json::to_value(labels));
    answer("retracted".to_owned(), serde_json::to_value(tracer.retracted().unwrap()));
    answer("stale".to_owned(), serde_json::to_value(tracer.stale().get().unwrap()));
    for by in [ReviewOrder::Suspicion, ReviewOrder::Coverage] {
        answer(format!("review by {by:?}"), serde_json::to_value(tracer.review().by(by).get().unwrap()));
    }
    let lines = String::from_utf8(export(tracer)).unwrap();
    let remarks: BTreeSet<&str> = lines.lines().filter(|line| !line.contains(r#""type":"run""#)).collect();
    answers.insert("remarks".to_owned(), json!(remarks));
    answers
}

fn by_uuid(value: Value, uuids: &HashMap<i64, Uuid>) -> Value {
    const IDS: [&str; 9] = ["id", "run", "from", "to", "last_run", "written_by", "since_run", "before", "after"];
    match value {
        Value::Object(fields) => {
            // Sentences tell runs by their numbers, and of two chains of one length either is told.
            let fields = fields.into_iter().filter(|(key, _)| !["message", "chain", "why"].contains(&key.as_str()));
            let named = |(key, value): (String, Value)| match value.as_i64() {
                Some(id) if IDS.contains(&key.as_str()) => (key, json!(uuids[&id])),
                _ => (key, by_uuid(value, uuids)),
            };
            Value::Object(fields.map(named).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(|item| by_uuid(item, uuids)).collect();
            // Lists that are ordered by number differ only in order.
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other,
    }
}

/// Answer by answer, because all of them are too many to read.
fn same(tracer: &Tracer, expected: &BTreeMap<String, Value>, what: &str) -> Result<(), TestCaseError> {
    let found = answers(tracer);
    prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", what);
    for (question, expected) in expected {
        prop_assert_eq!(&found[question], expected, "{}: {}", what, question);
    }
    Ok(())
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Event {
    Run(Box<RunEntry>),
    Flag(&'static str, i64),
    Label(&'static str, &'static str, i64),
    Retract(&'static str, i64, &'static str),
    Tag(&'static str, &'static str),
    Note(usize, i64),
    Collect(i64),
}

fn do_all(tracer: &Tracer, events: &[Event]) {
    for event in events {
        let done = match event {
            Event::Run(entry) => tracer.store().put(entry).map(drop),
            Event::Collect(before) => tracer.gc(from_micros(*before)).collect().map(drop),
            other => tracer.store().write(None, |tx| match other {
                Event::Flag(pointer, at) => tx.take_flag(&mention(pointer, *at)),
                Event::Label(label, pointer, at) => tx.take_label(label, &mention(pointer, *at)),
                Event::Retract(label, at, by) => tx.take_retraction(&Retraction {
                    label: (*label).to_owned(),
                    retracted_at: from_micros(*at),
                    retracted_by: (*by).to_owned(),
                    reason: "consent withdrawn".to_owned(),
                }),
                Event::Tag(component, tag) => tx.take_tag(component, tag),
                Event::Note(run, at) => match tx.recorded_after(RunId(0))?.get(*run) {
                    Some(&run) => tx.put_note(run, *at, "looked at"),
                    None => Ok(()),
                },
                Event::Run(_) | Event::Collect(_) => Ok(()),
            }),
        };
        done.unwrap();
    }
}

/// Two histories that know some of the same runs, each in its own order and from its own point of view.
fn histories() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    let facts = (proptest::option::of("[a-z]{0,3}"), vec(any::<bool>(), 0..2), -1e9..1e9_f64, any::<u8>());
    let described = (reported(), facts).prop_map(|(Reported(reports), (error, checks, metric, number))| {
        let describe = |mut entry: RunEntry| {
            entry.error.clone_from(&error);
            entry.partition = error.clone().filter(|text| !text.is_empty());
            entry.metrics.insert("m".to_owned(), metric);
            entry.params.insert("p".to_owned(), json!({"n": number, "checks": checks}));
            let status = |held: bool| if held { CheckStatus::Passed } else { CheckStatus::Failed };
            let check = |&held: &bool| Check { name: "c".to_owned(), status: status(held), message: None };
            entry.checks = checks.iter().map(check).collect();
            entry.notes = vec![Note { written_at: entry.started_at, text: format!("note {number}") }];
            Event::Run(Box::new(entry))
        };
        reports.into_iter().map(describe).collect::<Vec<_>>()
    });
    let runs = vec(described, 1..8).prop_map(|runs| runs.concat());
    runs.prop_flat_map(|runs| {
        let side = || {
            let all = runs.len();
            (proptest::sample::subsequence(runs.clone(), 0..=all), vec(remark(), 0..6))
                .prop_flat_map(|(runs, remarks)| Just([runs, remarks].concat()).prop_shuffle())
        };
        (side(), side())
    })
}

fn remark() -> impl Strategy<Value = Event> {
    let pointer = || prop_oneof![Just("x"), Just("y@1"), Just("z@2"), Just("x@hash:aa")];
    let label = || prop_oneof![Just("customer 7"), Just("batch 3")];
    prop_oneof![
        (pointer(), 0_i64..20).prop_map(|(pointer, at)| Event::Flag(pointer, at)),
        (label(), pointer(), 0_i64..20).prop_map(|(label, pointer, at)| Event::Label(label, pointer, at)),
        (label(), 0_i64..20, prop_oneof![Just("ann"), Just("bob")])
            .prop_map(|(label, at, by)| Event::Retract(label, at, by)),
        prop_oneof![Just("nightly"), Just("gpu")].prop_map(|tag| Event::Tag("a", tag)),
        (0_usize..8, 0_i64..20).prop_map(|(run, at)| Event::Note(run, at)),
        (0_i64..20).prop_map(Event::Collect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn stores_merge_to_the_same_whichever_way_and_however_often((one, two) in histories()) {
        let (a, b) = (Tracer::in_memory().unwrap(), Tracer::in_memory().unwrap());
        do_all(&a, &one);
        do_all(&b, &two);
        let (lines_a, lines_b) = (export(&a), export(&b));

        let said = answers(&a);
        let copy = store_of(&[&lines_a]);
        same(&copy, &said, "into an empty store")?;
        import(&copy, &lines_a);
        same(&copy, &said, "twice")?;
        import(&a, &lines_a);
        same(&a, &said, "into itself")?;

        import(&a, &lines_b);
        import(&b, &lines_a);
        let said = answers(&a);
        same(&b, &said, "b into a, a into b")?;
        same(&store_of(&[&lines_b, &lines_a, &lines_b]), &said, "both into an empty store")?;
        prop_assert!(a.doctor().unwrap().is_sound());
    }
}

#[test]
fn a_whole_run_counts_for_more_than_its_tombstone_whichever_comes_first() {
    let tracer = Tracer::in_memory().unwrap();
    let mut entry = run("clean", 0, 1).writes("x@1");
    entry.metrics.insert("rows".to_owned(), 7.0);
    let id = tracer.store().put(&entry).unwrap();
    tracer.store().put(&run("clean", 2, 3)).unwrap();
    tracer.store().put(&run("train", 100, 101).reads("x@1")).unwrap();
    let whole = export(&tracer);
    tracer.gc(from_micros(50)).collect().unwrap();
    assert!(tracer.run(id).unwrap().collected_at.is_some());
    let tombstone = export(&tracer);
    for order in [[&whole, &tombstone], [&tombstone, &whole]] {
        let merged = store_of(&order.map(Vec::as_slice));
        let id = merged.run_id(entry.uuid).unwrap().unwrap();
        let run = merged.run(id).unwrap();
        assert_eq!((run.collected_at, run.metrics["rows"]), (None, 7.0));
    }
}

#[test]
fn a_note_is_edited_or_taken_away_as_it_was_read_and_leaves_so() {
    let tracer = Tracer::in_memory().unwrap();
    let id = tracer.store().put(&run("clean", 0, 1)).unwrap();
    let texts =
        |tracer: &Tracer| -> Vec<_> { tracer.run(RunId(1)).unwrap().notes.into_iter().map(|note| note.text).collect() };
    for text in ["first", "second"] {
        tracer.add_note(id, text).unwrap();
    }
    let early = export(&tracer);
    let [first, second]: [Note; 2] = tracer.run(id).unwrap().notes.try_into().unwrap();
    tracer.edit_note(id, &first, "the very first").unwrap();
    assert_eq!(texts(&tracer), ["the very first", "second"]);
    assert_eq!(tracer.run(id).unwrap().notes[0].written_at, first.written_at);
    let late = tracer.edit_note(id, &first, "mine").unwrap_err();
    assert!(late.kind() == ErrorKind::NotFound && late.to_string().contains("read it again"), "{late}");
    assert_eq!(tracer.edit_note(RunId(9), &second, "mine").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(texts(&tracer), ["the very first", "second"], "nothing was written");
    tracer.edit_note(id, &second, " ").unwrap();
    assert_eq!(texts(&store_of(&[&export(&tracer)])), ["the very first"]);
    import(&tracer, &early);
    let mut all = texts(&tracer);
    all.sort();
    assert_eq!(all, ["first", "second", "the very first"], "what was exported before comes back");
}

#[test]
fn a_run_keeps_its_process_and_the_commit_that_became_known_late() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.store().put(&run("clean", 0, 1)).unwrap();
    let early = export(&tracer);
    let commit = crate::model::Commit {
        hash: Some("c0ffee".to_owned()),
        dirty: Some(true),
        tags: vec!["v1".to_owned()],
        source: crate::CommitSource::Build,
    };
    tracer.store().write(None, |tx| tx.set_commit(crate::provenance::process(), &commit)).unwrap();
    let late = export(&tracer);
    for order in [[&early, &late], [&late, &early]] {
        let run = store_of(&order.map(Vec::as_slice)).recent(1).unwrap().items.remove(0);
        assert_eq!((run.git.commit.as_deref(), run.git.dirty), (Some("c0ffee"), Some(true)));
        assert_eq!(run.pid, Some(std::process::id()));
    }
}

#[test]
fn flags_of_a_name_without_versions_stay_apart_by_the_run_that_each_means() {
    let tracer = Tracer::in_memory().unwrap();
    let writes = |at: i64| tracer.store().put(&run("infer", at, at + 1).writes("ride")).unwrap();
    writes(0);
    tracer.flag("ride").unwrap();
    let now = crate::clock::to_micros(crate::clock::now());
    writes(now - 1);
    tracer.flag("ride").unwrap();
    assert_eq!(tracer.review().get().unwrap().flagged.len(), 2);
    let lines = export(&tracer);
    let copy = store_of(&[&lines, &lines]);
    assert_eq!(answers(&copy), answers(&tracer));
    assert_eq!(copy.unflag("ride").unwrap().len(), 2);
}

#[test]
fn of_two_retractions_in_one_moment_the_same_stands_in_every_store() {
    let by = |who: &str| Retraction {
        label: "consent".to_owned(),
        retracted_at: from_micros(5),
        retracted_by: who.to_owned(),
        reason: "withdrawn".to_owned(),
    };
    for order in [["ann", "bob"], ["bob", "ann"]] {
        let tracer = Tracer::in_memory().unwrap();
        tracer.store().write(None, |tx| order.iter().try_for_each(|who| tx.take_retraction(&by(who)))).unwrap();
        assert_eq!(tracer.retracted().unwrap()[0].retraction.retracted_by, "ann");
    }
}

#[test]
fn a_label_is_on_a_pointer_since_the_earlier_of_two_runs_whichever_arrives_first() {
    for order in [[3, 7], [7, 3]] {
        let tracer = Tracer::in_memory().unwrap();
        for at in order {
            let mut entry = run("clean", at, at + 1).reads("raw@1");
            entry.labels.push("consent".to_owned());
            tracer.store().put(&entry).unwrap();
        }
        assert_eq!(tracer.labels().unwrap()[0].pointers[0].attached_at, from_micros(3));
    }
}

#[test]
fn a_bad_line_is_named_and_what_stands_before_it_is_there() {
    let tracer = Tracer::in_memory().unwrap();
    for at in 0..3 {
        tracer.store().put(&run("clean", at, at + 1)).unwrap();
    }
    let lines = String::from_utf8(export(&tracer)).unwrap();
    let mut lines: Vec<String> = lines.lines().map(ToOwned::to_owned).collect();
    let good = lines.clone();
    let into = |lines: &[String]| {
        let other = Tracer::in_memory().unwrap();
        let imported = other.import(&mut lines.join("\n").as_bytes());
        (other, imported)
    };
    lines[2] = lines[2].replace(r#""status":"completed""#, r#""status":"finished""#);
    let (other, imported) = into(&lines);
    let error = imported.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.starts_with("line 3: ") && text.contains("`finished`") && text.contains("1 run before it"), "{text}");
    assert_eq!(other.recent(9).unwrap().items.len(), 1);
    let report = other.import(&mut good.join("\n").as_bytes()).unwrap();
    assert_eq!((report.runs, report.new_runs), (3, 2), "mended, it goes on");
}

#[test]
fn what_cannot_be_stored_is_refused_with_its_line() {
    let tracer = Tracer::in_memory().unwrap();
    let mut entry = run("clean", 5, 6).writes("x@hash:aa");
    entry.metrics.insert("m".to_owned(), 1.0);
    tracer.store().put(&entry).unwrap();
    let lines = String::from_utf8(export(&tracer)).unwrap();
    for (from, to, told) in [
        (r#""component":"clean""#, r#""component":"""#, "component's name is empty"),
        (r#""value":"aa""#, r#""value":"zz""#, "is no hash"),
        (r#""status":"completed""#, r#""status":"lost""#, "never stored"),
        (r#""status":"completed""#, r#""status":"running""#, "if and only if"),
        (
            r#""started_at":"1970-01-01T00:00:00.000005Z""#,
            r#""started_at":"1971-01-01T00:00:00Z""#,
            "before it started",
        ),
        (r#""m":1.0"#, r#""m":"one""#, "invalid type"),
        (r#""m":1.0"#, r#""m":1e999"#, "number out of range"),
        (r#""m":1.0"#, r#""m":NaN"#, "expected value"),
        (r#""params":{}"#, &format!(r#""params":{{"p":{}}}"#, "[".repeat(100_000)), "recursion limit exceeded"),
        (r#""params":{}"#, &format!(r#""params":{{"p":{}1{}}}"#, "[".repeat(65), "]".repeat(65)), "more than 64 deep"),
        (r#""error":null"#, r#""error":null,"error":null"#, "duplicate field `error`"),
        (r#""spelled":null"#, r#""spelled":"a\u0000b""#, "an output's spelling holds a NUL byte"),
        (r#""host":""#, r#""host":"\u0000"#, "the host holds a NUL byte"),
        (r#""pid":"#, r#""pid":-"#, "invalid value: integer `-"),
        (r#""started_at":"1970"#, r#""started_at":"-262143"#, "the start lies in the year -262143"),
        (r#""ended_at":"1970"#, r#""ended_at":"+262142"#, "the end lies in the year 262142"),
        (r#""started_at":"1970"#, r#""started_at":"999999999"#, "invalid"),
        (r#""uuid":""#, r#""uuid":"x"#, "invalid"),
        (r#","definition":"#, r#","definitio":"#, "missing field `definition`"),
    ] {
        assert!(lines.contains(from), "{from}");
        let error = Tracer::in_memory().unwrap().import(&mut lines.replacen(from, to, 1).as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("line 2: ") && text.contains(told), "{from} to {to}: {text}");
        assert!(text.ends_with("nothing was imported"), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_and_a_line_without_an_end_are_refused() {
    let header = export(&Tracer::in_memory().unwrap());
    for (bytes, told) in [
        (b"{\"type\":\"tag\",\"component\":\"\xff\",\"tag\":\"b\"}".to_vec(), "invalid unicode"),
        (vec![b'['; 2 << 20], "line 2 has more than 1048576 bytes"),
    ] {
        let error = Tracer::in_memory().unwrap().import(&mut [&*header, &bytes].concat().as_slice()).unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == ErrorKind::Invalid && text.starts_with("line 2") && text.contains(told), "{text}");
    }
    let mut endless = std::io::BufReader::new(std::io::repeat(b' '));
    let error = Tracer::in_memory().unwrap().import_python(&mut endless).unwrap_err();
    assert!(error.to_string().starts_with("line 1 has more than 1048576 bytes"), "{error}");
}

#[test]
fn what_is_no_export_is_refused_by_what_it_is() {
    for (lines, kind, told) in [
        ("", ErrorKind::Invalid, "the file is empty"),
        ("hello\n", ErrorKind::Invalid, "an export begins with a header"),
        (r#"{"type":"tag","component":"a","tag":"b"}"#, ErrorKind::Invalid, "an export begins with a header"),
        (
            r#"{"table":"component_tags","component_name":"a","tag_name":"b"}"#,
            ErrorKind::Invalid,
            "--from-python-mltrace",
        ),
        (
            r#"{"type":"header","format":2,"program":"mltrace 9"}"#,
            ErrorKind::NewerStore,
            "format 2 and was written by mltrace 9",
        ),
    ] {
        let error = Tracer::in_memory().unwrap().import(&mut lines.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), kind, "{lines}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn lines_and_keys_of_a_newer_program_are_no_trouble() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.store().put(&run("clean", 5, 6)).unwrap();
    let lines = String::from_utf8(export(&tracer)).unwrap();
    let newer = lines.replacen(r#"{"type":"run","#, r#"{"type":"run","colour":"red","#, 1);
    let newer = format!("{newer}\n{}\n", r#"{"type":"alert","text":"hot"}"#);
    let other = Tracer::in_memory().unwrap();
    let report = other.import(&mut newer.as_bytes()).unwrap();
    assert_eq!((report.lines, report.runs, report.skipped), (3, 1, 1));
}

#[test]
fn a_writer_that_fails_is_told_by_its_own_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = Tracer::in_memory().unwrap().export(&mut Full).unwrap_err();
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    assert_eq!((error.kind(), source.unwrap().kind()), (ErrorKind::Io, std::io::ErrorKind::StorageFull));
}

/// The tables of a small Python pipeline, as PostgreSQL writes them.
const PYTHON: &str = r#"
{"table": "components", "name": "etl", "description": "Cleans rides", "owner": "ann"}
{"table": "components", "name": "fit", "description": "", "owner": ""}
{"table": "component_tags", "component_name": "etl", "tag_name": "nightly"}
{"table": "tags", "name": "nightly"}
{"table": "component_runs_inputs", "input_path_name": "clean.csv", "input_path_value": "\\x6162", "component_run_id": 2}
{"table": "component_runs", "id": 1, "component_name": "etl", "notes": "resent", "git_hash": "c0ffee", "git_tags": "\\x8004", "code_snapshot": "\\x64656620660a", "start_timestamp": "2021-05-01T12:00:00.000001", "end_timestamp": "2021-05-01T12:01:00", "mlflow_run_id": null, "stale": "\\x80", "test_results": {"rows": "ok"}}
{"table": "component_runs", "id": 2, "component_name": "fit", "notes": "", "git_hash": null, "code_snapshot": null, "start_timestamp": "2021-05-01 12:02:00", "end_timestamp": "2021-05-01T12:03:00", "test_results": null}
{"table": "component_runs", "id": 3, "component_name": "report", "start_timestamp": "2021-05-01T12:04:00", "end_timestamp": "2021-05-01T12:05:00"}
{"table": "component_runs_outputs", "output_path_name": "clean.csv", "output_path_value": "\\x6162", "component_run_id": 1}
{"table": "component_runs_outputs", "output_path_name": "ride-1", "output_path_value": "\\x", "component_run_id": 2}
{"table": "component_run_dependencies", "component_run_id": 2, "depends_on_component_run_id": 1}
{"table": "component_run_dependencies", "component_run_id": 3, "depends_on_component_run_id": 2}
{"table": "io_pointers", "name": "clean.csv", "value": "\\x6162", "pointer_type": "DATA", "flag": false}
{"table": "io_pointers", "name": "ride-1", "value": "\\x", "pointer_type": "ENDPOINT", "flag": true}
{"table": "labels_io_pointers", "label": "customer 7", "io_pointer_name": "clean.csv", "io_pointer_value": "\\x6162"}
{"table": "deleted_labels", "label": "customer 7", "deletion_request_time": "2021-06-01T00:00:00"}
"#;

#[test]
fn a_python_pipeline_comes_with_its_lineage() {
    let tracer = Tracer::in_memory().unwrap();
    let report = tracer.import_python(&mut PYTHON.as_bytes()).unwrap();
    assert_eq!((report.lines, report.runs, report.new_runs, report.skipped), (16, 3, 3, 1));
    assert_eq!((report.tags, report.flags, report.labels, report.retractions), (1, 1, 1, 1));

    let etl = tracer.history("etl").get().unwrap().items.remove(0);
    assert_eq!(etl.started_at.to_rfc3339(), "2021-05-01T12:00:00.000001+00:00");
    assert_eq!((etl.git.commit.as_deref(), etl.code.snapshot.as_deref()), (Some("c0ffee"), Some("def f\n")));
    assert_eq!((etl.notes[0].text.as_str(), &etl.params["test_results"]), ("resent", &json!({"rows": "ok"})));
    let component = tracer.component("etl").unwrap();
    assert_eq!((component.owner.as_deref(), component.tags), (Some("ann"), vec!["nightly".to_owned()]));

    let trace = tracer.trace("ride-1").get().unwrap();
    let stages: Vec<_> = trace.runs.iter().map(|found| found.run.component.as_str()).collect();
    assert_eq!(stages, ["fit", "etl"]);
    assert_eq!(trace.edges[0].matched, crate::Match::Version);
    let ride = &trace.runs[0].run.outputs[0];
    assert_eq!((ride.pointer_type, ride.flagged, &ride.version), (crate::PointerType::Endpoint, true, &None));

    let fit = trace.runs[0].run.dependencies.len();
    let report = tracer.history("report").get().unwrap().items.remove(0);
    assert_eq!(fit, 1, "I/O shows it, so it is not declared too");
    assert_eq!(
        (report.dependencies[0].component.as_str(), report.dependencies[0].matched),
        ("fit", crate::Match::Declared)
    );
}

#[test]
fn a_python_database_twice_is_once_and_another_one_is_another() {
    let tracer = Tracer::in_memory().unwrap();
    tracer.import_python(&mut PYTHON.as_bytes()).unwrap();
    let once = answers(&tracer);
    let shuffled: Vec<&str> = PYTHON.lines().rev().collect();
    assert_eq!(tracer.import_python(&mut shuffled.join("\n").as_bytes()).unwrap().new_runs, 0);
    assert_eq!(answers(&tracer), once);
    let other = PYTHON.replace("2021-05-01", "2022-05-01");
    assert_eq!(tracer.import_python(&mut other.as_bytes()).unwrap().new_runs, 3);
    assert_eq!(answers(&store_of(&[&export(&tracer)])), answers(&tracer));
}

#[test]
fn a_python_row_that_cannot_be_read_is_named_and_nothing_is_written() {
    for (row, told) in [
        (
            r#"{"table": "component_runs", "id": 1, "component_name": "etl", "start_timestamp": "yesterday"}"#,
            "`yesterday` is no time",
        ),
        (
            r#"{"table": "component_runs", "id": 1, "component_name": "", "start_timestamp": "2021-05-01T12:00:00"}"#,
            "component's name is empty",
        ),
        (r#"{"table": "io_pointers", "name": "x", "value": "\\x6"}"#, "pairs of hexadecimal digits"),
        (r#"{"table": "components"}"#, "missing field `name`"),
        (r#"{"table": "component_tags", "component_name": "etl", "tag_name": ""}"#, "the tag is empty"),
        (r#"{"table": "deleted_labels", "label": "a\u0000"}"#, "the label holds a NUL byte"),
        (r#"{"table": "io_pointers", "name": "", "value": "", "flag": true}"#, "the pointer's name is empty"),
        (
            r#"{"table": "deleted_labels", "label": "a", "deletion_request_time": "+12000-01-01T00:00:00"}"#,
            "the year 12000",
        ),
        (r#"{"name": "etl"}"#, "missing field `table`"),
    ] {
        let tracer = Tracer::in_memory().unwrap();
        let lines = format!("{}\n{row}\n", PYTHON.trim());
        let error = tracer.import_python(&mut lines.as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("line 17: ") && text.contains(told), "{text}");
        assert!(text.ends_with("nothing was imported"), "{text}");
        assert!(tracer.recent(1).unwrap().items.is_empty());
    }
}
