//! What a page takes in a headless Chromium: a lineage of 300 runs beside one of 10, and the last runs scrolled through to the
//! ten thousandth, the last thousand beside the first. `cargo xtask peers` fetches the browser.

#[path = "../../tests/cli/peers/browser/driver.rs"]
#[expect(dead_code, reason = "shared with the tests in the browser")]
mod driver;
#[path = "../../../benches/support/measure.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod measure;
#[path = "../load/served.rs"]
#[expect(dead_code, reason = "shared with the bench of the load")]
mod served;
#[path = "../../../benches/support/table.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod table;
#[path = "../load/work.rs"]
#[expect(dead_code, reason = "shared with the bench of the load")]
mod work;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use driver::Browser;
use measure::{Block, blocks_in_turns};
use mltrace_core::Tracer;
use served::Served;
use table::{Bar, Table};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Runs in a chain, from a source on: as many as a graph shows at once.
const CHAIN: usize = 300;
const RUNS: usize = 10_000;
/// Runs that are added at a time.
const PART: usize = 100;

/// Keeps when the first frame after the page had loaded was there, in milliseconds from when it was asked for.
const STOPWATCH: &str = "
    addEventListener('load', () => requestAnimationFrame(() => setTimeout(() => { window.drawn = performance.now(); })));
";

/// Scrolls to the next runs, so many times; gives the milliseconds until the frame in which they were there.
const SCROLL: &str = "
    const [done, times] = [arguments[arguments.length - 1], []];
    const next = () => {
        const older = document.querySelector('.older');
        if (!older) return done(times);
        const begun = performance.now();
        const watch = new MutationObserver(() => {
            if (older.isConnected) return;
            watch.disconnect();
            requestAnimationFrame(() => setTimeout(() => { times.push(performance.now() - begun); next(); }));
        });
        watch.observe(document.querySelector('main'), { childList: true, subtree: true });
        older.scrollIntoView();
    };
    next();
";

fn main() -> Result<()> {
    let (Some(driver), Some(chromium)) = (find("chromedriver"), find("chromium")) else {
        println!("there is no browser here; `cargo xtask peers` fetches it");
        return Ok(());
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("store.db");
    work::fill(&Tracer::open(&file)?, RUNS)?;
    let server = Served::start(&file)?;
    let browser = Browser::of(&driver, &chromium);
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", &serde_json::json!({ "source": STOPWATCH }));
    let mut table = Table::default();
    let of = |runs: usize| server.url(&format!("/trace/{}", work::output(runs - 1)));
    let [many, few] =
        blocks_in_turns(10, &mut [&mut |_| drawn(&browser, &of(CHAIN)), &mut |_| drawn(&browser, &of(10))])?;
    table.ratio("a trace of 300 runs, drawn / of 10 runs", Bar::None, &many, &few);
    let [last, first] = scrolled(&browser, &server.url("/"))?;
    let ratio = mean(&last) / mean(&first);
    let shown = |times: &[f64]| format!("{:.1} ms a hundred", mean(times));
    table.row("recent runs 9,000 to 10,000 / 1 to 1,000", Bar::None, ratio, "", shown(&last), shown(&first));
    table.print();
    Ok(())
}

/// A page that is opened three times.
fn drawn(browser: &Browser, url: &str) -> Result<Block> {
    let mut calls = Vec::new();
    for _ in 0..3 {
        browser.open(url);
        browser.until("return window.drawn > 0");
        let took = browser.script("return window.drawn").as_f64().ok_or("no time")?;
        calls.push(Duration::from_secs_f64(took / 1_000.0));
    }
    Ok(Block { elapsed: calls.iter().sum(), calls })
}

/// The milliseconds of each part of the last and of the first thousand.
fn scrolled(browser: &Browser, url: &str) -> Result<[Vec<f64>; 2]> {
    browser.open(url);
    let times: Vec<f64> = serde_json::from_value(browser.later(SCROLL))?;
    let parts = 1_000 / PART;
    let last = times.len().checked_sub(parts).ok_or("too few parts")?;
    Ok([times[last..].to_vec(), times[..parts].to_vec()])
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX))
}

/// A program, where it is on the path.
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|found| found.is_file())
}
