//! What programs that emit OpenLineage tell of their runs.
//!
//! Events of a run come in any order, doubled, or not at all. So each is read as a little of what is to be known ([`Told`]),
//! and what is known of a run is the union of that: of a facet the latest event's stands, of ends the latest, of starts the
//! earliest. The run in the store is a function of what is known, which is kept with it, as params that begin with
//! `openlineage`.

mod emit;
mod event;
mod facets;
mod kept;
mod mended;
mod names;
mod run;
mod statement;
mod time;
mod told;

pub use emit::{Collector, Emitter, Parent, Sent, Unsent};
pub(crate) use event::{Event, Read, read};
pub(crate) use mended::parse;
pub(crate) use names::Names;
pub(crate) use told::Told;
