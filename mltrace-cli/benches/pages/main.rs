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
use std::path::PathBuf;
use std::time::Instant;

use made::Size;
use measure::in_turns;
use mltrace_core::Tracer;
use served::{Client, Served};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let is_full = std::env::args().any(|argument| argument == "--full");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let large = if is_full { Size::LARGE } else { Size::MIDDLE };
    let small = Shop::open(folder.path().join("small.db"), &Size::SMALL)?;
    let large = Shop::open(folder.path().join("large.db"), &large)?;
    let rows: Vec<_> = small
        .pages()?
        .into_iter()
        .zip(large.pages()?)
        .map(|(small_page, large_page)| row(&small, &large, &small_page, &large_page))
        .collect::<Result<_>>()?;
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
    fn open(file: PathBuf, size: &Size) -> Result<Self> {
        let begun = Instant::now();
        let tracer = Tracer::open(&file)?;
        made::fill(&tracer, size)?;
        eprintln!(
            "{} runs of {} components in {}",
            size.runs,
            size.components(),
            measure::shown(begun.elapsed().as_secs_f64())
        );
        Ok(Self { server: Served::start(&file)?, tracer })
    }

    fn pages(&self) -> Result<Vec<asked::Page>> {
        asked::pages(&self.tracer)
    }
}

fn row(small: &Shop, large: &Shop, small_page: &asked::Page, large_page: &asked::Page) -> Result<[String; 6]> {
    const BLOCKS: usize = 5;
    const CALLS: usize = 20;
    let mut clients = [small.server.client()?, large.server.client()?];
    let mut bytes = [0; 2];
    let pages = [small_page, large_page];
    for lane in 0..2 {
        bytes[lane] = get(&mut clients[lane], pages[lane])?;
    }
    let [one, other] = &mut clients;
    let [ours, theirs] = in_turns(
        BLOCKS,
        CALLS,
        &mut [&mut |_| get(one, small_page).map(drop), &mut |_| get(other, large_page).map(drop)],
    )?;
    Ok([
        large_page.name.to_owned(),
        bytes[0].to_string(),
        bytes[1].to_string(),
        ours.to_string(),
        theirs.to_string(),
        format!("{:.2}", theirs.over(&ours)),
    ])
}

/// The length of a page.
fn get(client: &mut Client, page: &asked::Page) -> Result<usize> {
    client.expects(200, "GET", &page.path, "")?;
    Ok(client.body.len())
}
