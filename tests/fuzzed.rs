//! What fuzzing tries, on the few inputs that are kept: the functions are those of the targets in `fuzz/`, which go on from
//! there for as long as anybody lets them.

#[path = "../fuzz/shared/ask.rs"]
mod ask;
#[path = "../fuzz/shared/import.rs"]
mod import;
#[path = "../fuzz/shared/store.rs"]
mod store;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use arbitrary::{Arbitrary, Unstructured};

/// No input takes a second; a slow machine is no hang.
const HANG: Duration = Duration::from_secs(60);

/// Runs each of a target's inputs, and says how many there were.
fn each_seed(target: &str, try_out: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    for seed in &seeds {
        let bytes = fs::read(seed).unwrap();
        let (done, wait) = mpsc::channel();
        let round = thread::spawn(move || {
            try_out(&bytes);
            // Nobody waits any more where it took too long.
            let _sent = done.send(());
        });
        let hangs = wait.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout);
        assert!(!hangs, "{} takes longer than {HANG:?}", seed.display());
        assert!(round.join().is_ok(), "{} makes it panic", seed.display());
    }
    seeds.len()
}

#[test]
fn a_store_with_changed_rows_and_bytes_is_read_without_panic_hang_or_harm() {
    let try_out = |bytes: &[u8]| {
        let mutation = store::Mutation::arbitrary_take_rest(Unstructured::new(bytes)).unwrap();
        store::try_out(&mutation);
    };
    assert!(each_seed("store", try_out) > 20);
}

#[test]
fn changed_lines_of_an_export_are_imported_or_refused() {
    assert!(each_seed("import", |lines| import::try_out(|tracer| tracer.import(&mut &*lines))) > 10);
}

#[test]
fn changed_lines_of_a_python_database_are_imported_or_refused() {
    assert!(each_seed("python", |lines| import::try_out(|tracer| tracer.import_python(&mut &*lines))) > 10);
}
