use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::cli::{Cli, PATIENCE};
use crate::pipeline::Store;
use crate::serve::Server;

/// A browser that only tells what it was to show.
struct Browser(TempDir);

impl Browser {
    fn new() -> Self {
        let browser = Self(tempfile::tempdir().unwrap());
        assert!(Command::new("mkfifo").arg(browser.shown_in()).status().unwrap().success());
        let script = format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", browser.shown_in().display());
        fs::write(browser.program(), script).unwrap();
        fs::set_permissions(browser.program(), Permissions::from_mode(0o755)).unwrap();
        browser
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("browser")
    }

    fn shown_in(&self) -> PathBuf {
        self.0.path().join("shown")
    }

    fn opens(&self, cli: Cli) -> Cli {
        // A browser that is not there is passed over.
        cli.env("BROWSER", &format!("/nowhere/browser:{}", self.program().display()))
    }

    /// What it was to show, once it is told.
    #[track_caller]
    fn shown(&self) -> String {
        let (tell, told) = mpsc::channel();
        let path = self.shown_in();
        thread::spawn(move || tell.send(fs::read_to_string(path).unwrap()));
        told.recv_timeout(PATIENCE).expect("no browser was opened")
    }
}

#[test]
fn a_server_of_the_same_store_is_opened_by_whatever_path() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let (browser, folder) = (Browser::new(), tempfile::tempdir().unwrap());
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(store.path(), &link).unwrap();
    let url = format!("http://{}/runs/1", server.address);
    for what in ["1", "#1"] {
        let said = browser.opens(Cli::at(&link)).args("open --listen").arg(&server.address).arg(what).succeeds();
        assert_eq!((said, browser.shown()), (format!("{url}\n"), url.clone()));
    }
}

#[test]
fn what_is_served_already_is_told_as_json() {
    let store = Store::of_a_chain(1);
    let (server, browser) = (Server::on(&store), Browser::new());
    let said = browser.opens(Cli::on(&store)).args("open --listen").arg(&server.address).answers();
    let url = format!("http://{}/", server.address);
    assert_eq!(said, serde_json::json!({"url": url, "is_served_here": false}));
    assert_eq!(browser.shown(), url);
}

#[test]
fn a_store_that_nobody_serves_is_served_until_it_is_told_to_end() {
    let store = Store::of_a_chain(1);
    let browser = Browser::new();
    let (server, said) = Server::of(browser.opens(Cli::on(&store)).args("open 1 --listen 127.0.0.1:0"));
    assert_eq!((&said["is_served_here"], said["url"].as_str()), (&true.into(), Some(browser.shown().as_str())));
    assert_eq!(server.get("/api/v1/runs/1").1["component"], "step");
    server.tell(Signal::INT);
    assert_eq!(server.ends(), (0, String::new()));
}

#[test]
fn a_server_of_another_store_is_not_taken_for_one_of_this() {
    let (store, other) = (Store::of_a_chain(1), Store::of_a_chain(1));
    let server = Server::on(&other);
    let refused = Cli::on(&store).args("open 1 --listen").arg(&server.address).fails(2);
    assert!(refused.contains("cannot be served: Address already in use"), "{refused}");
}

#[test]
fn where_the_usual_port_is_taken_by_something_else_another_is_served() {
    // If something has it already, it is taken too.
    if let Ok(taken) = TcpListener::bind("127.0.0.1:8080") {
        thread::spawn(move || taken.incoming().for_each(drop));
    }
    let (store, browser) = (Store::of_a_chain(1), Browser::new());
    let (server, said) = Server::of(browser.opens(Cli::on(&store)).args("open"));
    assert_eq!((&said["is_served_here"], said["url"].as_str()), (&true.into(), Some(browser.shown().as_str())));
    assert!(!server.address.ends_with(":8080"), "{said}");
}

#[test]
fn an_output_is_opened_whatever_it_is_called() {
    let (store, browser) = (Store::of_a_chain(1), Browser::new());
    let server = Server::on(&store);
    for name in ["ride 7/\"a\" & <b>?#%", "🚕/été", "17", "../up"] {
        let run = serde_json::json!({"component": "dbt", "outputs": [name],
            "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T08:05:00Z"});
        server.log(&run).unwrap();
        Cli::on(&store).args("trace").arg(name).succeeds();
        browser.opens(Cli::on(&store)).args("open --listen").arg(&server.address).arg(name).succeeds();
        let url = browser.shown();
        let page = server.page(url.strip_prefix(&format!("http://{}", server.address)).unwrap());
        let escaped = name.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;");
        assert!(page.contains(&format!("Where {escaped} came from")), "{url}: {page}");
    }
}

#[test]
fn what_is_not_there_is_told_as_elsewhere_and_no_browser_is_opened() {
    let store = Store::of_a_chain(1);
    let opened = Browser::new();
    fs::remove_file(opened.shown_in()).unwrap();
    let open = |what: &str| opened.opens(Cli::on(&store)).args("open").arg(what).fails(2);
    assert_eq!(open("nothing"), Cli::on(&store).args("trace nothing").fails(2));
    assert_eq!(open("#99"), Cli::on(&store).args("inspect 99").fails(2));
    assert!(!opened.shown_in().exists());
}

#[test]
fn without_any_browser_the_address_is_shown_all_the_same() {
    let store = Store::of_a_chain(1);
    let server = Server::on(&store);
    let nowhere = tempfile::tempdir().unwrap();
    let cli = Cli::on(&store).env("PATH", nowhere.path().to_str().unwrap()).env("BROWSER", "");
    let said = cli.args("open --listen").arg(&server.address).succeeds();
    assert_eq!(said, format!("http://{}/\n", server.address));
}
