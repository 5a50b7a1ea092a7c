use crate::failure::Failure;
use crate::opt::Doctor;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Doctor, session: &mut Session<'_>) -> Result<(), Failure> {
    let health = session.tracer.doctor()?;
    session.answer(&health, render::health)?;
    if opt.exit_code && !health.is_sound() { Err(Failure::No) } else { Ok(()) }
}
