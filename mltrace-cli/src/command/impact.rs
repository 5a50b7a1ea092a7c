use mltrace_core::ErrorKind;

use super::trace::known_outputs;
use crate::failure::Failure;
use crate::opt::Impact;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Impact, session: &mut Session<'_>) -> Result<(), Failure> {
    if let Some(label) = opt.label {
        return session.answer(&session.tracer.impact_label(&label)?, render::label_impact);
    }
    let pointer = opt.pointer.unwrap_or_default();
    let mut impact = match opt.run {
        Some(run) => {
            super::inspect::find(&session.tracer, run)?;
            session.tracer.impact_run(run)
        }
        None => session.tracer.impact(&pointer),
    };
    if let Some(hops) = opt.depth {
        impact = impact.depth(hops);
    }
    if let Some(version) = opt.version {
        impact = impact.version(version);
    }
    match impact.get() {
        Ok(graph) => session.answer(&graph, render::impact),
        Err(error) if error.kind() == ErrorKind::NotFound && session.tracer.io_pointer(&pointer).is_err() => {
            Err(Failure::Question(format!("{error}: {}", known_outputs(&session.tracer, &pointer)?)))
        }
        Err(error) => Err(error.into()),
    }
}
