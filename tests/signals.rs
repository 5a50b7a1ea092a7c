//! Signals that end a process, and an abort: nothing of tracing stands in their way, and what stands in the store then.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use mltrace::{ComponentRun, RunId, Status, Tracer, component};

#[component(buffered, inputs(raw))]
fn queued(raw: &str) -> usize {
    raw.len()
}

#[component(inputs(raw))]
fn open(raw: &str) -> usize {
    thread::sleep(Duration::from_secs(600));
    raw.len()
}

const RUNS: usize = 20;

const SIGNALS: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGABRT];

/// A program that is started in the background may ignore what its shell ignores.
#[allow(unsafe_code, reason = "the standard library does not know how signals are met")]
fn heed(signal: i32) {
    // SAFETY: the default is no function that could run at a bad moment.
    assert_ne!(unsafe { libc::signal(signal, libc::SIG_DFL) }, libc::SIG_ERR);
}

/// Records runs in all ways and then waits, with a run open, for the signal, or ends itself.
fn be_ended(path: &Path, aborts: bool) {
    SIGNALS.into_iter().for_each(heed);
    mltrace::init(Tracer::open(path).unwrap()).unwrap();
    thread::spawn(|| open("raw"));
    for _ in 0..RUNS {
        let mut run = ComponentRun::new("logged");
        run.start().add_input("in").add_output("out").end();
        mltrace::log_component_run(run).unwrap();
        queued("raw");
    }
    let asking = Tracer::open(path).unwrap();
    let count = |component: &str| asking.history(component).limit(100).get().map_or(0, |runs| runs.items.len());
    // The thread in the background writes them unasked.
    while count("queued") < RUNS || count("open") == 0 {
        thread::sleep(Duration::from_millis(20));
    }
    println!("ready");
    if aborts {
        std::process::abort();
    }
    thread::sleep(Duration::from_secs(600));
}

#[allow(unsafe_code, reason = "the standard library sends no other signal than that which kills")]
fn send(signal: i32, pid: u32) {
    // SAFETY: it is a child of this process that nobody has waited for yet.
    assert_eq!(unsafe { libc::kill(pid.cast_signed(), signal) }, 0);
}

#[test]
fn a_signal_or_an_abort_ends_the_process_and_leaves_what_was_written_whole() {
    const NAME: &str = "a_signal_or_an_abort_ends_the_process_and_leaves_what_was_written_whole";
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return be_ended(&PathBuf::from(path), std::env::var_os("MLTRACE_TEST_ABORTS").is_some());
    }
    for signal in SIGNALS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([NAME, "--exact", "--nocapture"]).env("MLTRACE_TEST_PATH", &path);
        if signal == libc::SIGABRT {
            command.env("MLTRACE_TEST_ABORTS", "1");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("ready")));
        if signal != libc::SIGABRT {
            send(signal, child.id());
        }
        assert_eq!(child.wait().unwrap().signal(), Some(signal), "nothing keeps the process from ending");
        let raw = rusqlite::Connection::open(&path).unwrap();
        let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok", "signal {signal}");
        let runs = Tracer::open(&path).unwrap().recorded_after(RunId(0)).unwrap();
        for (component, status, count, inputs) in [
            ("logged", Status::Completed, RUNS, 1),
            ("queued", Status::Completed, RUNS, 1),
            ("open", Status::Lost, 1, 1),
        ] {
            let of_component = runs.iter().filter(|run| run.component == component);
            let whole = of_component.filter(|run| run.status == status && run.inputs.len() == inputs);
            assert_eq!(whole.count(), count, "{component} after signal {signal}");
        }
    }
}
