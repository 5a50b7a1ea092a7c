//! Promise: a durable run costs at most 1.25 of the same rows in one transaction on raw rusqlite, with 10,000 runs in
//! the store, and at most 1.1 of its bytes.
//!
//! A run has two inputs, two outputs under random names, versions, one dependency that follows from them, and a definition
//! that is interned. It is recorded once by hand and once by an annotated function with a snapshot of one kilobyte; the
//! pointers are made inside the time.

use std::path::Path;

use mltrace::{Tracer, scoped};
use rusqlite::Connection;

use crate::Setting;
use crate::support::Result;
use crate::support::measure::{Lane, in_turns};
use crate::support::pipeline::{self, MadeRun, Runs};
use crate::support::raw_write::{self, RawWriter};
use crate::support::table::{Bar, Table};

const STORED: usize = 10_000;
const BLOCKS: usize = 24;
const CALLS: usize = 250;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    let [raw_file, by_hand_file, annotated_file] =
        ["raw.db", "by_hand.db", "annotated.db"].map(|name| setting.file(name));
    let runs: Vec<MadeRun> = Runs::in_chains(u32::MAX).take(STORED + BLOCKS * CALLS).collect();
    let (stored, measured) = runs.split_at(STORED);

    let connection = raw_write::create(&raw_file)?;
    let mut writer = RawWriter::new(&connection)?;
    let by_hand = Tracer::open(&by_hand_file)?;
    let annotated = Tracer::open(&annotated_file)?;
    let guard = scoped(&annotated);
    for run in stored {
        writer.write(run)?;
        pipeline::log(&by_hand, run)?;
        pipeline::call(run);
    }
    let mut lanes: [Lane<'_>; 3] =
        [&mut |at| writer.write(&measured[at]), &mut |at| Ok(pipeline::log(&by_hand, &measured[at])?), &mut |at| {
            pipeline::call(&measured[at]);
            Ok(())
        }];
    let [raw_times, by_hand_times, annotated_times] = in_turns(BLOCKS, CALLS, &mut lanes)?;
    drop((guard, annotated, by_hand, writer));
    drop(connection);

    let raw_bytes = bytes_a_run(&raw_file)?;
    for (how, times, file) in
        [("by hand", &by_hand_times, &by_hand_file), ("annotated function", &annotated_times, &annotated_file)]
    {
        expect_the_same_facts(&raw_file, file)?;
        let bytes = bytes_a_run(file)?;
        table.ratio(&format!("durable run, {how} / raw"), Bar::AtMost(1.25), times, &raw_times);
        table.row(
            &format!("bytes a run, {how} / raw"),
            Bar::AtMost(1.1),
            bytes / raw_bytes,
            "",
            format!("{bytes:.0} B"),
            format!("{raw_bytes:.0} B"),
        );
    }
    Ok(())
}

/// The size of a closed file over its runs.
pub(crate) fn bytes_a_run(file: &Path) -> Result<f64> {
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
