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
fn unfrozen(fail: bool) -> String {
    let out = "early".to_owned();
    let mut out = out;
    if fail {
        out.push('?');
        return out;
    }
    let out = out;
    out
}

#[component(outputs(out))]
fn deferred_again(fail: bool) -> String {
    let out = "early".to_owned();
    let early = out.len();
    let out: String;
    if fail {
        return early.to_string();
    }
    out = "late".to_owned();
    out
}

#[test]
fn what_a_binding_hides_that_is_not_final_is_no_output() {
    assert!(recorded_once(|| assert_eq!(unfrozen(true), "early?")).outputs.is_empty());
    assert_eq!(outputs(&recorded_once(|| assert_eq!(unfrozen(false), "early"))), ["early"]);
    assert!(recorded_once(|| assert_eq!(deferred_again(true), "5")).outputs.is_empty());
    assert_eq!(outputs(&recorded_once(|| assert_eq!(deferred_again(false), "late"))), ["late"]);
}

#[component(inputs(raw), params(depth))]
fn thawed() -> usize {
    let raw = "early";
    let depth = raw.len();
    let mut raw = raw.to_uppercase();
    let mut depth = depth + 1;
    raw.push('?');
    depth += raw.len();
    let depth = depth;
    depth
}

#[test]
fn an_input_counts_as_it_was_read_and_a_param_as_it_was_last() {
    let run = recorded_once(|| assert_eq!(thawed(), 12));
    assert_eq!(inputs(&run), ["EARLY"]);
    assert_eq!(run.params["depth"], 12);
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

#[component(outputs(out))]
#[rustfmt::skip]
#[expect(unsafe_code, unused_unsafe, reason = "the form of an arm is the subject of the test")]
fn forms(kind: u8, big: bool) -> usize {
    match kind {
        0 => {
            let out = "block";
            out.len()
        }
        1 => unsafe {
            let out = "unsafe";
            out.len()
        },
        2 => if big {
            let out = "if";
            out.len()
        } else if kind == 2 {
            let out = "else if";
            out.len()
        } else {
            0
        },
        3 => 'labelled: {
            let out = "label";
            if big {
                break 'labelled 0;
            }
            out.len()
        }
        4 => match usize::from(big) {
            0 => 0,
            length => {
                let out = "match";
                out.len() + length
            }
        },
        5 => {
            if big {
                let out = "if in a block";
                out.len()
            } else {
                1
            }
        }
        6 => {
            let length = 0;
            if big {
                let out = "deeper";
                out.len() + length
            } else {
                length
            }
        }
        _ => 0,
    }
}

#[test]
fn the_form_of_an_arm_does_not_change_its_depth() {
    for (kind, big, expected) in [
        (0, true, vec!["block"]),
        (1, true, vec!["unsafe"]),
        (2, true, vec!["if"]),
        (2, false, vec!["else if"]),
        (3, true, vec!["label"]),
        (4, true, vec!["match"]),
        (5, true, vec!["if in a block"]),
        (6, true, vec![]),
    ] {
        assert_eq!(outputs(&recorded_once(|| drop(forms(kind, big).to_string()))), expected, "{kind}");
    }
}

#[component(inputs(from))]
fn pattern_and_body(source: Result<&str, u8>) -> usize {
    match source {
        Ok(from) => match from.split_once('.') {
            Some((from, _)) => from.len(),
            None => from.len(),
        },
        Err(_) => 0,
    }
}

#[test]
fn what_the_body_of_an_arm_binds_replaces_what_its_pattern_bound() {
    assert_eq!(inputs(&recorded_once(|| assert_eq!(pattern_and_body(Ok("rides.csv")), 5))), ["rides"]);
    assert_eq!(inputs(&recorded_once(|| assert_eq!(pattern_and_body(Ok("rides")), 5))), ["rides"]);
    assert!(recorded_once(|| assert_eq!(pattern_and_body(Err(1)), 0)).inputs.is_empty());
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

#[component(outputs(out))]
fn shadowed_in_a_loop(months: &[u8]) -> usize {
    let mut length = 0;
    for month in months {
        let out = "clean".to_owned();
        if *month == 0 {
            continue;
        }
        let out = format!("{out}/{month}");
        length += out.len();
    }
    length
}

#[component(outputs(out))]
fn frozen_in_a_loop(months: &[u8]) -> usize {
    let mut length = 0;
    for month in months {
        let mut out = "clean/".to_owned();
        out.push_str(&month.to_string());
        let out = out;
        length += out.len();
    }
    length
}

#[component(outputs(out))]
fn configured_in_a_loop(months: &[u8]) -> usize {
    let mut length = 0;
    for month in months {
        #[cfg(not(test))]
        let out = month.to_string();
        #[cfg(test)]
        let out = format!("clean/{month}");
        #[cfg(not(test))]
        let out = out + "?";
        length += out.len();
    }
    length
}

#[test]
fn in_a_loop_a_later_binding_replaces_the_earlier_of_its_round() {
    assert_eq!(outputs(&recorded_once(|| drop(shadowed_in_a_loop(&[1, 2]).to_string()))), ["clean/1", "clean/2"]);
    assert_eq!(outputs(&recorded_once(|| drop(shadowed_in_a_loop(&[1, 0]).to_string()))), ["clean/1", "clean"]);
    assert_eq!(outputs(&recorded_once(|| drop(frozen_in_a_loop(&[1, 2]).to_string()))), ["clean/1", "clean/2"]);
    assert_eq!(outputs(&recorded_once(|| drop(configured_in_a_loop(&[1, 2]).to_string()))), ["clean/1", "clean/2"]);
}

#[component(outputs(out))]
fn loop_and_branch(months: &[u8], with_summary: bool) -> usize {
    let mut length = 0;
    for month in months {
        let out = format!("clean/{month}");
        length += out.len();
    }
    if with_summary {
        let out = "draft";
        length += out.len();
        let out = "summary";
        length += out.len();
    }
    length
}

#[test]
fn what_a_loop_recorded_stays_whatever_is_bound_elsewhere() {
    let run = recorded_once(|| drop(loop_and_branch(&[1, 2], true).to_string()));
    assert_eq!(outputs(&run), ["clean/1", "clean/2", "summary"]);
    let run = recorded_once(|| drop(loop_and_branch(&[1, 2], false).to_string()));
    assert_eq!(outputs(&run), ["clean/1", "clean/2"]);
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
