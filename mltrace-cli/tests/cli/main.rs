//! The command as people and scripts use it: arguments in, text or JSON and an exit code out.

mod care;
mod catalogue;
mod checks;
mod cli;
mod completions;
#[cfg(feature = "server")]
mod demo;
mod diff;
mod failures;
mod follow;
mod help;
mod history;
mod impact;
mod inspect;
mod json;
mod labels;
mod monitor;
mod monitored;
#[cfg(feature = "server")]
mod open;
#[cfg(feature = "server")]
mod openlineage;
#[cfg(feature = "server")]
mod peers;
mod pipeline;
mod recent;
mod review;
mod screen;
#[cfg(feature = "server")]
mod serve;
mod stale;
mod trace;
mod traced;
mod verify;
#[cfg(feature = "server")]
mod watched;
