//! Several ways of doing the same work, timed in turns, and the table that compares them.

use std::error::Error;
use std::time::{Duration, Instant};

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// One way of doing the work; it is told how many calls of it went before.
pub(crate) type Lane<'l> = &'l mut dyn FnMut(usize) -> Result<()>;

/// What the calls of one lane took, block by block.
pub(crate) struct Timing {
    blocks: Vec<Vec<Duration>>,
}

/// Runs blocks of calls of the lanes in turns, so that the drift of a machine falls on all of them alike. Who begins
/// changes from block to block.
pub(crate) fn in_turns<const N: usize>(blocks: usize, calls: usize, lanes: &mut [Lane<'_>; N]) -> Result<[Timing; N]> {
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

/// A cost of ours and the baseline's.
pub(crate) struct Compared {
    /// Ours over the baseline's: of times, the median over the blocks, slow calls and checkpoints included.
    pub(crate) ratio: f64,
    /// Of times, that of the median calls, which meet no checkpoint.
    pub(crate) median_ratio: Option<f64>,
    pub(crate) ours: String,
    pub(crate) raw: String,
}

impl Timing {
    pub(crate) fn compared_with(&self, raw: &Self) -> Compared {
        let total = |block: &Vec<Duration>| block.iter().sum::<Duration>().as_secs_f64();
        let mut ratios: Vec<_> = self.blocks.iter().zip(&raw.blocks).map(|(a, b)| total(a) / total(b)).collect();
        ratios.sort_by(f64::total_cmp);
        let [ours, theirs] = [self, raw].map(Self::micros);
        Compared {
            ratio: ratios[ratios.len() / 2],
            median_ratio: Some(at(&ours, 50) / at(&theirs, 50)),
            ours: figures(&ours),
            raw: figures(&theirs),
        }
    }

    /// What each call took, ascending.
    fn micros(&self) -> Vec<f64> {
        let mut calls: Vec<_> = self.blocks.iter().flatten().map(|time| time.as_secs_f64() * 1e6).collect();
        calls.sort_by(f64::total_cmp);
        calls
    }
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn figures(sorted: &[f64]) -> String {
    let mean = sorted.iter().sum::<f64>() / f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
    format!("{mean:.0} / {:.0} / {:.0} us", at(sorted, 50), at(sorted, 99))
}

/// Promises, and whether they hold.
pub(crate) struct Table(Vec<[String; 7]>);

impl Table {
    pub(crate) fn new() -> Self {
        let titles = ["promise", "bar", "ratio", "of p50", "mltrace (times: mean / p50 / p99)", "raw", "met"];
        Self(vec![titles.map(ToOwned::to_owned), titles.map(|title| "-".repeat(title.len()))])
    }

    /// `bar` is the greatest ratio that keeps the promise; `None` where none is given.
    pub(crate) fn row(&mut self, promise: &str, bar: Option<f64>, compared: Compared) {
        let Compared { ratio, median_ratio, ours, raw } = compared;
        let met = bar.map_or("-", |bar| if ratio <= bar { "yes" } else { "NO" });
        let bar = bar.map_or("-".to_owned(), |bar| format!("<= {bar}"));
        let of_medians = median_ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        self.0.push([promise.to_owned(), bar, format!("{ratio:.2}"), of_medians, ours, raw, met.to_owned()]);
    }

    pub(crate) fn print(&self) {
        let width = |column: usize| self.0.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let widths: [usize; 7] = std::array::from_fn(width);
        println!();
        for row in &self.0 {
            let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("| {} |", cells.join(" | "));
        }
        println!();
    }
}
