//! When to retrain: a checklist, each criterion with its evidence and what to do.

mod bootstrap;
mod checklist;
mod metric;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Days, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::drift::{Alarm, Severity, Status};
use super::task::{Task, TaskDriftReport, Training};
use crate::clock::{now, to_micros};
use crate::error::{ErrorKind, Result};
use crate::model::{Retraction, RunRecord, StaleKind, VerifyStatus, VersionKind};
pub use checklist::{Age, Checklist, DataRule, DriftRule, MetricRule, ModelRule};

impl Task {
    /// Asks whether the model behind the task is to be trained again.
    pub fn retrain(&self) -> Retrain<'_> {
        Retrain { task: self, checklist: Checklist::default(), as_of: None }
    }
}

/// A question whether to train a model again; [`get`](Self::get) asks it.
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Retrain<'t> {
    task: &'t Task,
    checklist: Checklist,
    as_of: Option<DateTime<Utc>>,
}

/// What is answered, to a criterion or to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Retrain: one criterion is met.
    Yes,
    /// Every criterion was looked at, and none is met.
    No,
    /// None is met, but not all could be looked at.
    TooLittleToKnow,
}

/// What the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Criterion {
    /// The metric fell.
    Metric,
    /// The data drifted.
    Drift,
    /// The model is old.
    ModelAge,
    /// There is fresher data than the model saw.
    FresherData,
    /// An input of training was modified or retracted.
    ModifiedData,
}

/// What was found of a criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// Which one.
    pub criterion: Criterion,
    /// Whether it is met.
    pub answer: Answer,
    /// Why, in sentences.
    pub evidence: Vec<String>,
    /// What to do about it; `None` where nothing is to be done.
    pub advice: Option<String>,
}

/// Whether to train a model again, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RetrainReport {
    /// The task.
    pub task: String,
    /// As of which moment.
    pub as_of: DateTime<Utc>,
    /// Yes if one criterion is met; no only if each was looked at.
    pub answer: Answer,
    /// The model in use and its training run; `None` where lineage does not lead there.
    pub training: Option<Training>,
    /// The criteria, in the order of the checklist.
    pub findings: Vec<Finding>,
}

/// The training run, or why there is none.
type Trained = std::result::Result<(Training, RunRecord), String>;

