use mltrace_core::monitor::__overview::{Measuring, measure};
use mltrace_core::monitor::Windows;

use crate::failure::Failure;
use crate::opt::Metrics;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Metrics, session: &mut Session<'_>) -> Result<(), Failure> {
    let asked = Measuring {
        metric: opt.metric,
        threshold: opt.threshold,
        windows: opt.last.map_or(Windows::Tumbling(opt.by), Windows::Last),
        since: opt.since,
        until: None,
    };
    let measured = measure(&session.tracer.task(&opt.task)?, &asked)?;
    let by = opt.last.is_none().then_some(opt.by);
    session.answer(&measured, |measured, screen| render::metrics(measured, by, screen))
}
