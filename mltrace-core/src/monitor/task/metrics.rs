//! Metrics over windows of output time, with the evidence behind each.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::super::metric::{Figure, Metric, Tally};
use super::Task;
use super::gathering::{Found, Gathered, Gathering, Kept, Pairs};
use crate::clock::{from_micros, now, to_micros};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::query::there_are;
use crate::store::{Answered, Span, TaskId, View, lag};

/// The Monday with which windows begin: 5 January 1970, so that weeks, days and hours do as people expect.
pub(in crate::monitor) const MONDAY: i64 = 4 * 86_400 * 1_000_000;
/// Windows of one answer.
const MOST: i64 = 100_000;
/// The first and the last moment of the years that have four digits.
const YEAR_0: i64 = -62_167_219_200_000_000;
const END_OF_9999: i64 = 253_402_300_799_999_999;

/// Which windows of output time a metric is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Windows {
    /// One, of all outputs.
    All,
    /// From a start to the end of each window of a width: each holds those before it, so that it is slow to show a change.
    Rolling {
        /// Where each begins.
        since: DateTime<Utc>,
        /// How far an end is from the next.
        step: TimeDelta,
    },
    /// One after the other, of a width. In UTC, those of an hour, a day or a week begin with the hour, at midnight, or on
    /// Monday.
    Tumbling(TimeDelta),
    /// One, of the last labelled outputs, so many.
    Last(u32),
}

impl Windows {
    /// One for each day, UTC.
    pub const DAILY: Self = Self::Tumbling(TimeDelta::days(1));
    /// One for each hour.
    pub const HOURLY: Self = Self::Tumbling(TimeDelta::hours(1));
}

/// A metric of one window, and how far it is to be believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WindowFigure {
    /// The first instant of the window.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// From which value on a prediction counted as positive; `None` where the metric does not ask.
    pub threshold: Option<f64>,
    /// What the metric comes to over outputs that are labelled; `None` where nothing can be told.
    pub figure: Option<Figure>,
    /// Outputs in the window.
    pub outputs: u64,
    /// Those of them that are labelled.
    pub labelled: u64,
    /// The share that is labelled, 0 to 1; `None` of no outputs.
    pub share_labelled: Option<f64>,
    /// Whether the window is older than the age by which labels come, so that few more are to be expected.
    pub is_mature: bool,
}

/// A figure as it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeptFigure {
    /// When it was first found to be so.
    pub measured_at: DateTime<Utc>,
    /// What it was then.
    #[serde(flatten)]
    pub figure: WindowFigure,
}

/// A question about a metric of a task. [`get`](Self::get) asks it, [`keep`](Self::keep) also keeps the answer.
#[derive(Clone)]
#[must_use = "call `get` or `keep` to ask"]
pub struct Metrics<'t> {
    task: &'t Task,
    measure: Measure,
    threshold: f64,
    windows: Windows,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    as_of: Option<DateTime<Utc>>,
    matures_after: Option<TimeDelta>,
}

#[derive(Clone)]
enum Measure {
    Named(Metric),
    Own { name: String, of: Arc<Own> },
}

type Own = dyn Fn(&[f64], &[f64]) -> f64 + Send + Sync;

