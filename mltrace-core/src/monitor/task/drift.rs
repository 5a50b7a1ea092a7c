//! How far a task's data has moved from what its model was trained on, and what of that is news.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::super::drift::{Alarm, DriftReport, Severity, WEEK};
use super::super::profile::{ColumnProfile, Profile};
use super::Task;
use super::profiles::{self, number, span};
use super::reference::{Found, PREDICTION, ReferenceSource, last_written};
use crate::clock::{from_micros, now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::lineage::training::{self, Trained};
use crate::model::RunId;
use crate::store::{KeptReport, Span, TaskId, View};

impl Task {
    /// Asks how far the task's data is from its reference: over the last seven whole days, unless told otherwise.
    pub fn drift(&self) -> TaskDrift<'_> {
        TaskDrift { task: self, reference: None, days: WEEK, until: None }
    }

    /// What [`TaskDrift::keep`] found before, the earliest windows first.
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn drift_history(&self) -> Result<Vec<KeptDrift>> {
        let reports = self.tracer.store().read(|view| view.reports(self.id(view)?))?;
        reports.iter().map(kept).collect()
    }
}

/// A question about the drift of a task. [`get`](Self::get) asks it, [`keep`](Self::keep) also keeps the answer.
///
/// Each column of the **reference** is compared. That is what the training run of the model in use profiled, or where it
/// profiled nothing the nearest run behind it that did; [`Task::training`] says how that run is found. The **live** data of a
/// column is what was profiled under the same name on the days of the window by completed runs of the component that stands
/// nearest behind the task's outputs, not counting what stands behind the training; and the parts that
/// [`Task::log_profile`] kept. A run that is repeated counts again.
///
/// The column `prediction` is the task's own outputs. It is compared with the column of that name in the reference: let the
/// training run profile what its model gives out on data that it was validated on.
#[derive(Debug, Clone)]
#[must_use = "call `get` or `keep` to ask"]
pub struct TaskDrift<'t> {
    task: &'t Task,
    reference: Option<RunId>,
    days: u32,
    until: Option<NaiveDate>,
}

/// How far a task's data is from its reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TaskDriftReport {
    /// What it was compared with.
    pub reference: ReferenceSource,
    /// What was found.
    #[serde(flatten)]
    pub report: DriftReport,
    /// What could not be compared, why, and what to do about it, in sentences.
    pub notes: Vec<String>,
    #[serde(skip)]
    compared_with: Profile,
    #[serde(skip)]
    live: Profile,
}

impl TaskDriftReport {
    /// A column of the reference, to be shown beside the live one. Nothing, in a report that was kept.
    pub fn reference_column(&self, name: &str) -> Option<&ColumnProfile> {
        self.compared_with.column(name)
    }

    /// A column of the window. Nothing where no data came, and in a report that was kept.
    pub fn live_column(&self, name: &str) -> Option<&ColumnProfile> {
        self.live.column(name)
    }
}

/// A report that was kept, and what of it is news.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeptDrift {
    /// When it was asked for.
    pub checked_at: DateTime<Utc>,
    /// What the last check of a window as long, which ended no later than this one, amounted to; `None` where there was none.
    pub severity_before: Option<Severity>,
    /// The columns whose alarms are others than then.
    pub changes: Vec<AlarmChange>,
    /// What was found.
    #[serde(flatten)]
    pub drift: TaskDriftReport,
}

impl KeptDrift {
    /// Whether anything is to be told: alarms that were not there before, or are not there any more.
    pub fn is_news(&self) -> bool {
        !self.changes.is_empty() || self.severity_before.unwrap_or(Severity::None) != self.drift.report.severity
    }

    /// Whether somebody is to be woken: an alarm that was not there before, or more of them by what they amount to.
    pub fn has_new_alarms(&self) -> bool {
        let is_new = |change: &AlarmChange| change.now.iter().any(|alarm| !change.before.contains(alarm));
        self.changes.iter().any(is_new) || self.drift.report.severity > self.severity_before.unwrap_or(Severity::None)
    }
}

/// What has changed in the alarms of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlarmChange {
    /// Its name.
    pub column: String,
    /// Its alarms at the check before.
    pub before: Vec<Alarm>,
    /// Its alarms now; empty where all is well again.
    pub now: Vec<Alarm>,
}

