//! Metrics of predictions against the truth, by name.

mod tally;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
pub(in crate::monitor) use tally::POSITIVE;
pub(crate) use tally::{Tally, median};

/// A metric of predictions against the truth. Definitions, names and the convention for a division by zero (0) are those of
/// scikit-learn 1.9.
///
/// Below, *t* is the truth and *p* the prediction of one pair, and n the number of pairs. Where classes are needed, a truth
/// of 0.5 or more is positive, and so is a prediction that reaches the threshold, which is 0.5 unless given. TP, FP, FN and
/// TN count true and false positives and negatives.
///
/// Each takes constant memory, but those that depend on the order of all values: [`RocAuc`](Self::RocAuc) and
/// [`MedianAbsoluteError`](Self::MedianAbsoluteError) keep 8 to 16 bytes of each pair, and the former 4 more while it sorts.
///
/// ```
/// use mltrace_core::monitor::{Figure, Metric};
///
/// let (truth, predicted) = ([1.0, 0.0, 1.0, 1.0], [0.9, 0.6, 0.7, 0.2]);
/// assert_eq!(Metric::Precision.of(&truth, &predicted, 0.5)?, Some(Figure::Number(2.0 / 3.0)));
/// assert_eq!(Metric::RocAuc.of(&[1.0], &[0.9], 0.5)?, None);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// (TP + TN) / n: a share, 0 to 1.
    Accuracy,
    /// TP / (TP + FP): a share, 0 where nothing is predicted positive.
    Precision,
    /// TP / (TP + FN): a share, 0 where nothing is positive.
    Recall,
    /// 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall: 0 to 1, 0 where nothing is positive or predicted
    /// so.
    F1,
    /// The share of pairs of a positive and a negative in which the positive is predicted higher, a tie counting half: the
    /// area under the receiver operating characteristic, 0 to 1. Nothing can be told where a class is empty. Source:
    /// J. A. Hanley, B. J. McNeil, *Radiology* 143 (1982).
    RocAuc,
    /// Mean of -ln(p) of positives and -ln(1 - p) of negatives, in nats, p kept by 2.2e-16 away from 0 and 1. A prediction
    /// outside of \[0, 1\] is refused.
    LogLoss,
    /// Mean of (p - c)², c the class as 0 or 1: 0 to 1. A prediction outside of \[0, 1\] is refused. Source: G. W. Brier,
    /// *Monthly Weather Review* 78 (1950).
    Brier,
    /// TP, FP, FN and TN themselves: pairs.
    ConfusionMatrix,
    /// Mean of |t - p|, in the unit of the values.
    MeanAbsoluteError,
    /// Mean of (t - p)², in the unit of the values squared.
    MeanSquaredError,
    /// Median of |t - p|, of an even number the mean of the two in the middle; in the unit of the values.
    MedianAbsoluteError,
    /// 1 - mean of (t - p)² / variance of t: 1 at best. Where t is constant, 1 if every prediction is right and else 0.
    /// Nothing can be told of fewer than two pairs.
    R2,
    /// 1 - variance of (t - p) / variance of t: 1 at best. Where t is constant, 1 if the error is constant and else 0.
    ExplainedVariance,
    /// Sum over classes of P(t, p) ln(P(t, p) / (P(t) P(p))): what the predicted class tells of the true one, in nats.
    MutualInfoScore,
}

/// What a metric comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Figure {
    /// Of every metric but the one below.
    Number(f64),
    /// Of [`Metric::ConfusionMatrix`].
    Confusion(Confusion),
}

impl Figure {
    /// The number, if it is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Confusion(_) => None,
        }
    }
}

/// How many pairs fall where, by true and predicted class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confusion {
    /// Positive, and predicted so.
    pub true_positives: u64,
    /// Predicted positive, but negative.
    pub false_positives: u64,
    /// Predicted negative, but positive.
    pub false_negatives: u64,
    /// Negative, and predicted so.
    pub true_negatives: u64,
}

const NAMES: [(Metric, &str); 14] = [
    (Metric::Accuracy, "accuracy"),
    (Metric::Precision, "precision"),
    (Metric::Recall, "recall"),
    (Metric::F1, "f1"),
    (Metric::RocAuc, "roc_auc"),
    (Metric::LogLoss, "log_loss"),
    (Metric::Brier, "brier"),
    (Metric::ConfusionMatrix, "confusion_matrix"),
    (Metric::MeanAbsoluteError, "mean_absolute_error"),
    (Metric::MeanSquaredError, "mean_squared_error"),
    (Metric::MedianAbsoluteError, "median_absolute_error"),
    (Metric::R2, "r2"),
    (Metric::ExplainedVariance, "explained_variance"),
    (Metric::MutualInfoScore, "mutual_info_score"),
];

impl Metric {
    /// Every metric.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|&(metric, _)| metric)
    }

    /// Its name, as in scikit-learn or short for it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|&&(metric, _)| metric == self).map_or("", |&(_, name)| name)
    }

    /// Whether a smaller figure is the better one, as of errors.
    pub fn is_better_smaller(self) -> bool {
        matches!(
            self,
            Self::LogLoss | Self::Brier | Self::MeanAbsoluteError | Self::MeanSquaredError | Self::MedianAbsoluteError
        )
    }

    /// Whether it depends on the threshold from which on a prediction counts as positive.
    pub fn needs_threshold(self) -> bool {
        Tally::new(self, 0.5).is_of_classes()
    }

    /// What it comes to over pairs; `None` where it cannot be told: of no pairs, where the metric says so, or where the
    /// figure is beyond what a number holds.
    ///
    /// # Errors
    /// There are not as many predictions as truths, one of them is not finite, or the metric refuses one.
    pub fn of(self, truth: &[f64], predicted: &[f64], threshold: f64) -> Result<Option<Figure>> {
        if truth.len() != predicted.len() {
            let message = format!("{} truths and {} predictions do not pair", truth.len(), predicted.len());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let mut tally = Tally::new(self, threshold);
        for (pair, (&truth, &predicted)) in truth.iter().zip(predicted).enumerate() {
            if !truth.is_finite() || !predicted.is_finite() {
                let message = format!("pair {pair} is {truth} and {predicted}: both must be finite");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            tally.add(truth, predicted)?;
        }
        Ok(tally.figure())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        NAMES.iter().find(|&&(_, known)| known == name).map(|&(metric, _)| metric).ok_or_else(|| {
            let known: Vec<_> = NAMES.iter().map(|&(_, name)| name).collect();
            Error::new(ErrorKind::Invalid, format!("there is no metric `{name}`; there are {}", known.join(", ")))
        })
    }
}
