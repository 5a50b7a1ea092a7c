//! Promise: outputs logged in bulk cost at most 1.3 times raw inserts of the same rows in transactions as large.
//!
//! Stated beside it: what a metric over a day of outputs takes (in full 22 million, 256 a second) and which memory, and what a
//! profile costs for each value. The baseline of the metric is the bare query; that of the profile is one look through the
//! values.

use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use mltrace::Tracer;
use mltrace::monitor::{Column, Metric, Profile, Reference, Task, Windows};
use rusqlite::{Connection, Statement, params};

use crate::Setting;
use crate::support::measure::{Block, blocks_in_turns, in_turns, time_calls};
use crate::support::raw_write::{self, hash};
use crate::support::table::{Bar, Table};
use crate::support::{Result, memory};

const BATCH: u32 = 10_000;
const BATCHES: usize = 7;
const VALUES: u32 = 1_000_000;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    bulk(setting, table)?;
    day(setting, table)?;
    profile(table)
}

/// Ids as services give them, which are random to an index.
fn outputs(block: u32) -> Vec<(String, f64, DateTime<Utc>)> {
    let output = |row: u32| {
        let mut hasher = DefaultHasher::new();
        (block, row).hash(&mut hasher);
        let at = DateTime::from_timestamp_micros((i64::from(block) * i64::from(BATCH) + i64::from(row)) * 3_906)
            .unwrap_or_default();
        (format!("ride-{:016x}", hasher.finish()), f64::from(row) / f64::from(BATCH), at)
    };
    (0..BATCH).map(output).collect()
}

fn bulk(setting: &Setting, table: &mut Table) -> Result<()> {
    let (count, shown) = if setting.is_full { (20_000_000, "20M") } else { (1_000_000, "1M") };
    let files =
        ["outputs.db", "outputs-raw.db", "outputs-large.db", "outputs-large-raw.db"].map(|name| setting.file(name));
    let [ours, raw, our_large, raw_large] = &files;
    for (file, count) in [(ours, 0), (raw, 0), (our_large, count), (raw_large, count)] {
        fill(file, count)?;
    }
    let task = |file: &Path| Ok::<_, Box<dyn Error>>(Tracer::open(file)?.task("high_tip")?);
    let [ours, our_large] = [task(ours)?, task(our_large)?];
    let [raw, raw_large] = [raw_write::open(raw)?, raw_write::open(raw_large)?];
    let [mut raw, mut raw_large] = [RawOutputs::new(&raw)?, RawOutputs::new(&raw_large)?];
    let blocks: Vec<_> = (0..).map(outputs).take(BATCHES).collect();
    let log = |task: &Task, block: usize| {
        time_calls(1, |_| Ok(task.log_outputs(blocks[block].iter().map(|(id, value, at)| (id.as_str(), *value, *at)))?))
    };
    let log_raw = |raw: &mut RawOutputs, block: usize| time_calls(1, |_| raw.log(&blocks[block]));
    let [ours, raw, our_large, raw_large] = blocks_in_turns(
        BATCHES,
        &mut [
            &mut |block| log(&ours, block),
            &mut |block| log_raw(&mut raw, block),
            &mut |block| log(&our_large, block),
            &mut |block| log_raw(&mut raw_large, block),
        ],
    )?;
    let promise = "outputs in bulk, 10,000 a call";
    table.ratio(&format!("{promise} / raw inserts"), Bar::AtMost(1.3), &ours, &raw);
    table.ratio(&format!("{promise} / raw inserts, {shown} there"), Bar::AtMost(1.3), &our_large, &raw_large);
    table.ratio(&format!("growth 0 -> {shown}, {promise}"), Bar::None, &our_large, &ours);
    files.iter().try_for_each(|file| Ok(fs::remove_file(file)?))
}

/// A store with so many outputs. The index is made last, for in between it would grow at random places.
fn fill(file: &Path, count: u32) -> Result<()> {
    drop(Tracer::open(file)?);
    let mut raw = raw_write::open(file)?;
    let transaction = raw.transaction()?;
    let index: String =
        transaction.query_row("SELECT sql FROM sqlite_schema WHERE name = 'pair_by_hash'", [], |row| row.get(0))?;
    transaction.execute("INSERT INTO task (id, name) VALUES (1, 'high_tip')", [])?;
    transaction.execute("DROP INDEX pair_by_hash", [])?;
    let mut insert = transaction.prepare(INSERT)?;
    for (name, value, at) in (0..count / BATCH).flat_map(|block| outputs(u32::MAX - block)) {
        insert.execute(params![hash(&name), name, value, at.timestamp_micros()])?;
    }
    drop(insert);
    transaction.execute(&index, [])?;
    transaction.commit()?;
    Ok(())
}

const INSERT: &str = "INSERT INTO pair (task, hash, name, value, output_at) VALUES (1, ?1, ?2, ?3, ?4)";

