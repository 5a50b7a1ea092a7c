//! Many processes write to one store while others read from it without pause: nothing is lost, nothing is locked, and
//! the order is sane.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mltrace::{ComponentRun, RunId, RunRecord, Status, Tracer};

const NAME: &str = "sixteen_processes_write_while_two_read_and_nothing_is_lost_or_locked_and_the_order_is_sane";
const WRITERS: usize = 16;
const RUNS: usize = 1_000;
const READERS: usize = 2;

/// One link of a chain: each run reads what the one before it wrote.
fn link(writer: usize, number: usize) -> ComponentRun {
    let mut run = ComponentRun::new(format!("stage-{writer}"));
    run.start();
    if number > 0 {
        run.add_input(format!("{writer}/{}", number - 1));
    }
    // One name that all write, too.
    run.add_output(format!("{writer}/{number}")).add_output("models/latest");
    run.partition(number).end();
    run
}

fn write(path: &Path, writer: usize) {
    let tracer = Tracer::open(path).unwrap();
    for number in 0..RUNS {
        tracer.log_component_run(link(writer, number)).unwrap();
    }
}

/// Asks until it is told to stop; whatever it sees is whole.
fn read(path: &Path) {
    let tracer = Tracer::open_existing(path).unwrap();
    let (mut asked, mut last) = (0_u32, 0);
    while !path.with_file_name("over").exists() {
        let recent = tracer.recent(5).unwrap().items;
        for run in &recent {
            assert_eq!(run.outputs.len(), 2, "{run:#?}");
            assert!(run.inputs.len() == run.dependencies.len(), "{run:#?}");
        }
        let newest = recent.first().map_or(0, |run| run.id.0);
        assert!(newest >= last, "what was there is there");
        last = newest;
        if let Some(run) = recent.first() {
            let trace = tracer.trace(&run.outputs[0].name).depth(20).get().unwrap();
            assert!(!trace.runs.is_empty());
            tracer.history(&run.component).limit(10).get().unwrap();
        }
        asked += 1;
    }
    assert!(asked > 10, "asked {asked} times");
}

fn start(path: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env("MLTRACE_TEST_PATH", path)
        .env("MLTRACE_TEST_ROLE", role)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A chain is there whole, its links in the order in which they were logged, and each depends on the one before it.
fn expect_chain(chain: &[&RunRecord]) {
    assert_eq!(chain.len(), RUNS);
    let mut before: Option<&RunRecord> = None;
    for (number, run) in chain.iter().enumerate() {
        assert_eq!(run.partition.as_deref(), Some(number.to_string().as_str()));
        assert_eq!(run.status, Status::Completed);
        let upstream: Vec<RunId> = run.dependencies.iter().map(|dependency| dependency.run).collect();
        assert_eq!(upstream, before.map(|before| before.id).into_iter().collect::<Vec<_>>());
        assert!(before.is_none_or(|before| before.ended_at <= Some(run.started_at) && before.pid == run.pid));
        before = Some(run);
    }
}

#[test]
fn sixteen_processes_write_while_two_read_and_nothing_is_lost_or_locked_and_the_order_is_sane() {
    if let (Ok(role), Some(path)) = (std::env::var("MLTRACE_TEST_ROLE"), std::env::var_os("MLTRACE_TEST_PATH")) {
        let path = PathBuf::from(path);
        return role.parse().map_or_else(|_| read(&path), |writer| write(&path, writer));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Tracer::open(&path).unwrap());
    let readers: Vec<Child> = (0..READERS).map(|_| start(&path, "reads")).collect();
    let writers: Vec<Child> = (0..WRITERS).map(|writer| start(&path, &writer.to_string())).collect();
    let mut longest_log = 0;
    for mut writer in writers {
        while writer.try_wait().unwrap().is_none() {
            let log = std::fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len());
            longest_log = longest_log.max(log);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(writer.wait().unwrap().success(), "a writer was held up for too long");
    }
    std::fs::write(path.with_file_name("over"), "").unwrap();
    for mut reader in readers {
        assert!(reader.wait().unwrap().success(), "a reader was held up, or saw half a run");
    }
    println!("the log had up to {} MiB", longest_log >> 20);
    // More than where there is time between two questions, but not without end.
    assert!(longest_log < 300 << 20, "{longest_log} bytes of log");

    let raw = rusqlite::Connection::open(&path).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let runs = Tracer::open(&path).unwrap().recorded_after(RunId(0)).unwrap();
    assert_eq!(runs.len(), WRITERS * RUNS);
    let mut chains: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
    for run in &runs {
        chains.entry(&run.component).or_default().push(run);
    }
    assert_eq!(chains.len(), WRITERS);
    for chain in chains.values() {
        expect_chain(chain);
    }
}
