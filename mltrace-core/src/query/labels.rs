//! Labels, what carries them, and their retraction.

use crate::clock::{now, to_micros};
use crate::error::Result;
use crate::lineage::labels;
use crate::model::{IoPointer, Violation};
use crate::tracer::Tracer;

impl Tracer {
    /// Which of these inputs, of a run that is about to start, carry a retracted label.
    pub(crate) fn retracted_among(&self, pointers: &[IoPointer]) -> Result<Vec<Violation>> {
        self.store().read(|view| labels::retracted_among(view, pointers, to_micros(now())))
    }
}
