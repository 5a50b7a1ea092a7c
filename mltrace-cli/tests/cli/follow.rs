use std::io::{BufRead, BufReader};
use std::process::ChildStdout;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

use crate::cli::{Cli, PATIENCE, end_of};
use crate::pipeline::Store;

fn lines(out: ChildStdout) -> Receiver<String> {
    let (line, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).all(|read| line.send(read).is_ok()));
    lines
}

#[test]
fn new_runs_appear_as_they_are_recorded_one_object_a_line() {
    let store = Store::of_a_chain(3);
    let mut child = Cli::on(&store).args("recent 2 --follow --json").starts();
    let lines = lines(child.stdout.take().unwrap());
    let next_id = || {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["id"].clone()
    };
    assert_eq!([next_id(), next_id()], [2, 3]);
    store.log("step", 10, 1, |_| ());
    assert_eq!(next_id(), 4);
    store.log("step", 11, 1, |_| ());
    assert_eq!(next_id(), 5);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_store_that_is_still_empty_can_be_followed() {
    let store = Store::empty();
    let mut child = Cli::on(&store).args("recent -f").starts();
    let lines = lines(child.stdout.take().unwrap());
    store.log("cleaning", 0, 1, |_| ());
    assert!(lines.recv_timeout(PATIENCE).unwrap().starts_with("id"));
    assert!(lines.recv_timeout(PATIENCE).unwrap().starts_with("#1  cleaning"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn following_ends_quietly_when_nobody_reads() {
    let store = Store::of_a_chain(1);
    let mut child = Cli::on(&store).args("recent --follow --json").starts();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("\"id\":1"), "{first}");
    store.log("step", 10, 1, |_| ());
    assert_eq!(end_of(child), (0, String::new()));
}
