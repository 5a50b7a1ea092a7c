//! Processes that are killed at random moments while they log, buffer and hold runs open: what stands in the store then.
//!
//! A few rounds by default; `MLTRACE_KILL_ROUNDS=1000` for the full proof.

use std::fmt::Arguments;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use mltrace::{ComponentRun, RunId, RunRecord, Status, Tracer, component};
use uuid::Uuid;

const NAME: &str = "whatever_moment_a_process_is_killed_at_what_it_was_told_is_there_and_nothing_is_there_in_half";
const STORES_LAST: u32 = 20;

#[component(buffered, inputs(ins), outputs(outs), params(number))]
fn queued(ins: &[String], outs: &[String], number: usize) -> usize {
    ins.len() + outs.len() + number
}

#[component(inputs(ins), params(number))]
fn open(ins: &[String], number: usize, time: Duration) -> usize {
    thread::sleep(time);
    ins.len() + number
}

fn names(thread: usize, number: usize) -> [String; 2] {
    ["features", "schema"].map(|what| format!("{}/{thread}/{number}/{what}", std::process::id()))
}

fn log_for_ever(tracer: &Tracer, thread: usize) {
    for number in 1.. {
        let mut run = ComponentRun::new("logged");
        run.start();
        run.add_input(names(thread, number - 1)).add_output(names(thread, number));
        run.param("number", number).unwrap();
        run.end();
        log_and_tell(tracer, run);
    }
}

/// What returns must be there from now on, and nothing gives it reason to fail.
fn log_and_tell(tracer: &Tracer, run: ComponentRun) {
    let uuid = run.uuid();
    match tracer.log_component_run(run) {
        Ok(_) => tell(format_args!("told {uuid}")),
        Err(error) => tell(format_args!("failed {error}")),
    }
}

fn tell(what: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).unwrap();
}

/// Logs until it is killed.
fn be_killed(path: &Path) {
    let tracer = Tracer::open(path).unwrap();
    mltrace::init(tracer.clone()).unwrap();
    thread::scope(|scope| {
        for thread in 0..3 {
            let tracer = &tracer;
            scope.spawn(move || log_for_ever(tracer, thread));
        }
        scope.spawn(|| {
            for number in 1.. {
                queued(&names(3, number - 1), &names(3, number), number);
                thread::sleep(Duration::from_micros(500));
            }
        });
        scope.spawn(|| open(&names(4, 1), 1, Duration::from_secs(600)));
        scope.spawn(|| {
            for number in 1.. {
                open(&names(5, number), number, Duration::from_millis(1_200));
            }
        });
    });
}

fn start(name: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("MLTRACE_TEST_PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The runs whose durable call had returned when the process was killed: once one had, and then `moment` came.
fn kill_at(name: &str, path: &Path, moment: impl FnOnce()) -> Vec<Uuid> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let mut child = start(name, path);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        lines.map_while(Result::ok).filter(|line| line.contains("told ") || line.contains("failed ")).for_each(
            |line| {
                let _ = tell.send(line);
            },
        );
    });
    let first = told.recv_timeout(PATIENCE);
    if first.is_ok() {
        moment();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    let told: Vec<String> = first.into_iter().chain(told).collect();
    assert!(!told.is_empty(), "no call returned for {PATIENCE:?}");
    let failed = told.iter().find(|line| line.contains("failed "));
    assert_eq!(failed, None);
    // A line that was cut off midway was not told.
    told.iter().filter_map(|line| line.rsplit_once("told ").and_then(|(_, uuid)| uuid.parse().ok())).collect()
}

/// Opens what was left, in which all that was told must be there.
fn open_sound(path: &Path, told: &[Uuid], context: &str) -> Tracer {
    let raw = rusqlite::Connection::open(path).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok", "{context}");
    drop(raw);
    let tracer = Tracer::open(path).unwrap();
    for &uuid in told {
        assert!(tracer.run_id(uuid).unwrap().is_some(), "{context}: {uuid} was told and is not there");
    }
    tracer
}

fn expect_whole(run: &RunRecord) {
    let (status, pointers) = match run.component.as_str() {
        "open" => (Status::Lost, (2, 0)),
        _ => (Status::Completed, (2, 2)),
    };
    assert!(run.status == status || run.status == Status::Completed, "{run:#?}");
    assert_eq!((run.inputs.len(), run.outputs.len()), pointers, "{run:#?}");
    assert!(run.params.contains_key("number"), "{run:#?}");
    assert!(run.host.is_some() && run.code.file.is_some(), "{run:#?}");
}

