//! The five stages over the months.

use std::collections::BTreeSet;

use crate::cleaning::cleaning;
use crate::example::Example;
use crate::featuregen::featuregen;
use crate::inference::{Prediction, serve};
use crate::io::Folder;
use crate::month::Month;
use crate::report::Report;
use crate::source::Source;
use crate::split::split;
use crate::train::{Trained, train};

/// What to train on, validate on and serve.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) train: Month,
    pub(crate) validate: Month,
    pub(crate) serve: Vec<Month>,
    pub(crate) folder: Folder,
}

/// Runs the pipeline: features for every month, a model from the first of them, predictions for the
/// months to serve.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<Report> {
    run_and_give(plan, |_, _| Ok(()))
}

/// The same, and gives the answers away as they are made.
pub(crate) fn run_and_give(
    plan: &Plan,
    mut give: impl FnMut(&[Example], &[Prediction]) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let trained = run_up_to_the_model(plan)?;
    let Plan { train: train_month, validate: test_month, serve: served, folder, .. } = plan;
    let served =
        served.iter().map(|month| serve(*month, *train_month, folder, &mut give)).collect::<anyhow::Result<_>>()?;
    Ok(Report { train_month: *train_month, test_month: *test_month, trained, served })
}

/// Features for every month, and the model.
pub(crate) fn run_up_to_the_model(plan: &Plan) -> anyhow::Result<Trained> {
    let Plan { source, train: train_month, validate: test_month, serve: served, folder } = plan;
    let months: BTreeSet<Month> = [train_month, test_month].into_iter().chain(served).copied().collect();
    // Found before any work, so that a missing month costs no waiting.
    let raw_months =
        months.into_iter().map(|month| Ok((month, source.raw(month, folder)?))).collect::<anyhow::Result<Vec<_>>>()?;
    for (month, raw) in &raw_months {
        cleaning(raw, *month, folder)?;
        featuregen(*month, folder)?;
    }
    let (to_train, to_test) = split(*train_month, *test_month, folder)?;
    train(&to_train, &to_test, *train_month, *test_month, folder)
}
