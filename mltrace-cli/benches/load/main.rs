//! What a server takes and gives over HTTP, as ratios to the library doing the same in this process, on the same store, by
//! turns. `cargo bench -p mltrace-cli` takes a store of 100,000 runs and half a minute, `-- --full` one of a million.
//!
//! The clients are a few threads on loopback, each with one connection; their work shares the machine with the server's.

#[path = "../../../benches/support/measure.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod measure;
mod overload;
mod served;
#[path = "../../../benches/support/table.rs"]
#[expect(dead_code, reason = "shared with the benches of the library")]
mod table;
mod work;
mod wrk;

use std::error::Error;

use measure::{Block, blocks_in_turns, time_calls};
use mltrace_core::Tracer;
use served::Served;
use table::{Bar, Table};
use work::{Works, fill};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Runs in a chain, from a source to what is asked for.
const CHAIN: usize = 100;
/// Runs of a request that has several.
const ARRAY: usize = 100;

fn main() -> Result<()> {
    let is_full = std::env::args().any(|argument| argument == "--full");
    let (count, name) = if is_full { (1_000_000, "1M") } else { (100_000, "100k") };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("store.db");
    let tracer = Tracer::open(&file)?;
    fill(&tracer, count)?;
    let server = Served::start(&file)?;
    let before = server.memory()?;
    let mut table = Table::default();
    for threads in [1, 8] {
        one_by_one(&mut table, name, &server, &tracer, threads)?;
    }
    arrays(&mut table, name, &server, &tracer)?;
    questions(&mut table, name, &server, &tracer)?;
    let after = server.memory()?;
    table.row(
        &format!("memory of the server, {name}"),
        Bar::None,
        after,
        " MB",
        "after all this",
        format!("{before:.1} MB before"),
    );
    overload::refused(&mut table, &server)?;
    drop(server);
    overload::killed(&mut table, &file)?;
    table.print();
    Ok(())
}

/// One run a request, by so many clients at a time, beside as many threads of the library.
fn one_by_one(table: &mut Table, name: &str, server: &Served, tracer: &Tracer, threads: usize) -> Result<()> {
    const CALLS: usize = 400;
    let calls = CALLS / threads;
    let [http, library] = blocks_in_turns(
        8,
        &mut [
            &mut |block| {
                together(threads, |thread| {
                    let (mut client, mut works) = (server.client()?, Works::new("http", block * threads + thread));
                    let bodies: Vec<String> = works.by_ref().take(calls).map(|work| work.json().to_string()).collect();
                    time_calls(calls, |call| client.expects(201, "POST", "/api/v1/runs", &bodies[call]))
                })
            },
            &mut |block| {
                together(threads, |thread| {
                    let mut works = Works::new("library", block * threads + thread);
                    time_calls(calls, |_| {
                        Ok(works.next().map(|work| tracer.log_component_run(work.run())).transpose().map(drop)?)
                    })
                })
            },
        ],
    )?;
    let promise = format!("POST /runs, {threads} at a time / durable by hand, {name}");
    table.ratio(&promise, Bar::None, &http, &library);
    let (ours, theirs) = (rate(&http, calls * threads), rate(&library, calls * threads));
    table.row("the same, requests a second", Bar::None, ours, "", "", format!("{theirs:.0} calls"));
    Ok(())
}

fn arrays(table: &mut Table, name: &str, server: &Served, tracer: &Tracer) -> Result<()> {
    let mut client = server.client()?;
    let mut works = [Works::new("array", 0), Works::new("one", 0)];
    let [to_send, to_log] = &mut works;
    let [http, library] = blocks_in_turns(
        8,
        &mut [
            &mut |_| {
                let body = |works: &mut Works| works.take(ARRAY).map(|work| work.json()).collect::<serde_json::Value>();
                let bodies: Vec<String> = (0..4).map(|_| body(to_send).to_string()).collect();
                time_calls(bodies.len(), |call| client.expects(201, "POST", "/api/v1/runs", &bodies[call]))
            },
            &mut |_| {
                time_calls(4, |_| {
                    for work in to_log.take(ARRAY) {
                        tracer.log_component_run(work.run())?;
                    }
                    Ok(())
                })
            },
        ],
    )?;
    table.ratio(&format!("POST /runs of {ARRAY} / as many durable calls, {name}"), Bar::None, &http, &library);
    table.row(
        "the same, runs a second",
        Bar::None,
        rate(&http, 4 * ARRAY),
        "",
        "",
        format!("{:.0} calls", rate(&library, 4 * ARRAY)),
    );
    Ok(())
}

/// Asks the library, and gives the length of its answer as JSON.
type Ask<'a> = &'a dyn Fn() -> Result<usize>;

fn questions(table: &mut Table, name: &str, server: &Served, tracer: &Tracer) -> Result<()> {
    const CALLS: usize = 50;
    let output = work::output(CHAIN - 1);
    let mut client = server.client()?;
    let trace = format!("/api/v1/trace?output={}", output.replace('/', "%2F"));
    let ask_trace = || Ok(serde_json::to_vec(&tracer.trace(&output).get()?)?.len());
    let ask_history = || Ok(serde_json::to_vec(&tracer.history("stage").limit(100).get()?)?.len());
    let ask_recent = || Ok(serde_json::to_vec(&tracer.recent(100)?)?.len());
    let asked: [(&str, &str, Ask<'_>); 3] = [
        ("trace of 100 hops", &trace, &ask_trace),
        ("history of 100", "/api/v1/components/stage/runs?limit=100", &ask_history),
        ("recent 100", "/api/v1/runs?limit=100", &ask_recent),
    ];
    for (question, path, ask) in asked {
        let [http, library] = blocks_in_turns(
            6,
            &mut [&mut |_| time_calls(CALLS, |_| client.expects(200, "GET", path, "")), &mut |_| {
                time_calls(CALLS, |_| ask().map(drop))
            }],
        )?;
        let promise = format!("GET {question} / the library with its JSON, {name}");
        table.ratio(&promise, Bar::None, &http, &library);
        match wrk::ask(&server.url(path))? {
            Some(asked) => {
                let connections = format!("the same, {} connections of wrk, requests a second", wrk::CONNECTIONS);
                table.row(&connections, Bar::None, asked.rate, "", format!("- / {} / {}", asked.p50, asked.p99), "");
            }
            None => table.row("the same, requests a second", Bar::None, rate(&http, CALLS), "", "", "no wrk here"),
        }
    }
    Ok(())
}

/// The same work on several threads, as one block.
fn together(threads: usize, work: impl Fn(usize) -> Result<Block> + Sync) -> Result<Block> {
    let begun = std::time::Instant::now();
    let blocks: Vec<Result<Vec<_>, String>> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread).map(|block| block.calls).map_err(|error| error.to_string())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".to_owned())))
            .collect()
    });
    let elapsed = begun.elapsed();
    let calls = blocks.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Block { elapsed, calls })
}

/// Calls a second in the fastest block of so many.
fn rate(timing: &measure::Timing, calls: usize) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / timing.fastest_block()
}