/// The same rows, keys and look-ups on plain rusqlite.
struct RawOutputs<'c> {
    raw: &'c Connection,
    find: Statement<'c>,
    insert: Statement<'c>,
}

impl<'c> RawOutputs<'c> {
    fn new(raw: &'c Connection) -> Result<Self> {
        let find = raw.prepare("SELECT id FROM pair WHERE task = 1 AND hash = ?1 AND name = ?2")?;
        Ok(Self { raw, find, insert: raw.prepare(INSERT)? })
    }

    fn log(&mut self, outputs: &[(String, f64, DateTime<Utc>)]) -> Result<()> {
        self.raw.execute_batch("BEGIN IMMEDIATE")?;
        for (name, value, at) in outputs {
            let hash = hash(name);
            if !self.find.exists(params![hash, name])? {
                self.insert.execute(params![hash, name, value, at.timestamp_micros()])?;
            }
        }
        Ok(self.raw.execute_batch("COMMIT")?)
    }
}

/// A day of outputs, all of them labelled.
fn day(setting: &Setting, table: &mut Table) -> Result<()> {
    let (count, shown) = if setting.is_full { (22_118_400_i64, "22M") } else { (1_000_000, "1M") };
    let file = setting.file("day.db");
    let task = Tracer::open(&file)?.task("high_tip")?;
    let midnight = DateTime::from_timestamp_micros(0).unwrap_or_default();
    task.log_outputs([("first", 0.5, midnight)])?;
    let raw = raw_write::open(&file)?;
    raw.execute(
        "INSERT INTO pair (task, hash, name, value, output_at, truth, label_at)
         WITH RECURSIVE row (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < ?1 - 1)
         SELECT 1, n, printf('%08d', n), (n * 7919 % 1000) / 1000.0, n * (86400000000 / ?1), n % 2, n * (86400000000 / ?1) + 1
         FROM row",
        params![count],
    )?;
    let query = "SELECT value, truth FROM pair WHERE task = 1 AND output_at >= 0 AND output_at < 86400000000 ORDER BY output_at";
    let mut bare = raw.prepare(query)?;
    let ask = || task.metrics(Metric::F1).windows(Windows::DAILY).matures_after(TimeDelta::zero()).get();
    let blocks = 3;
    let [ours, theirs] = in_turns(
        blocks,
        1,
        &mut [
            &mut |_| {
                black_box(ask()?);
                Ok(())
            },
            &mut |_| {
                let mut rows = bare.query([])?;
                while let Some(row) = rows.next()? {
                    black_box((row.get::<_, f64>(0)?, row.get::<_, Option<f64>>(1)?));
                }
                Ok(())
            },
        ],
    )?;
    table.ratio(&format!("F1 of a day of {shown} outputs / the bare query"), Bar::None, &ours, &theirs);
    let (bytes, answer) = memory::peak(ask);
    if answer?[0].outputs != count.unsigned_abs() {
        return Err("the day is not whole".into());
    }
    let kibibytes = f64::from(u32::try_from(bytes)?) / 1024.0;
    table.row(&format!("  its memory, SQLite's aside, {shown}"), Bar::AtMost(1024.0), kibibytes, " KiB", "", "");
    let (bytes, answer) = memory::peak(|| task.metrics(Metric::RocAuc).windows(Windows::DAILY).get());
    answer?;
    let each = f64::from(u32::try_from(bytes)?) / f64::from(u32::try_from(count)?);
    table.row(&format!("  that of the ROC AUC, an output, {shown}"), Bar::None, each, " bytes", "", "");
    Ok(())
}

fn profile(table: &mut Table) -> Result<()> {
    let values: Vec<f64> = (0..VALUES).map(|row| f64::from(row.wrapping_mul(7_919) % VALUES)).collect();
    let column = || [("distance", Column::floats(values.iter().copied()))];
    let reference = Reference::new(Profile::of(column())?);
    let sum = |_: usize| -> Result<Block> {
        time_calls(1, |_| {
            black_box(values.iter().sum::<f64>());
            Ok(())
        })
    };
    let [on_edges, in_sketch, looks] = blocks_in_turns(
        3,
        &mut [
            &mut |_| {
                time_calls(1, |_| {
                    black_box(reference.profile(column())?);
                    Ok(())
                })
            },
            &mut |_| {
                time_calls(1, |_| {
                    black_box(Profile::of(column())?);
                    Ok(())
                })
            },
            &mut |block| sum(block),
        ],
    )?;
    for (what, timing) in [("on a reference's edges", &on_edges), ("without a reference", &in_sketch)] {
        let each = timing.median_call() / f64::from(VALUES) * 1e9;
        table.row(&format!("profile {what}, a value"), Bar::None, each, " ns", timing, &looks);
    }
    Ok(())
}
