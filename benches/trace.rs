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

use measure::{Lane, Result, Table, in_turns};
use raw_read::RawReader;
use stored::Stored;

/// Runs from the end of a chain to its beginning: 100 hops.
const CHAIN: u32 = 101;
const BLOCKS: usize = 24;
const CALLS: usize = 16;

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
    let [small, large] = [stored::fill(1_000, CHAIN)?, stored::fill(100_000, CHAIN)?];
    let [mut raw_small, mut raw_large] = [raw_lane(&small)?, raw_lane(&large)?];
    let [mut our_small, mut our_large] = [our_lane(&small)?, our_lane(&large)?];
    let mut lanes: [Lane<'_>; 4] = [&mut raw_small, &mut our_small, &mut raw_large, &mut our_large];
    let [raw_small, our_small, raw_large, our_large] = in_turns(BLOCKS, CALLS, &mut lanes)?;

    let mut table = Table::new();
    table.row("trace depth 100, 1k runs", Some(1.2), our_small.compared_with(&raw_small));
    table.row("trace depth 100, 100k runs", Some(1.2), our_large.compared_with(&raw_large));
    table.row("trace depth 100, 100k runs / 1k runs", Some(1.2), our_large.compared_with(&our_small));
    table.row("the same of the baseline", None, raw_large.compared_with(&raw_small));
    table.print();
    Ok(())
}

fn raw_lane(store: &Stored) -> Result<impl FnMut(usize) -> Result<()>> {
    let roots = chain_ends(store)?;
    let mut reader = RawReader::new(&store.connection, WALK, "up CROSS JOIN run r ON r.id = up.id", "")?;
    for (name, hash) in &roots {
        let graph = store.tracer.trace(name).get()?;
        let raw = reader.read(&[name, hash])?;
        raw_read::expect_the_same(&raw, graph.runs.iter().map(|found| &found.run))?;
        if u32::try_from(raw.len())? != CHAIN {
            return Err(format!("{} runs behind {name}", raw.len()).into());
        }
    }
    Ok(move |call: usize| {
        let (name, hash) = &roots[call % roots.len()];
        black_box(reader.read(&[name, hash])?);
        Ok(())
    })
}

fn our_lane(store: &Stored) -> Result<impl FnMut(usize) -> Result<()>> {
    let roots = chain_ends(store)?;
    Ok(move |call: usize| {
        black_box(store.tracer.trace(&roots[call % roots.len()].0).get()?);
        Ok(())
    })
}

/// First outputs of the last runs of chains, with the key they are found by: at most 101, spread over the store.
fn chain_ends(store: &Stored) -> Result<Vec<(String, i64)>> {
    let runs: u32 = store.connection.query_row("SELECT count(*) FROM run", [], |row| row.get(0))?;
    let ends: Vec<_> = (1..=runs / CHAIN).map(|chain| chain * CHAIN).collect();
    let mut statement = store.connection.prepare(
        "SELECT n.text, n.hash FROM output o JOIN text n ON n.id = o.name WHERE o.run = ?1 AND o.position = 0",
    )?;
    let spread = ends.iter().step_by(ends.len().div_ceil(101));
    spread.map(|run| Ok(statement.query_row([run], |row| Ok((row.get(0)?, row.get(1)?)))?)).collect()
}
