//! What a task's data is compared with: what its model was trained on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::drift::Reference;
use super::super::profile::{Profile, RunProfile};
use super::Task;
use crate::error::{Error, ErrorKind, Result};
use crate::lineage::training::{self, Trained};
use crate::model::RunId;
use crate::store::{TaskId, View};

/// The column that holds the outputs of a task, and in the reference what the model gave out when it was validated.
pub(super) const PREDICTION: &str = "prediction";

/// How many of the last outputs are looked at for one that a traced run wrote.
const OUTPUTS: i64 = 1_000;

/// The model behind a task's outputs, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Training {
    /// An output of the task, the last that a traced run wrote.
    pub output: String,
    /// The run that wrote it.
    pub inference: RunId,
    /// The model that this run, or one behind it, has read.
    pub model: String,
    /// The run that wrote the model.
    pub run: RunId,
}

/// Where a reference comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReferenceSource {
    /// The training run as it was found; `None` where the reference was named.
    pub training: Option<Training>,
    /// The runs whose profiles it is: the training run, or where that profiled nothing the nearest behind it that did.
    pub runs: Vec<RunId>,
}

/// A reference and the names under which its columns were profiled.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) source: ReferenceSource,
    pub(super) reference: Reference,
    /// By column.
    pub(super) profiled_as: BTreeMap<String, String>,
}

impl Task {
    /// The run that trained the model behind the task's last outputs. It is found by what was traced: the last output whose id
    /// is a pointer that a run wrote, and the nearest run upstream that wrote a model which was read on the way.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for (component, input, output) in [("train", "rides", "forest.model"), ("infer", "forest.model", "ride-1")] {
    ///     let mut run = ComponentRun::new(component);
    ///     run.start().add_input(input).add_output(output).end();
    ///     tracer.log_component_run(run)?;
    /// }
    /// let task = tracer.task("high_tip")?;
    /// task.log_output("ride-1", 0.9)?;
    /// let training = task.training()?;
    /// assert_eq!((training.model.as_str(), tracer.run(training.run)?.component.as_str()), ("forest.model", "train"));
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, or no such run ([`ErrorKind::NotFound`], the message says where the trail ends and what to do),
    /// or the store cannot be read.
    pub fn training(&self) -> Result<Training> {
        self.tracer.store().read(|view| self.training_before(view, i64::MAX))
    }

    /// The same, of the outputs before a time in microseconds.
    pub(in crate::monitor) fn training_before(&self, view: &View<'_>, before: i64) -> Result<Training> {
        let task = self.id(view)?;
        if let Some((output, run)) = last_written(view, task, before)? {
            return trained(view, output, run);
        }
        Err(not_found(match view.last_outputs(task, before, 1)?.pop() {
            None => format!("the task `{}` has no outputs as yet", self.name),
            Some(id) => format!(
                "no traced run wrote the outputs of `{}`: let the run that infers write each output's id, such as `{id}`, \
                 with `outputs(..)` or `run.output`",
                self.name
            ),
        }))
    }

    /// What the task's data is compared with now: what the training run of its [model](Self::training) profiled, or where that
    /// profiled nothing the nearest run behind it that did.
    ///
    /// # Errors
    /// As [`training`](Self::training), no such run has profiled its data ([`ErrorKind::NotFound`]), or profiles do not go
    /// together.
    pub fn reference_profile(&self) -> Result<Profile> {
        let found = self.tracer.store().read(|view| self.reference(view, None, i64::MAX))?;
        Ok(found.reference.profile_of_all().clone())
    }

    /// What the task is compared with: what a run profiled, or where none is named the training run.
    pub(super) fn reference(&self, view: &View<'_>, named: Option<RunId>, before: i64) -> Result<Found> {
        let advice = "no reference: name one with `reference(run)`, or `--reference RUN`";
        let training = match named {
            Some(run) => view.expect_run(run).map(|()| None)?,
            None => Some(self.training_before(view, before).map_err(|error| error.at(advice))?),
        };
        let run = named.or(training.as_ref().map(|training| training.run)).unwrap_or(RunId(0));
        let runs = training::profiled(view, run)?;
        if runs.is_empty() {
            let message = format!(
                "no reference: neither run {run} nor any behind it has profiled its data; call `run.profile(\"features\", ..)` \
                 where the model is trained, or name another run with `reference(run)`, or `--reference RUN`"
            );
            return Err(not_found(message));
        }
        let mut profiles: BTreeMap<String, RunProfile> = BTreeMap::new();
        for &run in &runs {
            for (name, profile) in RunProfile::from_entries(view.profiles_of_run(run)?)? {
                profiles.entry(name).or_default().merge(&profile)?;
            }
        }
        let (reference, profiled_as) = united(profiles)?;
        Ok(Found { source: ReferenceSource { training, runs }, reference, profiled_as })
    }
}

/// The last output before a time that a run wrote, and that run.
pub(super) fn last_written(view: &View<'_>, task: TaskId, before: i64) -> Result<Option<(String, RunId)>> {
    for output in view.last_outputs(task, before, OUTPUTS)? {
        let Some(name) = view.name_id(&output)? else { continue };
        if let Some(writer) = view.latest_writer(name, None)? {
            return Ok(Some((output, writer.run)));
        }
    }
    Ok(None)
}

fn trained(view: &View<'_>, output: String, inference: RunId) -> Result<Training> {
    match training::behind(view, inference)? {
        Trained::By { model, run } => Ok(Training { output, inference, model, run }),
        Trained::Elsewhere { model } => Err(not_found(format!(
            "run {inference} wrote `{output}` with the model `{model}`, which no traced run has written: trace its training"
        ))),
        Trained::Nowhere => Err(not_found(format!(
            "behind run {inference}, which wrote `{output}`, no model was read: let it read its model as an input, and state \
             the type where the name doesn't tell"
        ))),
    }
}

/// The columns of several profiles as one reference, and under which name each was profiled.
fn united(profiles: BTreeMap<String, RunProfile>) -> Result<(Reference, BTreeMap<String, String>)> {
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    let mut reference = Reference::new(Profile::default());
    for (name, profile) in profiles {
        for (column, _) in profile.whole().columns() {
            if let Some(other) = columns.insert(column.to_owned(), name.clone()) {
                let message = format!(
                    "the reference has a column `{column}` in its profile `{other}` and in `{name}`: profile only what the \
                     model was trained on, or give one of them another name"
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        reference.add(profile)?;
    }
    Ok((reference, columns))
}

fn not_found(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
}
