//! Expected values were computed with scikit-learn 1.9.1 (`zero_division=0`, `labels=[0, 1]` where a class is empty), unless
//! the comment says otherwise.

use super::*;
use crate::monitor::testing::{assert_close, uniform};

const TRUTH: [f64; 10] = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
/// Two ties across the classes, one of them at the threshold.
const PREDICTED: [f64; 10] = [0.9, 0.4, 0.5, 0.5, 0.5, 0.1, 0.8, 0.7, 0.2, 0.0];

fn number(metric: Metric, truth: &[f64], predicted: &[f64]) -> f64 {
    metric.of(truth, predicted, 0.5).unwrap().and_then(Figure::number).unwrap()
}

#[test]
fn classes_and_probabilities_are_measured_as_scikit_learn_measures_them() {
    for (metric, expected) in [
        (Metric::Accuracy, 0.7),
        (Metric::Precision, 0.666_666_666_666_666_6),
        (Metric::Recall, 0.8),
        (Metric::F1, 0.727_272_727_272_727_3),
        (Metric::RocAuc, 0.76),
        (Metric::LogLoss, 0.583_754_246_483_572_5),
        (Metric::Brier, 0.21),
        (Metric::MutualInfoScore, 0.086_304_621_735_534_49),
    ] {
        assert_close(number(metric, &TRUTH, &PREDICTED), expected, 1e-14, metric.name());
    }
    let expected = Confusion { true_positives: 4, false_positives: 2, false_negatives: 1, true_negatives: 3 };
    assert_eq!(Metric::ConfusionMatrix.of(&TRUTH, &PREDICTED, 0.5).unwrap(), Some(Figure::Confusion(expected)));
}

#[test]
fn values_are_measured_as_scikit_learn_measures_them() {
    let (truth, predicted) = ([3.0, -0.5, 2.0, 7.0, 4.2], [2.5, 0.0, 2.1, 7.8, 5.3]);
    for (metric, expected) in [
        (Metric::MeanAbsoluteError, 0.6),
        (Metric::MeanSquaredError, 0.472),
        (Metric::MedianAbsoluteError, 0.5),
        (Metric::R2, 0.922_855_648_535_564_9),
        (Metric::ExplainedVariance, 0.949_006_276_150_627_6),
    ] {
        assert_close(number(metric, &truth, &predicted), expected, 1e-14, metric.name());
    }
    assert_close(number(Metric::MedianAbsoluteError, &truth[..4], &predicted[..4]), 0.5, 1e-15, "of an even number");
}

#[test]
fn far_from_zero_no_digits_are_lost() {
    let truth = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    let predicted = [1e9 + 5.0, 1e9 + 7.0, 1e9 + 12.0, 1e9 + 17.0];
    assert_close(number(Metric::R2, &truth, &predicted), 0.966_666_666_666_666_7, 1e-15, "r2");
    assert_close(number(Metric::ExplainedVariance, &truth, &predicted), 0.969_444_444_444_444_4, 1e-15, "explained");
}

#[test]
fn a_hundred_thousand_pairs_of_hundred_scores_agree() {
    let draws = uniform(42, 200_000);
    let predicted: Vec<f64> = draws[..100_000].iter().map(|draw| (draw * 100.0).round_ties_even() / 100.0).collect();
    let truth: Vec<f64> =
        (0..100_000).map(|at| f64::from(u8::from(draws[100_000 + at] < 0.2 + 0.5 * draws[at]))).collect();
    for (metric, expected) in [
        (Metric::RocAuc, 0.670_105_182_466_170_1),
        (Metric::LogLoss, 0.825_666_609_464_505_9),
        (Metric::F1, 0.608_001_677_940_327_8),
        (Metric::MutualInfoScore, 0.032_829_289_174_066_356),
        (Metric::Brier, 0.249_215_343),
    ] {
        assert_close(number(metric, &truth, &predicted), expected, 1e-12, metric.name());
    }
}

