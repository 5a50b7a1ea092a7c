use crate::command::inspect;
use crate::failure::Failure;
use crate::opt::Note;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Note, session: &mut Session<'_>) -> Result<(), Failure> {
    inspect::find(&session.tracer, opt.run)?;
    session.tracer.add_note(opt.run, &opt.text)?;
    let run = inspect::find(&session.tracer, opt.run)?;
    session.answer(&run, |run, _| format!("noted on {}\n", render::name_of(run)))
}
