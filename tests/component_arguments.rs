//! What the arguments of the attribute put on the run and its component.
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use std::path::{Path, PathBuf};
use std::thread;

use component_support::{inputs, outputs, recorded, recorded_once};
use mltrace::{PointerType, Tracer, component};

/// Drops rides outside the month.
///
/// And rides without a fare.
#[component(name = "cleaning", owner = "data-team", tags("etl", "taxi"), stale_after = "2w")]
fn clean_data() {}

/// Not this.
#[component(description = "Trains the forest.")]
fn train() {}

#[test]
fn metadata_goes_to_the_component() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    clean_data();
    train();
    let cleaning = tracer.component("cleaning").expect("the component");
    assert_eq!(cleaning.owner.as_deref(), Some("data-team"));
    assert_eq!(cleaning.description.as_deref(), Some("Drops rides outside the month."));
    assert_eq!(cleaning.tags, ["etl", "taxi"]);
    let train = tracer.component("train").expect("the component");
    assert_eq!((train.owner, train.description.as_deref()), (None, Some("Trains the forest.")));
}

#[component(inputs(data(raw), "warehouse.rides", plain), outputs(model(trained), endpoint("tips"), return), endpoint)]
fn types(raw: &str, plain: &str) -> Vec<String> {
    let trained = format!("{raw}+{plain}");
    vec![trained]
}

#[test]
fn pointer_types_are_given_inferred_or_endpoint_for_all_outputs() {
    let run = recorded_once(|| drop(types("a", "b.model")));
    assert_eq!(inputs(&run), ["a", "warehouse.rides", "b.model"]);
    let of_inputs: Vec<_> = run.inputs.iter().map(|input| input.pointer.pointer_type).collect();
    assert_eq!(of_inputs[0], PointerType::Data);
    assert_eq!(of_inputs[2], PointerType::infer("b.model"));
    let written: Vec<_> = run.outputs.iter().map(|output| (output.name.as_str(), output.pointer_type)).collect();
    assert_eq!(written[0], ("tips", PointerType::Endpoint));
    assert_eq!(written[1], ("a+b.model", PointerType::Model));
}

#[component(inputs("rides", rides), outputs("report", report, "return", return))]
fn literals(rides: &str) -> String {
    let report = format!("{rides}.report");
    report + ".sent"
}

#[test]
fn a_literal_stays_beside_a_binding_of_the_same_text() {
    let run = recorded_once(|| drop(literals("may")));
    assert_eq!(inputs(&run), ["rides", "may"]);
    assert_eq!(outputs(&run), ["report", "return", "may.report", "may.report.sent"]);
}

#[component(outputs(return), endpoint)]
fn predict(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| format!("prediction-{id}")).collect()
}

#[test]
fn each_element_that_is_returned_is_an_output() {
    let run = recorded_once(|| drop(predict(&["1", "2"])));
    assert_eq!(outputs(&run), ["prediction-1", "prediction-2"]);
    assert!(run.outputs.iter().all(|output| output.pointer_type == PointerType::Endpoint));
}

#[component(params(depth, names, rate), partition = month)]
fn settings(depth: u32, names: Vec<&str>) -> usize {
    let month = format!("2020-{depth:02}");
    let rate = 0.5;
    depth as usize + names.len() + month.len() + usize::from(rate > 1.0)
}

#[test]
fn params_are_json_and_a_partition_is_text_wherever_they_are_bound() {
    let run = recorded_once(|| drop(settings(3, vec!["a", "b"]).to_string()));
    let params: Vec<_> = run.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    assert_eq!(params, ["depth = 3", r#"names = ["a","b"]"#, "rate = 0.5"]);
    assert_eq!(run.partition.as_deref(), Some("2020-03"));
}

#[component(run = record)]
fn by_hand(files: &[PathBuf]) -> usize {
    record.input("warehouse.rides");
    record.param("files", &files.len());
    thread::scope(|scope| {
        for file in files {
            scope.spawn(|| record.output(file));
        }
    });
    let handle = record.handle();
    thread::spawn(move || handle.metric("rows", 7.0)).join().expect("the thread");
    files.iter().map(|file| record.note(file.display().to_string())).count()
}

#[test]
fn the_bound_run_records_by_hand_also_from_threads_and_closures() {
    let run = recorded_once(|| assert_eq!(by_hand(&[PathBuf::from("/a"), PathBuf::from("/b")]), 2));
    assert_eq!(inputs(&run), ["warehouse.rides"]);
    let mut written = outputs(&run);
    written.sort();
    assert_eq!(written, ["/a", "/b"]);
    assert_eq!(run.params["files"], 2);
    assert_eq!(run.metrics["rows"].to_string(), "7");
    assert_eq!(run.notes.len(), 2);
}

#[component]
fn outer() {
    inner();
}

#[component]
fn inner() {}

#[test]
fn a_run_knows_the_run_it_was_called_in() {
    let runs = recorded(outer);
    let of = |name: &str| runs.iter().find(|run| run.component == name).expect("the run");
    assert_eq!(of("inner").parent, Some(of("outer").uuid));
    assert_eq!(of("outer").parent, None);
}

const WRITTEN_AT: u32 = line!() + 3;
/// This is not code.
#[component(inputs(raw))]
fn documented(raw: &Path) -> bool {
    // Why: ümläuts must not shift what follows.
    raw.is_absolute()
}

#[rustfmt::skip]
mod one_line { /* é */ #[mltrace::component] pub(crate) fn documented() -> &'static str { "ü" /* ö */ } }

#[test]
fn the_snapshot_is_the_source_with_its_comments() {
    let code = recorded_once(|| assert!(documented(Path::new("/a")))).code;
    let expected = "fn documented(raw: &Path) -> bool {\n    \
                    // Why: ümläuts must not shift what follows.\n    \
                    raw.is_absolute()\n}";
    assert_eq!(code.snapshot.as_deref(), Some(expected));
    assert_eq!(code.file.as_deref(), Some(file!()));
    assert_eq!(code.line, Some(WRITTEN_AT));

    let code = recorded_once(|| assert_eq!(one_line::documented(), "ü")).code;
    assert_eq!(code.snapshot.as_deref(), Some("pub(crate) fn documented() -> &'static str { \"ü\" /* ö */ }"));
}

mod reexported {
    pub(crate) use mltrace as tracing_of_pipelines;
}

#[component(crate = crate::reexported::tracing_of_pipelines, inputs(raw), outputs(return), run = run)]
fn elsewhere(raw: &str) -> Result<String, String> {
    run.note("found");
    Ok(raw.to_owned())
}

#[test]
fn the_runtime_can_be_a_reexport() {
    let run = recorded_once(|| drop(elsewhere("rides")));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["rides".to_owned()], vec!["rides".to_owned()]));
    assert_eq!(run.notes[0].text, "found");
}
