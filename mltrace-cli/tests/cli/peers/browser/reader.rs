//! What is the reader's own: colours, and the time zone.

use serde_json::json;

use super::driver::{Browser, Look, key};
use crate::pipeline::Store;
use crate::serve::Server;

#[test]
fn colours_are_the_systems_until_others_are_chosen_and_once_more_when_the_system_is() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let shown = |scheme: &'static str| {
        browser.look(Look { width: 1440, scheme });
        browser.script("return getComputedStyle(document.body).backgroundColor")
    };
    let again = || browser.open(&server.url("/"));
    again();
    let (light, dark) = (shown("light"), shown("dark"));
    assert_ne!(light, dark);
    browser.tab_to("Colours");
    assert_eq!(browser.focused(), ("combobox".into(), "Colours".into()));
    browser.press(key::DOWN);
    assert_eq!(shown("dark"), light);
    again();
    assert_eq!(shown("dark"), light, "it is kept");
    browser.tab_to("Colours");
    browser.press(key::DOWN);
    assert_eq!(shown("light"), dark);
    again();
    assert_eq!(shown("light"), dark, "it is kept");
    browser.tab_to("Colours");
    browser.press(&key::UP.repeat(2));
    assert_eq!([shown("light"), shown("dark")], [light.clone(), dark.clone()]);
    again();
    assert_eq!([shown("light"), shown("dark")], [light, dark], "it is kept");
}

#[test]
fn colours_that_cannot_be_chosen_without_scripts_are_not_offered() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let shown = |is_disabled: bool| {
        browser.cdp("Emulation.setScriptExecutionDisabled", &json!({ "value": is_disabled }));
        browser.open(&server.url("/"));
        browser.script("return document.getElementById('theme').checkVisibility()")
    };
    assert_eq!((shown(true), shown(false)), (json!(false), json!(true)));
}

#[test]
fn times_are_shown_and_chosen_in_the_zone_of_the_reader() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    browser.cdp("Emulation.setTimezoneOverride", &json!({ "timezoneId": "Asia/Kolkata" }));
    browser.open(&server.url("/?since=2020-04-30T20:00"));
    let time =
        browser.script("const time = document.querySelector('#run-1 time'); return [time.innerText, time.title]");
    assert_eq!(time, json!(["2020-05-01 11:30:00", "2020-05-01 06:00:00 UTC"]));
    assert_eq!(browser.script("return document.querySelector('[name=since]').value"), "2020-05-01T01:30");
    browser.named("Filter").click();
    browser.until("return new URLSearchParams(location.search).get('since') === '2020-04-30T20:00'");
}
