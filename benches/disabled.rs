//! Promise: with `MLTRACE_DISABLED=1` an annotated call takes at most 2 ns longer than a bare one.
//!
//! The variable is read once a process, so a child of this program measures.

use std::env;
use std::hint::black_box;
use std::process::Command;

use mltrace::component;

use crate::Setting;
use crate::support::Result;
use crate::support::measure::{blocks_in_turns, time_together};
use crate::support::table::{Bar, Table};

/// What the child is told.
pub(crate) const CHILD: &str = "--disabled-call";

const BLOCKS: usize = 101;
const CALLS: u32 = 200_000;

pub(crate) fn bench(_: &Setting, table: &mut Table) -> Result<()> {
    let child = Command::new(env::current_exe()?).arg(CHILD).env("MLTRACE_DISABLED", "1").output()?;
    let told = String::from_utf8(child.stdout)?;
    let times: Vec<f64> = told.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [annotated, bare] = times[..] else { return Err(format!("the child told {told:?}").into()) };
    let [ours, theirs] = [annotated, bare].map(|time| format!("{time:.2} ns"));
    table.row("call with MLTRACE_DISABLED=1 - bare call", Bar::AtMost(2.0), annotated - bare, " ns", ours, theirs);
    table.because(
        "what is left is one load and one branch, and that registers are put aside for the call that records, which a bare \
         leaf function need not do; so are arguments whose types are not written as shared references",
    );
    Ok(())
}

/// Prints how many nanoseconds an annotated call takes, and a bare one.
pub(crate) fn child() -> Result<()> {
    let names = ["rides/7", "models/3", "tips/7"].map(str::to_owned);
    let call = |predict: fn(&str, &str, &str) -> usize| {
        let [ride, model, tip] = black_box(&names);
        black_box(predict(ride, model, tip));
    };
    let [annotated, bare] = blocks_in_turns(
        BLOCKS,
        &mut [&mut |_| Ok(time_together(CALLS as usize, |_| call(annotated))), &mut |_| {
            Ok(time_together(CALLS as usize, |_| call(self::bare)))
        }],
    )?;
    for timing in [annotated, bare] {
        println!("{}", timing.fastest_block() * 1e9 / f64::from(CALLS));
    }
    Ok(())
}

#[component(inputs(ride, model), outputs(tip))]
#[inline(never)]
fn annotated(ride: &str, model: &str, tip: &str) -> usize {
    black_box(ride.len() + model.len() + tip.len())
}

#[inline(never)]
fn bare(ride: &str, model: &str, tip: &str) -> usize {
    black_box(ride.len() + model.len() + tip.len())
}