impl Retrain<'_> {
    /// By which criteria; those of [`Checklist::default`] unless told.
    pub fn checklist(mut self, checklist: Checklist) -> Self {
        self.checklist = checklist;
        self
    }

    /// As of which moment; now unless told. Outputs and labels that came later do not count, nor runs that ended later.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// The checklist cannot be asked by, there is no such task, the metric refuses an output, or the store cannot be read.
    pub fn get(&self) -> Result<RetrainReport> {
        self.checklist.check()?;
        let as_of = self.as_of.unwrap_or_else(now);
        let training = self.training(as_of)?;
        let mut findings = vec![self.metric(&training, as_of)?, self.drift(as_of)?, self.model_age(&training, as_of)];
        if self.checklist.data.fresher {
            findings.push(self.fresher_data(&training, as_of)?);
        }
        if self.checklist.data.modified {
            findings.push(self.modified_data(&training, as_of)?);
        }
        Ok(RetrainReport {
            task: self.task.name().to_owned(),
            as_of,
            answer: overall(&findings),
            training: training.ok().map(|(training, _)| training),
            findings,
        })
    }

    fn training(&self, as_of: DateTime<Utc>) -> Result<Trained> {
        let before = to_micros(as_of).saturating_add(1);
        match self.task.tracer.store().read(|view| {
            self.task.id(view)?;
            Ok(self.task.training_before(view, before))
        })? {
            Ok(training) => {
                let run = self.task.tracer.run(training.run)?;
                Ok(Ok((training, run)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn drift(&self, as_of: DateTime<Utc>) -> Result<Finding> {
        const WEEK: u64 = 7;
        let mut answers = Vec::new();
        let mut evidence = Vec::new();
        for window in (0..u64::from(self.checklist.drift.windows)).rev() {
            let Some(until) = as_of.date_naive().checked_sub_days(Days::new(WEEK * window)) else { continue };
            let (answer, said) = match self.task.drift().until(until).get() {
                Ok(report) => critical(&report),
                Err(error) if error.kind() == ErrorKind::NotFound => (Answer::TooLittleToKnow, error.to_string()),
                Err(error) => return Err(error),
            };
            answers.push(answer);
            evidence.push(format!("the 7 days before {until}: {said}"));
        }
        let advice = match consecutive(&answers) {
            Answer::Yes => Some("look at the columns with `mltrace drift`, and train on data as it is now"),
            Answer::TooLittleToKnow => Some("see that features and outputs are profiled, and that they still come"),
            Answer::No => None,
        };
        Ok(Finding::new(Criterion::Drift, consecutive(&answers), evidence, advice))
    }

    fn model_age(&self, training: &Trained, as_of: DateTime<Utc>) -> Finding {
        let limit = self.checklist.model.max_age;
        let (training, ended_at) = match training {
            Ok((training, RunRecord { ended_at: Some(ended_at), .. })) => (training, ended_at),
            Ok((training, _)) => {
                return Finding::unknown(Criterion::ModelAge, &format!("run {} has not ended", training.run));
            }
            Err(why) => return Finding::unknown(Criterion::ModelAge, why),
        };
        let age = (as_of - *ended_at).max(TimeDelta::zero());
        let said = format!(
            "`{}` was trained by run {}, which ended {}, {} before; it may be {limit} old",
            training.model,
            training.run,
            shown(*ended_at),
            Age(TimeDelta::days(age.num_days())),
        );
        let answer = if age > limit.0 { Answer::Yes } else { Answer::No };
        let advice = (answer == Answer::Yes).then_some("train it on recent data");
        Finding::new(Criterion::ModelAge, answer, vec![said], advice)
    }

    fn fresher_data(&self, training: &Trained, as_of: DateTime<Utc>) -> Result<Finding> {
        let run = match training {
            Ok((_, run)) if run.dependencies.is_empty() => {
                let why = format!("run {} read nothing that a traced run has written", run.id);
                return Ok(Finding::unknown(Criterion::FresherData, &why));
            }
            Ok((_, run)) if run.started_at > as_of => {
                let why =
                    format!("run {} started {}, after the time that is asked about", run.id, shown(run.started_at));
                let advice = Some("ask about a time at which it had run");
                return Ok(Finding::new(Criterion::FresherData, Answer::TooLittleToKnow, vec![why], advice));
            }
            Ok((_, run)) => run,
            Err(why) => return Ok(Finding::unknown(Criterion::FresherData, why)),
        };
        let is_fresher = |kind: StaleKind| kind == StaleKind::FresherUpstream;
        let reasons = self.task.tracer.stale_run(run.id).as_of(as_of).get()?.into_iter().filter(|reason| {
            is_fresher(reason.kind) || reason.chain.last().is_some_and(|cause| is_fresher(cause.kind))
        });
        let evidence: Vec<String> = reasons.map(|reason| format!("run {}: {}", run.id, reason.message)).collect();
        if evidence.is_empty() {
            let said = format!("nothing that run {} was trained on has a newer version", run.id);
            return Ok(Finding::new(Criterion::FresherData, Answer::No, vec![said], None));
        }
        Ok(Finding::new(Criterion::FresherData, Answer::Yes, evidence, Some("train on what is there now")))
    }

    fn modified_data(&self, training: &Trained, as_of: DateTime<Utc>) -> Result<Finding> {
        let run = match training {
            Ok((_, run)) => run,
            Err(why) => return Ok(Finding::unknown(Criterion::ModifiedData, why)),
        };
        let tracer = &self.task.tracer;
        let mut evidence = Vec::new();
        for edge in tracer.trace_run(run.id).get()?.edges.iter().filter(|edge| edge.modified) {
            let pointer = edge.pointer.as_deref().unwrap_or_default();
            evidence.push(format!(
                "run {} read `{pointer}` in another version than run {} has written",
                edge.from, edge.to
            ));
        }
        let carried = run.labels.as_deref().unwrap_or_default();
        let is_reason =
            |retraction: &Retraction| retraction.retracted_at <= as_of && carried.contains(&retraction.label);
        let retractions = tracer.store().read(|view| {
            let mut retractions = view.retractions()?;
            retractions.retain(is_reason);
            Ok(retractions)
        })?;
        for Retraction { label, retracted_at, .. } in retractions {
            let at = shown(retracted_at);
            evidence.push(format!("run {} was trained on data labelled `{label}`, which was retracted {at}", run.id));
        }
        for input in &run.inputs {
            let is_measured = input.pointer.version.as_ref().is_some_and(|version| version.kind != VersionKind::Stated);
            if is_measured && self.has_changed(&input.pointer.name)? {
                evidence.push(format!("`{}` is not what runs recorded of it any more", input.pointer.name));
            }
        }
        if !evidence.is_empty() {
            let advice = "see what changed it with `mltrace verify` and `mltrace retracted`, and train without it";
            return Ok(Finding::new(Criterion::ModifiedData, Answer::Yes, evidence, Some(advice)));
        }
        let said = format!("nothing behind run {} was modified or retracted, as far as it was traced", run.id);
        Ok(Finding::new(Criterion::ModifiedData, Answer::No, vec![said], None))
    }

    fn has_changed(&self, file: &str) -> Result<bool> {
        Ok(self.task.tracer.verify().pointer(file).get()?.items.iter().any(|item| item.status == VerifyStatus::Changed))
    }
}

impl Finding {
    fn new(criterion: Criterion, answer: Answer, evidence: Vec<String>, advice: Option<&str>) -> Self {
        Self { criterion, answer, evidence, advice: advice.map(ToOwned::to_owned) }
    }

    /// Nothing can be told, for a reason that says what to do.
    fn unknown(criterion: Criterion, why: &str) -> Self {
        Self::new(
            criterion,
            Answer::TooLittleToKnow,
            vec![why.to_owned()],
            Some("trace what leads from data to outputs"),
        )
    }
}

/// Yes if one is, and no only if all are.
fn overall(findings: &[Finding]) -> Answer {
    let is_any = |wanted: Answer| findings.iter().any(|finding| finding.answer == wanted);
    let first = [Answer::Yes, Answer::TooLittleToKnow].into_iter().find(|answer| is_any(*answer));
    first.unwrap_or(Answer::No)
}

/// Yes only if all are, and no if one is.
fn consecutive(answers: &[Answer]) -> Answer {
    if answers.contains(&Answer::No) {
        Answer::No
    } else if answers.contains(&Answer::TooLittleToKnow) || answers.is_empty() {
        Answer::TooLittleToKnow
    } else {
        Answer::Yes
    }
}

/// Whether the drift of a window is a reason to retrain. That no data comes is none: no training brings it back.
fn critical(found: &TaskDriftReport) -> (Answer, String) {
    let report = &found.report;
    let alarming = report.columns.iter().filter(|column| column.alarms.iter().any(|alarm| *alarm != Alarm::NoData));
    let names: Vec<_> = alarming.map(|column| format!("`{}`", column.column)).collect();
    let compared =
        report.columns.iter().filter(|column| matches!(column.status, Status::Drift | Status::Shift | Status::Ok));
    let (compared, all) = (compared.count(), report.columns.len());
    if compared == 0 {
        return (Answer::TooLittleToKnow, format!("none of {all} columns has enough data to compare"));
    }
    let said = match names.len() {
        0 => format!("no alarm in {compared} of {all} columns that have data to compare"),
        some => format!("{some} of {compared} columns alarm, {}", names.join(", ")),
    };
    let is_critical = report.severity == Severity::Critical;
    match (is_critical, names.is_empty()) {
        (true, false) => (Answer::Yes, format!("critical: {said}")),
        (true, true) => (Answer::TooLittleToKnow, format!("{said}; of the others no data comes any more")),
        (false, _) => (Answer::No, said),
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
