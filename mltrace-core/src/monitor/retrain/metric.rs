//! Has the metric fallen?

use chrono::{DateTime, Utc};

use super::super::metric::{Figure, Tally};
use super::super::task::MONDAY;
use super::bootstrap::Drawn;
use super::{Answer, Criterion, Finding, MetricRule, Retrain, Trained, consecutive};
use crate::clock::{from_micros, to_micros};
use crate::error::Result;
use crate::store::{Span, View};

/// What stands before the name of a metric that was found on validation data, the likeliest first.
const VALIDATION: [&str; 4] = ["validation_", "val_", "test_", ""];

impl Retrain<'_> {
    pub(super) fn metric(&self, training: &Trained, as_of: DateTime<Utc>) -> Result<Finding> {
        let rule = &self.checklist.metric;
        let (named, baseline) = match training {
            Err(why) => return Ok(Finding::unknown(Criterion::Metric, why)),
            Ok((training, run)) => {
                let names = VALIDATION.map(|prefix| format!("{prefix}{}", rule.name));
                let Some(found) = names.into_iter().find_map(|name| Some((run.metrics.get(&name).copied()?, name)))
                else {
                    let evidence =
                        vec![format!("run {} has no metric `validation_{}` to compare with", training.run, rule.name)];
                    let advice = "call `run.metric` where the model is validated";
                    return Ok(Finding::new(Criterion::Metric, Answer::TooLittleToKnow, evidence, Some(advice)));
                };
                (format!("`{}` of run {}", found.1, training.run), found.0)
            }
        };
        let Some(lag) = self.task.usual_lag_as_of(self.as_of)? else {
            let evidence = vec!["no label has come as yet".to_owned()];
            let advice = "log labels with `log_feedbacks`; without any, `Task::estimate` says what can be said";
            return Ok(Finding::new(Criterion::Metric, Answer::TooLittleToKnow, evidence, Some(advice)));
        };
        let mature_to = to_micros(as_of).saturating_sub(lag.num_microseconds().unwrap_or(i64::MAX));
        let limit = if rule.name.is_better_smaller() { baseline + rule.tolerance } else { baseline - rule.tolerance };
        let towards = if rule.name.is_better_smaller() { "up" } else { "down" };
        let mut evidence = vec![format!("{named} is {baseline:.3}, and {towards} to {limit:.3} is tolerated")];
        let mut answers = Vec::new();
        for span in windows(rule, mature_to, as_of) {
            let (answer, said) = self.window(span, limit)?;
            answers.push(answer);
            evidence.push(format!("{} to {}: {said}", day(span.from), day(span.to)));
        }
        let answer = consecutive(&answers);
        let advice = match answer {
            Answer::Yes => Some("look at the worst window with `mltrace metrics` and `mltrace review`, and retrain"),
            Answer::TooLittleToKnow => Some("wait for more labels, or ask with longer windows"),
            Answer::No => None,
        };
        Ok(Finding::new(Criterion::Metric, answer, evidence, advice))
    }

    /// Whether the metric of a window has fallen beyond a limit.
    fn window(&self, span: Span, limit: f64) -> Result<(Answer, String)> {
        let rule = &self.checklist.metric;
        let mut tally = Tally::new(rule.name, 0.5);
        let mut drawn = Drawn::seeded(span.from.unsigned_abs());
        let (mut outputs, mut labelled) = (0_u64, 0_u64);
        let read = |view: &View<'_>| {
            view.pairs(self.task.id(view)?, span, &mut |pair| {
                outputs += 1;
                let Some(truth) = pair.truth else { return Ok(()) };
                labelled += 1;
                drawn.add(truth, pair.value);
                tally.add(truth, pair.value)
            })
        };
        self.task.tracer.store().read(read)?;
        if labelled < rule.min_labelled {
            let said = format!("{labelled} of {outputs} outputs are labelled: too few labels to know");
            return Ok((Answer::TooLittleToKnow, said));
        }
        let interval = drawn.interval(rule.name, rule.confidence)?;
        let Some((figure, (low, high))) = tally.figure().and_then(Figure::number).zip(interval) else {
            return Ok((Answer::TooLittleToKnow, format!("{} tells nothing of these outputs", rule.name)));
        };
        let has_fallen = if rule.name.is_better_smaller() { low > limit } else { high < limit };
        let said = format!("{} is {figure:.3} ({low:.3} to {high:.3}), {labelled} of {outputs} labelled", rule.name);
        Ok((if has_fallen { Answer::Yes } else { Answer::No }, said))
    }
}

/// The last windows that were over by a time, the earliest first. They begin as weeks do.
fn windows(rule: &MetricRule, mature_to: i64, as_of: DateTime<Utc>) -> Vec<Span> {
    let width = rule.window.0.num_microseconds().unwrap_or(i64::MAX).max(1);
    let end = MONDAY.saturating_add(mature_to.saturating_sub(MONDAY).div_euclid(width).saturating_mul(width));
    let labels_until = to_micros(as_of);
    let span = |number: i64| {
        let to = end.saturating_sub(number.saturating_mul(width));
        Span { from: to.saturating_sub(width), to, labels_until }
    };
    (0..i64::from(rule.windows)).rev().map(span).collect()
}

fn day(micros: i64) -> String {
    from_micros(micros).format("%Y-%m-%d %H:%M").to_string().trim_end_matches(" 00:00").to_owned()
}
