//! Several ways of doing the same work, timed in turns, and the table that compares them.

use std::error::Error;
use std::time::{Duration, Instant};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One way of doing the work; it is told how many calls of it went before.
pub(crate) type Lane<'l> = &'l mut dyn FnMut(usize) -> Result<()>;

/// What the calls of one lane took, block by block.
pub(crate) struct Timing {
    blocks: Vec<Vec<Duration>>,
}

/// Runs blocks of calls of the lanes in turns, so that the drift of a machine falls on all of them alike. Who begins
/// changes from block to block.
pub(crate) fn in_turns<const N: usize>(blocks: usize, calls: usize, lanes: [Lane<'_>; N]) -> Result<[Timing; N]> {
    let mut timings = [const { Timing { blocks: Vec::new() } }; N];
    for block in 0..blocks {
        for turn in 0..N {
            let lane = (block + turn) % N;
            let mut times = Vec::with_capacity(calls);
            for call in block * calls..(block + 1) * calls {
                let begun = Instant::now();
                lanes[lane](call)?;
                times.push(begun.elapsed());
            }
            timings[lane].blocks.push(times);
        }
    }
    Ok(timings)
}

impl Timing {
    /// The median over all blocks of this lane's time over the other's.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        let total = |block: &Vec<Duration>| block.iter().sum::<Duration>().as_secs_f64();
        let mut ratios: Vec<_> = self.blocks.iter().zip(&other.blocks).map(|(a, b)| total(a) / total(b)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    /// Mean, median and 99th percentile of a call, in microseconds.
    pub(crate) fn figures(&self) -> String {
        let mut calls: Vec<_> = self.blocks.iter().flatten().map(|time| time.as_secs_f64() * 1e6).collect();
        calls.sort_by(f64::total_cmp);
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let mean = calls.iter().sum::<f64>() / f64::from(count);
        let [median, tail] = [50, 99].map(|percent| calls[(calls.len() - 1) * percent / 100]);
        format!("{mean:.0} / {median:.0} / {tail:.0} us")
    }
}

/// Promises, and whether they hold.
pub(crate) struct Table(Vec<[String; 6]>);

impl Table {
    pub(crate) fn new() -> Self {
        let titles = ["promise", "bar", "ratio", "mltrace (times: mean / p50 / p99)", "raw", "met"];
        Self(vec![titles.map(ToOwned::to_owned), titles.map(|title| "-".repeat(title.len()))])
    }

    /// `bar` is the greatest ratio that keeps the promise; `None` where none is given.
    pub(crate) fn row(&mut self, promise: &str, bar: Option<f64>, ratio: f64, ours: String, raw: String) {
        let met = bar.map_or("-", |bar| if ratio <= bar { "yes" } else { "NO" });
        let bar = bar.map_or("-".to_owned(), |bar| format!("<= {bar}"));
        self.0.push([promise.to_owned(), bar, format!("{ratio:.2}"), ours, raw, met.to_owned()]);
    }

    pub(crate) fn print(&self) {
        let width = |column: usize| self.0.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        println!();
        for row in &self.0 {
            let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("| {} |", cells.join(" | "));
        }
        println!();
    }
}
