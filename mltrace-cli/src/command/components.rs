use mltrace_core::Page;

use crate::failure::Failure;
use crate::opt::Components;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Components, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut components = session.tracer.components();
    if let Some(tag) = opt.tag {
        components = components.tag(tag);
    }
    if let Some(owner) = opt.owner {
        components = components.owner(owner);
    }
    let items = components.get()?;
    session.answer(&Page { items, next: None }, |page, screen| render::components(&page.items, screen))
}
