use mltrace_core::{Flagged, Page, Tracer};

use super::trace::known_outputs;
use crate::failure::Failure;
use crate::opt::Flag;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Flag, session: &mut Session<'_>) -> Result<(), Failure> {
    let tracer = session.tracer.clone();
    let flag = |output: &String| match &opt.version {
        Some(version) => tracer.flag_version(output, version),
        None => tracer.flag(output),
    };
    let items = opt.outputs.iter().map(flag).collect::<Result<Vec<_>, _>>()?;
    let origins = items.iter().map(|flagged| origin(&tracer, flagged)).collect::<Result<Vec<_>, _>>()?;
    session.answer(&Page { items, next: None }, |page, _| render::flagged(&page.items, &origins))
}

/// Where a flagged output came from, or what may have been meant.
fn origin(tracer: &Tracer, flagged: &Flagged) -> Result<String, Failure> {
    if let Some(run) = flagged.written_by {
        return Ok(format!("written by {}", render::name_of(&tracer.run(run)?)));
    }
    let name = &flagged.pointer.name;
    Ok(match tracer.io_pointer(name) {
        Ok(_) => "which runs read, but no traced run wrote".to_owned(),
        Err(_) => format!("which no traced run wrote: {}", known_outputs(tracer, name)?),
    })
}
