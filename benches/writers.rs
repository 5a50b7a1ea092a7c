//! Promises: eight threads that log durably get as many runs a second as one at `synchronous=NORMAL`, and 1.8 times as
//! many at FULL; 64 threads at FULL 3 times as many. Buffered runs cost at most 1.3 of raw rusqlite in batches of 1,000.
//!
//! The ratios are of the time a run takes, so a promise of twice the runs is a bar of one half. The lanes take turns, each
//! writing to a store of its own. What is timed of buffered runs goes from the first call to the end of the flush.

#[path = "support/measure.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod measure;
#[path = "support/pipeline.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod pipeline;
#[path = "support/raw_write.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod raw_write;

use std::thread;
use std::time::{Duration, Instant};

use mltrace::{ComponentRun, Durability, Tracer};

use measure::{Compared, Result, Table};
use pipeline::MadeRun;
use raw_write::RawWriter;

const BLOCKS: usize = 7;
const RUNS: usize = 4_000;
const BATCH: usize = 1_000;

fn main() -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let runs = pipeline::chains(u32::try_from(RUNS * BLOCKS)?, u32::MAX);
    let mut table = Table::new();
    for (durability, threads, bar) in
        [(Durability::Normal, 8, 1.0), (Durability::Full, 8, 1.0 / 1.8), (Durability::Full, 64, 1.0 / 3.0)]
    {
        let open = |name: &str| {
            let path = folder.path().join(format!("{durability:?}-{threads}-{name}.db"));
            Tracer::builder(path).durability(durability).open()
        };
        let (many, one) = (open("many")?, open("one")?);
        let [ours, alone] =
            in_turns(&runs, &mut [&mut |block| log(&many, block, threads), &mut |block| log(&one, block, 1)])?;
        table.row(&format!("durable at {durability:?}, {threads} threads / one"), Some(bar), compared(&ours, &alone));
    }

    let buffered = Tracer::open(folder.path().join("buffered.db"))?;
    let connection = raw_write::create(&folder.path().join("raw.db"))?;
    let mut raw = RawWriter::new(&connection)?;
    let [ours, theirs] = in_turns(
        &runs,
        &mut [
            &mut |block| {
                let calls = put(block, 1, |run| buffered.queue_component_run(run).map(drop))?;
                buffered.flush()?;
                Ok(calls)
            },
            &mut |block| {
                block.chunks(BATCH).try_for_each(|batch| raw.write_batch(batch))?;
                Ok(Vec::new())
            },
        ],
    )?;
    assert_eq!(buffered.stats().dropped, 0, "what is dropped costs nothing");
    table.row("buffered, sustained / raw batches of 1,000", Some(1.3), compared(&ours, &theirs));
    table.print();
    Ok(())
}

/// Does the work of a block, and says how long each call took where there were such.
type Lane<'l> = &'l mut dyn FnMut(&[MadeRun]) -> Result<Vec<Duration>>;

/// What the blocks of one lane took, and its calls.
#[derive(Default)]
struct Timing {
    blocks: Vec<Duration>,
    calls: Vec<Duration>,
}

fn in_turns(runs: &[MadeRun], lanes: &mut [Lane<'_>; 2]) -> Result<[Timing; 2]> {
    let mut timings = [Timing::default(), Timing::default()];
    for (number, block) in runs.chunks(RUNS).enumerate() {
        for turn in 0..2 {
            let lane = (number + turn) % 2;
            let begun = Instant::now();
            let calls = lanes[lane](block)?;
            timings[lane].blocks.push(begun.elapsed());
            timings[lane].calls.extend(calls);
        }
    }
    Ok(timings)
}

/// Logs runs on so many threads.
fn log(tracer: &Tracer, runs: &[MadeRun], threads: usize) -> Result<Vec<Duration>> {
    put(runs, threads, |run| tracer.log_component_run(run).map(drop))
}

/// Has runs put by several threads, and says how long each call took.
fn put(
    runs: &[MadeRun],
    threads: usize,
    call: impl Fn(ComponentRun) -> mltrace::Result<()> + Sync,
) -> Result<Vec<Duration>> {
    let logged: Result<Vec<Vec<Duration>>, String> = thread::scope(|scope| {
        let parts = runs.chunks(runs.len().div_ceil(threads));
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| put_part(part, &call))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a thread panicked".to_owned())))
            .collect()
    });
    let calls: Vec<Vec<Duration>> = logged?;
    Ok(calls.concat())
}

fn put_part(runs: &[MadeRun], call: &impl Fn(ComponentRun) -> mltrace::Result<()>) -> Result<Vec<Duration>, String> {
    let put = |made: &MadeRun| {
        let begun = Instant::now();
        let mut run = ComponentRun::new("featuregen");
        run.start();
        for input in &made.inputs {
            run.add_input(input.pointer());
        }
        for output in &made.outputs {
            run.add_output(output.pointer());
        }
        run.end();
        call(run).map_err(|error| error.to_string())?;
        Ok(begun.elapsed())
    };
    runs.iter().map(put).collect()
}

fn compared(ours: &Timing, theirs: &Timing) -> Compared {
    let mut ratios: Vec<f64> =
        ours.blocks.iter().zip(&theirs.blocks).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    Compared { ratio: ratios[ratios.len() / 2], median_ratio: None, ours: figures(ours), raw: figures(theirs) }
}

/// Microseconds a run, and of the calls the median and the 99th percentile.
fn figures(timing: &Timing) -> String {
    let runs = u32::try_from(RUNS * timing.blocks.len()).unwrap_or(u32::MAX);
    let a_run = timing.blocks.iter().sum::<Duration>().as_secs_f64() * 1e6 / f64::from(runs);
    let mut calls: Vec<f64> = timing.calls.iter().map(|call| call.as_secs_f64() * 1e6).collect();
    calls.sort_by(f64::total_cmp);
    let at = |percent: usize| calls.get(calls.len().saturating_sub(1) * percent / 100);
    match (at(50), at(99)) {
        (Some(p50), Some(p99)) => format!("{a_run:.1} / {p50:.1} / {p99:.0} us"),
        _ => format!("{a_run:.1} us"),
    }
}