#[test]
fn whatever_moment_a_process_is_killed_at_what_it_was_told_is_there_and_nothing_is_there_in_half() {
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return be_killed(&PathBuf::from(path));
    }
    let rounds: u32 = std::env::var("MLTRACE_KILL_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap());
    let mut folder = tempfile::tempdir().unwrap();
    let mut last = RunId(0);
    let (mut told, mut stored, mut orphaned, mut queued) = (0, 0, 0, 0);
    for round in 0..rounds {
        if round % STORES_LAST == 0 {
            (folder, last) = (tempfile::tempdir().unwrap(), RunId(0));
        }
        let path = folder.path().join("store.db");
        let random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_micros();
        // Every third lives long enough for its open runs to be seen.
        let delay = u64::from(random % 300) + if round % 3 == 2 { 1_500 } else { 0 };
        let uuids = kill_at(NAME, &path, || thread::sleep(Duration::from_millis(delay)));
        told += uuids.len();
        let tracer = open_sound(&path, &uuids, &format!("round {round}"));
        let runs = tracer.recorded_after(last).unwrap();
        runs.iter().for_each(expect_whole);
        last = runs.last().map_or(last, |run| run.id);
        stored += runs.len();
        orphaned += runs.iter().filter(|run| run.status == Status::Lost).count();
        queued += runs.iter().filter(|run| run.component == "queued").count();
    }
    println!("{rounds} rounds: {told} told, {stored} stored, {queued} of them queued, {orphaned} orphaned");
    assert!(told > 0 && stored >= told);
    assert!(rounds < 3 || orphaned > 0, "the open runs were seen");
}

/// Logs so much that the log soon has to be moved into the file, and is asked so much that it must even be emptied.
fn fill_the_log(path: &Path) {
    let tracer = Tracer::open(path).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let asking = Tracer::open(path).unwrap();
                loop {
                    asking.recent(50).unwrap();
                }
            });
        }
        for number in 1_u64.. {
            let mut run = ComponentRun::new("logged");
            run.start().add_output(format!("out-{number}"));
            for _ in 0..4 {
                run.note("n".repeat(64 << 10));
            }
            run.end();
            log_and_tell(&tracer, run);
        }
    });
}

/// What the memory that connections share says of the log, by the format of SQLite: how many of its pages somebody has set
/// out to move, and how many are known to be moved.
fn moving(path: &Path) -> Option<(u32, u32)> {
    let shared = fs::read(path.with_extension("db-shm")).ok()?;
    let number = |at: usize| Some(u32::from_ne_bytes(shared.get(at..at + 4)?.try_into().ok()?));
    Some((number(128)?, number(96)?))
}

#[test]
fn a_process_killed_while_the_log_is_moved_or_emptied_loses_nothing_that_it_was_told() {
    const NAME: &str = "a_process_killed_while_the_log_is_moved_or_emptied_loses_nothing_that_it_was_told";
    const EACH: u32 = 3;
    if let Some(path) = std::env::var_os("MLTRACE_TEST_PATH") {
        return fill_the_log(&PathBuf::from(path));
    }
    let is_moving = |path: &Path| moving(path).is_some_and(|(begun, done)| begun > done);
    let length = |path: &Path| fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len());
    let await_moment = |mut has_come: Box<dyn FnMut() -> bool + '_>| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !has_come() && Instant::now() < deadline {
            thread::yield_now();
        }
    };
    let (mut amid_moving, mut emptied, mut rounds) = (0, 0, 0);
    while amid_moving < EACH || emptied < EACH {
        rounds += 1;
        assert!(rounds < 60, "killed {amid_moving} times while the log was moved, {emptied} times when it was emptied");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let uuids = kill_at(NAME, &path, || {
            if amid_moving < EACH {
                await_moment(Box::new(|| is_moving(&path)));
            } else {
                let mut longest = 0;
                await_moment(Box::new(|| {
                    longest = length(&path).max(longest);
                    length(&path) < longest
                }));
            }
        });
        if amid_moving < EACH {
            amid_moving += u32::from(is_moving(&path));
        } else {
            emptied += u32::from(length(&path) < 4 << 20);
        }
        open_sound(&path, &uuids, &format!("round {rounds}"));
    }
}
