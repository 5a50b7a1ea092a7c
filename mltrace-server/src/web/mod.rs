//! The page, for whoever did not build the stage: what produced this, and what is wrong with it?
//!
//! One file a view. Each is asked on a reader's thread as an operation of the interface is, and answers with a template, so
//! that whatever a run is called is escaped by the engine. All of it can be read without JavaScript.

mod assets;
mod diff;
mod folders;
mod form;
mod frame;
mod graph;
mod lineage;
mod link;
mod recent;
mod review;
mod run;
mod site;
mod tree;
mod words;

use std::sync::Arc;

use axum::Router;

pub(crate) use assets::asset;

use crate::service::Service;

/// Every view there is.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let site = site::Site::new(Arc::clone(service));
    let views = [recent::add, run::add, lineage::add, diff::add, review::add];
    views.into_iter().fold(site, |site, add| add(site)).router.merge(assets::router())
}
