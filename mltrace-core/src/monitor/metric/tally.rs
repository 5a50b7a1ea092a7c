//! A metric while pairs come in: in constant memory, but where the order of all pairs matters.

use super::{Confusion, Figure, Metric};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::moments::Moments;

/// The truth from which on it counts as positive.
pub(in crate::monitor) const POSITIVE: f64 = 0.5;

/// What a metric keeps of the pairs that it has seen.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    metric: Metric,
    threshold: f64,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    Classes(Confusion),
    /// The mean of what each pair costs.
    Costs(Moments),
    Fit {
        truth: Moments,
        error: Moments,
        squared_error: Moments,
    },
    AbsoluteErrors(Vec<f64>),
    /// Predictions, by whether the truth is positive.
    Scores {
        positives: Vec<f64>,
        negatives: Vec<f64>,
    },
}

impl Tally {
    pub(crate) fn new(metric: Metric, threshold: f64) -> Self {
        let kept = match metric {
            Metric::Accuracy
            | Metric::Precision
            | Metric::Recall
            | Metric::F1
            | Metric::ConfusionMatrix
            | Metric::MutualInfoScore => Kept::Classes(Confusion::default()),
            Metric::LogLoss | Metric::Brier | Metric::MeanAbsoluteError | Metric::MeanSquaredError => {
                Kept::Costs(Moments::default())
            }
            Metric::R2 | Metric::ExplainedVariance => {
                Kept::Fit { truth: Moments::default(), error: Moments::default(), squared_error: Moments::default() }
            }
            Metric::MedianAbsoluteError => Kept::AbsoluteErrors(Vec::new()),
            Metric::RocAuc => Kept::Scores { positives: Vec::new(), negatives: Vec::new() },
        };
        Self { metric, threshold, kept }
    }

    /// Whether the threshold matters.
    pub(super) fn is_of_classes(&self) -> bool {
        matches!(self.kept, Kept::Classes(_))
    }

    /// Takes in a pair of finite values.
    pub(crate) fn add(&mut self, truth: f64, predicted: f64) -> Result<()> {
        let is_positive = truth >= POSITIVE;
        match &mut self.kept {
            Kept::Classes(counts) => *counts.cell(is_positive, predicted >= self.threshold) += 1,
            Kept::Costs(costs) => costs.add(cost(self.metric, truth, predicted)?),
            Kept::Fit { truth: truths, error, squared_error } => {
                truths.add(truth);
                error.add(truth - predicted);
                squared_error.add((truth - predicted).powi(2));
            }
            Kept::AbsoluteErrors(errors) => errors.push((truth - predicted).abs()),
            Kept::Scores { positives, .. } if is_positive => positives.push(predicted),
            Kept::Scores { negatives, .. } => negatives.push(predicted),
        }
        Ok(())
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.metric, self.threshold);
    }

    /// What the metric comes to by now. Where the order of all pairs matters they are brought into it, so that it takes less the
    /// next time.
    pub(crate) fn figure(&mut self) -> Option<Figure> {
        let number = match &mut self.kept {
            Kept::Classes(counts) => {
                return (counts.pairs() > 0).then(|| counts.figure(self.metric));
            }
            Kept::Costs(costs) => costs.mean(),
            Kept::Fit { truth, error, squared_error } => match self.metric {
                Metric::R2 if truth.count() < 2 => None,
                Metric::R2 => explained(squared_error.mean(), truth),
                _ => explained(error.variance(), truth),
            },
            Kept::AbsoluteErrors(errors) => median(errors),
            Kept::Scores { positives, negatives } => roc_auc(positives, negatives),
        };
        number.filter(|number| number.is_finite()).map(Figure::Number)
    }
}

fn cost(metric: Metric, truth: f64, predicted: f64) -> Result<f64> {
    if metric == Metric::MeanAbsoluteError {
        return Ok((truth - predicted).abs());
    }
    if metric == Metric::MeanSquaredError {
        return Ok((truth - predicted).powi(2));
    }
    if !(0.0..=1.0).contains(&predicted) {
        let message = format!("{metric} is of probabilities, and {predicted} is none: predictions must be from 0 to 1");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let is_positive = truth >= POSITIVE;
    if metric == Metric::Brier {
        return Ok((predicted - f64::from(u8::from(is_positive))).powi(2));
    }
    let probability = if is_positive { predicted } else { 1.0 - predicted };
    Ok(-probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln())
}

/// How much of the variance of the truth is left out, as a share that is explained.
fn explained(left: Option<f64>, truth: &Moments) -> Option<f64> {
    let (left, all) = (left?, truth.variance()?);
    if all > 0.0 { Some(1.0 - left / all) } else { Some(f64::from(u8::from(left <= 0.0))) }
}

/// The middle of finite numbers, of an even count the mean of the two in the middle.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| is_even).unwrap_or(upper);
    Some(lower + (upper - lower) / 2.0)
}

/// By counting, for each positive, the negatives below it twice and those that tie with it once.
fn roc_auc(positives: &mut [f64], negatives: &mut [f64]) -> Option<f64> {
    // Stable, for that merges what was sorted before with what has come since.
    positives.sort_by(f64::total_cmp);
    negatives.sort_by(f64::total_cmp);
    let (mut below, mut up_to, mut won) = (0, 0, 0_u128);
    // By value, so that 0 and -0 tie.
    for &positive in &*positives {
        below += negatives[below..].iter().take_while(|&&negative| negative < positive).count();
        up_to = up_to.max(below);
        up_to += negatives[up_to..].iter().take_while(|&&negative| negative <= positive).count();
        won += (below + up_to) as u128;
    }
    let pairs = 2 * positives.len() as u128 * negatives.len() as u128;
    (pairs > 0).then(|| won as f64 / pairs as f64)
}

impl Confusion {
    fn cell(&mut self, is_positive: bool, is_predicted: bool) -> &mut u64 {
        match (is_positive, is_predicted) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (true, false) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        }
    }

    fn pairs(&self) -> u64 {
        self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
    }

    fn figure(&self, metric: Metric) -> Figure {
        let Self { true_positives: tp, false_positives: fp, false_negatives: fn_, true_negatives: tn } = *self;
        Figure::Number(match metric {
            Metric::ConfusionMatrix => return Figure::Confusion(*self),
            Metric::Precision => share(tp, tp + fp),
            Metric::Recall => share(tp, tp + fn_),
            Metric::F1 => share(2 * tp, 2 * tp + fp + fn_),
            Metric::MutualInfoScore => {
                let cells = [
                    (tp, tp + fn_, tp + fp),
                    (fp, fp + tn, tp + fp),
                    (fn_, tp + fn_, fn_ + tn),
                    (tn, fp + tn, fn_ + tn),
                ];
                let told = cells.iter().filter(|(both, ..)| *both > 0).map(|&(both, truth, predicted)| {
                    let all = self.pairs() as f64;
                    both as f64 / all * (both as f64 * all / (truth as f64 * predicted as f64)).ln()
                });
                // Rounding can leave it a hair below the least there is.
                told.sum::<f64>().max(0.0)
            }
            _ => share(tp + tn, self.pairs()),
        })
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
