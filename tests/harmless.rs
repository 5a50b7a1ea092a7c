//! Trouble in tracing never changes what a traced function returns. Trouble with opening the default store is tested where
//! there is a program that is no test: in the taxi example.
#![cfg(not(feature = "off"))]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use mltrace::{Capture, Captured, Tracer, component};
use serde_json::json;

#[component(inputs(text), outputs(return), params(times))]
fn repeated(text: &str, times: usize) -> Result<String, String> {
    if times == 0 {
        return Err("nothing to repeat".to_owned());
    }
    assert_ne!(times, usize::MAX);
    Ok(text.repeat(times))
}

/// Calls the traced function in every way it can end, and checks only what it returns.
fn behaves() {
    assert_eq!(repeated("ab", 2), Ok("abab".to_owned()));
    assert_eq!(repeated("ab", 0), Err("nothing to repeat".to_owned()));
    let panic = std::panic::catch_unwind(|| repeated("ab", usize::MAX)).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("18446744073709551615"), "its own panic comes through");
}

const STORE: &str = "MLTRACE_TEST_HARMLESS";

fn succeeded(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_disk_that_is_full() {
    if let Some(path) = env::var_os(STORE) {
        let tracer = Tracer::open(&path).unwrap();
        mltrace::init(tracer.clone()).unwrap();
        behaves();
        let recorded = tracer.recent(10).unwrap().items.len();
        assert_eq!(recorded, 3, "there was room at first");
        // What is left of the disk goes to somebody else.
        let _ = fs::write(Path::new(&path).with_file_name("filler"), vec![1; 4 << 20]);
        for _ in 0..50 {
            behaves();
        }
        let kept = tracer.recent(1_000).unwrap().items.len();
        assert!(kept < recorded + 150, "the disk was meant to be full: {kept} runs were kept");
        fs::remove_file(Path::new(&path).with_file_name("filler")).unwrap();
        behaves();
        assert_eq!(tracer.recent(1_000).unwrap().items.len(), kept + 3, "with room again, runs are recorded again");
        println!("filled");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut small = Command::new("unshare");
    small.args(["--map-root-user", "--mount", "sh", "-c"]).arg(format!(
        "mount -t tmpfs -o size=1m tmpfs {folder} && {STORE}={folder}/store.db exec {program} a_disk_that_is_full --exact --nocapture",
        folder = folder.path().display(),
        program = env::current_exe().unwrap().display(),
    ));
    let can_mount = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine lets nobody mount a small disk of their own");
        return;
    }
    assert!(succeeded(small).contains("filled"));
}

struct Explodes;

impl Capture for Explodes {
    fn capture(&self, _: &mut dyn FnMut(Captured)) {
        panic!("in the capture");
    }
}

impl std::fmt::Display for Explodes {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("in the display");
    }
}

impl serde::Serialize for Explodes {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in the serialization");
    }
}

#[component(inputs(odd), params(odd), partition = odd, labels(odd), before(odd = Err(odd)))]
fn takes_an_odd_value(odd: &Explodes, fails: bool) -> Result<&'static str, Explodes> {
    let _ = odd;
    if fails { Err(Explodes) } else { Ok("returned") }
}

#[test]
fn a_panic_in_the_values_own_code_is_not_the_functions() {
    let tracer = Tracer::in_memory().unwrap();
    let guard = mltrace::scoped(&tracer);
    assert_eq!(takes_an_odd_value(&Explodes, false).ok(), Some("returned"));
    assert!(takes_an_odd_value(&Explodes, true).is_err());
    drop(guard);
    let runs = tracer.recent(10).unwrap().items;
    let ended: Vec<_> = runs.iter().map(|run| run.status.as_str()).collect();
    assert_eq!(ended, ["failed", "completed"]);
}

#[component(inputs(long), partition = long, params(long), run = run)]
fn takes_too_much(long: &str) {
    run.metric("nan", f64::NAN);
    run.note(long);
    run.check(long, Err(long));
    run.check("", true);
    run.input("");
    run.output("kept");
}

#[test]
fn what_is_beyond_a_limit_is_trimmed_and_the_run_is_kept() {
    let tracer = Tracer::in_memory().unwrap();
    let guard = mltrace::scoped(&tracer);
    takes_too_much(&"é\0".repeat(50_000));
    drop(guard);
    let run = &tracer.recent(1).unwrap().items[0];
    assert!(run.inputs.is_empty() && run.metrics.is_empty() && run.partition.is_none());
    assert_eq!(run.outputs[0].name, "kept");
    let [check] = run.checks.as_slice() else { panic!("{:?}", run.checks) };
    assert!(check.name.len() <= 4 << 10 && check.name.ends_with("[cut]"), "what it found is worth more than its name");
    assert!(check.message.as_ref().is_some_and(|message| message.len() <= 64 << 10 && message.ends_with("[cut]")));
    assert!(run.notes[0].text.len() <= 64 << 10 && run.notes[0].text.ends_with("[cut]"));
    assert_eq!(json!(run.params), json!({}));
}
