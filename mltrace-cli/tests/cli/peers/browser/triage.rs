//! Somebody complains about a prediction, and whoever is on call finds out why: with the mouse, and with the keyboard alone.

use serde_json::{Value, json};

use super::driver::{Browser, key};
use crate::serve::Server;

impl Browser {
    /// Presses the tab key until the focus is on what has this text in its name.
    #[track_caller]
    pub(super) fn tab_to(&self, name: &str) {
        const MOST: usize = 300;
        for _ in 0..MOST {
            self.press(key::TAB);
            if self.focused().1.contains(name) {
                return;
            }
        }
        panic!("{MOST} tabs lead to no {name}\nat {}:\n{}", self.place(), self.text());
    }

    /// The same, and follows it.
    #[track_caller]
    fn enter(&self, name: &str) {
        self.tab_to(name);
        self.press(key::ENTER);
    }

    #[track_caller]
    fn until_at(&self, beginning: &str) {
        let script =
            format!("return document.readyState === 'complete' && location.pathname.startsWith({})", json!(beginning));
        self.until(&script);
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.until(&format!("return document.querySelector('main').innerText.includes({})", json!(text)));
    }

    #[track_caller]
    fn text_of(&self, selector: &str) -> String {
        self.find(selector).text()
    }
}

/// The first output of the window on the page that is not flagged.
fn unflagged(browser: &Browser, server: &Server) -> String {
    browser.find("#window tbody th");
    let shown =
        browser.script("return [...document.querySelectorAll('#window tbody th')].map((cell) => cell.innerText)");
    let flagged = server.get("/api/v1/review").1["flagged"].take();
    let is_flagged = |id: &Value| flagged.as_array().unwrap().iter().any(|flagged| flagged["name"] == *id);
    super::text(shown.as_array().unwrap().iter().find(|id| !is_flagged(id)).unwrap())
}

#[test]
fn a_bad_prediction_leads_to_the_run_at_fault_and_to_the_line_of_code_that_changed() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::demo();
    browser.open(&server.url("/"));
    browser.find("nav a[href='/tasks']").click();
    browser.named("high_tip").click();
    // Of the worst day, the most wrong that nobody has complained about yet.
    let id = unflagged(&browser, &server);
    browser.named(&id).click();
    assert_eq!(browser.text_of("h1"), format!("Where {id} came from"));
    // A run of the graph is shown beside it.
    let inference = browser.text_of("#chosen h2");
    assert!(inference.contains("inference"), "{inference}");
    browser.find(".graph a:has(.run):nth-of-type(2)").click();
    browser.until("return !document.querySelector('#chosen h2').innerText.includes('inference')");
    // Flagged, and flagged still when the page is loaded again.
    browser.named("Flag for review").click();
    browser.shows("Unflag");
    browser.open(&server.url(&browser.place()));
    browser.named("Review what is flagged").click();
    let flagged = browser.find("#flagged").text();
    assert!(flagged.contains(&id), "{flagged}");
    // The likeliest culprit stands first, with what changed in it.
    let suspect = browser.find("table tbody tr:first-child");
    assert!(suspect.text().contains("featuregen"), "{}", suspect.text());
    browser.named("what changed since").click();
    assert!(browser.text_of(".diff .removed").contains("trip_time"), "{}", browser.text());
    assert!(browser.text_of(".diff .added").contains("60"), "{}", browser.text());
    browser.back();
    browser.find("table tbody tr:first-child th a").click();
    assert!(browser.text_of("h1").contains("featuregen"), "{}", browser.text());
    // A note for whoever comes next.
    let run = browser.place();
    browser.find("#text").write("minutes where seconds are meant");
    browser.named("Add").click();
    browser.shows("minutes where seconds are meant");
    browser.open(&server.url(&run));
    assert!(browser.text_of("#notes li:last-child").contains("minutes where seconds are meant"));
    // Settled: the flag is taken away.
    browser.open(&server.url(&format!("/trace/{id}")));
    browser.named("Unflag").click();
    browser.shows("Flag for review");
    browser.open(&server.url("/review"));
    assert!(!browser.find("#flagged").text().contains(&id));
    assert_eq!(browser.witnessed(), [""; 0]);
}

#[test]
fn the_same_is_done_with_the_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::demo();
    browser.open(&server.url("/"));
    browser.enter("Tasks");
    browser.until_at("/tasks");
    browser.enter("high_tip");
    browser.until_at("/tasks/high_tip");
    let id = unflagged(&browser, &server);
    browser.enter(&id);
    browser.until_at("/trace/");
    // The graph is for the eye; its list leads to the same runs.
    browser.tab_to("Flag for review");
    browser.press(key::ENTER);
    browser.shows("Unflag");
    assert_eq!(browser.script("return document.activeElement.id"), "flags", "the focus stays");
    browser.enter("Review what is flagged");
    browser.until_at("/review");
    assert!(browser.find("#flagged").text().contains(&id));
    let suspect = browser.text_of("table tbody tr:first-child th a");
    browser.enter("what changed since");
    browser.until_at("/diff/");
    browser.shows("trip_time");
    browser.enter(&suspect);
    browser.until_at("/runs/");
    browser.tab_to("Add a note");
    browser.press("minutes where seconds are meant");
    browser.enter("Add");
    browser.until("return document.querySelector('#notes').innerText.includes('minutes where')");
    // The bar takes the same commands as the command line, from any page.
    browser.script("document.activeElement.blur()");
    browser.press("/");
    browser.press("unflag ");
    browser.press(&id);
    browser.press(key::ENTER);
    browser.until_at("/review");
    assert!(!browser.find("#flagged").text().contains(&id));
    browser.press_with(key::CONTROL, "k");
    browser.press(&format!("trace {}", &id[..id.len() - 1]));
    browser.until(
        "return [...document.querySelectorAll('#commands option')].some((option) => option.value.startsWith('trace '))",
    );
    browser.press(&id[id.len() - 1..]);
    browser.press(key::ENTER);
    browser.until_at("/trace/");
    assert_eq!(browser.text_of("h1"), format!("Where {id} came from"));
    assert_eq!(browser.witnessed(), [""; 0]);
}

#[test]
fn every_stop_of_the_tab_key_is_seen_and_has_a_name_and_the_first_leads_to_the_content() {
    // Some pages go on for as long as they are read.
    const MOST: usize = 40;
    let Some(browser) = Browser::start() else { return };
    let server = Server::demo();
    for (_, place) in server.places() {
        browser.open(&server.url(&place));
        for stops in 1..=MOST {
            browser.press(key::TAB);
            if browser.script("return document.activeElement === document.body") == true {
                break;
            }
            let seen = browser.script(
                "const at = document.activeElement, place = at.getBoundingClientRect(), style = getComputedStyle(at);
                 return place.width > 0 && place.height > 0 && place.bottom > 0 && place.top < innerHeight
                     && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && at.tabIndex === 0",
            );
            let (role, name) = browser.focused();
            assert_eq!(seen, true, "{place}: stop {stops}, {role} {name}");
            assert!(!name.is_empty(), "{place}: stop {stops}, a {role} without a name");
            if stops == 1 {
                assert_eq!(name, "Skip to the content", "{place}");
            }
        }
        browser.open(&server.url(&place));
        browser.press(key::TAB);
        browser.press(key::ENTER);
        browser.press(key::TAB);
        let is_in_main = browser.script(
            "return document.activeElement.closest('main') !== null || document.activeElement === document.body",
        );
        assert_eq!(is_in_main, true, "{place}: the content is not skipped to");
    }
}
