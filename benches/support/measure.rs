//! Several ways of doing the same work, timed in turns.

use std::fmt;
use std::time::{Duration, Instant};

use super::Result;

/// One way of doing the work; it is told how many calls of it went before.
pub(crate) type Lane<'l> = &'l mut dyn FnMut(usize) -> Result<()>;

/// As [`Lane`], for work that keeps its own time; it is told how many blocks went before.
pub(crate) type BlockLane<'l> = &'l mut dyn FnMut(usize) -> Result<Block>;

/// What many calls took, on one thread or several.
pub(crate) struct Block {
    pub(crate) elapsed: Duration,
    pub(crate) calls: Vec<Duration>,
}

/// What the blocks of one lane took.
pub(crate) struct Timing(Vec<Block>);

/// Runs blocks of calls of the lanes in turns, so that the drift of a machine falls on all of them alike. Who begins
/// changes from block to block.
pub(crate) fn in_turns<const N: usize>(blocks: usize, calls: usize, lanes: &mut [Lane<'_>; N]) -> Result<[Timing; N]> {
    turns(blocks, |lane, block| time_calls(calls, |call| lanes[lane](block * calls + call)))
}

/// As [`in_turns`], for lanes that keep their own time.
pub(crate) fn blocks_in_turns<const N: usize>(blocks: usize, lanes: &mut [BlockLane<'_>; N]) -> Result<[Timing; N]> {
    turns(blocks, |lane, block| lanes[lane](block))
}

fn turns<const N: usize>(blocks: usize, mut run: impl FnMut(usize, usize) -> Result<Block>) -> Result<[Timing; N]> {
    let mut timings = [const { Timing(Vec::new()) }; N];
    for block in 0..blocks {
        for turn in 0..N {
            let lane = (block + turn) % N;
            timings[lane].0.push(run(lane, block)?);
        }
    }
    Ok(timings)
}

/// Times each of so many calls.
pub(crate) fn time_calls(calls: usize, mut call: impl FnMut(usize) -> Result<()>) -> Result<Block> {
    let mut times = Vec::with_capacity(calls);
    for number in 0..calls {
        let begun = Instant::now();
        call(number)?;
        times.push(begun.elapsed());
    }
    Ok(Block { elapsed: times.iter().sum(), calls: times })
}

/// Times so many calls as one, where the clock would cost as much as a call.
pub(crate) fn time_together(calls: usize, mut call: impl FnMut(usize)) -> Block {
    let begun = Instant::now();
    for number in 0..calls {
        call(number);
    }
    let elapsed = begun.elapsed();
    Block { elapsed, calls: vec![elapsed / u32::try_from(calls).unwrap_or(u32::MAX)] }
}

impl Timing {
    /// This one's time over another's, block by block, slow calls and checkpoints included: the median.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        let seconds = |block: &Block| block.elapsed.as_secs_f64();
        median(self.0.iter().zip(&other.0).map(|(a, b)| seconds(a) / seconds(b)).collect())
    }

    /// What the median call took, in seconds.
    pub(crate) fn median_call(&self) -> f64 {
        median(self.calls())
    }

    /// The fastest block, in seconds: what is left where nothing disturbs.
    pub(crate) fn fastest_block(&self) -> f64 {
        self.0.iter().map(|block| block.elapsed.as_secs_f64()).fold(f64::INFINITY, f64::min)
    }

    /// What each call took, in seconds.
    fn calls(&self) -> Vec<f64> {
        self.0.iter().flat_map(|block| &block.calls).map(Duration::as_secs_f64).collect()
    }
}

/// Mean, median and 99th percentile of the calls.
impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls = self.calls();
        calls.sort_by(f64::total_cmp);
        let mean = calls.iter().sum::<f64>() / f64::from(u32::try_from(calls.len()).unwrap_or(u32::MAX));
        let at = |percent: usize| shown(calls[(calls.len() - 1) * percent / 100]);
        write!(f, "{} / {} / {}", shown(mean), at(50), at(99))
    }
}

/// A time in three figures or more, given in seconds.
pub(crate) fn shown(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1e-9, "ns"));
    let value = seconds / size;
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
