//! What the queue of buffered runs holds: memory stays flat, however many go through it.
//!
//! A few runs by default; `MLTRACE_BUFFERED_CALLS=10000000` for the full proof.
#![cfg(all(target_os = "linux", not(feature = "off")))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mltrace::{Tracer, component};

/// Counts what is allocated and not freed, so that a leak shows to the byte.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[component(buffered, inputs(raw), outputs(clean), params(number))]
fn clean(raw: &str, clean: &str, number: u32) -> usize {
    raw.len() + clean.len()
}

/// The most memory that this process ever had.
fn peak_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

fn call(tracer: &Tracer, calls: u32) {
    let _guard = mltrace::scoped(tracer);
    let dropped = tracer.stats().dropped;
    for number in 0..calls {
        clean(&format!("raw/{}.csv", number % 100), &format!("clean/{}.csv", number % 100), number);
        // So that the queue has grown as great as it gets here, and what it keeps for later is no leak.
        if number % 1_000 == 999 {
            tracer.flush().unwrap();
        }
    }
    tracer.flush().unwrap();
    assert_eq!((tracer.stats().queued, tracer.stats().dropped), (0, dropped));
}

/// Has the queue grown as great as it gets, and written.
fn fill(tracer: &Tracer, path: &Path) {
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let _guard = mltrace::scoped(tracer);
    while tracer.stats().dropped == 0 {
        clean("raw.csv", "clean.csv", 0);
    }
    other.execute_batch("ROLLBACK").unwrap();
    tracer.flush().unwrap();
}

#[test]
fn memory_stays_flat_however_many_runs_are_queued() {
    /// What the allocator does not give back.
    const PEAK: usize = 32 << 20;
    let calls: u32 = std::env::var("MLTRACE_BUFFERED_CALLS").map_or(20_000, |calls| calls.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let tracer = Tracer::open(folder.path().join("store.db")).unwrap();
    fill(&tracer, &folder.path().join("store.db"));
    call(&tracer, 2_000);
    let (live, peak) = (LIVE.load(Ordering::Relaxed), peak_bytes());
    call(&tracer, calls);
    let kept = LIVE.load(Ordering::Relaxed).saturating_sub(live);
    let grown = peak_bytes() - peak;
    println!("{calls} calls: {kept} bytes kept, the peak {grown} bytes higher");
    // A few bytes a call would be too much here, and a fraction of one in the full proof.
    assert!(kept < 200_000, "{kept} bytes are kept after {calls} calls");
    assert!(grown < PEAK, "{grown} bytes more at the peak");
}
