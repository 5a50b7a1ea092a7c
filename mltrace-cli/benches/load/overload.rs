//! More than a server takes, and its sudden end: what it acknowledged is there.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mltrace_core::Tracer;

use super::Result;
use super::served::{Client, Served};
use super::table::{Bar, Table};
use super::work::Works;

/// Clients at a time, of which the server works for 256.
const CLIENTS: usize = 600;
/// Requests of each, so that the load ends by itself.
const REQUESTS: usize = 5;

/// Some are refused, none waits for ever, and who comes afterwards is served as before.
pub(crate) fn refused(table: &mut Table, server: &Served) -> Result<()> {
    let (taken, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ready = Barrier::new(CLIENTS);
    let send = |mut client: Client, number: usize| -> Result<()> {
        let works = Works::new("overload", number);
        ready.wait();
        for work in works.take(REQUESTS) {
            match client.ask("POST", "/api/v1/runs", &work.json().to_string())? {
                201 => taken.fetch_add(1, Ordering::Relaxed),
                503 => refused.fetch_add(1, Ordering::Relaxed),
                status => return Err(format!("answered {status}").into()),
            };
        }
        Ok(())
    };
    // All are there before the first thread waits for the others.
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect::<Result<_>>()?;
    let failed = thread::scope(|scope| {
        let send = &send;
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| scope.spawn(move || send(client, number).map_err(|error| error.to_string())))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap_or_else(|_| Err("panicked".to_owned())).err())
            .collect::<Vec<_>>()
    });
    if let Some(first) = failed.first() {
        return Err(format!("{} of {CLIENTS} clients failed: {first}", failed.len()).into());
    }
    let begun = Instant::now();
    let after = Works::new("after", 0).next().ok_or("no work")?;
    server.client()?.expects(201, "POST", "/api/v1/runs", &after.json().to_string())?;
    let recovery = begun.elapsed().as_secs_f64() * 1e3;
    let (taken, refused) = (taken.into_inner(), refused.into_inner());
    if refused == 0 {
        return Err(format!("{CLIENTS} clients are no overload: none was refused").into());
    }
    let said = format!("{taken} taken, {refused} answered 503");
    table.row(&format!("{CLIENTS} clients at once, then one"), Bar::None, recovery, " ms", said, "");
    Ok(())
}

/// Killed while eight clients send: each run that was acknowledged is in the store.
pub(crate) fn killed(table: &mut Table, file: &Path) -> Result<()> {
    let server = Served::start(file)?;
    let count = AtomicUsize::new(0);
    let has_ended = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let (server, count, has_ended) = (&server, &count, &has_ended);
        let sending = |number: usize| {
            let mut told = Vec::new();
            let Ok(mut client) = server.client() else { return told };
            for work in Works::new("killed", number) {
                if has_ended.load(Ordering::Relaxed)
                    || !matches!(client.ask("POST", "/api/v1/runs", &work.json().to_string()), Ok(201))
                {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
                told.push(work.output().to_owned());
            }
            told
        };
        let clients: Vec<_> = (0..8).map(|number| scope.spawn(move || sending(number))).collect();
        let end = Instant::now() + Duration::from_secs(60);
        while count.load(Ordering::Relaxed) < 2_000 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        let killed = server.kill();
        has_ended.store(true, Ordering::Relaxed);
        let told: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect();
        killed.map(|()| told)
    })?;
    drop(server);
    let tracer = Tracer::open_existing(file)?;
    let mut lost = 0.0;
    for output in &acknowledged {
        if tracer.trace(output.as_str()).depth(1).get().is_err() {
            lost += 1.0;
        }
    }
    table.row(
        "runs lost by kill -9 of those acknowledged",
        Bar::AtMost(0.0),
        lost,
        "",
        format!("{} acknowledged", acknowledged.len()),
        "",
    );
    Ok(())
}
