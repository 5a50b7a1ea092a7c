//! Which values a name in the attribute stands for.
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use std::cell::Cell;
use std::path::Path;

use component_support::{inputs, outputs, recorded_once};
use mltrace::{Status, component};

#[component(inputs(raw))]
fn shadowed_parameter(raw: &Path) -> String {
    let raw = raw.display().to_string();
    raw.to_uppercase()
}

#[test]
fn a_parameter_is_recorded_and_not_what_shadows_it() {
    let run = recorded_once(|| assert_eq!(shadowed_parameter(Path::new("/a.csv")), "/A.CSV"));
    assert_eq!(inputs(&run), ["/a.csv"]);
}

#[component(inputs(raw, month))]
fn moved((raw, month): (String, Box<str>)) -> usize {
    let taken = raw;
    drop(month);
    taken.len()
}

#[test]
fn parameters_are_recorded_before_they_can_move() {
    let run = recorded_once(|| assert_eq!(moved(("a.csv".to_owned(), "may".into())), 5));
    assert_eq!(inputs(&run), ["a.csv", "may"]);
}

#[component(outputs(out))]
fn shallowest(deep: bool) -> &'static str {
    {
        let out = "deeper before";
        drop(out.to_owned());
    }
    if deep {
        let out = "deeper";
        return out;
    }
    let out = "shallow";
    out
}

#[test]
fn deeper_bindings_of_the_name_are_ignored() {
    assert_eq!(outputs(&recorded_once(|| assert_eq!(shallowest(false), "shallow"))), ["shallow"]);
    assert!(recorded_once(|| assert_eq!(shallowest(true), "deeper")).outputs.is_empty());
}

#[component(outputs(out))]
fn later_replaces(twice: bool) -> Result<String, String> {
    let out = "first".to_owned();
    if twice {
        return Err(out);
    }
    let out = format!("{out}, then second");
    Ok(out)
}

#[test]
fn a_later_binding_replaces_the_earlier() {
    assert_eq!(outputs(&recorded_once(|| drop(later_replaces(false)))), ["first, then second"]);
    assert_eq!(outputs(&recorded_once(|| drop(later_replaces(true)))), ["first"]);
}

#[component(outputs(out))]
fn frozen(fail: bool) -> Result<String, String> {
    let mut out = String::from("half");
    if fail {
        return Err(out);
    }
    out.push_str(" and half");
    let out = out;
    Ok(out)
}

#[test]
fn an_output_counts_from_where_it_can_no_longer_change() {
    assert_eq!(outputs(&recorded_once(|| drop(frozen(false)))), ["half and half"]);
    assert!(recorded_once(|| drop(frozen(true))).outputs.is_empty());
}

#[component(outputs(out))]
fn branches(size: u8) -> String {
    if size == 0 {
        let out = "none";
        out.to_owned()
    } else if size == 1 {
        let out = "one".to_owned();
        out
    } else {
        match size {
            2 => String::new(),
            3 => "no binding".to_owned(),
            _ => {
                let out = "deeper";
                out.to_owned()
            }
        }
    }
}

#[test]
fn branches_of_equal_depth_all_count() {
    for (size, expected) in [(0, vec!["none"]), (1, vec!["one"]), (2, vec![]), (3, vec![]), (4, vec![])] {
        assert_eq!(outputs(&recorded_once(|| drop(branches(size)))), expected, "{size}");
    }
}

#[component(inputs(from))]
fn arms(source: Result<&str, (String, u8)>) -> usize {
    match source {
        Ok(from) if !from.is_empty() => from.len(),
        Ok(_) => 0,
        Err((from, 0 | 1)) => {
            let length = from.len();
            length + 1
        }
        Err(both) => {
            let from = both.0;
            from.len() + usize::from(both.1)
        }
    }
}

#[test]
fn what_an_arm_binds_is_recorded_in_that_arm() {
    for (source, expected) in [
        (Ok("plain"), vec!["plain"]),
        (Ok(""), vec![]),
        (Err(("pattern".to_owned(), 1)), vec!["pattern"]),
        (Err(("block".to_owned(), 2)), vec!["block"]),
    ] {
        assert_eq!(inputs(&recorded_once(|| drop(arms(source).to_string()))), expected);
    }
}

#[component(inputs(line), outputs(copy))]
fn loops(text: &str) -> Vec<String> {
    let mut copies = Vec::new();
    for line in text.lines() {
        let copy = format!("{line}.copy");
        copies.push(copy);
    }
    copies
}

#[component(inputs(top))]
fn while_let(mut stack: Vec<String>) -> usize {
    let mut length = 0;
    while let Some(top) = stack.pop() {
        length += top.len();
    }
    length
}

#[test]
fn a_binding_in_a_loop_records_every_value() {
    let run = recorded_once(|| assert_eq!(loops("a\nb\na").len(), 3));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["a".into(), "b".into()], vec!["a.copy".into(), "b.copy".into()]));
    let run = recorded_once(|| assert_eq!(while_let(vec!["x".to_owned(), "y".to_owned()]), 2));
    assert_eq!(inputs(&run), ["y", "x"]);
}

