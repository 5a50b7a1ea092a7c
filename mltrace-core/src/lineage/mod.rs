//! Questions over the store, as pure functions of a view of it.

mod ancestry;
pub(crate) mod diff;
pub(crate) mod labels;
mod parting;
pub(crate) mod resolve;
#[cfg(feature = "care")]
pub(crate) mod retain;
pub(crate) mod review;
pub(crate) mod stale;
pub(crate) mod trace;
#[cfg(feature = "monitor")]
pub(crate) mod training;

#[cfg(test)]
mod blame_tests;
#[cfg(test)]
mod diff_tests;
#[cfg(test)]
mod labels_tests;
#[cfg(test)]
mod naive;
#[cfg(test)]
pub(crate) mod resolve_tests;
#[cfg(all(test, feature = "care"))]
mod retain_tests;
#[cfg(test)]
mod review_tests;
#[cfg(test)]
mod stale_tests;
#[cfg(test)]
mod trace_tests;
