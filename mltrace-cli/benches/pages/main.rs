//! What each page of the server takes, and whether that grows with the store: the same page of a small store and of a large
//! one, by two servers in turns. `cargo bench -p mltrace-cli --bench pages` takes the large one ten times as large as the
//! small, `-- --full` a hundred times: a million runs of 5,000 components.
//!
//! The client is a thread on loopback with one connection, which shares the machine with the servers.

mod asked;
mod made;
#[path = "../../../benches/support/measure.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod measure;
#[path = "../load/served.rs"]
#[expect(dead_code, reason = "shared with the bench of the load")]
mod served;
#[path = "../../../benches/support/table.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod table;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use made::Size;
use measure::{blocks_in_turns, time_calls};
use mltrace_core::Tracer;
use served::Served;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let is_full = std::env::args().any(|argument| argument == "--full");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let large = if is_full { Size::LARGE } else { Size::MIDDLE };
    let small = Shop::open(&folder.path().join("small.db"), &Size::SMALL)?;
    let large = Shop::open(&folder.path().join("large.db"), &large)?;
    let calls = if is_full { 20 } else { 10 };
    let mut rows = Vec::new();
    for pages in small.pages()?.into_iter().zip(large.pages()?) {
        let row = row(&small, &large, pages, calls)?;
        eprintln!("  {}", row.join(" | "));
        rows.push(row);
    }
    println!();
    table::print(
        &[
            "page",
            "bytes, small",
            "bytes, large",
            "mean / p50 / p99, small",
            "mean / p50 / p99, large",
            "large / small",
        ],
        &rows,
    );
    println!();
    Ok(())
}

/// A store that was made, and who serves it.
struct Shop {
    tracer: Tracer,
    server: Served,
}

impl Shop {
    fn open(file: &Path, size: &Size) -> Result<Self> {
        let begun = Instant::now();
        let tracer = Tracer::open(file)?;
        made::fill(&tracer, size)?;
        eprintln!(
            "{} runs of {} components in {}",
            size.runs,
            size.components(),
            measure::shown(begun.elapsed().as_secs_f64())
        );
        Ok(Self { server: Served::start(file)?, tracer })
    }

    fn pages(&self) -> Result<Vec<asked::Page>> {
        asked::pages(&self.tracer)
    }
}

/// A page of the small store and of the large one.
fn row(small: &Shop, large: &Shop, pages: (asked::Page, asked::Page), calls: usize) -> Result<[String; 6]> {
    const BLOCKS: usize = 5;
    let (of_small, of_large) = pages;
    let lane = |shop: &Shop, page: &asked::Page| {
        // A new connection for each block: the server ends one that waits for a long one of the other.
        let mut client = shop.server.client()?;
        client.expects(200, "GET", &page.path, "")?;
        time_calls(calls, |_| client.expects(200, "GET", &page.path, ""))
    };
    let bytes = |shop: &Shop, page: &asked::Page| -> Result<String> {
        let mut client = shop.server.client()?;
        client.expects(200, "GET", &page.path, "")?;
        Ok(client.body.len().to_string())
    };
    let [few, many] = blocks_in_turns(BLOCKS, &mut [&mut |_| lane(small, &of_small), &mut |_| lane(large, &of_large)])?;
    Ok([
        of_large.name.to_owned(),
        bytes(small, &of_small)?,
        bytes(large, &of_large)?,
        few.to_string(),
        many.to_string(),
        format!("{:.2}", many.over(&few)),
    ])
}
