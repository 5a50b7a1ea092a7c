//! A text that may be a time is read as the command line reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../mltrace-cli/src/when.rs"]
mod when;

fuzz_target!(|text: &str| drop(when::parse(text)));
