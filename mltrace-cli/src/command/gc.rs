use crate::failure::Failure;
use crate::opt::Gc;
use crate::progress::Progress;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Gc, session: &mut Session<'_>) -> Result<(), Failure> {
    let gc = session.tracer.gc(opt.older_than);
    let report = if opt.yes {
        let mut progress = Progress::new();
        let show = move |done, total| progress.show(|| format!("{done} of {total} runs"));
        gc.progress(show).collect()?
    } else {
        gc.plan()?
    };
    session.answer(&report, render::gc)
}
