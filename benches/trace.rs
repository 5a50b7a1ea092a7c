//! Promise: a trace of depth 100, with every column and the names of all inputs and outputs, costs at most 1.2 of the same
//! on raw rusqlite, and at most 1.2 of itself where the store holds 100,000 runs rather than 1,000.
//!
//! Compared with `support/raw_read.rs` on the same file: a recursive CTE that walks the runs with all their columns, and
//! one statement for all inputs, all outputs, and so on. The baseline gives rows; depths, edges and types are ours. The
//! traces begin at many outputs all over the store, so that a larger store is also a colder one.

#[path = "support/measure.rs"]
mod measure;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/raw_read.rs"]
mod raw_read;
#[path = "support/stored.rs"]
mod stored;

use std::hint::black_box;

use measure::{Result, Table, Timing, in_turns};
use raw_read::RawReader;
use stored::{CHAIN, Stored};

const BLOCKS: usize = 24;
const CALLS: usize = 32;

/// From the latest completed run that wrote the name `?1`, whose key is `?2`, upstream.
const WALK: &str = "
    WITH RECURSIVE up (id) AS (
        SELECT * FROM (
            SELECT o.run FROM output o JOIN text n ON n.id = o.name
            WHERE n.text = ?1 AND n.hash = ?2 AND o.completed = 1 ORDER BY o.ended_at DESC LIMIT 1
        )
        UNION SELECT i.upstream FROM up JOIN input i ON i.run = up.id WHERE i.upstream IS NOT NULL
        UNION SELECT d.upstream FROM up JOIN declared d ON d.run = up.id WHERE d.upstream IS NOT NULL
    )";

fn main() -> Result<()> {
    let mut table = Table::new();
    let [raw_small, small] = measure_store(1_000, &mut table)?;
    let [raw_large, large] = measure_store(100_000, &mut table)?;
    for (side, small, large, bar) in [("mltrace", small, large, Some(1.2)), ("raw", raw_small, raw_large, None)] {
        let growth = large.over(&small);
        table.row(&format!("trace depth 100, 100k / 1k runs, {side}"), bar, growth, large.figures(), small.figures());
    }
    table.print();
    Ok(())
}

fn measure_store(runs: usize, table: &mut Table) -> Result<[Timing; 2]> {
    let store = stored::fill(runs)?;
    let roots = chain_ends(&store, runs)?;
    let mut reader = RawReader::new(&store.connection, WALK, "up CROSS JOIN run r ON r.id = up.id", "")?;
    for (name, hash) in &roots {
        let graph = store.tracer.trace(name).get()?;
        let raw = reader.read(&[name, hash])?;
        raw_read::expect_the_same(&raw, graph.runs.iter().map(|found| &found.run))?;
        if raw.len() != CHAIN {
            return Err(format!("{} runs behind {name}", raw.len()).into());
        }
    }
    let [raw, ours] = in_turns(
        BLOCKS,
        CALLS,
        [
            &mut |call| {
                let (name, hash) = &roots[call % roots.len()];
                black_box(reader.read(&[name, hash])?);
                Ok(())
            },
            &mut |call| {
                black_box(store.tracer.trace(&roots[call % roots.len()].0).get()?);
                Ok(())
            },
        ],
    )?;
    let promise = format!("trace depth 100, {}k runs", runs / 1_000);
    table.row(&promise, Some(1.2), ours.over(&raw), ours.figures(), raw.figures());
    Ok([raw, ours])
}

/// First outputs of the last runs of chains, with the key they are found by: at most 101, spread over the store.
fn chain_ends(store: &Stored, runs: usize) -> Result<Vec<(String, i64)>> {
    let chains = runs / CHAIN;
    let mut statement = store.connection.prepare(
        "SELECT n.text, n.hash FROM output o JOIN text n ON n.id = o.name WHERE o.run = ?1 AND o.position = 0",
    )?;
    let ends = (1..=chains).step_by(chains.div_ceil(CHAIN)).map(|chain| chain * CHAIN);
    ends.map(|run| Ok(statement.query_row([i64::try_from(run)?], |row| Ok((row.get(0)?, row.get(1)?)))?)).collect()
}
