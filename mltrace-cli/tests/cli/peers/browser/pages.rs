//! What holds of every page, light and dark, wide and narrow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::json;

use super::driver::{Browser, Look};
use crate::peers::{find, skipped};
use crate::pipeline::Store;
use crate::serve::Server;

/// How pages are looked at: the widths of a desk and of a telephone, in the colours of the system.
const LOOKS: [Look; 4] = [
    Look { width: 1440, scheme: "light" },
    Look { width: 390, scheme: "dark" },
    Look { width: 390, scheme: "light" },
    Look { width: 1440, scheme: "dark" },
];

/// What axe-core finds wrong with the page that is open, each with where and why.
const ASK_AXE: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
        ({ violations }) => done(violations.flatMap(({ id, nodes }) =>
            nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`))),
        (error) => done([`axe: ${error}`]),
    );
";

/// What of the page sticks out at its side.
const ASK_WIDE: &str = "
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    const isInside = (element) => { for (let at = element.parentElement; at; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== 'visible') return true; return false; };
    return [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > wide + 0.5 && !isInside(element))
        .map((element) => `too wide: ${element.outerHTML.slice(0, 200)}`);
";

#[test]
fn no_page_has_a_fault_that_axe_or_the_browser_finds_nor_asks_anything_of_another_machine() {
    let Some(axe) = find("axe.min.js") else { return skipped("axe.min.js") };
    let Some(browser) = Browser::start() else { return };
    let axe = fs::read_to_string(axe).unwrap();
    let server = Server::demo();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&pictures).unwrap();
    // Each with where it was seen.
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, place) in server.places() {
        for (nth, look) in LOOKS.into_iter().enumerate() {
            browser.look(look);
            browser.open(&server.url(&place));
            assert_eq!(browser.status(), if name == "nowhere" { 404 } else { 200 }, "{place}");
            browser.until("return !document.querySelector('[hx-trigger=load], .htmx-request')");
            let told = |script: &str| serde_json::from_value::<Vec<String>>(browser.script(script)).unwrap();
            let mut found = browser.witnessed();
            found.extend(told(ASK_WIDE));
            found.extend(browser.moved());
            // Of what axe looks for, all depends on the colours or on the width, and it takes longer than all else.
            if nth < 2 {
                browser.script(&axe);
                found.extend(serde_json::from_value::<Vec<String>>(browser.later(ASK_AXE)).unwrap());
            }
            let at = format!("{name}-{}-{}", look.width, look.scheme);
            browser.picture(&pictures.join(format!("{at}.png")));
            for fault in found {
                faults.entry(fault).or_default().push(at.clone());
            }
        }
    }
    let asked = browser.requests();
    assert!(asked.iter().any(|url| url.starts_with(&server.url("/tasks"))), "requests are seen at all");
    for url in asked {
        if !url.starts_with(&server.url("/")) && !url.starts_with("data:") {
            faults.entry(format!("elsewhere is asked for {url}")).or_default();
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_trap_for_what_moves_sees_a_page_that_moves() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    browser.look(LOOKS[0]);
    browser.open(&server.url("/"));
    assert_eq!(browser.moved(), [""; 0]);
    // As a part would that comes in above all else, without room that was kept for it.
    browser.script("document.getElementById('main').prepend(Object.assign(document.createElement('p'), { style: 'height: 20rem' }))");
    let moved = browser.moved();
    assert!(moved.iter().any(|told| told.starts_with("it moves while it loads")), "{moved:?}");
}

#[test]
fn without_scripts_every_page_says_the_same() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::demo();
    // The lines of a page, less what its second moment differs in; a part that is asked for later is a page of its own.
    let read =
        "for (const part of document.querySelectorAll('#drift, #retrain, .zone, [hx-trigger=revealed]')) part.remove();
                return document.querySelector('main').innerText.replaceAll(/\\d+ [a-z]+ ago/g, '').split('\\n')
                    .map((line) => line.trim()).filter((line) => line)";
    for (_, place) in server.places() {
        let lines = |is_disabled: bool| -> BTreeSet<String> {
            browser.cdp("Emulation.setScriptExecutionDisabled", &json!({ "value": is_disabled }));
            browser.open(&server.url(&place));
            serde_json::from_value(browser.script(read)).unwrap()
        };
        let [without, with] = [true, false].map(lines);
        let lost: Vec<_> = with.difference(&without).collect();
        assert!(lost.is_empty() && !with.is_empty(), "{place} without scripts lacks {lost:?}");
    }
}
