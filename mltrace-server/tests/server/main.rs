//! The service as its callers meet it, without a socket unless that is what is tested.
#![allow(clippy::missing_docs_in_private_items, reason = "tests say it by their names")]

mod answers;
mod client;
mod described;
mod limits;
mod log;
mod logging;
mod problems;
mod safety;
mod sockets;
mod triage;
