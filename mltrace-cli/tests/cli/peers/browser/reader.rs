//! What is the reader's own: the time zone.

use serde_json::json;

use super::driver::Browser;
use crate::pipeline::Store;
use crate::serve::Server;

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
