//! What a metric may be where labels have not come.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::metric::{Confusion, Figure, Metric, Tally};
use super::Task;
use crate::clock::to_micros;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Span, TaskId, View};

/// How many buckets the outputs that labels are known of are parted into, as equal as their values allow.
const BUCKETS: usize = 10;
/// With fewer labelled outputs to learn from nothing can be told.
const FEWEST: u64 = 30;
/// It is learned from the last labelled outputs, so many: more would tell little more, and there may be very many.
const LEARNED: i64 = 20_000;

/// What a metric may be. It is no measurement: it holds only where an output means what it meant when its label was known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Always true, so that nobody takes the figure for a measured one.
    pub is_estimate: bool,
    /// What the metric may be; `None` where nothing can be told.
    pub figure: Option<f64>,
    /// Of how many outputs, labelled or not.
    pub outputs: u64,
    /// From how many labelled outputs that was learned.
    pub learned_from: u64,
}

/// A question what a metric may be of outputs whose labels have not come; [`get`](Self::get) asks it.
///
/// Outputs that labels are known of are parted into ten buckets by their value. Of each the metric's own terms are known (what
/// an output costs, or how many are right and wrong); they are weighted by the share of the outputs in question that falls
/// into the bucket. This corrects for outputs that are distributed otherwise, and sees nothing of a world in which the same
/// output has come to mean something else: that only labels tell. Source: M. Sugiyama et al., "Covariate shift adaptation by
/// importance weighted cross validation", *Journal of Machine Learning Research* 8 (2007).
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Estimating<'t> {
    task: &'t Task,
    metric: Metric,
    threshold: f64,
    known: Option<&'t Task>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl Task {
    /// Asks what a metric may be of outputs whose labels have not come: of all outputs, unless their times are given.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    /// use mltrace_core::monitor::Metric;
    ///
    /// let tracer = Tracer::in_memory()?;
    /// let (validation, live) = (tracer.task("validation")?, tracer.task("high_tip")?);
    /// let score = |ride: u32| if ride % 4 == 0 { 0.2 } else { 0.9 };
    /// validation.log_outputs((0..100).map(|ride| (ride.to_string(), score(ride))))?;
    /// validation.log_feedbacks((0..100).map(|ride| (ride.to_string(), if ride % 8 == 0 { 1.0 } else { score(ride).round() })))?;
    /// live.log_outputs([("ride-1", 0.2), ("ride-2", 0.2)])?;
    /// let estimate = live.estimate(Metric::Accuracy).known(&validation).get()?;
    /// assert!(estimate.is_estimate && (estimate.figure.unwrap() - 0.48).abs() < 1e-9);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn estimate(&self, metric: Metric) -> Estimating<'_> {
        Estimating { task: self, metric, threshold: 0.5, known: None, since: None, until: None }
    }
}

impl<'t> Estimating<'t> {
    /// From which value on a prediction counts as positive; 0.5 unless told.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Learns from the last 20,000 labelled outputs of this task of the same store, such as one of validation data. Unless told,
    /// from those of the task itself before the time from which on is asked, or where no time is given from the last of all.
    pub fn known(mut self, task: &'t Task) -> Self {
        self.known = Some(task);
        self
    }

    /// Of outputs from this time on.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.since = Some(time);
        self
    }

    /// Of outputs before this time.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.until = Some(time);
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// The metric does not follow from what single outputs cost or are (it is one of accuracy, precision, recall, F1, log loss,
    /// Brier, mean absolute or squared error), it refuses a value, there is no such task, or the store cannot be read.
    pub fn get(&self) -> Result<Estimate> {
        let of_each = of_each(self.metric)?;
        let span = |since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>| Span {
            from: since.map_or(i64::MIN, to_micros),
            to: until.map_or(i64::MAX, to_micros),
            labels_until: i64::MAX,
        };
        let (known, known_in) = match self.known {
            Some(task) => (task, span(None, None)),
            None => (self.task, span(None, self.since)),
        };
        self.task.tracer.store().read(|view| {
            let mut buckets = Buckets::cut(view, known.id(view)?, known_in, of_each, self.threshold)?;
            view.output_values(self.task.id(view)?, span(self.since, self.until), &mut |value| {
                buckets.count(value);
                Ok(())
            })?;
            Ok(Estimate {
                is_estimate: true,
                figure: (buckets.learned_from >= FEWEST).then(|| buckets.weighted(self.metric)).flatten(),
                outputs: buckets.all.iter().map(|bucket| bucket.outputs).sum(),
                learned_from: buckets.learned_from,
            })
        })
    }
}

