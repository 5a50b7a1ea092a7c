//! Care of a store: what may be forgotten, moving runs between stores, and its health.

mod doctor;
mod export;
mod gc;
mod import;
mod line;
mod python;
mod report;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod transfer_tests;

pub use doctor::{Finding, Health, OpenRun, TableSize};
pub use export::ExportReport;
pub use gc::{Gc, GcComponent, GcReport};
pub use import::ImportReport;
pub use report::{CodeReport, GitReport, PointerReport, Reported, RunReport};
