//! A page that stays open: its login lapses, its server goes away, its runs go on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::json;

use super::driver::{Browser, Look, key};
use crate::cli::Cli;
use crate::pipeline::Store;
use crate::serve::Server;

const SILENT: &str = "The server does not answer.";

impl Browser {
    /// Gives a token to the login that is open.
    #[track_caller]
    fn log_in(&self, token: &str) {
        self.find("#token").write(token);
        self.named("Log in").click();
    }

    /// Logs in by a link that leaves this page as it is.
    #[track_caller]
    fn log_in_beside(&self, link: &str, token: &str) {
        self.find(link).click();
        self.other_window();
        self.log_in(token);
        self.other_window();
    }

    /// Waits until the notice says this, or nothing.
    #[track_caller]
    fn until_told(&self, text: &str) {
        self.until(&format!("return document.getElementById('notice').innerText.startsWith({text:?})"));
        self.until(&format!("return {} || document.getElementById('notice').innerText === ''", !text.is_empty()));
    }

    #[track_caller]
    fn value_of(&self, selector: &str) -> String {
        super::text(&self.script_of("return document.querySelector(arguments[0]).value", &[json!(selector)]))
    }
}

fn token(store: &Store, name: &str) -> String {
    super::text(&Cli::on(store).args("token add --role review --name").arg(name).answers()["token"])
}

fn revoke(store: &Store, name: &str) {
    Cli::on(store).args("token revoke").arg(name).succeeds();
}

#[test]
fn who_is_logged_out_while_runs_come_in_is_told_and_goes_on_with_all_that_was_typed() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let token_of_ana = token(&store, "ana");
    let server = Server::on(&store);
    browser.open(&server.url("/"));
    browser.log_in(&token_of_ana);
    browser.find("#command").write("history ste");
    browser.find("[name=component]").write("st");
    revoke(&store, "ana");
    browser.until_told("You are logged out. Log in in a new tab.");
    browser.log_in_beside("#notice a", &token(&store, "ben"));
    store.log("step", 1, 1, |_| ());
    browser.find("#run-2");
    browser.until_told("");
    assert_eq!(["#command", "[name=component]"].map(|typed| browser.value_of(typed)), ["history ste", "st"]);
    assert_eq!(browser.witnessed(), [""; 0]);
}

#[test]
fn a_command_that_is_sent_after_the_login_has_lapsed_stands_in_the_bar_after_the_next() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let token_of_ana = token(&store, "ana");
    let server = Server::on(&store);
    browser.open(&server.url("/components"));
    browser.log_in(&token_of_ana);
    revoke(&store, "ana");
    browser.find("#command").write("history step");
    browser.press(key::ENTER);
    let token_of_ben = token(&store, "ben");
    browser.log_in(&token_of_ben);
    browser.find("#main a[href='/components/step']");
    assert_eq!((browser.place().as_str(), browser.value_of("#command").as_str()), ("/components", "history step"));
    // Once: after another login it is gone.
    browser.open(&server.url("/login"));
    browser.log_in(&token_of_ben);
    browser.find("#run-1");
    assert_eq!((browser.place().as_str(), browser.value_of("#command").as_str()), ("/", ""));
}

#[test]
fn a_note_that_is_sent_after_the_login_has_lapsed_stays_in_its_form() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let token_of_ana = token(&store, "ana");
    let server = Server::on(&store);
    browser.open(&server.url("/runs/1"));
    browser.log_in(&token_of_ana);
    browser.find("#text").write("minutes where seconds are meant");
    revoke(&store, "ana");
    browser.find("#add-note").click();
    let unsent = browser.find("#notes .unsent").text();
    assert_eq!(unsent, "You are logged out. This was not sent: log in, and send it once more. Log in in a new tab.");
    browser.log_in_beside("#notes .unsent a", &token(&store, "ben"));
    browser.find("#add-note").click();
    assert!(browser.find("#notes li").text().contains("minutes where seconds are meant"));
    browser.until("return document.querySelector('.unsent') === null");
}

