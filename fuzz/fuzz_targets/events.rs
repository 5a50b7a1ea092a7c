//! Lines that may be events of OpenLineage are sent to a server, in two orders.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/events.rs"]
mod events;

fuzz_target!(|lines: &[u8]| events::try_out(lines));
