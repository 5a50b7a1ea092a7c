#![doc = include_str!("../README.md")]

pub use mltrace_core::*;
pub use mltrace_macros::component;

#[doc = include_str!("reliability.md")]
pub mod reliability {}