impl TaskDrift<'_> {
    /// Compares with what this run profiled, or the nearest run behind it that did.
    pub fn reference(mut self, run: RunId) -> Self {
        self.reference = Some(run);
        self
    }

    /// How many whole days the window has, UTC; seven unless told. A window shorter than a week is compared with the same
    /// weekdays, of those columns whose days the reference knows.
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// The first day after the window; today unless told.
    pub fn until(mut self, day: NaiveDate) -> Self {
        self.until = Some(day);
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// There is no such task, it has no reference or none of the reference's columns is profiled live
    /// ([`ErrorKind::NotFound`], the message says what to do), the window is empty or not over, profiles do not go together, or
    /// the store cannot be read.
    pub fn get(&self) -> Result<TaskDriftReport> {
        let first = self.first()?;
        let span = span(first, self.days)?;
        self.task.tracer.store().read(|view| {
            let found = self.task.reference(view, self.reference, span.to)?;
            let live = Live::gather(self.task, view, &found, span)?;
            self.compare(found, live, first)
        })
    }

    /// The same, and keeps it: an alarm that was there at the check before is no news.
    ///
    /// # Errors
    /// As [`get`](Self::get), or the store cannot be written.
    pub fn keep(&self) -> Result<KeptDrift> {
        let drift = self.get()?;
        let first_day = number(self.first()?);
        let end_day = first_day + i64::from(self.days);
        let checked_at = now();
        self.task.tracer.store().write(None, |tx| {
            let task = tx.task(&self.task.name)?;
            let before = tx.last_report(task, self.days.into(), end_day)?.map(|report| kept(&report)).transpose()?;
            let before = before.map(|kept| kept.drift.report);
            let kept = KeptDrift {
                checked_at,
                severity_before: before.as_ref().map(|report| report.severity),
                changes: changes(before.as_ref(), &drift.report),
                drift,
            };
            let answer = serde_json::to_string(&kept)
                .map_err(|source| Error::new(ErrorKind::Internal, "a report cannot be written").with_source(source))?;
            tx.put_report(task, &KeptReport { first_day, end_day, checked_at: to_micros(checked_at), answer })?;
            Ok(kept)
        })
    }

    fn first(&self) -> Result<NaiveDate> {
        let today = now().date_naive();
        let until = self.until.unwrap_or(today);
        if until > today {
            let message = format!("the day before {until} is not over: a window has whole days, up to yesterday, UTC");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        until
            .checked_sub_days(Days::new(self.days.into()))
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("there are no {} days before {until}", self.days)))
    }

    fn compare(&self, found: Found, live: Live, first: NaiveDate) -> Result<TaskDriftReport> {
        let Live { profile, watched, mut notes } = live;
        let reference = found.reference.only(|column| watched.contains(column));
        if watched.is_empty() {
            let message = format!("there is nothing to compare: {}", notes.join("; "));
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let timeless: Vec<&str> =
            watched.iter().map(String::as_str).filter(|name| !reference.knows_days_of(name)).collect();
        if self.days < WEEK && !timeless.is_empty() {
            notes.push(format!(
                "a window shorter than a week is compared with the same weekdays, and the reference does not know the days of \
                 {}: profile with `run.profile_by_day`, or choose a window of seven days",
                timeless.join(", ")
            ));
        }
        let drift = reference.drift(&profile).window(first, self.days);
        let has_score = watched.contains(PREDICTION);
        let report = if has_score { drift.score(PREDICTION) } else { drift }.get()?;
        let compared_with = reference.profile_of_all().clone();
        Ok(TaskDriftReport { reference: found.source, report, notes, compared_with, live: profile })
    }
}

/// The data of a window.
struct Live {
    profile: Profile,
    /// The columns of the reference that somebody sums up live, so that it is news when nothing comes.
    watched: BTreeSet<String>,
    notes: Vec<String>,
}

