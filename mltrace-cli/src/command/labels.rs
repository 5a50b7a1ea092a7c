use mltrace_core::Page;

use crate::failure::Failure;
use crate::opt::Labels;
use crate::render;
use crate::session::Session;

pub(crate) fn run(_: &Labels, session: &mut Session<'_>) -> Result<(), Failure> {
    let items = session.tracer.labels()?;
    session.answer(&Page { items, next: None }, |page, screen| render::labels(&page.items, screen))
}
