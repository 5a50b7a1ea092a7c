//! Promise: the last ten runs of a component, with the names of all inputs and outputs, cost little more than the same on
//! raw rusqlite, and the same however many runs the store holds.
//!
//! Compared with `support/raw_read.rs` on the same file: one statement for the runs with all their columns, one for all
//! inputs, one for all outputs, and so on. The design gives no bar for it yet.

#[path = "support/measure.rs"]
mod measure;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/raw_read.rs"]
mod raw_read;
#[path = "support/stored.rs"]
mod stored;

use std::hint::black_box;

use measure::{Result, Table, Timing, in_turns};
use raw_read::RawReader;

const COMPONENT: &str = "featuregen";
const LAST_TEN: &str = "
    WHERE r.component = (SELECT id FROM component WHERE name = ?1)
    ORDER BY r.started_at DESC, r.id DESC LIMIT 10";
const BLOCKS: usize = 24;
const CALLS: usize = 200;

fn main() -> Result<()> {
    let mut table = Table::new();
    let [raw_small, small] = measure_store(1_000, &mut table)?;
    let [raw_large, large] = measure_store(100_000, &mut table)?;
    for (side, small, large) in [("mltrace", small, large), ("raw", raw_small, raw_large)] {
        let growth = large.over(&small);
        table.row(&format!("history last 10, 100k / 1k runs, {side}"), None, growth, large.figures(), small.figures());
    }
    table.print();
    Ok(())
}

fn measure_store(runs: usize, table: &mut Table) -> Result<[Timing; 2]> {
    let store = stored::fill(runs)?;
    let mut reader = RawReader::new(&store.connection, "", "run r", LAST_TEN)?;
    let page = store.tracer.history(COMPONENT).limit(10).get()?;
    raw_read::expect_the_same(&reader.read(&[&COMPONENT])?, page.items.iter())?;
    let [raw, ours] = in_turns(
        BLOCKS,
        CALLS,
        [
            &mut |_| {
                black_box(reader.read(&[&COMPONENT])?);
                Ok(())
            },
            &mut |_| {
                black_box(store.tracer.history(COMPONENT).limit(10).get()?);
                Ok(())
            },
        ],
    )?;
    let promise = format!("history last 10, {}k runs", runs / 1_000);
    table.row(&promise, None, ours.over(&raw), ours.figures(), raw.figures());
    Ok([raw, ours])
}
