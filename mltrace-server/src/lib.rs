//! The server behind `mltrace serve`: runs in from any language, answers out, over the store that the library writes.
//!
//! [`app`] gives the whole service over a store, and [`serve`] runs it on a socket until it is told to end. The
//! description of its interface, OpenAPI 3.1, is served at `/api/openapi.json`, and for people at `/api/docs`.

mod api;
mod app;
mod body;
mod described;
mod guard;
mod impatient;
mod lane;
mod logger;
mod mark;
mod metrics;
mod names;
mod openapi;
mod openlineage;
mod page;
mod problem;
mod reports;
mod routes;
mod serve;
mod service;
mod token;
mod web;

pub use app::app;
pub use mark::serves;
pub use metrics::{DASHBOARD, RULES};
pub use openlineage::{Collector, Emitter, Parent, Sent, Unsent};
pub use serve::{run, serve};
pub use service::{Config, Limits};
pub use token::{Role, Token, Tokens};
pub use web::link;
