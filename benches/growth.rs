//! Promises: with random names a durable run costs at most twice as much in a store of a million runs as in one of 1,000,
//! and in batches 3.5 times as much; where one name is overwritten and read by every run, 1.5 times.
//!
//! Both sides are ours; what the same growth does to raw rusqlite, on copies of the same files, is stated beside it. The
//! sides take turns.

use std::fs;
use std::path::{Path, PathBuf};

use mltrace::Tracer;

use crate::Setting;
use crate::buffered::{expect_all_recorded, log, log_raw};
use crate::support::measure::{blocks_in_turns, in_turns};
use crate::support::pipeline::{self, MadeRun, Runs};
use crate::support::raw_write::{self, RawWriter};
use crate::support::table::{Bar, Table};
use crate::support::{Result, stored};

/// Few, so that the small store stays small.
const DURABLE_BLOCKS: usize = 16;
const CALLS: usize = 100;
const BATCHES: usize = 7;
const BATCH: usize = 1_000;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    let growth = setting.growth();
    let random = [setting.small()?, setting.large()?];
    let others = || Runs::in_chains(crate::CHAIN).others();
    let bars = [("durable", Bar::AtMost(2.0)), ("in batches", Bar::AtMost(3.5))];
    durable(setting, table, &format!("growth {growth}, random names, {}", bars[0].0), bars[0].1, random, others())?;
    batches(setting, table, &format!("growth {growth}, random names, {}", bars[1].0), bars[1].1, random, others())?;

    let runs = || Runs::overwriting("models/latest");
    let small = stored::fill(setting.file("overwritten-small.db"), &mut runs(), 1_000)?;
    let large = stored::fill(setting.file("overwritten-large.db"), &mut runs(), setting.large_count())?;
    let files = [&*small, &*large];
    let promise = |how: &str| format!("growth {growth}, one name overwritten and read by all, {how}");
    durable(setting, table, &promise("durable"), Bar::AtMost(1.5), files, runs().others())?;
    batches(setting, table, &promise("in batches"), Bar::None, files, runs().others())
}

/// Copies of the small store and the large one, for us and for the baseline.
fn copies(setting: &Setting, [small, large]: [&Path; 2]) -> Result<[PathBuf; 4]> {
    let copies = ["copy-0.db", "copy-1.db", "copy-2.db", "copy-3.db"].map(|name| setting.file(name));
    for (copy, file) in copies.iter().zip([small, small, large, large]) {
        fs::copy(file, copy)?;
    }
    Ok(copies)
}

fn durable(setting: &Setting, table: &mut Table, promise: &str, bar: Bar, files: [&Path; 2], runs: Runs) -> Result<()> {
    let runs: Vec<MadeRun> = runs.take(DURABLE_BLOCKS * CALLS).collect();
    let [our_small, raw_small, our_large, raw_large] = copies(setting, files)?;
    let [our_small, our_large] = [Tracer::open(our_small)?, Tracer::open(our_large)?];
    let [raw_small, raw_large] = [raw_write::open(&raw_small)?, raw_write::open(&raw_large)?];
    let [mut raw_small, mut raw_large] = [RawWriter::new(&raw_small)?, RawWriter::new(&raw_large)?];
    let [our_small, our_large, raw_small, raw_large] = in_turns(
        DURABLE_BLOCKS,
        CALLS,
        &mut [
            &mut |at| Ok(pipeline::log(&our_small, &runs[at])?),
            &mut |at| Ok(pipeline::log(&our_large, &runs[at])?),
            &mut |at| raw_small.write(&runs[at]),
            &mut |at| raw_large.write(&runs[at]),
        ],
    )?;
    table.ratio(promise, bar, &our_large, &our_small);
    table.ratio("  the same of raw rusqlite", Bar::None, &raw_large, &raw_small);
    Ok(())
}

fn batches(setting: &Setting, table: &mut Table, promise: &str, bar: Bar, files: [&Path; 2], runs: Runs) -> Result<()> {
    let runs: Vec<MadeRun> = runs.take(BATCHES * BATCH).collect();
    let part = |block: usize| &runs[block * BATCH..(block + 1) * BATCH];
    let [our_small, raw_small, our_large, raw_large] = copies(setting, files)?;
    let [our_small, our_large] = [Tracer::open(our_small)?, Tracer::open(our_large)?];
    let [raw_small, raw_large] = [raw_write::open(&raw_small)?, raw_write::open(&raw_large)?];
    let [mut raw_small, mut raw_large] = [RawWriter::new(&raw_small)?, RawWriter::new(&raw_large)?];
    let [small, large, raw_small, raw_large] = blocks_in_turns(
        BATCHES,
        &mut [
            &mut |block| log(&our_small, part(block)),
            &mut |block| log(&our_large, part(block)),
            &mut |block| log_raw(&mut raw_small, part(block)),
            &mut |block| log_raw(&mut raw_large, part(block)),
        ],
    )?;
    [our_small, our_large].iter().try_for_each(expect_all_recorded)?;
    table.ratio(promise, bar, &large, &small);
    table.ratio("  the same of raw rusqlite", Bar::None, &raw_large, &raw_small);
    Ok(())
}
