//! A small store, rows and bytes of which were changed, is asked everything and then written to.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/ask.rs"]
mod ask;
#[path = "../shared/store.rs"]
mod store;

fuzz_target!(|mutation: store::Mutation| store::try_out(&mutation));