impl Task {
    /// Asks for a metric: over all outputs, unless windows are chosen.
    pub fn metrics(&self, metric: Metric) -> Metrics<'_> {
        Metrics::new(self, Measure::Named(metric))
    }

    /// Asks for a metric of your own, a function of the truth and the predictions of the same outputs. It is called once for
    /// each window, when all of them have been read; their labelled outputs are held in memory until then, 16 bytes each.
    ///
    /// ```
    /// # use mltrace_core::Tracer;
    /// # let task = Tracer::in_memory()?.task("high_tip")?;
    /// # task.log_output("ride-1", 0.9)?;
    /// # task.log_feedback("ride-1", 1.0)?;
    /// let worst = |truth: &[f64], predicted: &[f64]| {
    ///     truth.iter().zip(predicted).map(|(truth, predicted)| (truth - predicted).abs()).fold(0.0, f64::max)
    /// };
    /// let answer = task.metrics_by("worst_error", worst).get()?;
    /// assert!((answer[0].figure.unwrap().number().unwrap() - 0.1).abs() < 1e-12);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn metrics_by(
        &self,
        name: impl Into<String>,
        of: impl Fn(&[f64], &[f64]) -> f64 + Send + Sync + 'static,
    ) -> Metrics<'_> {
        Metrics::new(self, Measure::Own { name: name.into(), of: Arc::new(of) })
    }

    /// The age by which 95 of 100 labels came so far, at which a window is mature; `None` where none has come.
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn usual_lag(&self) -> Result<Option<TimeDelta>> {
        self.usual_lag_as_of(None)
    }

    /// As it was at some time.
    pub(in crate::monitor) fn usual_lag_as_of(&self, time: Option<DateTime<Utc>>) -> Result<Option<TimeDelta>> {
        let usual = self.tracer.store().read(|view| usual_lag(view, self.id(view)?, time))?;
        Ok(usual.map(TimeDelta::microseconds))
    }

    /// What was kept of a metric, by its name, at every threshold: the earliest windows first, and of each what it was found to
    /// be one time after the other, as often as that changed.
    ///
    /// # Errors
    /// There is no such task, or the store cannot be read.
    pub fn metric_history(&self, metric: &str) -> Result<Vec<KeptFigure>> {
        let found = self.tracer.store().read(|view| view.measured(self.id(view)?, metric))?;
        found
            .into_iter()
            .map(|Answered { measured_at, answer, .. }| {
                let figure = serde_json::from_str(&answer).map_err(|source| {
                    Error::new(
                        ErrorKind::Damaged,
                        "the store holds a figure that is none: restore the file from a backup",
                    )
                    .with_source(source)
                })?;
                Ok(KeptFigure { measured_at: from_micros(measured_at), figure })
            })
            .collect()
    }

    pub(in crate::monitor) fn id(&self, view: &View<'_>) -> Result<TaskId> {
        if let Some(known) = view.task_id(&self.name)? {
            return Ok(known);
        }
        let names = view.tasks()?.into_iter().map(|(_, name)| name).collect();
        let message = match there_are(&self.name, names) {
            Some(known) => format!("there is no task `{}`: {known}", self.name),
            None => format!("there is no task `{}`: log an output to it with `Task::log_output` first", self.name),
        };
        Err(Error::new(ErrorKind::NotFound, message))
    }
}

impl fmt::Debug for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("metric", &self.measure.name())
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

impl<'t> Metrics<'t> {
    fn new(task: &'t Task, measure: Measure) -> Self {
        Self {
            task,
            measure,
            threshold: 0.5,
            windows: Windows::All,
            since: None,
            until: None,
            as_of: None,
            matures_after: None,
        }
    }

    /// From which value on a prediction counts as positive; 0.5 unless told.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Over which windows.
    pub fn windows(mut self, windows: Windows) -> Self {
        self.windows = windows;
        self
    }

