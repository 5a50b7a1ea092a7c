//! Lines that may be an export are imported, and the store that comes of it is asked everything.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/ask.rs"]
mod ask;
#[path = "../shared/import.rs"]
mod import;

fuzz_target!(|lines: &[u8]| import::try_out(|tracer| tracer.import(&mut &*lines)));
