//! Promises: on the caller's thread a buffered call with string pointers costs no more than a root span of fastrace. What
//! it costs with paths, whose files are looked at and hashed, is stated apart. Sustained, buffered runs cost at most 1.3 of
//! raw rusqlite in batches of 1,000.
//!
//! The span is a root that is also the local parent, with the same four strings as properties, reported to nobody; what a
//! span without them takes is stated too. Both sides work on in the background while the calls are timed, and are flushed
//! between the blocks. What is timed of sustained runs goes from the first call to the end of the flush.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use mltrace::{Tracer, component, scoped};

use crate::Setting;
use crate::support::Result;
use crate::support::measure::{Block, blocks_in_turns, time_together};
use crate::support::pipeline::{self, MadeRun, Runs};
use crate::support::raw_write::{self, RawWriter};
use crate::support::table::{Bar, Table};

const CALLS: usize = 2_000;
const BATCH: usize = 1_000;
const SUSTAINED: usize = 4_000;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    on_the_callers_thread(setting, table)?;
    sustained(setting, table)
}

/// Only the attribute makes it a traced function.
#[component(buffered, owner = "serving-team", inputs(ride, model), outputs(tip, reason))]
fn predict(ride: &str, model: &str, tip: &str, reason: &str) -> usize {
    ride.len() + model.len() + tip.len() + reason.len()
}

#[component(buffered, owner = "serving-team", inputs(ride, model), outputs(tip, reason))]
fn predict_files(ride: &Path, model: &Path, tip: &Path, reason: &Path) -> usize {
    [ride, model, tip, reason].map(|path| path.as_os_str().len()).iter().sum()
}

fn predict_in_span([ride, model, tip, reason]: &[String; 4]) -> usize {
    let facts =
        || [("ride", ride), ("model", model), ("tip", tip), ("reason", reason)].map(|(key, name)| (key, name.clone()));
    let span = Span::root("predict", SpanContext::random()).with_properties(facts);
    let _entered = span.set_local_parent();
    ride.len() + model.len() + tip.len() + reason.len()
}

fn predict_in_bare_span(names: &[String; 4]) -> usize {
    let span = Span::root("predict", SpanContext::random());
    let _entered = span.set_local_parent();
    names.iter().map(String::len).sum()
}

struct Nobody;

impl Reporter for Nobody {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        drop(spans);
    }
}

fn on_the_callers_thread(setting: &Setting, table: &mut Table) -> Result<()> {
    let blocks = if setting.is_full { 101 } else { 31 };
    let tracer = Tracer::open(setting.file("buffered-calls.db"))?;
    let _guard = scoped(&tracer);
    fastrace::set_reporter(Nobody, Config::default().report_interval(Duration::from_millis(5)));
    let names: Vec<[String; 4]> = Runs::in_chains(u32::MAX)
        .take(CALLS)
        .map(|MadeRun { inputs: [ride, model], outputs: [tip, reason], .. }| {
            [ride, model, tip, reason].map(|made| made.name)
        })
        .collect();
    let files = files(setting)?;
    let [ride, model, tip, reason] = &files;
    let calls = |call: &mut dyn FnMut(&[String; 4]) -> usize| {
        time_together(CALLS, |at| {
            black_box(call(black_box(&names[at])));
        })
    };
    let [strings, paths, span, bare] = blocks_in_turns(
        blocks,
        &mut [
            &mut |_| {
                tracer.flush()?;
                Ok(calls(&mut |[ride, model, tip, reason]| predict(ride, model, tip, reason)))
            },
            &mut |_| {
                tracer.flush()?;
                Ok(calls(&mut |_| predict_files(ride, model, tip, reason)))
            },
            &mut |_| {
                fastrace::flush();
                Ok(calls(&mut predict_in_span))
            },
            &mut |_| {
                fastrace::flush();
                Ok(calls(&mut predict_in_bare_span))
            },
        ],
    )?;
    tracer.flush()?;
    expect_all_recorded(&tracer)?;
    table.ratio("buffered call, string pointers / fastrace root span with them", Bar::AtMost(1.0), &strings, &span);
    table.because(
        "of 1.65 us where nothing disturbs, 0.48 go to the id, whose random bits the system is asked for (0.44), so that they \
         differ after a fork; 0.74 to the four pointers: names of their own, types, places in lists, and a look at the clock for \
         each input; and 0.43 to the rest: two more times, a place among the open runs, so that others see a run that stays \
         open, what is to be checked, and the queue. A span takes 0.35 to 0.45 of it: one record of a thread-local queue",
    );
    table.ratio("  the same / fastrace root span without them", Bar::None, &strings, &bare);
    table.ratio("  with paths to four small files / string pointers", Bar::None, &paths, &strings);
    Ok(())
}

fn files(setting: &Setting) -> Result<[PathBuf; 4]> {
    let files = ["ride.csv", "model.bin", "tip.json", "reason.txt"].map(|name| setting.file(name));
    for file in &files {
        fs::write(file, [b'x'; 1_024])?;
    }
    Ok(files)
}

fn sustained(setting: &Setting, table: &mut Table) -> Result<()> {
    let blocks = if setting.is_full { 15 } else { 7 };
    let runs: Vec<MadeRun> = Runs::in_chains(u32::MAX).take(SUSTAINED * blocks).collect();
    let tracer = Tracer::open(setting.file("sustained.db"))?;
    let connection = raw_write::create(&setting.file("sustained-raw.db"))?;
    let mut raw = RawWriter::new(&connection)?;
    let part = |block: usize| &runs[block * SUSTAINED..(block + 1) * SUSTAINED];
    let [ours, theirs] = blocks_in_turns(
        blocks,
        &mut [&mut |block| log(&tracer, part(block)), &mut |block| log_raw(&mut raw, part(block))],
    )?;
    expect_all_recorded(&tracer)?;
    table.ratio("buffered, sustained / raw batches of 1,000", Bar::AtMost(1.3), &ours, &theirs);
    Ok(())
}

/// Queues runs and waits until all are in the store.
pub(crate) fn log(tracer: &Tracer, runs: &[MadeRun]) -> Result<Block> {
    time_a_run(runs, |runs| {
        for run in runs {
            pipeline::queue(tracer, run)?;
        }
        Ok(tracer.flush()?)
    })
}

/// Logs runs in batches of 1,000.
pub(crate) fn log_raw(raw: &mut RawWriter<'_>, runs: &[MadeRun]) -> Result<Block> {
    time_a_run(runs, |runs| runs.chunks(BATCH).try_for_each(|batch| raw.write_batch(batch)))
}

fn time_a_run(runs: &[MadeRun], write: impl FnOnce(&[MadeRun]) -> Result<()>) -> Result<Block> {
    let begun = Instant::now();
    write(runs)?;
    let elapsed = begun.elapsed();
    Ok(Block { elapsed, calls: vec![elapsed / u32::try_from(runs.len())?] })
}

pub(crate) fn expect_all_recorded(tracer: &Tracer) -> Result<()> {
    if tracer.stats().dropped > 0 { Err("runs were dropped, which costs nothing".into()) } else { Ok(()) }
}
