//! Questions over the store, as pure functions of a view of it.

pub(crate) mod resolve;
pub(crate) mod retain;
pub(crate) mod trace;

#[cfg(test)]
mod naive;
#[cfg(test)]
pub(crate) mod resolve_tests;
#[cfg(test)]
mod retain_tests;
#[cfg(test)]
mod trace_tests;
