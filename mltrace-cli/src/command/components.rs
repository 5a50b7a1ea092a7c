use mltrace_core::{Component, Page};

use crate::failure::Failure;
use crate::opt::Components;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Components, session: &mut Session<'_>) -> Result<(), Failure> {
    let is_asked_for = |component: &Component| {
        opt.tag.as_ref().is_none_or(|tag| component.tags.contains(tag))
            && opt.owner.as_ref().is_none_or(|owner| component.owner.as_ref() == Some(owner))
    };
    let items = session.tracer.components()?.into_iter().filter(is_asked_for).collect();
    session.answer(&Page { items, next: None }, |page, screen| render::components(&page.items, screen))
}
