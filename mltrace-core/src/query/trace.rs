//! Questions for the runs behind an output.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{not_found, started_at, the_version};
use crate::clock::to_micros;
use crate::error::Result;
use crate::lineage::trace::{self, Reach};
use crate::model::{Graph, IoPointer, RunId};
use crate::store::View;
use crate::tracer::Tracer;

impl Tracer {
    /// Where an output came from. A name is taken as it is, else as a path.
    pub fn trace(&self, output: impl Into<String>) -> Trace<'_> {
        Trace::new(self, Origin::Output(output.into()))
    }

    /// Where everything that a run read came from. The run is given, so a version or a time changes nothing.
    pub fn trace_run(&self, run: RunId) -> Trace<'_> {
        Trace::new(self, Origin::Run(run))
    }
}

/// A question for the runs behind an output.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, input, output) in [("clean", "raw", "rides"), ("train", "rides", "forest")] {
///     let mut run = ComponentRun::new(component);
///     run.start().add_input(input).add_output(output).end();
///     tracer.log_component_run(run)?;
/// }
/// let graph = tracer.trace("forest").get()?;
/// let stages: Vec<_> = graph.runs.iter().map(|found| (found.depth, found.run.component.as_str())).collect();
/// assert_eq!(stages, [(0, "train"), (1, "clean")]);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Trace<'t> {
    tracer: &'t Tracer,
    origin: Origin,
    version: Option<String>,
    as_of: Option<DateTime<Utc>>,
    reach: Reach,
}

#[derive(Debug, Clone)]
enum Origin {
    Output(String),
    Run(RunId),
}

impl<'t> Trace<'t> {
    fn new(tracer: &'t Tracer, origin: Origin) -> Self {
        Self { tracer, origin, version: None, as_of: None, reach: Reach::default() }
    }

    /// From the run that wrote this version of the output, given by the beginning of its value, rather than the latest.
    pub fn version(mut self, beginning: impl Into<String>) -> Self {
        self.version = Some(beginning.into());
        self
    }

    /// From the latest run that had written the output by this time.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// At most so many hops from the root. What is cut off is counted.
    pub fn depth(mut self, hops: u32) -> Self {
        self.reach.depth = Some(hops);
        self
    }

    /// At most so many runs, the nearest, and of those as near the latest. What is cut off is counted, up to 10,000.
    pub fn limit(mut self, runs: usize) -> Self {
        self.reach.most = Some(runs);
        self
    }

    /// Tells at most so many outputs of each run, the first of them; all of them unless told.
    pub fn outputs(mut self, outputs: u32) -> Self {
        self.reach.outputs = Some(outputs);
        self
    }

    /// Shows the runs of this component, and goes no further behind them.
    pub fn stop_at(mut self, component: impl Into<String>) -> Self {
        self.reach.stop_at = Some(component.into());
        self
    }

    /// The graph.
    ///
    /// # Errors
    /// No run wrote the output (in that version, by that time), there is no such run, or the store cannot be read.
    pub fn get(self) -> Result<Graph> {
        self.tracer.store().read(|view| match &self.origin {
            Origin::Run(id) => {
                started_at(view, *id)?;
                trace::upstream(view, *id, None, &self.reach)
            }
            Origin::Output(name) => {
                let (root, pointer) = self.writer(view, name)?;
                trace::upstream(view, root, pointer, &self.reach)
            }
        })
    }

    fn writer(&self, view: &View<'_>, name: &str) -> Result<(RunId, Option<IoPointer>)> {
        let unknown = || not_found(format!("no run wrote or read `{name}`"));
        let id = self.tracer.pointer_id(view, name)?.ok_or_else(unknown)?;
        let version = self.version.as_deref().map(|beginning| the_version(view, id, name, beginning)).transpose()?;
        let ended_by = self.as_of.map(to_micros);
        let writer = match version {
            None => view.latest_writer(id, ended_by)?,
            Some(version) => view.latest_writer_of(id, version, ended_by)?,
        };
        let writer = writer.ok_or_else(|| match self.as_of {
            Some(time) => {
                not_found(format!("no run had written `{name}` by {}", time.to_rfc3339_opts(SecondsFormat::Secs, true)))
            }
            None => not_found(format!("runs read `{name}`, but no traced run wrote it: it is a source")),
        })?;
        Ok((writer.run, view.output(writer.run, id, version)?))
    }
}