    /// From which output time on; by default from the first output. Rolling windows have a start of their own, which stands
    /// instead.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.since = Some(time);
        self
    }

    /// Up to which output time, exclusive; by default up to the last output. Windows in which there is nothing are shown up
    /// to here.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.until = Some(time);
        self
    }

    /// As of which moment: outputs and labels that came later do not count, nor for how long labels take. A value that was
    /// replaced since is not known any more. Unless [`matures_after`](Self::matures_after) is told, this looks at all labels.
    pub fn as_of(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(time);
        self
    }

    /// The age at which a window is mature; by default that by which 95 of 100 labels came so far.
    pub fn matures_after(mut self, age: TimeDelta) -> Self {
        self.matures_after = Some(age);
        self
    }

    /// The answer, the earliest window first. Of no outputs there are no windows, unless their times are given.
    ///
    /// # Errors
    /// There is no such task, a window is of no width or of no outputs, there are more than 100,000 of them, the threshold is not
    /// finite, the metric refuses a value, a metric of one's own has no name, one too long or that of another metric, or the
    /// store cannot be read.
    pub fn get(&self) -> Result<Vec<WindowFigure>> {
        self.check()?;
        let (mature_to, Gathered { mut windows, pairs }) = self.task.tracer.store().read(|view| self.gather(view))?;
        // Not before the store is let go: a function of one's own may log or ask, too.
        if let Measure::Own { of, .. } = &self.measure {
            for window in &mut windows {
                window.figure = pairs.figure(window.labelled.clone(), &**of);
            }
        }
        let threshold = self.measure.needs_threshold().then_some(self.threshold);
        Ok(windows.into_iter().map(|window| window.answer(threshold, mature_to)).collect())
    }

    /// The same, and keeps it, so that what was found today can be asked for next month. A window of which the same was kept the
    /// last time adds nothing, so that this may be done every hour.
    ///
    /// # Errors
    /// As [`get`](Self::get), or the store cannot be written.
    pub fn keep(&self) -> Result<Vec<WindowFigure>> {
        let found = self.get()?;
        let measured_at = to_micros(now());
        self.task.tracer.store().write(None, |tx| {
            let task = tx.task(&self.task.name)?;
            found.iter().try_for_each(|figure| {
                let answer = serde_json::to_string(figure).map_err(|source| {
                    Error::new(ErrorKind::Internal, "a figure cannot be written").with_source(source)
                })?;
                let (starts_at, ends_at) = (to_micros(figure.from), to_micros(figure.to));
                tx.put_measured(
                    task,
                    self.measure.name(),
                    &Answered { threshold: figure.threshold, starts_at, ends_at, measured_at, answer },
                )
            })
        })?;
        Ok(found)
    }

    /// Refuses what cannot be asked.
    fn check(&self) -> Result<()> {
        if let Measure::Own { name, .. } = &self.measure {
            limits::name("the metric's name", name)?;
            if name.parse::<Metric>().is_ok() {
                let message = format!(
                    "there is a metric `{name}`: ask for it with `Task::metrics`, or give the one of your own another name"
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        if !self.threshold.is_finite() {
            let message = format!("the threshold is {}: it must be a finite number", self.threshold);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        if self.windows == Windows::Last(0) {
            return Err(Error::new(ErrorKind::Invalid, "the last 0 outputs are none: ask for one or more"));
        }
        Ok(())
    }

    /// Up to when windows are mature, and what was found of them.
    fn gather(&self, view: &View<'_>) -> Result<(Option<i64>, Gathered)> {
        let as_of = self.as_of.map_or(i64::MAX, to_micros);
        let task = self.task.id(view)?;
        let age = match self.matures_after {
            Some(age) => Some(age.num_microseconds().unwrap_or(i64::MAX)),
            None => usual_lag(view, task, self.as_of)?,
        };
        let moment = self.as_of.map_or_else(|| to_micros(now()), to_micros);
        let mature_to = age.map(|age| moment.saturating_sub(age));
        let Some(span) = self.span(view, task, as_of)? else { return Ok((mature_to, Gathered::default())) };
        let gathered = match self.windows {
            Windows::All => self.one_after_the_other(view, task, span, vec![span.from, span.to])?,
            Windows::Tumbling(width) | Windows::Rolling { step: width, .. } => {
                self.one_after_the_other(view, task, span, self.limits(span, width)?)?
            }
            Windows::Last(limit) => self.last(view, task, span, limit)?,
        };
        Ok((mature_to, gathered))
    }

    /// From the first to the last output that is asked about; `None` where there is none and no times are given.
    fn span(&self, view: &View<'_>, task: TaskId, as_of: i64) -> Result<Option<Span>> {
        let outputs = view.output_times(task, as_of)?;
        let since = match self.windows {
            Windows::Rolling { since, .. } => Some(since),
            _ => self.since,
        };
        let from = since.map(to_micros).or(outputs.map(|(first, _)| first));
        let until = self.until.map(to_micros).or(outputs.map(|(_, last)| last.saturating_add(1)));
        let (Some(from), Some(to)) = (from, until) else { return Ok(None) };
        let to = to.min(as_of.saturating_add(1));
        Ok((from < to).then_some(Span { from, to, labels_until: as_of }))
    }

    /// The ends of windows of a width, led by the start of the first.
    fn limits(&self, span: Span, width: TimeDelta) -> Result<Vec<i64>> {
        let mut limits = limits(span, width)?;
        // Only what was said cuts a window short.
        if self.since.is_some() || matches!(self.windows, Windows::Rolling { .. }) {
            limits[0] = span.from;
        }
        if let (Some(until), Some(last)) = (self.until.map(to_micros), limits.last_mut()) {
            *last = until.min(*last);
        }
        Ok(limits)
    }

    /// Windows between these times. Each begins where the one before ends, or if they are rolling where the first does.
    fn one_after_the_other(&self, view: &View<'_>, task: TaskId, span: Span, limits: Vec<i64>) -> Result<Gathered> {
        let mut limits = limits.into_iter();
        let (Some(from), Some(to)) = (limits.next(), limits.next()) else { return Ok(Gathered::default()) };
        let is_rolling = matches!(self.windows, Windows::Rolling { .. });
        let mut gathering = Gathering::new(self.measure.kept(self.threshold), is_rolling, from, to);
        view.pairs(task, span, &mut |pair| {
            while pair.output_at >= gathering.to()
                && let Some(end) = limits.next()
            {
                gathering.go_on(end);
            }
            gathering.add(pair)
        })?;
        limits.for_each(|end| gathering.go_on(end));
        Ok(gathering.end())
    }

    /// The last labelled outputs, and all outputs from the first of them on.
    fn last(&self, view: &View<'_>, task: TaskId, span: Span, limit: u32) -> Result<Gathered> {
        let pairs = view.last_labelled(task, span, limit.into())?;
        let Some(first) = pairs.last() else {
            return self.one_after_the_other(view, task, span, vec![span.from, span.to]);
        };
        let mut gathering = Gathering::new(self.measure.kept(self.threshold), false, first.output_at, span.to);
        pairs.iter().rev().try_for_each(|&pair| gathering.add(pair))?;
        let outputs = view.count_outputs(task, Span { from: first.output_at, ..span })?;
        gathering.count(outputs.saturating_sub(pairs.len() as u64));
        Ok(gathering.end())
    }
}

impl Measure {
    fn name(&self) -> &str {
        match self {
            Self::Named(metric) => metric.name(),
            Self::Own { name, .. } => name,
        }
    }

    fn needs_threshold(&self) -> bool {
        matches!(self, Self::Named(metric) if metric.needs_threshold())
    }

    /// What is to be kept of a window for it.
    fn kept(&self, threshold: f64) -> Kept {
        match self {
            Self::Named(metric) => Kept::Tally(Tally::new(*metric, threshold)),
            Self::Own { .. } => Kept::Pairs(Pairs::default()),
        }
    }
}

/// The age by which most labels came, as it is now or was at some time.
fn usual_lag(view: &View<'_>, task: TaskId, as_of: Option<DateTime<Utc>>) -> Result<Option<i64>> {
    let lags = as_of.map_or_else(|| view.lags(task), |time| view.lags_by(task, to_micros(time)))?;
    Ok(lag::usual(&lags))
}

/// The starts of windows of a width that hold a span, and the end of the last. They begin as weeks do.
fn limits(span: Span, width: TimeDelta) -> Result<Vec<i64>> {
    let width = width.num_microseconds().unwrap_or(i64::MAX);
    if width <= 0 {
        return Err(Error::new(ErrorKind::Invalid, "a window must be longer than nothing"));
    }
    let number = |time: i64| (i128::from(time) - i128::from(MONDAY)).div_euclid(width.into());
    let (first, last) = (number(span.from), number(span.to - 1));
    if last - first >= MOST.into() {
        let message = format!("these are more than {MOST} windows: choose longer ones, or a later start");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let start = |number: i128| i128::from(MONDAY) + number * i128::from(width);
    // No window begins or ends at a time that RFC 3339 cannot write.
    let cut = |time: i128| i64::try_from(time.clamp(YEAR_0.into(), END_OF_9999.into())).unwrap_or(END_OF_9999);
    Ok((first..=last + 1).map(|number| cut(start(number))).collect())
}

impl Found {
    /// The answer, where windows up to a time are mature.
    fn answer(self, threshold: Option<f64>, mature_to: Option<i64>) -> WindowFigure {
        let labelled = self.labelled.len() as u64;
        WindowFigure {
            from: from_micros(self.from),
            to: from_micros(self.to),
            threshold,
            figure: self.figure,
            outputs: self.outputs,
            labelled,
            share_labelled: (self.outputs > 0).then(|| labelled as f64 / self.outputs as f64),
            is_mature: mature_to.is_some_and(|mature_to| self.to <= mature_to),
        }
    }
}
