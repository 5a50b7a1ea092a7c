use mltrace_core::Page;

use crate::failure::Failure;
use crate::opt::Unflag;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Unflag, session: &mut Session<'_>) -> Result<(), Failure> {
    let items = match (&opt.output, &opt.version) {
        (Some(output), Some(version)) => session.tracer.unflag_version(output, version),
        (Some(output), None) => session.tracer.unflag(output),
        (None, _) => session.tracer.unflag_all(),
    }?;
    session.answer(&Page { items, next: None }, |page, _| render::unflagged(&page.items))
}
