use crate::failure::Failure;
use crate::opt::Retract;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Retract, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut retracting = session.tracer.retract(opt.label, opt.reason);
    if let Some(who) = opt.by {
        retracting = retracting.by(who);
    }
    session.answer(&retracting.write()?, |retraction, _| render::retraction(retraction))
}