struct Files<'a> {
    raw: &'a str,
    clean: (&'a str, [&'a str; 2]),
}

#[component(inputs(raw, first), outputs(clean, rest))]
fn patterns(files: Option<Files<'_>>) -> usize {
    let Some(Files { raw, clean: (clean, [first, rest @ ..]) }) = files else {
        return 0;
    };
    raw.len() + clean.len() + first.len() + rest.len()
}

#[test]
fn any_pattern_binds_also_with_else() {
    let files = Files { raw: "r", clean: ("c", ["f", "g"]) };
    let run = recorded_once(|| assert_eq!(patterns(Some(files)), 4));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["r".into(), "f".into()], vec!["c".into(), "g".into()]));
    let run = recorded_once(|| assert_eq!(patterns(None), 0));
    assert_eq!((run.inputs.len(), run.outputs.len()), (0, 0));
}

#[component(inputs(raw), outputs(clean))]
fn chain(raw_or_none: Option<&str>) -> usize {
    if let Some(raw) = raw_or_none
        && let Some((clean, _)) = raw.split_once('.')
        && !clean.is_empty()
    {
        clean.len()
    } else {
        0
    }
}

#[test]
fn a_let_chain_records_what_holds_after_all_of_it() {
    let run = recorded_once(|| assert_eq!(chain(Some("rides.csv")), 5));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["rides.csv".into()], vec!["rides".into()]));
    assert!(recorded_once(|| assert_eq!(chain(Some(".csv")), 0)).inputs.is_empty());
}

#[component(outputs(model, log))]
fn deferred(kind: u8) -> String {
    let model;
    let log: &str;
    match kind {
        0 => model = "zero".to_owned(),
        1 => {
            model = "one".to_owned();
        }
        _ => (model, _) = ("many".to_owned(), 2),
    }
    [log, _] = ["log", "rest"];
    model + log
}

#[test]
fn a_deferred_binding_is_recorded_when_it_gets_its_value() {
    for (kind, expected) in [(0, "zero"), (1, "one"), (2, "many")] {
        assert_eq!(outputs(&recorded_once(|| drop(deferred(kind)))), [expected, "log"]);
    }
}

#[component(outputs(out))]
fn configured() -> &'static str {
    #[cfg(test)]
    let out = "tested";
    #[cfg(not(test))]
    let out = "shipped";
    out
}

#[component(inputs(raw))]
fn configured_parameter(#[cfg(test)] raw: &str, #[cfg(not(test))] raw: u8) {
    let _ = raw;
}

#[test]
fn a_binding_that_is_configured_away_is_not_recorded() {
    assert_eq!(outputs(&recorded_once(|| assert_eq!(configured(), "tested"))), ["tested"]);
    assert_eq!(inputs(&recorded_once(|| configured_parameter("tested"))), ["tested"]);
}

#[component(outputs(out))]
fn never_reached(fail: bool) -> Result<&'static str, String> {
    if fail {
        return Err("before the output".to_owned());
    }
    let out = "out";
    Ok(out)
}

#[test]
fn an_output_that_was_never_reached_is_absent_and_the_status_says_why() {
    let run = recorded_once(|| drop(never_reached(true)));
    assert_eq!((run.status, run.outputs.len()), (Status::Failed, 0));
    assert_eq!(run.error.as_deref(), Some("before the output"));
    assert_eq!(outputs(&recorded_once(|| drop(never_reached(false)))), ["out"]);
}

#[component(outputs(out))]
fn with_closures(months: &[&str]) -> usize {
    let out = "outer";
    let hidden = |month: &&str| {
        let out = month.to_uppercase();
        out.len()
    };
    months.iter().map(hidden).sum::<usize>() + out.len()
}

#[test]
fn what_a_closure_binds_is_not_followed() {
    assert_eq!(outputs(&recorded_once(|| assert_eq!(with_closures(&["may"]), 8))), ["outer"]);
}

struct Table(&'static str);

impl mltrace::Capture for Table {
    fn capture(&self, each: &mut dyn FnMut(mltrace::Captured)) {
        self.0.capture(each);
    }
}

impl Table {
    #[component(inputs(self))]
    fn read(self) -> usize {
        self.0.len()
    }
}

#[test]
fn self_is_a_parameter_too() {
    assert_eq!(inputs(&recorded_once(|| assert_eq!(Table("rides").read(), 5))), ["rides"]);
}

#[component(outputs(out))]
fn evaluated_once(calls: &Cell<u8>) -> &'static str {
    let out = {
        calls.set(calls.get() + 1);
        "out"
    };
    out
}

#[test]
fn recording_evaluates_nothing_twice() {
    let calls = Cell::new(0);
    recorded_once(|| assert_eq!(evaluated_once(&calls), "out"));
    assert_eq!(calls.get(), 1);
}
