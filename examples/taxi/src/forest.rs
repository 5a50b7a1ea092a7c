//! The model: a random forest that gives the probability of a high tip.
//!
//! Each tree is grown on the label as a number, 0 or 1. Cutting the variance of such a label is cutting
//! its Gini impurity, and the mean at a leaf is the share of high tips there, so the mean over the
//! trees is the probability that a forest of classifying trees would give.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::example::{Example, FEATURES};

/// A row of features.
pub(crate) type Row = [f64; FEATURES.len()];

/// A trained forest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Forest(RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>);

impl Forest {
    /// Grows `trees` trees that ask at most `depth` questions each, three features to choose from at
    /// each (the root of their number). The same seed gives the same forest.
    pub(crate) fn fit(examples: &[Example], depth: u16, trees: usize, seed: u64) -> anyhow::Result<Self> {
        ensure!(!examples.is_empty(), "there are no rides to train on");
        let rows = matrix(examples.iter().map(|example| &example.features))?;
        let labels = examples.iter().map(|example| f64::from(u8::from(example.high_tip))).collect();
        let parameters = RandomForestRegressorParameters::default()
            .with_max_depth(depth + 1) // the library counts levels of nodes, of which the root is one
            .with_n_trees(trees)
            .with_seed(seed);
        RandomForestRegressor::fit(&rows, &labels, parameters).context("the forest could not be trained").map(Self)
    }

    /// The probability of a high tip for each row.
    pub(crate) fn probabilities<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> anyhow::Result<Vec<f64>> {
        self.0.predict(&matrix(rows)?).context("the forest could not predict")
    }
}

/// Whether a probability, rounded (half to even), says that the tip will be high.
pub(crate) fn is_high(probability: f64) -> bool {
    probability.round_ties_even() >= 1.0
}

fn matrix<'a>(rows: impl IntoIterator<Item = &'a Row>) -> anyhow::Result<DenseMatrix<f64>> {
    let values: Vec<f64> = rows.into_iter().flatten().copied().collect();
    let count = values.len() / FEATURES.len();
    DenseMatrix::new(count, FEATURES.len(), values, false).context("the features are no table")
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use mltrace::Artifact;
    use tempfile::TempDir;

    use super::*;

    /// Long rides tip well, and every feature tells how long a ride was.
    fn examples() -> Vec<Example> {
        (0..200_u8)
            .map(|miles| Example {
                pickup: NaiveDateTime::MIN,
                features: [f64::from(miles); FEATURES.len()],
                high_tip: miles >= 100,
            })
            .collect()
    }

    fn rows(examples: &[Example]) -> impl Iterator<Item = &Row> {
        examples.iter().map(|example| &example.features)
    }

    #[test]
    fn a_forest_learns_what_there_is_to_learn() {
        let examples = examples();
        let forest = Forest::fit(&examples, 10, 30, 42).expect("a forest");
        let probabilities = forest.probabilities(rows(&examples)).expect("predicted");
        assert!(probabilities[0] < 0.1 && probabilities[199] > 0.9);
        assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
    }

    #[test]
    fn the_depth_is_the_number_of_questions() {
        let answers_at = |depth| {
            let mut examples = examples();
            for (index, example) in examples.iter_mut().enumerate() {
                example.high_tip = index % 2 == 0;
            }
            let forest = Forest::fit(&examples, depth, 1, 42).expect("a forest");
            let mut answers = forest.probabilities(rows(&examples)).expect("predicted");
            answers.dedup();
            answers.len()
        };
        assert_eq!(answers_at(1), 2);
        assert!((3..=4).contains(&answers_at(2)));
    }

    #[test]
    fn a_saved_forest_predicts_what_it_did_before_and_the_same_seed_saves_the_same_bytes() {
        let folder = TempDir::new().expect("a folder");
        let examples = examples();
        let grow = || Forest::fit(&examples, 10, 20, 42).expect("a forest");
        let saved = Artifact::save(&grow(), folder.path()).expect("saved");
        let loaded: Forest = saved.load().expect("loaded");
        assert_eq!(
            loaded.probabilities(rows(&examples)).expect("predicted"),
            grow().probabilities(rows(&examples)).expect("predicted")
        );
        assert_eq!(Artifact::save(&grow(), folder.path()).expect("saved").version, saved.version);
    }

    #[test]
    fn a_half_is_not_yet_high() {
        assert!(!is_high(0.5));
        assert!(is_high(0.51));
    }

    #[test]
    fn nothing_to_train_on_is_an_error() {
        Forest::fit(&[], 10, 10, 42).expect_err("no rides");
    }
}
