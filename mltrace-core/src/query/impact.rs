//! Questions for what a pointer, a run or a label has touched.

use super::labels::no_label;
use super::{not_found, started_at, the_version_seen};
use crate::error::Result;
use crate::lineage::labels;
use crate::lineage::trace::{self, Reach};
use crate::model::{Graph, GraphRoot, IoPointer, LabelImpact, RunId};
use crate::store::{NameId, VersionId, View};
use crate::tracer::Tracer;

impl Tracer {
    /// What a pointer has touched: the runs that read it, and all downstream of those. A name is taken as it is, else as
    /// a path.
    pub fn impact(&self, pointer: impl Into<String>) -> Impact<'_> {
        Impact { tracer: self, origin: Origin::Pointer(pointer.into()), version: None, reach: Reach::default() }
    }

    /// What a run has touched: all downstream of it. The run is given, so a version changes nothing.
    pub fn impact_run(&self, run: RunId) -> Impact<'_> {
        Impact { tracer: self, origin: Origin::Run(run), version: None, reach: Reach::default() }
    }

    /// Everything that carries a label: runs and pointers.
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
    /// tracer.label("raw", "customer-7").write()?;
    /// let impact = tracer.impact_label("customer-7")?;
    /// let names: Vec<_> = impact.pointers.iter().map(|pointer| pointer.name.as_str()).collect();
    /// assert_eq!(names, ["forest", "raw", "rides"]);
    /// assert_eq!(impact.graph.runs.len(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such label, or the store cannot be read.
    pub fn impact_label(&self, label: &str) -> Result<LabelImpact> {
        self.store().read(|view| {
            let id = view.label_id(label)?.ok_or_else(|| no_label(view, label))?;
            labels::impact(view, id, label.to_owned())
        })
    }
}

/// A question for what a pointer or a run has touched.
///
/// The walk begins at the latest run that wrote the pointer, goes from there only to the runs that read this pointer, from
/// any of its writers, and from those to everything downstream. A source, which no traced run wrote, has no run at its
/// root; the runs that read it still have depth 1.
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
/// let graph = tracer.impact("raw").get()?;
/// let stages: Vec<_> = graph.runs.iter().map(|found| (found.depth, found.run.component.as_str())).collect();
/// assert_eq!(stages, [(1, "clean"), (2, "train")]);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Impact<'t> {
    tracer: &'t Tracer,
    origin: Origin,
    version: Option<String>,
    reach: Reach,
}

#[derive(Debug, Clone)]
enum Origin {
    Pointer(String),
    Run(RunId),
}

impl Impact<'_> {
    /// What this version of the pointer has touched, given by the beginning of its value, rather than all of them. Runs
    /// that read from a run which wrote the version count too where the bytes do not prove which they read.
    pub fn version(mut self, beginning: impl Into<String>) -> Self {
        self.version = Some(beginning.into());
        self
    }

    /// At most so many hops from the pointer or run. What is cut off is counted.
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

    /// The graph.
    ///
    /// # Errors
    /// No run wrote or read the pointer (in that version), there is no such run, or the store cannot be read.
    pub fn get(self) -> Result<Graph> {
        self.tracer.store().read(|view| match &self.origin {
            Origin::Run(id) => {
                started_at(view, *id)?;
                trace::downstream(view, GraphRoot { pointer: None, run: Some(*id) }, None, &self.reach)
            }
            Origin::Pointer(name) => {
                let unknown = || not_found(format!("no run wrote or read `{name}`"));
                let id = self.tracer.pointer_id(view, name)?.ok_or_else(unknown)?;
                let version =
                    self.version.as_deref().map(|begin| the_version_seen(view, id, name, begin)).transpose()?;
                let first = view.readers_of(id, version, self.reach.seen())?;
                trace::downstream(view, root(view, id, version)?, Some(first), &self.reach)
            }
        })
    }
}

/// The pointer as the latest run that wrote it recorded it, else as the last run that read it did.
fn root(view: &View<'_>, name: NameId, version: Option<VersionId>) -> Result<GraphRoot> {
    let writer = match version {
        None => view.latest_writer(name, None)?,
        Some(version) => view.latest_writer_of(name, version, None)?,
    };
    let pointer: Option<IoPointer> = match &writer {
        Some(writer) => view.output(writer.run, name, version)?,
        None => view.last_reading(name, version)?.map(|(_, pointer)| pointer),
    };
    Ok(GraphRoot { pointer, run: writer.map(|writer| writer.run) })
}
