//! The page, for whoever did not build the stage: what produced this, and what is wrong with it?
//!
//! One file a view. Each is asked on a reader's thread as an operation of the interface is, and answers with a template, so
//! that whatever a run is called is escaped by the engine. All of it can be read without JavaScript.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a view is handed what it is asked, whether it keeps all of it or not"
)]

mod assets;
mod chart;
mod command;
mod component;
mod components;
mod diff;
mod drift;
mod folders;
pub(crate) mod form;
mod frame;
mod graph;
mod label;
mod labels;
mod lineage;
pub mod link;
mod recent;
mod retrain;
mod review;
mod run;
mod search;
mod site;
mod stale;
mod task;
mod tasks;
mod tree;
mod trend;
mod trouble;
mod words;

use std::sync::Arc;

use axum::Router;

pub(crate) use assets::asset;
pub(crate) use command::COMMANDS;
pub(crate) use frame::theme;
pub(crate) use site::see;
pub(crate) use trouble::{is_for_programs, show};

use crate::service::Service;

/// Every view there is.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let site = site::Site::new(Arc::clone(service));
    let views = [
        recent::add,
        run::add,
        lineage::add,
        components::add,
        labels::add,
        search::add,
        command::add,
        stale::add,
        tasks::add,
        drift::add,
        retrain::add,
        diff::add,
        review::add,
    ];
    views.into_iter().fold(site, |site, add| add(site)).router.merge(assets::router())
}
