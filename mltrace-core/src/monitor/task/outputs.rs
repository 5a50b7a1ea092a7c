//! What a model gave out: how much, when, and how it is spread.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::super::metric::POSITIVE;
use super::super::profile::{Column, ColumnProfile, ColumnSummary};
use super::Task;
use super::profiles::CHUNK;
use crate::clock::{from_micros, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Flagged, RunId};
use crate::store::{Pair, Span, View, lag};
use crate::tracer::Tracer;

/// Days of one answer.
const MOST_DAYS: i64 = 100_000;
/// Outputs that are flagged at once.
const MOST_FLAGGED: u16 = 10_000;

/// The outputs of a task over some time, summed up in constant memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outputs {
    /// The task.
    pub task: String,
    /// When the first of them was given out.
    pub first: Option<DateTime<Utc>>,
    /// When the last one was.
    pub last: Option<DateTime<Utc>>,
    /// How many there are.
    pub outputs: u64,
    /// Those of them that are labelled.
    pub labelled: u64,
    /// The share that is labelled, 0 to 1; `None` of no outputs.
    pub share_labelled: Option<f64>,
    /// The age in seconds by which 95 of 100 labels came, as long as the task is there; `None` of no labels.
    pub usual_lag_s: Option<f64>,
    /// Their values.
    pub values: ColumnSummary,
    /// Each day from the start to the end that were asked for, else from the first output or to the last, UTC: also those
    /// without outputs.
    pub days: Vec<OutputDay>,
}

/// The outputs of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputDay {
    /// The day, UTC.
    pub day: NaiveDate,
    /// How many.
    pub outputs: u64,
    /// Those of them that are labelled.
    pub labelled: u64,
}

/// An output and its label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelledOutput {
    /// The output's id.
    pub id: String,
    /// When it was given out.
    pub at: DateTime<Utc>,
    /// What was given out.
    pub value: f64,
    /// What turned out to be true.
    pub truth: f64,
}

/// An output, its label if there is one, and the run behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowOutput {
    /// The output's id.
    pub id: String,
    /// When it was given out.
    pub at: DateTime<Utc>,
    /// What was given out.
    pub value: f64,
    /// What turned out to be true; `None` where nobody knows yet.
    pub truth: Option<f64>,
    /// The last run that wrote its id as a pointer; `None` where none did.
    pub written_by: Option<RunId>,
}

impl Tracer {
    /// What tasks gave out under an id, each with the name of the task: what somebody who complains was told, and what turned
    /// out to be true.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// let tracer = Tracer::in_memory()?;
    /// let task = tracer.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9)])?;
    /// task.log_feedbacks([("ride-1", 0.0)])?;
    /// let (task, output) = &tracer.given_out("ride-1")?[0];
    /// assert_eq!((task.as_str(), output.value, output.truth), ("high_tip", 0.9, Some(0.0)));
    /// assert!(tracer.given_out("ride-2")?.is_empty());
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn given_out(&self, id: &str) -> Result<Vec<(String, WindowOutput)>> {
        self.store().read(|view| {
            let found = view.given_out(id)?.into_iter();
            found.map(|(task, pair)| Ok((task, WindowOutput::of(view, id.to_owned(), &pair)?))).collect()
        })
    }
}

impl WindowOutput {
    fn of(view: &View<'_>, id: String, pair: &Pair) -> Result<Self> {
        let writer = view.name_id(&id)?.map(|name| view.latest_writer(name, None)).transpose()?.flatten();
        Ok(Self {
            id,
            at: from_micros(pair.output_at),
            value: pair.value,
            truth: pair.truth,
            written_by: writer.map(|writer| writer.run),
        })
    }
}

