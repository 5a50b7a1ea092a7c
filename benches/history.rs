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

use measure::{Lane, Result, Table, in_turns};
use raw_read::RawReader;
use stored::Stored;

const COMPONENT: &str = "featuregen";
const LAST_TEN: &str = "
    WHERE r.component = (SELECT id FROM component WHERE name = ?1)
    ORDER BY r.started_at DESC, r.id DESC LIMIT 10";
const CHAIN: u32 = 100;
const BLOCKS: usize = 24;
const CALLS: usize = 100;

fn main() -> Result<()> {
    let [small, large] = [stored::fill(1_000, CHAIN)?, stored::fill(100_000, CHAIN)?];
    let [mut raw_small, mut raw_large] = [raw_lane(&small)?, raw_lane(&large)?];
    let [mut our_small, mut our_large] = [our_lane(&small), our_lane(&large)];
    let mut lanes: [Lane<'_>; 4] = [&mut raw_small, &mut our_small, &mut raw_large, &mut our_large];
    let [raw_small, our_small, raw_large, our_large] = in_turns(BLOCKS, CALLS, &mut lanes)?;

    let mut table = Table::new();
    table.row("history last 10, 1k runs", None, our_small.compared_with(&raw_small));
    table.row("history last 10, 100k runs", None, our_large.compared_with(&raw_large));
    table.row("history last 10, 100k runs / 1k runs", None, our_large.compared_with(&our_small));
    table.row("the same of the baseline", None, raw_large.compared_with(&raw_small));
    table.print();
    Ok(())
}

fn raw_lane(store: &Stored) -> Result<impl FnMut(usize) -> Result<()>> {
    let mut reader = RawReader::new(&store.connection, "", "run r", LAST_TEN)?;
    let page = store.tracer.history(COMPONENT).limit(10).get()?;
    raw_read::expect_the_same(&reader.read(&[&COMPONENT])?, page.items.iter())?;
    Ok(move |_: usize| {
        black_box(reader.read(&[&COMPONENT])?);
        Ok(())
    })
}

fn our_lane(store: &Stored) -> impl FnMut(usize) -> Result<()> {
    move |_| {
        black_box(store.tracer.history(COMPONENT).limit(10).get()?);
        Ok(())
    }
}
