//! Promise: a durable run costs at most 1.25 of the same rows in one transaction on raw rusqlite, with 10,000 runs in
//! the store, and at most 1.1 of its bytes.
//!
//! Compared with `support/raw_write.rs`: the same schema and settings (WAL, `synchronous=NORMAL`), prepared statements,
//! uuids and versions, interning and the seeks of the dependency rule. A run has two inputs, two outputs under random
//! names, versions, one dependency that follows from them, and a definition that is interned. It is recorded once by hand
//! and once by an annotated function with a snapshot of one kilobyte; the pointers are made inside the time.

#[path = "support/measure.rs"]
mod measure;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/raw_write.rs"]
mod raw_write;

use std::path::Path;

use mltrace::{ComponentRun, Tracer, scoped};
use rusqlite::Connection;

use measure::{Compared, Lane, Result, Table, in_turns};
use pipeline::MadeRun;
use raw_write::RawWriter;

const STORED: usize = 10_000;
const BLOCKS: usize = 24;
const CALLS: usize = 250;

fn main() -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let [raw_file, by_hand_file, annotated_file] =
        ["raw.db", "by_hand.db", "annotated.db"].map(|name| folder.path().join(name));
    let runs = pipeline::chains(u32::try_from(STORED + BLOCKS * CALLS)?, u32::MAX);
    let (stored, measured) = runs.split_at(STORED);

    let connection = raw_write::create(&raw_file)?;
    let mut writer = RawWriter::new(&connection)?;
    let by_hand = Tracer::open(&by_hand_file)?;
    let annotated = Tracer::open(&annotated_file)?;
    let guard = scoped(&annotated);
    for run in stored {
        writer.write(run)?;
        log_by_hand(&by_hand, run)?;
        pipeline::call(run);
    }
    let mut lanes: [Lane<'_>; 3] =
        [&mut |at| writer.write(&measured[at]), &mut |at| log_by_hand(&by_hand, &measured[at]), &mut |at| {
            pipeline::call(&measured[at]);
            Ok(())
        }];
    let [raw_times, by_hand_times, annotated_times] = in_turns(BLOCKS, CALLS, &mut lanes)?;
    drop((guard, annotated, by_hand, writer));
    drop(connection);

    let raw_bytes = bytes_a_run(&raw_file)?;
    let mut table = Table::new();
    for (how, times, file) in
        [("by hand", &by_hand_times, &by_hand_file), ("annotated function", &annotated_times, &annotated_file)]
    {
        expect_the_same_facts(&raw_file, file)?;
        let bytes = bytes_a_run(file)?;
        table.row(&format!("durable run, {how}"), Some(1.25), times.compared_with(&raw_times));
        let compared = Compared {
            ratio: bytes / raw_bytes,
            median_ratio: None,
            ours: format!("{bytes:.0} B"),
            raw: format!("{raw_bytes:.0} B"),
        };
        table.row(&format!("bytes a run, {how}"), Some(1.1), compared);
    }
    table.print();
    Ok(())
}

fn log_by_hand(tracer: &Tracer, made: &MadeRun) -> Result<()> {
    let mut run = ComponentRun::new("featuregen");
    run.start();
    for input in &made.inputs {
        run.add_input(input.pointer());
    }
    for output in &made.outputs {
        run.add_output(output.pointer());
    }
    run.end();
    tracer.log_component_run(run)?;
    Ok(())
}

/// The size of a closed file over its runs.
fn bytes_a_run(file: &Path) -> Result<f64> {
    let [runs, ..] = facts(file)?;
    Ok(f64::from(u32::try_from(file.metadata()?.len())?) / f64::from(runs))
}

/// Runs, inputs, resolved inputs, outputs, names and versions.
fn facts(file: &Path) -> Result<[u32; 6]> {
    let connection = Connection::open(file)?;
    let count = |what: &str| connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0));
    Ok([
        count("run")?,
        count("input")?,
        count("input WHERE upstream IS NOT NULL AND match = 1")?,
        count("output")?,
        count("text")?,
        count("version")?,
    ])
}

fn expect_the_same_facts(raw: &Path, ours: &Path) -> Result<()> {
    let (raw, ours) = (facts(raw)?, facts(ours)?);
    if raw == ours { Ok(()) } else { Err(format!("not the same work: {ours:?} rows, raw {raw:?}").into()) }
}
