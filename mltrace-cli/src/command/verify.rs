use mltrace_core::ErrorKind;

use super::trace::known_outputs;
use crate::failure::Failure;
use crate::opt::Verify;
use crate::progress::Progress;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Verify, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut question = session.tracer.verify();
    if let Some(name) = &opt.pointer {
        question = question.pointer(name);
    }
    let mut progress = Progress::new();
    let mut looked_at = 0_u64;
    let report = question.each(|_| {
        looked_at += 1;
        progress.show(|| format!("{looked_at} looked at"));
    });
    drop(progress);
    let report = match (report, &opt.pointer) {
        (Err(error), Some(name)) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::Question(format!("{error}: {}", known_outputs(&session.tracer, name)?)));
        }
        (report, _) => report?,
    };
    session.answer(&report, render::verify)?;
    if opt.exit_code && report.changed + report.missing > 0 { Err(Failure::No) } else { Ok(()) }
}
