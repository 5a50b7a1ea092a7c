use mltrace_core::Page;

use crate::failure::Failure;
use crate::opt::Stale;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Stale, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut question = session.tracer.stale();
    if let Some(component) = opt.component {
        question = question.component(component);
    }
    if let Some(partition) = opt.partition {
        question = question.partition(partition);
    }
    if let Some(time) = opt.as_of {
        question = question.as_of(time);
    }
    let items = question.get()?;
    let is_stale = items.iter().any(|judged| !judged.stale.is_empty());
    session.answer(&Page { items, next: None }, |page, screen| render::stale(&page.items, screen))?;
    if opt.exit_code && is_stale { Err(Failure::No) } else { Ok(()) }
}
