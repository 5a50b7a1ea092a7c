//! The routes, one file for each group.
#![allow(
    clippy::needless_pass_by_value,
    reason = "an operation is handed what it is asked, whether it keeps all of it or not"
)]

mod components;
mod health;
mod labels;
mod lineage;
mod metrics;
mod openlineage;
mod pages;
mod pointers;
mod runs;
mod tasks;

use std::sync::Arc;

use axum::{Router, middleware};
use mltrace_core::Page;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::Api;
use crate::app::{limit_requests, nothing_here};
use crate::service::Service;
use crate::web;

/// Every route there is.
pub(crate) fn all(service: &Arc<Service>) -> Router {
    let api = Api::new(Arc::clone(service));
    let api = [runs::add, components::add, pointers::add, labels::add, lineage::add, openlineage::add, tasks::add]
        .into_iter()
        .fold(api, |api, add| add(api));
    let Api { router, document, .. } = api;
    router
        .merge(web::router(service))
        .merge(health::ready(Arc::clone(service)))
        .merge(metrics::router(Arc::clone(service)))
        .layer(middleware::from_fn_with_state(Arc::clone(service), limit_requests))
        // These take next to nothing, and have to answer where all the room is taken.
        .merge(pages::router(Arc::clone(service), document.finish()))
        .merge(health::alive(service))
        .fallback(nothing_here)
}

/// Something by its name.
#[derive(Debug, Deserialize, JsonSchema)]
struct Named {
    /// The name. Slashes may stand in it as they are, or as %2F.
    name: String,
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Part {
    /// At most so many items: 1 to 1000, 100 unless given.
    limit: Option<Limit>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// How many items a page has.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct Limit(u32);

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, Self::Error> {
        if (1..=1_000).contains(&limit) { Ok(Self(limit)) } else { Err("a limit lies between 1 and 1000") }
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    }
}

fn limit(given: Option<Limit>) -> u32 {
    given.map_or(100, |Limit(limit)| limit)
}

impl Part {
    /// This part of a whole that is sorted by a key.
    fn of<T>(&self, all: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let is_ahead = |item: &T| self.after.as_ref().is_none_or(|after| key(item) > *after);
        let mut items: Vec<T> = all.into_iter().filter(is_ahead).collect();
        let shown = limit(self.limit) as usize;
        let has_more = items.len() > shown;
        items.truncate(shown);
        let next = items.last().filter(|_| has_more).map(key);
        Page { items, next }
    }
}
