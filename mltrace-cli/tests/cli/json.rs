//! What the help of a command says of its JSON is what the command answers.

use std::fs;

use mltrace_core::IoPointer;
use serde_json::Value;

use crate::cli::Cli;
use crate::monitored::Deployed;
use crate::pipeline::Store;

/// What a help says of a value.
#[derive(Debug, PartialEq)]
enum Shape {
    /// These keys, and no others.
    Object(Vec<(String, Shape)>),
    List(Box<Shape>),
    OrNull(Box<Shape>),
    Any,
}

/// Reads `{key, key: [shape], key: {..} | null}` and gives what follows it.
fn shape(text: &str) -> (Shape, &str) {
    let (shape, rest) = match text.as_bytes().first() {
        Some(b'{') => object(&text[1..]),
        Some(b'[') => {
            let (of, rest) = shape(&text[1..]);
            (Shape::List(Box::new(of)), rest.strip_prefix(']').unwrap())
        }
        _ => (Shape::Any, text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')),
    };
    match rest.strip_prefix(" | null") {
        Some(rest) => (Shape::OrNull(Box::new(shape)), rest),
        None => (shape, rest),
    }
}

fn object(text: &str) -> (Shape, &str) {
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
        let (key, after) = rest.split_at(end);
        let (of, after) = after.strip_prefix(": ").map_or((Shape::Any, after), shape);
        keys.push((key.to_owned(), of));
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None => return (Shape::Object(keys), after.strip_prefix('}').unwrap()),
        }
    }
}

#[track_caller]
fn assert_is(value: &Value, shape: &Shape, place: &str) {
    match (shape, value) {
        (Shape::Any, _) | (Shape::OrNull(_), Value::Null) => {}
        (Shape::OrNull(shape), value) => assert_is(value, shape, place),
        (Shape::List(shape), Value::Array(items)) => items.iter().for_each(|item| assert_is(item, shape, place)),
        (Shape::Object(keys), Value::Object(object)) => {
            let mut said: Vec<_> = keys.iter().map(|(key, _)| key).collect();
            let mut given: Vec<_> = object.keys().collect();
            said.sort();
            given.sort();
            assert_eq!(said, given, "{place}");
            for (key, shape) in keys {
                assert_is(&object[key], shape, &format!("{place}.{key}"));
            }
        }
        _ => panic!("{place} is not {shape:?}: {value}"),
    }
}

/// What the help of a command says of its JSON.
fn documented(command: &str) -> Shape {
    let help = Cli::bare().args(command).arg("--help").succeeds();
    let (_, json) = help.rsplit_once("\nJSON: ").unwrap_or_else(|| panic!("no word of JSON: {help}"));
    shape(&json.split_whitespace().collect::<Vec<_>>().join(" ")).0
}

/// The taxi pipeline, and something of all that can be asked for.
fn store() -> Store {
    let store = Store::of_a_taxi_pipeline();
    store.log("train", 700, 1, |run| {
        run.add_input(IoPointer::new("split/train.parquet").at_version("changed")).add_output("models/forest.model");
        run.check("rows", false);
        run.note("by hand");
    });
    fs::write(store.folder().join("notes.txt"), "kept").unwrap();
    store
}

#[test]
fn each_command_answers_with_the_json_that_its_help_describes() {
    let store = store();
    let export = store.folder().join("export.jsonl");
    let export = export.to_str().unwrap();
    let asked = [
        "recent",
        "history train",
        "inspect 8",
        "inspect 9",
        "trace models/forest.model",
        "trace models/forest.model --depth 1",
        "impact raw/2020-01.parquet",
        "impact raw/2020-01.parquet --depth 1",
        "diff 6 9",
        "stale",
        "review",
        "flag ride-00017 nobody",
        "review",
        "review --limit 1",
        "unflag nobody",
        "components",
        "tag train nightly",
        "tags",
        "label raw/2020-01.parquet customer-7",
        "labels",
        "retract customer-7 --reason withdrawn",
        "labels",
        "retracted",
        "verify",
        "verify clean/2020-01.parquet",
        "gc --older-than 1d",
        "gc --older-than 1d --yes",
        &format!("export {export}"),
        &format!("import {export}"),
        "doctor",
    ];
    for command in asked {
        let answer = Cli::on(&store).args(command).answers();
        let name = command.split(' ').next().unwrap();
        assert_is(&answer, &documented(name), command);
    }
}

#[test]
fn what_is_asked_of_a_model_is_answered_as_the_help_describes() {
    let Deployed { store, training } = Deployed::new();
    let asked = [
        "outputs high_tip",
        "outputs high_tip --since 2021-01-01",
        "metrics high_tip",
        "metrics high_tip --last 10",
        "metrics high_tip --since 2021-01-01",
        &format!("profile {training}"),
        "profile high_tip --until 2020-03-30",
        "drift high_tip --until 2020-03-30",
        "drift high_tip",
        "drift high_tip --until 2020-03-23 --keep",
        "drift high_tip --until 2020-03-30 --keep",
        "retrain high_tip",
        "flag --task high_tip --from 2020-03-02 --until 2020-03-03",
    ];
    for command in asked {
        let answer = Cli::on(&store).args(command).answers();
        assert_is(&answer, &documented(command.split(' ').next().unwrap()), command);
    }
}

#[test]
fn the_answers_that_refer_to_a_run_are_shaped_as_inspect_says() {
    let store = store();
    let run = documented("inspect");
    let answers =
        [("recent", "items", ""), ("history train", "items", ""), ("trace models/forest.model", "runs", "run")];
    for (command, list, key) in answers {
        let answer = Cli::on(&store).args(command).answers();
        let runs = answer[list].as_array().unwrap();
        assert!(!runs.is_empty());
        for item in runs {
            assert_is(if key.is_empty() { item } else { &item[key] }, &run, command);
        }
    }
    assert_is(&Cli::on(&store).args("note 8 seen").answers(), &run, "note");
}

#[test]
fn what_a_label_touched_is_told_with_the_label_and_the_pointers() {
    let store = store();
    Cli::on(&store).args("label raw/2020-01.parquet vendor").answers();
    let Value::Object(mut answer) = Cli::on(&store).args("impact --label vendor").answers() else { unreachable!() };
    assert!(answer.remove("label").is_some() && answer.remove("pointers").is_some());
    assert_is(&Value::Object(answer), &documented("impact"), "impact --label");
}

#[test]
fn an_export_without_a_file_is_json_lines_with_or_without_json() {
    let store = store();
    for lines in [Cli::on(&store).args("export").succeeds(), Cli::on(&store).args("export --json").succeeds()] {
        assert!(lines.lines().count() > 9);
        lines.lines().for_each(|line| assert!(serde_json::from_str::<Value>(line).unwrap()["type"].is_string()));
    }
}

#[test]
fn a_shape_that_does_not_hold_would_be_seen() {
    let (shape, rest) = shape("{a, b: [{c}], d: {e} | null}, and more");
    assert_eq!(rest, ", and more");
    assert_is(&serde_json::json!({"a": 1, "b": [{"c": 2}], "d": null}), &shape, "right");
    for wrong in [r#"{"a": 1, "b": []}"#, r#"{"a": 1, "b": [{}], "d": null}"#, r#"{"a": 1, "b": [], "d": {"f": 1}}"#] {
        let value: Value = serde_json::from_str(wrong).unwrap();
        assert!(std::panic::catch_unwind(|| assert_is(&value, &shape, "wrong")).is_err(), "{wrong}");
    }
}
