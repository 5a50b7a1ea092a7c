//! Distances between two samples, how far chance alone takes them, and how unlikely they are.

pub(crate) mod distance;
pub(crate) mod interval;
pub(crate) mod tail;
