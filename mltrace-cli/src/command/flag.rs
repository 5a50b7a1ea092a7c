use mltrace_core::{Flagged, Page, Tracer};

use super::trace::known_outputs;
use crate::failure::Failure;
use crate::opt::Flag;
use crate::render::{self, Origin};
use crate::session::Session;

pub(crate) fn run(opt: &Flag, session: &mut Session<'_>) -> Result<(), Failure> {
    let tracer = session.tracer.clone();
    let flag = |output: &String| match &opt.version {
        Some(version) => tracer.flag_version(output, version),
        None => tracer.flag(output),
    };
    let items = opt.outputs.iter().map(flag).collect::<Result<Vec<_>, _>>()?;
    let origins = items.iter().map(|flagged| origin(&tracer, flagged)).collect::<Result<Vec<_>, _>>()?;
    session.answer(&Page { items, next: None }, |page, screen| render::flagged(&page.items, &origins, screen))
}

/// Where a flagged output came from, or what may have been meant.
fn origin(tracer: &Tracer, flagged: &Flagged) -> Result<Origin, Failure> {
    if let Some(run) = tracer.runs(flagged.written_by.as_slice())?.first() {
        return Ok(Origin::Run(render::name_of(run)));
    }
    let name = &flagged.pointer.name;
    Ok(match tracer.io_pointer(name) {
        Ok(_) => Origin::Source,
        Err(_) => Origin::Unknown(known_outputs(tracer, name)?),
    })
}
