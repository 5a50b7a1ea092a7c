use crate::command::inspect;
use crate::failure::Failure;
use crate::opt::Diff;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Diff, session: &mut Session<'_>) -> Result<(), Failure> {
    let before = inspect::find(&session.tracer, opt.before)?;
    let after = inspect::find(&session.tracer, opt.after)?;
    let diff = session.tracer.diff(opt.before, opt.after)?;
    session.answer(&diff, |diff, screen| render::diff(diff, [&before, &after], screen))?;
    if opt.exit_code && diff.is_different() { Err(Failure::No) } else { Ok(()) }
}