impl Task {
    /// What the model gave out from one time on, else from the first output, and up to another, exclusive, else to the last.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4), ("ride-3", 0.8)])?;
    /// let outputs = task.outputs(None, None)?;
    /// assert_eq!((outputs.outputs, outputs.labelled), (3, 0));
    /// assert_eq!(outputs.values.percentiles[4].value, 0.8);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, these are more than 100,000 days, or the store cannot be read.
    pub fn outputs(&self, since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<Outputs> {
        let span = Span {
            from: since.map_or(i64::MIN, to_micros),
            to: until.map_or(i64::MAX, to_micros),
            labels_until: i64::MAX,
        };
        let (gathered, usual) = self.tracer.store().read(|view| {
            let task = self.id(view)?;
            let mut gathered = Gathered::new(since)?;
            view.pairs(task, span, &mut |pair| gathered.add(pair))?;
            Ok((gathered, lag::usual(&view.lags(task)?)))
        })?;
        gathered.answer(&self.name, until, usual)
    }

    /// When the first output was given out, and when the last one was; `None` where there is none.
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn output_times(&self) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let times = self.tracer.store().read(|view| view.output_times(self.id(view)?, i64::MAX))?;
        Ok(times.map(|(first, last)| (from_micros(first), from_micros(last))))
    }