#[test]
fn where_a_class_is_empty_a_division_by_zero_is_zero() {
    let (no, yes) = ([0.0; 3], [1.0; 3]);
    for (truth, predicted, accuracy, precision, recall, f1) in [
        (no, no, 1.0, 0.0, 0.0, 0.0),
        (yes, yes, 1.0, 1.0, 1.0, 1.0),
        (no, yes, 0.0, 0.0, 0.0, 0.0),
        (yes, no, 0.0, 0.0, 0.0, 0.0),
    ] {
        let figures = [Metric::Accuracy, Metric::Precision, Metric::Recall, Metric::F1, Metric::MutualInfoScore]
            .map(|metric| number(metric, &truth, &predicted));
        assert_eq!(figures, [accuracy, precision, recall, f1, 0.0]);
        // scikit-learn gives a warning and NaN.
        assert_eq!(Metric::RocAuc.of(&truth, &predicted, 0.5).unwrap(), None);
    }
}

#[test]
fn a_constant_truth_is_explained_wholly_or_not_at_all() {
    let truth = [2.0; 3];
    assert_eq!(number(Metric::R2, &truth, &truth), 1.0);
    assert_eq!(number(Metric::R2, &truth, &[1.0, 2.0, 3.0]), 0.0);
    assert_eq!(number(Metric::ExplainedVariance, &truth, &[3.0; 3]), 1.0);
    assert_eq!(number(Metric::ExplainedVariance, &truth, &[1.0, 2.0, 3.0]), 0.0);
    assert_eq!(number(Metric::ExplainedVariance, &[2.0], &[3.0]), 1.0);
    assert_eq!(Metric::R2.of(&[2.0], &[3.0], 0.5).unwrap(), None);
}

#[test]
fn log_loss_of_certainties_is_finite() {
    assert_close(number(Metric::LogLoss, &[1.0, 0.0], &[0.0, 1.0]), 36.043_653_389_117_15, 1e-14, "all wrong");
    assert_close(number(Metric::LogLoss, &[1.0, 1.0], &[1.0, 0.5]), 0.346_573_590_279_972_75, 1e-14, "one class");
}

#[test]
fn a_prediction_that_reaches_the_threshold_is_positive() {
    let recall = |threshold| Metric::Recall.of(&[1.0; 3], &[0.1, 0.3, 0.7], threshold).unwrap();
    assert_eq!(recall(0.3), Some(Figure::Number(2.0 / 3.0)));
    assert_eq!(recall(0.300_001), Some(Figure::Number(1.0 / 3.0)));
}

#[test]
fn of_no_pairs_nothing_can_be_told() {
    for metric in Metric::all() {
        assert_eq!(metric.of(&[], &[], 0.5).unwrap(), None, "{metric}");
    }
}

#[test]
fn of_figures_beyond_numbers_nothing_can_be_told() {
    let (truth, predicted) = ([f64::MAX, 1.0], [f64::MIN, 1.0]);
    for metric in [Metric::MeanAbsoluteError, Metric::MeanSquaredError, Metric::R2, Metric::ExplainedVariance] {
        assert_eq!(metric.of(&truth, &predicted, 0.5).unwrap(), None, "{metric}");
    }
}

#[test]
fn what_is_not_finite_does_not_pair_or_is_no_probability_is_refused() {
    for (truth, predicted, named) in [
        (vec![1.0], vec![f64::NAN], "pair 0"),
        (vec![1.0, f64::INFINITY], vec![1.0, 1.0], "pair 1"),
        (vec![1.0], vec![], "do not pair"),
    ] {
        for metric in Metric::all() {
            let error = metric.of(&truth, &predicted, 0.5).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
    for metric in [Metric::LogLoss, Metric::Brier] {
        assert_eq!(metric.of(&[1.0], &[1.1], 0.5).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn a_metric_is_found_by_its_name() {
    for metric in Metric::all() {
        assert_eq!(metric.name().parse::<Metric>().unwrap(), metric);
        assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
    }
    assert!("f2".parse::<Metric>().unwrap_err().to_string().contains("f1, roc_auc"));
}
