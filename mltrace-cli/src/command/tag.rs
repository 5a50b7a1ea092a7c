use crate::failure::Failure;
use crate::opt::Tag;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Tag, session: &mut Session<'_>) -> Result<(), Failure> {
    session.tracer.tag(&opt.component, &opt.tags)?;
    let component = session.tracer.component(&opt.component)?;
    session.answer(&component, |component, _| render::tagged(component))
}