    /// When the first of the last so many outputs before a time was given out; `None` where there are not as many. What it
    /// takes grows with that number alone.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// let at = |day: u32| format!("2020-03-0{day}T08:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    /// task.log_outputs([("ride-1", 0.2, at(1)), ("ride-2", 0.8, at(2)), ("ride-3", 0.4, at(3))])?;
    /// assert_eq!(task.start_of_last(2, at(4))?, Some(at(2)));
    /// assert_eq!(task.start_of_last(3, at(3))?, None);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn start_of_last(&self, outputs: u32, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let before = to_micros(before);
        let found = self.tracer.store().read(|view| view.start_of_last(self.id(view)?, outputs, before))?;
        Ok(found.map(from_micros))
    }

    /// Of the labelled outputs from one time up to another, exclusive, the one that is farthest from its label: where to begin
    /// the search. `None` where none is labelled.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// # use chrono::{TimeDelta, Utc};
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4)])?;
    /// task.log_feedbacks([("ride-1", 0.0), ("ride-2", 0.0)])?;
    /// let hour = TimeDelta::hours(1);
    /// assert_eq!(task.most_wrong(Utc::now() - hour, Utc::now() + hour)?.unwrap().id, "ride-1");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn most_wrong(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Option<LabelledOutput>> {
        let found = self.tracer.store().read(|view| view.most_wrong(self.id(view)?, to_micros(from), to_micros(to)))?;
        Ok(found.map(|(id, at, value, truth)| LabelledOutput { id, at: from_micros(at), value, truth }))
    }

    /// Some outputs from one time up to another, exclusive: first those that are farthest from their labels, then those without
    /// one. Where it is given from which value on an output is positive, those come before all others of which the label says
    /// another class; a label of 0.5 or more is positive.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// # use chrono::{TimeDelta, Utc};
    /// let task = Tracer::in_memory()?.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4), ("ride-3", 0.5)])?;
    /// task.log_feedbacks([("ride-1", 1.0), ("ride-2", 1.0)])?;
    /// let hour = TimeDelta::hours(1);
    /// let worst = task.most_wrong_first(Utc::now() - hour, Utc::now() + hour, None, 10)?;
    /// assert_eq!(worst.iter().map(|output| output.id.as_str()).collect::<Vec<_>>(), ["ride-2", "ride-1", "ride-3"]);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn most_wrong_first(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        threshold: Option<f64>,
        limit: u32,
    ) -> Result<Vec<WindowOutput>> {
        let span = Span { from: to_micros(from), to: to_micros(to), labels_until: i64::MAX };
        self.tracer.store().read(|view| {
            let found =
                view.most_wrong_first(self.id(view)?, span, threshold.map(|threshold| [threshold, POSITIVE]), limit)?;
            found.into_iter().map(|(id, pair)| WindowOutput::of(view, id, &pair)).collect()
        })
    }

    /// Flags every output from one time up to another, exclusive, so that [`Tracer::review`](crate::Tracer::review) ranks the
    /// runs behind a bad window: as [`Tracer::flag`](crate::Tracer::flag) does, all or nothing, the earliest output first.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// # use chrono::{TimeDelta, Utc};
    /// let tracer = Tracer::in_memory()?;
    /// let task = tracer.task("high_tip")?;
    /// task.log_outputs([("ride-1", 0.9), ("ride-2", 0.4)])?;
    /// let hour = TimeDelta::hours(1);
    /// assert_eq!(task.flag(Utc::now() - hour, Utc::now() + hour)?.len(), 2);
    /// assert_eq!(tracer.review().get()?.flagged.len(), 2);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such task, these are more than 10,000 outputs, or the store cannot be written.
    pub fn flag(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Flagged>> {
        self.tracer.store().write(None, |tx| {
            let ids = tx.output_names(self.id(tx)?, to_micros(from), to_micros(to), i64::from(MOST_FLAGGED) + 1)?;
            if ids.len() > usize::from(MOST_FLAGGED) {
                let message = format!(
                    "these are more than {MOST_FLAGGED} outputs: flag those of a shorter time, which tell as much of the runs \
                     behind them"
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            ids.iter().map(|id| self.tracer.flag_within(tx, id)).collect()
        })
    }
}

/// Outputs while they come in, in the order of their times.
struct Gathered {
    times: Option<(i64, i64)>,
    chunk: Vec<f64>,
    values: ColumnProfile,
    days: Vec<OutputDay>,
}

impl Gathered {
    fn new(since: Option<DateTime<Utc>>) -> Result<Self> {
        let first = since.map(|since| OutputDay { day: since.date_naive(), outputs: 0, labelled: 0 });
        Ok(Self {
            times: None,
            chunk: Vec::with_capacity(CHUNK),
            values: ColumnProfile::sketch()?,
            days: first.into_iter().collect(),
        })
    }

    fn add(&mut self, pair: Pair) -> Result<()> {
        let first = self.times.map_or(pair.output_at, |(first, _)| first);
        self.times = Some((first, pair.output_at));
        self.go_on_to(from_micros(pair.output_at).date_naive())?;
        if let Some(day) = self.days.last_mut() {
            day.outputs += 1;
            day.labelled += u64::from(pair.truth.is_some());
        }
        self.chunk.push(pair.value);
        if self.chunk.len() < CHUNK { Ok(()) } else { self.values.take_in(&Column::floats(self.chunk.drain(..))) }
    }

    /// Adds days until this one is the last.
    fn go_on_to(&mut self, day: NaiveDate) -> Result<()> {
        let first = self.days.first().map_or(day, |first| first.day);
        if day.signed_duration_since(first).num_days() >= MOST_DAYS {
            let message = format!("these are more than {MOST_DAYS} days: choose a later start");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let next = self.days.last().map_or(Some(day), |last| last.day.succ_opt());
        let days = next.into_iter().flat_map(|next| next.iter_days()).take_while(|&next| next <= day);
        self.days.extend(days.map(|day| OutputDay { day, outputs: 0, labelled: 0 }));
        Ok(())
    }

    fn answer(mut self, task: &str, until: Option<DateTime<Utc>>, usual: Option<i64>) -> Result<Outputs> {
        self.values.take_in(&Column::floats(std::mem::take(&mut self.chunk)))?;
        let before = until.and_then(|until| until.checked_sub_signed(TimeDelta::microseconds(1)));
        if let (Some(before), false) = (before, self.days.is_empty()) {
            self.go_on_to(before.date_naive())?;
        }
        let sum = |of: fn(&OutputDay) -> u64| self.days.iter().map(of).sum::<u64>();
        let (outputs, labelled) = (sum(|day| day.outputs), sum(|day| day.labelled));
        Ok(Outputs {
            task: task.to_owned(),
            first: self.times.map(|(first, _)| from_micros(first)),
            last: self.times.map(|(_, last)| from_micros(last)),
            outputs,
            labelled,
            share_labelled: (outputs > 0).then(|| labelled as f64 / outputs as f64),
            usual_lag_s: usual.map(|lag| lag as f64 / 1e6),
            values: self.values.summary(),
            days: self.days,
        })
    }
}
