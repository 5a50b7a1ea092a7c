//! What only a traced function leaves: its code, where it stands, and a panic.

use std::panic;

use mltrace::component;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

/// Counts rides by month.
#[component(owner = "data-team", tags("report"), inputs(rides), outputs("report"), run = run)]
fn report(rides: &str) -> usize {
    // Spaces are not counted.
    run.param("separator", &' ');
    rides.split(' ').count()
}

#[component(inputs(rides))]
fn refuse(rides: &str) -> usize {
    panic!("{rides} cannot be read")
}

#[test]
fn the_code_that_ran_is_shown_as_it_was_written() {
    let store = Store::empty();
    let tracing = mltrace::scoped(&store.tracer);
    assert_eq!(report("a b"), 2);
    drop(tracing);
    let out = Cli::on(&store).args("inspect 1").succeeds();
    assert!(out.contains("  code     mltrace-cli/tests/cli/traced.rs:"), "{out}");
    let (_, code) = out.split_once("\ncode\n").unwrap();
    assert_snapshot!(code);
}

#[test]
fn a_panic_is_shown_with_its_message() {
    let store = Store::empty();
    let tracing = mltrace::scoped(&store.tracer);
    panic::catch_unwind(|| refuse("raw")).unwrap_err();
    drop(tracing);
    let out = Cli::on(&store).args("inspect 1").succeeds();
    assert!(out.starts_with("#1 refuse  panicked\n  raw cannot be read\n"), "{out}");
    let out = Cli::on(&store).args("history refuse --status panicked").env("CLICOLOR_FORCE", "1").succeeds();
    assert!(out.contains("\u{1b}[31mpanicked") && out.contains("\u{1b}[31mraw cannot be read"), "{out:?}");
}

#[component]
fn outer() {
    inner();
}

#[component]
fn inner() {}

#[test]
fn the_run_inside_which_a_run_was_called_is_named_by_its_number() {
    let store = Store::empty();
    let tracing = mltrace::scoped(&store.tracer);
    outer();
    drop(tracing);
    let out = Cli::on(&store).args("inspect 1").succeeds();
    assert!(out.starts_with("#1 inner") && out.contains("\n  parent   #2 outer\n"), "{out}");
}