impl Live {
    fn gather(task: &Task, view: &View<'_>, found: &Found, span: Span) -> Result<Self> {
        let id = task.id(view)?;
        let parts = profiles::parts(view, id, span)?.only(|column| column != PREDICTION);
        let mut live = Self { profile: parts, watched: BTreeSet::new(), notes: Vec::new() };
        let has_parts = view.has_task_profiles(id)?;
        let behind = Behind::last(view, id, span.to)?;
        let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (column, name) in found.profiled_as.iter().filter(|(column, _)| *column != PREDICTION) {
            columns.entry(name).or_default().insert(column);
        }
        for (name, columns) in columns {
            let is_profiled = live.add_runs(view, behind.as_ref(), name, &columns, span)?;
            if is_profiled || has_parts {
                live.watched.extend(columns.into_iter().map(ToOwned::to_owned));
            } else {
                live.notes.push(format!(
                    "no run behind the outputs of `{}` profiles `{name}`, so its columns are not compared: call \
                     `run.profile(\"{name}\", ..)` where the data for inference is made, or `Task::log_profile`",
                    task.name
                ));
            }
        }
        live.add_predictions(view, id, found, span)?;
        Ok(live)
    }

    /// Adds what runs profiled under a name, and says whether there is a component that does.
    fn add_runs(
        &mut self,
        view: &View<'_>,
        behind: Option<&Behind>,
        name: &str,
        columns: &BTreeSet<&str>,
        span: Span,
    ) -> Result<bool> {
        let Some(behind) = behind else { return Ok(false) };
        let mut components = Vec::new();
        for run in training::profiled_as(view, behind.inference, behind.training, name)? {
            components.extend(view.component_of(run)?.filter(|component| !components.contains(component)));
        }
        for &component in &components {
            view.profiles_within(component, name, span, &mut |bytes| {
                let part = Profile::from_bytes(bytes)?;
                self.profile.absorb(&part.only(|column| columns.contains(column)))
            })?;
        }
        Ok(!components.is_empty())
    }

    fn add_predictions(&mut self, view: &View<'_>, task: TaskId, found: &Found, span: Span) -> Result<()> {
        let column = if let Some(shape) = found.reference.shape(PREDICTION) {
            self.watched.insert(PREDICTION.to_owned());
            ColumnProfile::nothing(shape)
        } else {
            self.notes.push(format!(
                "the reference has no column `{PREDICTION}`, so the outputs are not compared: let the training run profile \
                 what its model gives out on validation data, as this column"
            ));
            ColumnProfile::sketch()?
        };
        let column = profiles::outputs(view, task, span, column)?;
        self.profile = std::mem::take(&mut self.profile).with_column(PREDICTION, column);
        Ok(())
    }
}

/// The runs behind the task's outputs.
struct Behind {
    inference: RunId,
    training: Option<RunId>,
}

impl Behind {
    fn last(view: &View<'_>, task: TaskId, before: i64) -> Result<Option<Self>> {
        let Some((_, inference)) = last_written(view, task, before)? else { return Ok(None) };
        let training = match training::behind(view, inference)? {
            Trained::By { run, .. } => Some(run),
            Trained::Elsewhere { .. } | Trained::Nowhere => None,
        };
        Ok(Some(Self { inference, training }))
    }
}

fn changes(before: Option<&DriftReport>, now: &DriftReport) -> Vec<AlarmChange> {
    let known = before.into_iter().flat_map(|report| &report.columns);
    let mut known: BTreeMap<&str, &[Alarm]> =
        known.map(|column| (column.column.as_str(), column.alarms.as_slice())).collect();
    let mut pairs: Vec<(&str, &[Alarm], &[Alarm])> = now
        .columns
        .iter()
        .map(|column| {
            (column.column.as_str(), known.remove(column.column.as_str()).unwrap_or_default(), &*column.alarms)
        })
        .collect();
    pairs.extend(known.into_iter().map(|(column, alarms)| (column, alarms, [].as_slice())));
    let changed = pairs.into_iter().filter(|(_, before, now)| before != now);
    changed
        .map(|(column, before, now)| AlarmChange {
            column: column.to_owned(),
            before: before.to_vec(),
            now: now.to_vec(),
        })
        .collect()
}

fn kept(report: &KeptReport) -> Result<KeptDrift> {
    let kept: KeptDrift = serde_json::from_str(&report.answer).map_err(|source| {
        Error::new(ErrorKind::Damaged, "the store holds a report on drift that is none: restore the file from a backup")
            .with_source(source)
    })?;
    Ok(KeptDrift { checked_at: from_micros(report.checked_at), ..kept })
}
