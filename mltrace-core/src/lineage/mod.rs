//! Questions over the store, as pure functions of a view of it.

pub(crate) mod labels;
pub(crate) mod resolve;
pub(crate) mod trace;

#[cfg(test)]
mod labels_tests;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod trace_tests;
