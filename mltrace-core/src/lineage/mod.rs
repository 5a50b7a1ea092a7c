//! Questions over the store, as pure functions of a view of it.

pub(crate) mod resolve;
pub(crate) mod trace;
