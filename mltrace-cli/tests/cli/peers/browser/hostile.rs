//! Names that a page could stumble over, in every position that a name can have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;
use mltrace_core::IoPointer;
use mltrace_core::monitor::Column;

use super::driver::Browser;
use crate::pipeline::{Store, at};
use crate::serve::Server;

const NAMES: [&str; 6] = [
    "a b/\"'<script>alert(1)</script>&?#%2F",
    "../<img src=x onerror=alert(2)>🚕//",
    "رحلة/٢٠٢٠ \u{202e}txt.exe",
    "\" onmouseover=\"alert(3)\" autofocus onfocus=\"alert(4)",
    "javascript:alert(5)//{{7*7}}${alert(6)}",
    "</title></textarea></pre><svg onload=alert(7)>",
];

/// A page for each name and kind of thing, each with its heading's beginning and end.
const PAGES: [(&str, &str, &str); 5] = [
    ("/components/", "", ""),
    ("/trace/", "Where ", " came from"),
    ("/impact/", "What came of ", ""),
    ("/labels/", "Label ", ""),
    ("/tasks/", "Tasks / ", ""),
];

/// Everything that can be called something is called this.
fn log(store: &Store, name: &str, minute: i64) {
    let raw = format!("{name} raw");
    store.log(name, minute, 1, |run| {
        run.owner(name).description(name).tag(name).partition(name).label(name).note(name);
        run.add_input(IoPointer::new(&raw).at_version(name)).add_output(IoPointer::new(name).at_version(name));
        run.metric(name, 1.0).check(name, Err::<(), _>(name));
        run.param(name, name).unwrap().param(format!("openlineage.run.{name}"), name).unwrap();
        run.profile_by_day("features", [at(0).date_naive()], [(name, Column::texts([name]))]).unwrap();
    });
    store.log(name, minute + 1, 1, |run| {
        run.add_input(IoPointer::new(name).at_version(name)).add_output(format!("{name} out")).fail(name);
    });
    store.tracer.flag(name).unwrap();
    store.tracer.label(&raw, name).write().unwrap();
    store.tracer.retract(name, name).by(name).write().unwrap();
    let task = store.tracer.task(name).unwrap();
    let told = |value: f64| [(name, value, at(minute) + TimeDelta::seconds(1))];
    task.log_outputs(told(1.0)).unwrap();
    task.log_feedbacks(told(0.0)).unwrap();
}

/// The heading of every page that links lead to from the first, each of which must be there.
fn walk(browser: &Browser, server: &Server) -> BTreeMap<String, String> {
    let (mut seen, mut to_see) = (BTreeSet::new(), VecDeque::from(["/".to_owned()]));
    let mut headings = BTreeMap::new();
    while let Some(place) = to_see.pop_front() {
        browser.open(&server.url(&place));
        assert_eq!(browser.status(), 200, "{place}\n{}", browser.text());
        // Whatever an element would do when it is pointed at or focused.
        browser.script(
            "for (const element of document.querySelectorAll('body *'))
                 for (const event of ['mouseover', 'focus', 'click', 'error', 'load'])
                     if (event !== 'click' || !element.closest('a, button, summary, input, select'))
                         element.dispatchEvent(new Event(event))",
        );
        assert_eq!(browser.witnessed(), [""; 0], "{place}");
        let found = browser.script(
            "return [document.querySelector('h1').innerText,
                     ...[...document.links].map((link) => link.getAttribute('href'))]",
        );
        let mut found: Vec<String> = serde_json::from_value(found).unwrap();
        headings.insert(place, found.remove(0));
        for link in found {
            let link = link.split('#').next().unwrap_or_default();
            assert!(link.is_empty() || link.starts_with('/') && !link.starts_with("//"), "a link to {link}");
            // The same pages in another order or depth.
            let is_other = ["/api/", "depth=", "collapse=", "fit=", "by=", "order=", "metric="]
                .iter()
                .any(|part| link.contains(part));
            if !link.is_empty() && !is_other && seen.insert(link.to_owned()) {
                to_see.push_back(link.to_owned());
            }
        }
    }
    headings
}

#[test]
fn whatever_things_are_called_nothing_of_it_runs_and_every_link_leads_to_what_it_names() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::empty();
    for (nth, name) in (0..).zip(NAMES) {
        log(&store, name, 10 * nth);
    }
    let server = Server::on(&store);
    let headings = walk(&browser, &server);
    for (beginning, before, after) in PAGES {
        let shown: BTreeSet<&str> = headings
            .iter()
            .filter(|(place, _)| place.starts_with(beginning))
            .filter(|(place, _)| !place.contains('?') || place.contains("?version="))
            .filter_map(|(_, heading)| heading.strip_prefix(before)?.strip_suffix(after))
            .collect();
        for name in NAMES {
            assert!(shown.contains(name), "no page {beginning} of {name}: {shown:?}");
        }
    }
}

#[test]
fn the_witness_of_these_tests_sees_what_a_page_refuses_to_run() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::on(&Store::empty());
    browser.open(&server.url("/"));
    browser.script("document.querySelector('main').innerHTML = '<img src=x onerror=alert(1)>'");
    browser.until("return window.witnessed.length > 0");
    assert!(browser.witnessed()[0].starts_with("policy: script-src"), "{:?}", browser.witnessed());
    browser.script("alert(1)");
    assert_eq!(browser.witnessed().last().map(String::as_str), Some("alert: 1"));
}
