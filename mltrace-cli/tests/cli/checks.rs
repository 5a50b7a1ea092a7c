use mltrace_core::check;
use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

/// A run whose checks held, one of which some failed, and one that a check kept from running.
fn checked() -> Store {
    let store = Store::empty();
    store.log("cleaning", 0, 1, |run| {
        run.check("!rides.is_empty()", true).check("enough", check::row_count(120, 100..));
    });
    store.log("cleaning", 10, 1, |run| {
        run.check("!rides.is_empty()", true);
        run.check("enough", check::row_count(57, 100..));
        run.check("fares", check::in_range([7.5, -3.0, f64::NAN], 0.0..=500.0));
        run.check("check::null_share(rides.iter().map(|ride| ride.passengers), 0.01)", Err("two\nlines"));
        run.check("sorted", false).metric("kept", 0.2);
    });
    store.log("train", 20, 0, |run| {
        run.check("enough", check::row_count(57, 100..));
        run.fail("`train` did not run: the check `enough` failed: 57 rows, expected at least 100");
    });
    store
}

#[test]
fn a_run_shows_the_checks_that_failed_first_with_what_they_found() {
    assert_snapshot!(Cli::on(&checked()).args("inspect 2").succeeds());
}

#[test]
fn checks_that_held_take_a_line_each() {
    let out = Cli::on(&checked()).args("inspect 1").succeeds();
    assert!(out.contains("\nchecks\n  passed  !rides.is_empty()\n  passed  enough\n"), "{out}");
}

#[test]
fn checks_that_failed_stand_below_their_run_unless_its_error_tells_them() {
    assert_snapshot!(Cli::on(&checked()).args("recent").succeeds());
}

#[test]
fn a_wide_screen_shows_more_of_them() {
    assert_snapshot!(Cli::on(&checked()).args("history cleaning").env("COLUMNS", "200").succeeds());
}

#[test]
fn the_json_has_the_checks_in_the_order_in_which_they_ran() {
    let checks = &Cli::on(&checked()).args("inspect 2").answers()["checks"];
    assert_eq!(checks[0], json!({ "name": "!rides.is_empty()", "status": "passed", "message": null }));
    assert_eq!(checks[1], json!({ "name": "enough", "status": "failed", "message": "57 rows, expected at least 100" }));
    assert_eq!(checks[4], json!({ "name": "sorted", "status": "failed", "message": null }));
}
