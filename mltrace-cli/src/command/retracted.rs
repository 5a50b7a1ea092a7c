use mltrace_core::Page;

use crate::failure::Failure;
use crate::opt::Retracted;
use crate::render;
use crate::session::Session;

pub(crate) fn run(_: &Retracted, session: &mut Session<'_>) -> Result<(), Failure> {
    let items = session.tracer.retracted()?;
    session.answer(&Page { items, next: None }, |page, screen| render::retracted(&page.items, screen))
}
