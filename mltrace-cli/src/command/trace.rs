use std::collections::HashSet;

use mltrace_core::{Error, ErrorKind, Tracer};

use crate::failure::Failure;
use crate::opt::Trace;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Trace, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut trace = session.tracer.trace(&opt.output);
    if let Some(hops) = opt.depth {
        trace = trace.depth(hops);
    }
    if let Some(time) = opt.as_of {
        trace = trace.as_of(time);
    }
    if let Some(version) = opt.version {
        trace = trace.version(version);
    }
    match trace.get() {
        Ok(graph) => session.answer(&graph, render::trace),
        Err(error) => Err(untraced(error, &session.tracer, &opt.output)),
    }
}

/// Why an output cannot be traced, and what may have been meant where nobody knows its name.
pub(super) fn untraced(error: Error, tracer: &Tracer, asked: &str) -> Failure {
    if error.kind() != ErrorKind::NotFound || tracer.io_pointer(asked).is_ok() {
        return error.into();
    }
    match known_outputs(tracer, asked) {
        Ok(known) => Failure::Question(format!("{error}: {known}")),
        Err(failure) => failure,
    }
}

/// What may have been meant by a name that nobody knows: recent outputs that hold it or its last part, or else the last
/// output of each component.
pub(super) fn known_outputs(tracer: &Tracer, asked: &str) -> Result<String, Failure> {
    const LOOKED_AT: u32 = 200;
    let recent = tracer.recent(LOOKED_AT)?.items;
    let file = asked.rsplit('/').next().unwrap_or(asked);
    for part in [asked, file] {
        let outputs = recent.iter().flat_map(|run| &run.outputs).map(|output| output.name.as_str());
        let similar = first_distinct(outputs.filter(|name| !part.is_empty() && name.contains(part)));
        if !similar.is_empty() {
            return Ok(format!("did you mean {}?", similar.join(", ")));
        }
    }
    let mut components = HashSet::new();
    let lasts = recent.iter().filter(|run| !run.outputs.is_empty() && components.insert(run.component.as_str()));
    let last = first_distinct(lasts.map(|run| run.outputs[0].name.as_str()));
    Ok(if last.is_empty() {
        "there are no outputs yet".to_owned()
    } else {
        format!("the last outputs are {}", last.join(", "))
    })
}

fn first_distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const SHOWN: usize = 5;
    let mut shown = Vec::new();
    for name in names {
        if shown.len() < SHOWN && !shown.contains(&name) {
            shown.push(name);
        }
    }
    shown
}
