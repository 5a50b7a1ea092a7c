use mltrace_core::Page;
use serde::Serialize;

use crate::failure::Failure;
use crate::opt::Tags;
use crate::render;
use crate::session::Session;

/// A tag and the names of the components that carry it.
#[derive(Debug, Serialize)]
pub(crate) struct TagUse {
    pub(crate) tag: String,
    pub(crate) components: Vec<String>,
}

pub(crate) fn run(_: &Tags, session: &mut Session<'_>) -> Result<(), Failure> {
    let items = session.tracer.tags()?.into_iter().map(|(tag, components)| TagUse { tag, components }).collect();
    session.answer(&Page { items, next: None }, |page, screen| render::tags(&page.items, screen))
}
