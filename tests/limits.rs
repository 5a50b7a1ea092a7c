//! What a run may hold: what is over a limit is refused by hand, with the field and the limit, and trimmed in a traced
//! function, whose run says so.
#![cfg(not(feature = "off"))]

use std::fmt;
use std::time::Instant;

use mltrace::{ComponentRun, Error, ErrorKind, RunId, RunRecord, Tracer, component};
use serde::{Serialize, Serializer};

const MANY: usize = 100_000;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("predictions/{number:08x}")).collect()
}

/// What logging a run by hand is refused with.
fn refused(fill: impl FnOnce(&mut ComponentRun) -> Result<(), Error>) -> String {
    let tracer = Tracer::in_memory().unwrap();
    let mut run = ComponentRun::new("stage");
    run.start();
    let error = fill(&mut run).and_then(|()| tracer.log_component_run(run).map(drop)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(tracer.recent(1).unwrap().items.is_empty(), "nothing was written");
    error.to_string()
}

fn recorded(call: impl FnOnce()) -> RunRecord {
    let tracer = Tracer::in_memory().unwrap();
    let guard = mltrace::scoped(&tracer);
    call();
    drop(guard);
    let mut runs = tracer.recorded_after(RunId(0)).unwrap();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

#[component(outputs(name), run = run)]
fn predicts_in_a_loop(count: usize) {
    for name in names(count) {
        run.output(&name);
    }
}

#[test]
fn a_run_with_a_hundred_thousand_outputs_is_recorded_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).unwrap();
    let guard = mltrace::scoped(&tracer);
    let mut last = Instant::now();
    let mut lap = |what: &str| {
        println!("{what}: {:?}", last.elapsed());
        last = Instant::now();
    };
    let mut run = ComponentRun::new("by hand");
    run.start();
    run.add_output(names(MANY)).end();
    let by_hand = tracer.log_component_run(run).unwrap();
    lap("by hand");
    predicts_in_a_loop(MANY);
    lap("told in a loop");
    let mut run = ComponentRun::new("reads");
    run.start().add_input(names(MANY)).end();
    let reads = tracer.log_component_run(run).unwrap();
    lap("read");
    drop(guard);
    let runs = tracer.recorded_after(RunId(0)).unwrap();
    assert!(runs[..2].iter().all(|run| run.outputs.len() == MANY && run.notes.is_empty()));
    assert_eq!((runs[2].inputs.len(), runs[2].dependencies.len()), (MANY, MANY));
    lap("asked for");
    let trace = tracer.trace("predictions/00000007").get().unwrap();
    assert_eq!(trace.runs.len(), 1);
    lap("traced");
    let touched = tracer.impact_run(by_hand).get().unwrap();
    assert_eq!(touched.runs[0].run.id, by_hand);
    assert!(reads > by_hand);
    lap("impact");
}

#[test]
fn more_inputs_or_outputs_than_are_kept_are_refused_by_hand_and_left_out_with_a_note_in_a_traced_function() {
    let many = names(250_001);
    let refusal = refused(|run| {
        run.add_output(&many).end();
        Ok(())
    });
    assert!(refusal.contains("outputs") && refusal.contains("250000"), "{refusal}");
    let run = recorded(|| predicts_in_a_loop(300_000));
    assert_eq!(run.outputs.len(), 250_000);
    let [note] = run.notes.as_slice() else { panic!("{:?}", run.notes) };
    assert!(note.text.contains("not recorded: the run has more outputs than the 250000"), "{}", note.text);
}

#[component(outputs(return), run = run)]
fn tells_the_same_again_and_again() -> &'static str {
    for _ in 0..600_000 {
        run.input("config");
    }
    run.input("rides");
    "model"
}

#[test]
fn what_is_told_again_and_again_counts_once() {
    let run = recorded(|| assert_eq!(tells_the_same_again_and_again(), "model"));
    assert_eq!((run.inputs.len(), run.outputs.len(), run.notes.len()), (2, 1, 0));
}

/// Writes a gigabyte, a mebibyte at a time.
struct Gigabyte;

impl fmt::Display for Gigabyte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = "x".repeat(1 << 20);
        (0..1 << 10).try_for_each(|_| f.write_str(&some))
    }
}

impl Serialize for Gigabyte {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[component(params(value), run = run)]
fn takes_a_gigabyte(value: &Gigabyte, note: String) -> usize {
    let length = note.len();
    run.note(note);
    length
}

#[test]
fn a_value_of_a_gigabyte_is_refused_by_hand_and_left_out_or_cut_in_a_traced_function() {
    let text = || "x".repeat(1 << 30);
    let refusal = refused(|run| run.param("value", Gigabyte).map(drop));
    assert!(refusal.contains("`value`") && refusal.contains("65536"), "{refusal}");
    for (field, fill) in [
        (
            "a note",
            (|run, text| {
                run.note(text).end();
            }) as fn(&mut ComponentRun, String),
        ),
        ("the error", |run, text| {
            run.fail(text).end();
        }),
    ] {
        let refusal = refused(|run| {
            fill(run, text());
            Ok(())
        });
        assert!(refusal.contains(field) && refusal.contains("1073741824 bytes; at most 65536"), "{refusal}");
    }
    let run = recorded(|| assert_eq!(takes_a_gigabyte(&Gigabyte, text()), 1 << 30));
    assert!(run.params.is_empty());
    let [note, missing] = run.notes.as_slice() else { panic!("{:?}", run.notes.len()) };
    assert!(note.text.len() == 64 << 10 && note.text.ends_with(" [cut]"));
    assert!(missing.text.contains("not recorded: the param `value`"), "{}", missing.text);
}

#[component(run = run)]
fn tells_ten_thousand_and_one_of_all() {
    for number in 0..=10_000 {
        let name = format!("{number:05}");
        run.metric(&name, 1.0);
        run.param(&name, &number);
        run.note(name.clone());
        run.check(&name, true);
        run.label(&name);
    }
}

#[test]
fn more_params_metrics_checks_labels_or_notes_than_are_kept_are_refused_by_hand_and_left_out_in_a_traced_function() {
    for (field, fill) in [
        (
            "params",
            (|run, name| {
                run.param(name, 1).unwrap();
            }) as fn(&mut ComponentRun, String),
        ),
        ("metrics", |run, name| {
            run.metric(name, 1.0);
        }),
        ("checks", |run, name| {
            run.check(name, true);
        }),
        ("labels", |run, name| {
            run.label(name);
        }),
        ("notes", |run, name| {
            run.note(name);
        }),
        ("tags", |run, name| {
            run.tag(name);
        }),
        ("upstream components", |run, name| {
            run.set_upstream(name);
        }),
    ] {
        let refusal = refused(|run| {
            (0..=10_000).for_each(|number| fill(run, format!("{number}")));
            run.end();
            Ok(())
        });
        assert!(refusal.contains(&format!("more {field} than the 10000")), "{refusal}");
    }
    let run = recorded(tells_ten_thousand_and_one_of_all);
    assert_eq!((run.params.len(), run.metrics.len(), run.checks.len()), (10_000, 10_000, 10_000));
    assert_eq!(run.notes.len(), 10_001, "and one of what is missing");
    let missing = &run.notes.last().unwrap().text;
    for field in ["params", "metrics", "checks", "labels", "notes"] {
        assert!(missing.contains(&format!("more {field} than")), "{missing}");
    }
}
