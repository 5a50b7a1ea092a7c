//! The service as its callers meet it, without a socket unless that is what is tested.

mod answers;
mod client;
mod described;
mod limits;
mod log;
mod logging;
mod metrics;
mod openlineage;
mod openlineage_client;
mod problems;
mod safety;
mod schemathesis;
mod sockets;
mod triage;
