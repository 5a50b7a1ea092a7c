//! The fourth stage: the model.

use std::path::Path;

use anyhow::Context;
use mltrace::component;
use mltrace::monitor::Column;

use crate::example::{self, Example};
use crate::forest::{Forest, Row, is_high};
use crate::io::Folder;
use crate::month::Month;
use crate::progress::Progress;
use crate::score::Score;

/// Questions a tree may ask.
pub(crate) const DEPTH: u16 = 10;
/// Trees in the forest.
pub(crate) const TREES: usize = 100;
/// Makes two trainings on the same rides give the same forest.
const SEED: u64 = 42;

/// How a new model does.
#[derive(Debug)]
pub(crate) struct Trained {
    /// On the rides it was trained on.
    pub(crate) train: Score,
    /// On rides it hasn't seen.
    pub(crate) test: Score,
}

/// Trains a forest on one month, tests it on another and saves it as a new version.
///
/// Not on examples that carry a retracted label.
#[component(
    owner = "machine learning",
    tags("training"),
    inputs(train, test),
    params(depth, trees, seed),
    partition = train_month,
    deny_retracted,
    run = run
)]
pub(crate) fn train(
    train: &Path,
    test: &Path,
    train_month: Month,
    test_month: Month,
    folder: &Folder,
) -> anyhow::Result<Trained> {
    let progress = Progress::of_unknown_length("train", train_month);
    let (depth, trees, seed) = (DEPTH, TREES, SEED);
    let examples = example::read(train)?;
    let forest =
        Forest::fit(&examples, depth, trees, seed).with_context(|| format!("training on {}", train.display()))?;
    let (unseen, predicted) = (example::read(test)?, forest.probabilities(rows(&examples))?);
    let predicted_unseen = forest.probabilities(rows(&unseen))?;
    let trained = Trained { train: score(&predicted, &examples), test: score(&predicted_unseen, &unseen) };
    run.profile_by_day("features", example::days(&examples), example::columns(&examples));
    let predictions = [("prediction", Column::floats(predicted_unseen))];
    run.profile_by_day("validation", example::days(&unseen), predictions);
    run.metric("train_f1", trained.train.f1());
    run.metric("test_f1", trained.test.f1());
    run.save(&forest, folder.artifact(&format!("model/{train_month}")))?;
    progress.done(&format!("{trees} trees, F1 {:.3}, on {test_month} {:.3}", trained.train.f1(), trained.test.f1()));
    Ok(trained)
}

fn rows(examples: &[Example]) -> impl Iterator<Item = &Row> {
    examples.iter().map(|example| &example.features)
}

fn score(probabilities: &[f64], examples: &[Example]) -> Score {
    let predicted = probabilities.iter().copied().map(is_high);
    Score::of(predicted.zip(examples.iter().map(|example| example.high_tip)))
}
