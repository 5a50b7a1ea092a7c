//! Promises: a trace of depth 100, with every column and the names of all inputs and outputs, costs at most 1.2 of the same
//! on raw rusqlite, and at most 1.2 of itself where the store holds a million runs rather than 1,000. A ladder of 30 levels
//! takes less than 5 ms, and at depth 10,000 time and memory are linear in the answer.
//!
//! Compared with `support/raw_read.rs` on the same file: a recursive CTE that walks the runs with all their columns, and
//! one statement for all inputs, all outputs, and so on. The baseline gives rows; depths, edges and types are ours. The
//! traces begin at many outputs all over the store, so that a larger store is also a colder one.
//!
//! There are two ladders: of diamonds, where both runs of a level read what both of the level before wrote (2^30 paths),
//! and of skips, where each run reads what the two before it wrote.

use std::hint::black_box;

use mltrace::{ComponentRun, Tracer};

use crate::support::measure::{Lane, in_turns, shown};
use crate::support::raw_read::RawReader;
use crate::support::stored::Stored;
use crate::support::table::{Bar, Table};
use crate::support::{Result, memory, raw_read};
use crate::{CHAIN, Setting};

const BLOCKS: usize = 24;
const CALLS: usize = 16;
const DEEP: u32 = 10_000;
const SHALLOW: u32 = 1_000;

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

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    depth_100(setting, table)?;
    ladders(table)?;
    deep(table)
}

fn depth_100(setting: &Setting, table: &mut Table) -> Result<()> {
    let [small, large] = [Stored::open(setting.small()?)?, Stored::open(setting.large()?)?];
    let [mut raw_small, mut raw_large] = [raw_lane(&small)?, raw_lane(&large)?];
    let [mut our_small, mut our_large] = [our_lane(&small)?, our_lane(&large)?];
    let mut lanes: [Lane<'_>; 4] = [&mut raw_small, &mut our_small, &mut raw_large, &mut our_large];
    let [raw_small, our_small, raw_large, our_large] = in_turns(BLOCKS, CALLS, &mut lanes)?;
    let growth = setting.growth();
    table.ratio("trace depth 100, 1k runs / raw", Bar::AtMost(1.2), &our_small, &raw_small);
    let large = format!("trace depth 100, {} runs / raw", setting.large_name());
    table.ratio(&large, Bar::AtMost(1.2), &our_large, &raw_large);
    table.ratio(&format!("trace depth 100, {growth} runs"), Bar::AtMost(1.2), &our_large, &our_small);
    table.ratio("  the same of raw rusqlite", Bar::None, &raw_large, &raw_small);
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

fn ladders(table: &mut Table) -> Result<()> {
    const LEVELS: u32 = 30;
    let diamonds = Tracer::in_memory()?;
    for level in 1..=LEVELS {
        let below: Vec<_> = (0..2).map(|side| format!("{}/{side}", level - 1)).collect();
        for side in 0..2 {
            log(&diamonds, &below, &format!("{level}/{side}"))?;
        }
    }
    let skips = skips(LEVELS)?;
    let [diamonds, skips] = in_turns(
        BLOCKS,
        CALLS,
        &mut [&mut |_| trace(&diamonds, &format!("{LEVELS}/1"), 2 * LEVELS - 1), &mut |_| trace(&skips, "29", LEVELS)],
    )?;
    for (shape, timing) in [("diamonds", diamonds), ("skips", skips)] {
        let promise = format!("trace, ladder of 30 levels of {shape}");
        table.row(&promise, Bar::AtMost(5.0), timing.median_call() * 1e3, " ms", timing, "-");
    }
    Ok(())
}

fn deep(table: &mut Table) -> Result<()> {
    let store = skips(DEEP)?;
    let [deep, shallow] = [DEEP, SHALLOW].map(|runs| (runs, (runs - 1).to_string()));
    let ask = |(runs, output): &(u32, String)| trace(&store, output, *runs);
    let [deep_time, shallow_time] = in_turns(5, 3, &mut [&mut |_| ask(&deep), &mut |_| ask(&shallow)])?;
    let longer = f64::from(DEEP) / f64::from(SHALLOW);
    let promise = |what: &str| format!("trace, {what} a run at depth 10,000 / 1,000");
    let ratio = deep_time.over(&shallow_time) / longer;
    let [ours, less] = [(deep_time, DEEP), (shallow_time, SHALLOW)]
        .map(|(timing, runs)| format!("{} a run", shown(timing.median_call() / f64::from(runs))));
    table.row(&promise("time"), Bar::AtMost(1.2), ratio, "", ours, less);

    let [deep_memory, shallow_memory] = [&deep, &shallow].map(|asked| -> Result<f64> {
        let (bytes, answer) = memory::peak(|| ask(asked));
        answer?;
        Ok(f64::from(u32::try_from(bytes)?) / f64::from(asked.0))
    });
    let [ours, less] = [deep_memory?, shallow_memory?];
    let [ours_shown, less_shown] = [ours, less].map(|bytes| format!("{bytes:.0} B a run"));
    table.row(&promise("memory"), Bar::AtMost(1.2), ours / less, "", ours_shown, less_shown);
    Ok(())
}

/// Runs each of which reads what the two before it wrote: its own output is its number.
fn skips(runs: u32) -> Result<Tracer> {
    let tracer = Tracer::in_memory()?;
    for run in 0..runs {
        let before: Vec<_> = (run.saturating_sub(2)..run).map(|run| run.to_string()).collect();
        log(&tracer, &before, &run.to_string())?;
    }
    Ok(tracer)
}

fn log(tracer: &Tracer, inputs: &[String], output: &str) -> Result<()> {
    let mut run = ComponentRun::new("step");
    run.add_input(inputs).add_output(output).start().end();
    tracer.log_component_run(run)?;
    Ok(())
}

fn trace(tracer: &Tracer, output: &str, runs: u32) -> Result<()> {
    let found = black_box(tracer.trace(output).get()?).runs.len();
    if found == runs as usize { Ok(()) } else { Err(format!("{found} runs behind {output}, not {runs}").into()) }
}
