//! The fifth stage: predictions for the rides of a month.

use std::path::Path;

use anyhow::Context;
use mltrace::{Artifact, component};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::example::{self, Example};
use crate::forest::{Forest, Row, is_high};
use crate::io::Folder;
use crate::month::Month;
use crate::progress::{Progress, grouped};
use crate::score::Score;

/// Rides in a batch.
pub(crate) const BATCH: usize = 256;

/// An answer given to someone, under an id they can come back with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prediction {
    pub(crate) id: String,
    /// Of a high tip, 0 to 1.
    pub(crate) probability: f64,
}

/// What became of the predictions of a month.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) month: Month,
    pub(crate) score: Score,
    /// The prediction furthest from what happened.
    pub(crate) worst: Answer,
}

/// A prediction, and what happened.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) prediction: Prediction,
    pub(crate) high_tip: bool,
}

impl Answer {
    /// How far the probability was from what happened, 0 to 1.
    pub(crate) fn distance(&self) -> f64 {
        (self.prediction.probability - f64::from(u8::from(self.high_tip))).abs()
    }
}

/// Predicts one batch of rides.
///
/// The model and the features come loaded, once for all batches; the artifact and the path say where they come from.
#[component(
    owner = "serving",
    tags("inference"),
    inputs(model, features),
    outputs(ids),
    endpoint,
    partition = month
)]
pub(crate) fn inference(
    model: &Artifact,
    features: &Path,
    month: Month,
    forest: &Forest,
    batch: &[Row],
) -> anyhow::Result<Vec<Prediction>> {
    let ids = new_ids(batch.len());
    let probabilities = forest.probabilities(batch)?;
    Ok(predictions(&ids, probabilities))
}

/// Ids that nobody has had.
pub(crate) fn new_ids(count: usize) -> Vec<String> {
    (0..count).map(|_| Uuid::now_v7().to_string()).collect()
}

pub(crate) fn predictions(ids: &[String], probabilities: Vec<f64>) -> Vec<Prediction> {
    std::iter::zip(ids.iter().cloned(), probabilities).map(|(id, probability)| Prediction { id, probability }).collect()
}

/// Serves the latest features of a month with the latest model of `train_month`, batch by batch as the rides begin,
/// gives each batch's answers away, and compares with the labels, which came later.
pub(crate) fn serve(
    month: Month,
    train_month: Month,
    folder: &Folder,
    mut give: impl FnMut(&[Example], &[Prediction]) -> anyhow::Result<()>,
) -> anyhow::Result<Served> {
    let model = Artifact::latest(folder.artifact(&format!("model/{train_month}")))?;
    let features = folder.latest(&format!("features/{month}"))?;
    let forest: Forest = model.load()?;
    let mut examples = example::read(&features)?;
    examples.sort_by_key(|example| example.pickup);
    let batches = examples.len().div_ceil(BATCH);
    let progress = Progress::of(batches as u64, "inference", month);
    let mut score = Score::default();
    let mut worst: Option<Answer> = None;
    for batch in examples.chunks(BATCH) {
        let rows: Vec<Row> = batch.iter().map(|example| example.features).collect();
        let predictions = inference(&model, &features, month, &forest, &rows)?;
        give(batch, &predictions)?;
        for (prediction, &Example { high_tip, .. }) in predictions.into_iter().zip(batch) {
            score.count(is_high(prediction.probability), high_tip);
            let answer = Answer { prediction, high_tip };
            if worst.as_ref().is_none_or(|worst| answer.distance() > worst.distance()) {
                worst = Some(answer);
            }
        }
        progress.advance();
    }
    progress.done(&format!("{} predictions in {batches} batches, F1 {:.3}", grouped(score.total()), score.f1()));
    let worst = worst.with_context(|| format!("{} holds no rides", features.display()))?;
    Ok(Served { month, score, worst })
}
