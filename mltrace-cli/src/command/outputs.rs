use crate::failure::Failure;
use crate::opt::Outputs;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Outputs, session: &mut Session<'_>) -> Result<(), Failure> {
    let outputs = session.tracer.task(&opt.task)?.outputs(opt.since, opt.until)?;
    session.answer(&outputs, render::outputs)
}
