use crate::failure::Failure;
use crate::opt::Label;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Label, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut labelling = session.tracer.label(opt.pointer, opt.name);
    if let Some(version) = opt.version {
        labelling = labelling.version(version);
    }
    session.answer(&labelling.write()?, |labelled, _| render::labelled(labelled))
}