/// What of each bucket the metric follows from.
fn of_each(metric: Metric) -> Result<Metric> {
    match metric {
        Metric::Accuracy | Metric::Precision | Metric::Recall | Metric::F1 => Ok(Metric::ConfusionMatrix),
        Metric::LogLoss | Metric::Brier | Metric::MeanAbsoluteError | Metric::MeanSquaredError => Ok(metric),
        _ => {
            let message = format!(
                "{metric} cannot be estimated without labels: ask for accuracy, precision, recall, f1, \
                 log_loss, brier, mean_absolute_error or mean_squared_error"
            );
            Err(Error::new(ErrorKind::Invalid, message))
        }
    }
}

/// Outputs by their value.
struct Buckets {
    /// Where each ends but the last.
    ends: Vec<f64>,
    all: Vec<Bucket>,
    learned_from: u64,
}

struct Bucket {
    learned: Tally,
    outputs: u64,
}

impl Buckets {
    fn cut(view: &View<'_>, task: TaskId, span: Span, of_each: Metric, threshold: f64) -> Result<Self> {
        let known = view.last_labelled(task, span, LEARNED)?;
        let mut values: Vec<f64> = known.iter().map(|pair| pair.value).collect();
        values.sort_by(f64::total_cmp);
        let at = |end: usize| (values.len() * end).div_ceil(BUCKETS).checked_sub(1);
        let mut ends: Vec<f64> = (1..BUCKETS).filter_map(|end| values.get(at(end)?).copied()).collect();
        ends.dedup();
        // Above the greatest value nothing would be known.
        ends.retain(|end| Some(end) < values.last());
        let bucket = || Bucket { learned: Tally::new(of_each, threshold), outputs: 0 };
        let all = std::iter::repeat_with(bucket).take(ends.len() + 1).collect();
        let mut buckets = Self { ends, all, learned_from: known.len() as u64 };
        for pair in known {
            if let Some(truth) = pair.truth {
                buckets.of(pair.value).learned.add(truth, pair.value)?;
            }
        }
        Ok(buckets)
    }

    fn of(&mut self, value: f64) -> &mut Bucket {
        let bucket = self.ends.partition_point(|&end| end < value);
        &mut self.all[bucket]
    }

    fn count(&mut self, value: f64) {
        self.of(value).outputs += 1;
    }

