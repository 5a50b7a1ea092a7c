use crate::failure::Failure;
use crate::opt::History;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: History, session: &mut Session<'_>) -> Result<(), Failure> {
    let component = session.tracer.component(&opt.component)?;
    let mut history = session.tracer.history(opt.component).limit(opt.limit.into());
    if let Some(time) = opt.since {
        history = history.since(time);
    }
    if let Some(time) = opt.until {
        history = history.until(time);
    }
    if let Some(status) = opt.status {
        history = history.status(status);
    }
    if let Some(partition) = opt.partition {
        history = history.partition(partition);
    }
    if let Some(next) = opt.after {
        history = history.after(&next)?;
    }
    let page = history.get()?;
    session.answer(&page, |page, screen| render::history(&component, page, screen))
}
