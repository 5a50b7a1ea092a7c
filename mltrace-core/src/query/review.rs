//! The question which runs are to blame for what is flagged.

use crate::error::Result;
use crate::lineage::review;
use crate::model::{Review, ReviewOrder};
use crate::tracer::Tracer;

impl Tracer {
    /// The runs and the components behind the flagged outputs, the likeliest culprit first.
    pub fn review(&self) -> Reviewing<'_> {
        Reviewing { tracer: self, order: ReviewOrder::default(), limit: 20, outputs: None }
    }
}

/// A question for the runs behind the flagged outputs.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, input, output) in [
///     ("train", "rides", "old model"),
///     ("train", "rides", "new model"),
///     ("inference", "old model", "ride-1"),
///     ("inference", "new model", "ride-2"),
///     ("inference", "old model", "ride-3"),
///     ("inference", "new model", "ride-4"),
/// ] {
///     let mut run = ComponentRun::new(component);
///     run.start().add_input(input).add_output(output).end();
///     tracer.log_component_run(run)?;
/// }
/// tracer.flag("ride-2")?;
/// tracer.flag("ride-4")?;
/// let review = tracer.review().get()?;
/// let first = &review.runs[0];
/// assert_eq!(first.run.outputs[0].name, "new model");
/// assert_eq!((first.blame.count, first.blame.others), (2, 0));
/// assert_eq!(tracer.review().outputs(0).get()?.runs[0].run.outputs, []);
/// assert!(first.blame.suspicion > review.runs[1].blame.suspicion);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Reviewing<'t> {
    tracer: &'t Tracer,
    order: ReviewOrder,
    limit: usize,
    outputs: Option<u32>,
}

impl Reviewing<'_> {
    /// In which order; by suspicion unless told.
    pub fn by(mut self, order: ReviewOrder) -> Self {
        self.order = order;
        self
    }

    /// Tells at most so many runs; 20 unless told. Those left out are counted, and all are judged.
    pub fn limit(mut self, runs: usize) -> Self {
        self.limit = runs;
        self
    }

    /// Tells at most so many outputs of each run, the first of them; all of them unless told.
    pub fn outputs(mut self, outputs: u32) -> Self {
        self.outputs = Some(outputs);
        self
    }

    /// The answer. Where nothing is flagged it is empty.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get(self) -> Result<Review> {
        self.tracer.store().read(|view| review::review(view, self.order, self.limit, self.outputs))
    }
}