    /// The metric, where each bucket counts as its share of the outputs; `None` of none.
    fn weighted(&mut self, metric: Metric) -> Option<f64> {
        let outputs: u64 = self.all.iter().map(|bucket| bucket.outputs).sum();
        let mut mean = 0.0;
        let mut cells = [0.0; 4];
        for bucket in self.all.iter_mut().filter(|bucket| bucket.outputs > 0) {
            let share = bucket.outputs as f64 / outputs as f64;
            match bucket.learned.figure()? {
                Figure::Number(cost) => mean += share * cost,
                Figure::Confusion(Confusion { true_positives, false_positives, false_negatives, true_negatives }) => {
                    let counts =
                        [true_positives, false_positives, false_negatives, true_negatives].map(|count| count as f64);
                    let all: f64 = counts.iter().sum();
                    cells.iter_mut().zip(counts).for_each(|(cell, count)| *cell += share * count / all);
                }
            }
        }
        let [tp, fp, fn_, tn] = cells;
        let part = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        (outputs > 0).then(|| match metric {
            Metric::Accuracy => tp + tn,
            Metric::Precision => part(tp, tp + fp),
            Metric::Recall => part(tp, tp + fn_),
            Metric::F1 => part(2.0 * tp, 2.0 * tp + fp + fn_),
            _ => mean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;
    use crate::monitor::testing::{assert_close, uniform};
    use crate::tracer::Tracer;

    fn task() -> Task {
        Tracer::in_memory().unwrap().task("high_tip").unwrap()
    }

    /// Outputs of a time whose truth is 1 as often as the score says.
    fn calibrated(task: &Task, name: &str, at: i64, scores: &[f64], has_labels: bool) {
        let chances = uniform(77, scores.len());
        let id = |ride: usize| format!("{name}-{ride}");
        task.log_outputs(scores.iter().enumerate().map(|(ride, &score)| (id(ride), score, from_micros(at)))).unwrap();
        if has_labels {
            let truth = |ride: usize| f64::from(u8::from(chances[ride] < scores[ride]));
            task.log_feedbacks((0..scores.len()).map(|ride| (id(ride), truth(ride), from_micros(at)))).unwrap();
        }
    }

    #[test]
    fn an_estimate_follows_outputs_that_are_distributed_otherwise() {
        let known = uniform(1, 20_000);
        // Fewer in the middle, where a model is unsure.
        let live: Vec<f64> = uniform(2, 20_000).into_iter().filter(|score| !(0.3..0.7).contains(score)).collect();
        let (unlabelled, labelled) = (task(), task());
        calibrated(&unlabelled, "known", 0, &known, true);
        calibrated(&unlabelled, "live", 1_000, &live, false);
        calibrated(&labelled, "live", 1_000, &live, true);
        for metric in [Metric::Accuracy, Metric::Precision, Metric::Recall, Metric::F1, Metric::Brier, Metric::LogLoss]
        {
            let estimate = unlabelled.estimate(metric).since(from_micros(1_000)).get().unwrap();
            let measured = labelled.metrics(metric).get().unwrap()[0].figure.and_then(Figure::number).unwrap();
            let before = unlabelled.metrics(metric).until(from_micros(1_000)).get().unwrap()[0].figure;
            let before = before.and_then(Figure::number).unwrap();
            let found = estimate.figure.unwrap();
            assert!((found - measured).abs() < 0.02, "{metric}: {found}, measured {measured}");
            assert!((found - measured).abs() < (before - measured).abs() / 3.0, "{metric}: before {before}");
            assert_eq!((estimate.is_estimate, estimate.learned_from), (true, 20_000));
        }
    }

    #[test]
    fn it_is_the_same_however_often_it_is_asked() {
        let task = task();
        calibrated(&task, "known", 0, &uniform(1, 10_000), true);
        calibrated(&task, "live", 10, &uniform(2, 50), false);
        let mut asked = (0..5).map(|_| task.estimate(Metric::F1).since(from_micros(10)).get().unwrap());
        let first = asked.next().unwrap();
        assert!(first.figure.is_some() && asked.all(|found| found == first));
    }

    #[test]
    fn of_the_outputs_it_learned_from_it_is_what_was_measured() {
        let task = task();
        calibrated(&task, "known", 0, &uniform(1, 500), true);
        for metric in [Metric::F1, Metric::MeanAbsoluteError] {
            let measured = task.metrics(metric).get().unwrap()[0].figure.and_then(Figure::number).unwrap();
            assert_close(task.estimate(metric).get().unwrap().figure.unwrap(), measured, 1e-9, metric.name());
        }
    }

    #[test]
    fn where_too_little_is_known_there_is_none_and_other_metrics_are_refused() {
        let task = task();
        calibrated(&task, "known", 0, &uniform(1, 29), true);
        let found = task.estimate(Metric::F1).get().unwrap();
        assert_eq!((found.figure, found.outputs, found.learned_from), (None, 29, 29));
        calibrated(&task, "more", 0, &uniform(2, 29), true);
        assert_eq!(task.estimate(Metric::F1).since(from_micros(5)).get().unwrap().figure, None, "no outputs");
        assert_eq!(task.estimate(Metric::RocAuc).get().unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn outputs_beyond_all_that_is_known_count_as_the_outermost() {
        let task = task();
        calibrated(&task, "known", 0, &[0.5; 100], true);
        calibrated(&task, "live", 10, &[0.0, 1.0], false);
        let found = task.estimate(Metric::MeanAbsoluteError).since(from_micros(10)).get().unwrap();
        assert_eq!(found.figure, Some(0.5));
    }

    #[test]
    fn of_many_labelled_outputs_the_last_are_learned_from() {
        let task = task();
        let at = |second: i64| from_micros(second * 1_000_000);
        let id = |ride: i64| format!("ride-{ride}");
        task.log_outputs((0..20_500).map(|ride| (id(ride), 0.9, at(ride)))).unwrap();
        // Wrong at first, and then right.
        task.log_feedbacks((0..20_400).map(|ride| (id(ride), if ride < 400 { 0.0 } else { 1.0 }, at(ride)))).unwrap();
        let estimate = task.estimate(Metric::Accuracy).since(at(20_400)).get().unwrap();
        assert_eq!((estimate.outputs, estimate.learned_from, estimate.figure), (100, 20_000, Some(1.0)));
    }
}