#[test]
fn a_note_that_no_server_took_stays_in_its_form_and_is_sent_once() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let address = server.address.clone();
    browser.open(&server.url("/runs/1"));
    browser.find("#text").write("minutes where seconds are meant");
    drop(server);
    browser.find("#add-note").click();
    let unclear = "Whether this was sent is unclear: look before you send it once more.";
    assert_eq!(browser.find("#notes .unsent").text(), format!("{SILENT} {unclear}"));
    let _server = Server::of(Cli::on(&store).args("serve --listen").arg(&address));
    browser.find("#add-note").click();
    browser.find("#notes li");
    browser.open(&format!("http://{address}/runs/1"));
    assert_eq!(browser.script("return document.querySelectorAll('#notes li').length"), 1);
}

/// Answers as a proxy does whose server is away.
fn refuse(mut asking: TcpStream) {
    if asking.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
        let _answered = asking.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
}

#[test]
fn a_page_whose_server_is_away_says_so_and_goes_on_when_it_is_back() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let address = server.address.clone();
    browser.open(&server.url("/"));
    browser.find("#command").write("history ste");
    drop(server);
    browser.until_told(SILENT);
    // What a proxy answers in its place is no sign of it.
    let proxy = TcpListener::bind(&address).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let is_told = Arc::clone(&is_over);
    let accepting = thread::spawn(move || {
        while let (asking, false) = (proxy.accept().unwrap().0, is_told.load(Ordering::SeqCst)) {
            // Browsers open some ahead, on which nothing may ever be asked.
            thread::spawn(move || refuse(asking));
        }
    });
    browser.until_told("The server cannot answer at the moment.");
    is_over.store(true, Ordering::SeqCst);
    TcpStream::connect(&address).unwrap();
    accepting.join().unwrap();
    store.log("step", 1, 1, |_| ());
    let _server = Server::of(Cli::on(&store).args("serve --listen").arg(&address));
    browser.find("#run-2");
    browser.until_told("");
    assert_eq!(browser.value_of("#command"), "history ste");
    assert_eq!(browser.witnessed(), [""; 0]);
}

#[test]
fn a_server_that_hangs_is_away_too() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    browser.open(&server.url("/"));
    let patience = browser.script("const given = htmx.config.timeout; htmx.config.timeout = 1_000; return given");
    assert_eq!(patience, 30_000);
    server.tell(Signal::STOP);
    browser.until_told(SILENT);
    server.tell(Signal::CONT);
    browser.until_told("");
}

#[test]
fn a_lost_run_that_ends_is_shown_as_it_ended_and_many_of_them_ask_no_more_than_one() {
    let Some(browser) = Browser::start() else { return };
    let store = Store::of_a_chain(50);
    let sql = rusqlite::Connection::open(store.path()).unwrap();
    let (status, ended_at): (i64, i64) = sql
        .query_row("SELECT status, ended_at FROM run WHERE id = 45", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    // Those below are out of sight.
    sql.execute_batch("UPDATE run SET status = 0, ended_at = NULL WHERE id >= 45 OR id <= 10").unwrap();
    sql.execute_batch("UPDATE process SET heartbeat_at = heartbeat_at - 600000000").unwrap();
    let server = Server::on(&store);
    browser.look(Look { width: 1440, scheme: "light" });
    browser.open(&server.url("/"));
    assert_eq!(browser.find("#run-45 .status").text(), "lost");
    browser.script("document.getElementById('run-50').isThatOfBefore = true");
    sql.execute("UPDATE run SET status = ?1, ended_at = ?2 WHERE id = 45", [status, ended_at]).unwrap();
    browser.until("return document.querySelector('#run-45 .completed') !== null");
    let is_left_alone = "return document.getElementById('run-50').isThatOfBefore";
    assert_eq!(browser.script(is_left_alone), true, "a reader who selects text in it is not disturbed");
    let asked = browser.script(
        "const asked = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname);
         return [asked.filter((path) => path.startsWith('/recent/row/')), Math.floor(performance.now() / 2_000) + 2]",
    );
    let (runs, most): (Vec<String>, usize) = serde_json::from_value(asked).unwrap();
    assert!(runs.iter().all(|path| path.starts_with("/recent/row/4") || path == "/recent/row/50"), "{runs:?}");
    assert!(runs.len() <= most, "{} looks where there is time for {most}", runs.len());
}
