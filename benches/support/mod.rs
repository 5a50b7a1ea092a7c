//! What the benches share: made runs, stores of them, baselines, the clock and the table.

pub(crate) mod measure;
pub(crate) mod memory;
pub(crate) mod pipeline;
pub(crate) mod raw_read;
pub(crate) mod raw_write;
pub(crate) mod stored;
pub(crate) mod table;

use std::error::Error;

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;
