//! The page where there is much of something.

use mltrace_core::RunReport;
use serde_json::json;

use super::driver::{Browser, Look};
use crate::pipeline::{Store, at};
use crate::serve::Server;

#[test]
fn a_lineage_of_300_runs_is_drawn_whole_and_of_a_larger_one_it_is_said_how_much_is_not() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(320);
    let server = Server::on(&store);
    for (output, told) in [("x300", "300 runs"), ("x320", "20 more upstream are not shown")] {
        browser.open(&server.url(&format!("/trace/{output}")));
        assert_eq!(browser.script("return document.querySelectorAll('.graph .box.run').length"), 300);
        assert_eq!(browser.script("return document.querySelectorAll('.tree li').length"), 300);
        assert!(browser.text().contains(told), "{}", browser.text());
        // What was asked about is what is seen first.
        let is_seen = "const [seen, asked] = ['.graph', '.graph .asked'].map((part) =>
                           document.querySelector(part).getBoundingClientRect());
                       return asked.top >= seen.top && asked.bottom <= seen.bottom && asked.left >= seen.left";
        browser.until(is_seen);
    }
}

#[test]
fn the_recent_runs_are_scrolled_through_to_the_ten_thousandth_and_new_ones_come_by_themselves() {
    const RUNS: i64 = 10_000;
    let Some(browser) = Browser::start() else { return };
    let store = Store::empty();
    let report = |nth: i64| -> RunReport {
        let time = at(nth);
        serde_json::from_value(
            json!({"component": "step", "outputs": [format!("x{nth}")], "started_at": time, "ended_at": time}),
        )
        .unwrap()
    };
    let log = |from, to| {
        for logged in store.tracer.log_reports((from..to).map(report).collect()).unwrap() {
            assert!(logged.unwrap().is_new);
        }
    };
    (0..RUNS / 1_000).for_each(|part| log(part * 1_000, (part + 1) * 1_000));
    let server = Server::on(&store);
    browser.open(&server.url("/"));
    let ids =
        "return [...document.querySelectorAll('.runs .row > a')].map((link) => Number(link.textContent.slice(1)))";
    let scroll = "const older = document.querySelector('.older:not(.htmx-request)');
                  if (older) older.scrollIntoView();
                  return !document.querySelector('.older')";
    browser.until(scroll);
    let shown: Vec<i64> = serde_json::from_value(browser.script(ids)).unwrap();
    assert_eq!(shown, (1..=RUNS).rev().collect::<Vec<_>>());
    log(RUNS, RUNS + 3);
    browser.until("return document.querySelectorAll('.runs .row').length === 10003");
    let shown: Vec<i64> = serde_json::from_value(browser.script(ids)).unwrap();
    assert_eq!(shown[..4], [RUNS + 3, RUNS + 2, RUNS + 1, RUNS]);
    assert_eq!(browser.witnessed(), [""; 0]);
}

#[test]
fn who_comes_back_to_the_recent_runs_or_loads_them_again_is_where_they_were() {
    let Some(browser) = Browser::start() else { return };
    browser.look(Look { width: 1440, scheme: "light" });
    let store = Store::of_a_chain(320);
    let server = Server::on(&store);
    browser.open(&server.url("/"));
    browser.until(
        "const run = document.getElementById('run-100');
         (run ?? document.querySelector('.older:not(.htmx-request)'))?.scrollIntoView();
         return !!run",
    );
    let is_seen = "const run = document.getElementById('run-100')?.getBoundingClientRect();
                   return !!run && run.top >= -1 && run.bottom <= innerHeight";
    browser.find("#run-100-page").click();
    assert_eq!(browser.place(), "/runs/100");
    browser.back();
    browser.until(is_seen);
    assert!(browser.place().starts_with("/?after="), "{}", browser.place());
    browser.cdp("Page.reload", &json!({}));
    browser.until(is_seen);
    browser.named("Newest runs").click();
    browser.until("return location.pathname + location.search === '/' && !!document.getElementById('run-320')");
    assert_eq!(browser.witnessed(), [""; 0]);
}
