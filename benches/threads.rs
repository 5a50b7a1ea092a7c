//! Promises: eight threads that log durably get as many runs a second as one at `synchronous=NORMAL`, and 1.8 times as
//! many at FULL; 64 threads at FULL three times as many.
//!
//! Both sides are ours. They take turns, each writing to a store of its own. The calls' 99th percentile is stated.

use std::thread;
use std::time::Instant;

use mltrace::{Durability, Tracer};

use crate::Setting;
use crate::support::Result;
use crate::support::measure::{Block, blocks_in_turns, time_calls};
use crate::support::pipeline::{self, MadeRun, Runs};
use crate::support::table::{Bar, Table};

const RUNS: usize = 4_000;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    let blocks = if setting.is_full { 7 } else { 3 };
    let runs: Vec<MadeRun> = Runs::in_chains(u32::MAX).take(RUNS * blocks).collect();
    for (durability, threads, bar) in
        [(Durability::Normal, 8, 1.0), (Durability::Full, 8, 1.8), (Durability::Full, 64, 3.0)]
    {
        let open = |who: &str| {
            Tracer::builder(setting.file(&format!("{who}-{durability:?}-{threads}.db"))).durability(durability).open()
        };
        let (many, one) = (open("many")?, open("one")?);
        let part = |block: usize| &runs[block * RUNS..(block + 1) * RUNS];
        let [ours, alone] = blocks_in_turns(
            blocks,
            &mut [&mut |block| log(&many, part(block), threads), &mut |block| log(&one, part(block), 1)],
        )?;
        let promise = format!("durable at {durability:?}, runs a second: {threads} threads / one");
        table.row(&promise, Bar::AtLeast(bar), alone.over(&ours), "", ours, alone);
    }
    Ok(())
}

/// Logs runs on so many threads.
fn log(tracer: &Tracer, runs: &[MadeRun], threads: usize) -> Result<Block> {
    let log_part = |part: &[MadeRun]| {
        time_calls(part.len(), |at| Ok(pipeline::log(tracer, &part[at])?)).map_err(|error| error.to_string())
    };
    let begun = Instant::now();
    let parts: Result<Vec<Block>, String> = thread::scope(|scope| {
        let workers: Vec<_> =
            runs.chunks(runs.len().div_ceil(threads)).map(|part| scope.spawn(move || log_part(part))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        };
        workers.into_iter().map(join).collect()
    });
    let calls = parts?.into_iter().flat_map(|part| part.calls).collect();
    Ok(Block { elapsed: begun.elapsed(), calls })
}
