//! What runs said of their data.

use std::collections::BTreeMap;

use super::profile::RunProfile;
use crate::error::Result;
use crate::model::RunId;
use crate::tracer::Tracer;

impl Tracer {
    /// What a run said of its data with [`profile`](crate::RunHandle::profile), by the names that it gave; nothing where it said
    /// nothing.
    ///
    /// # Errors
    /// There is no such run, or the store cannot be read.
    pub fn profiles(&self, run: RunId) -> Result<BTreeMap<String, RunProfile>> {
        let entries = self.store().read(|view| {
            view.expect_run(run)?;
            view.profiles_of_run(run)
        })?;
        RunProfile::from_entries(entries)
    }
}
