//! Saving and loading within a run.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunHandle;
use crate::artifact::{Artifact, Opened};
use crate::error::Result;

impl RunHandle {
    /// Saves a value as the next version of an [`Artifact`], which this run then writes.
    ///
    /// Unlike tracing, saving can fail, and where nothing is traced it saves all the same.
    ///
    /// ```
    /// # use mltrace_core::__private::Run;
    /// # let folder = tempfile::tempdir()?;
    /// # let models = folder.path().join("models/high_tip");
    /// # let run = Run::disabled();
    /// let saved = run.save(&vec![0.25, 0.5], &models)?;
    /// assert_eq!(saved.number, 1);
    /// let weights: Vec<f64> = run.load(&models)?;
    /// assert_eq!(weights, run.load_version::<Vec<f64>>(&models, 1)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Artifact::save`]; nothing is recorded then.
    pub fn save<T: Serialize + ?Sized>(&self, value: &T, name: impl AsRef<Path>) -> Result<Artifact> {
        let artifact = Artifact::save(value, name)?;
        self.output(&artifact);
        Ok(artifact)
    }

    /// Loads the latest version of an [`Artifact`], which this run then reads, also where its value turns out to be of
    /// another type.
    ///
    /// # Errors
    /// As [`Artifact::latest`] and [`Artifact::load`].
    pub fn load<T: DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<T> {
        self.read(Opened::latest(name.as_ref())?)
    }

    /// Loads a version of an [`Artifact`] by its number, as [`load`](Self::load) does the latest.
    ///
    /// # Errors
    /// As [`Artifact::numbered`] and [`Artifact::load`].
    pub fn load_version<T: DeserializeOwned>(&self, name: impl AsRef<Path>, number: u64) -> Result<T> {
        self.read(Opened::numbered(name.as_ref(), number)?)
    }

    fn read<T: DeserializeOwned>(&self, opened: Opened) -> Result<T> {
        self.input(&opened.artifact);
        opened.decode()
    }
}
