//! The service as its callers meet it, without a socket unless that is what is tested.

mod answers;
mod client;
mod described;
#[path = "../../../fuzz/shared/events.rs"]
mod events;
mod hard_events;
mod limits;
mod log;
mod logging;
mod metrics;
mod openlineage;
mod problems;
mod recorded;
mod safety;
mod sockets;
mod triage;
mod web_catalogue;
mod web_tasks;
mod web_triage;
