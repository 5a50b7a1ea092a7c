//! What takes longer to find than a scrape may take: what is stale, and how the tasks do.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, TimeDelta, Utc};
use mltrace_core::monitor::{ColumnProfile, Metric, Moments, Percentile, Task, TaskDriftReport, WindowFigure, Windows};
use mltrace_core::{ErrorKind, Result, Tracer};

/// What of the reference is the end of a bucket, in percent.
const EDGES: [u8; 21] = [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 99];
/// The column of the reference that the model's outputs are compared with.
const PREDICTION: &str = "prediction";
/// How many days are looked at for one of which labels have come, beside those that they usually take.
const DAYS: i64 = 8;

#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Of each component how many of its partitions' last runs are stale.
    pub(super) stale: BTreeMap<String, u64>,
    pub(super) tasks: Vec<JudgedTask>,
}

#[derive(Debug)]
pub(super) struct JudgedTask {
    pub(super) name: String,
    /// Of the component that infers.
    pub(super) owner: String,
    pub(super) last_output: DateTime<Utc>,
    /// Of the outputs of the day up to the last one.
    pub(super) percentiles: Vec<Percentile>,
    pub(super) mean: Option<f64>,
    pub(super) measured: Vec<Measured>,
    pub(super) drift: Option<TaskDriftReport>,
    /// Ends of buckets of outputs; none without a reference.
    pub(super) edges: Vec<f64>,
}

/// A metric over a window.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) metric: Metric,
    /// The last day whose labels are there, or all.
    pub(super) window: &'static str,
    pub(super) figure: WindowFigure,
}

impl Judged {
    pub(super) fn of(tracer: &Tracer) -> Result<Self> {
        let mut stale: BTreeMap<String, u64> = BTreeMap::new();
        for judgement in tracer.stale().get()? {
            *stale.entry(judgement.component).or_default() += u64::from(!judgement.stale.is_empty());
        }
        let mut tasks = Vec::new();
        for name in tracer.tasks()? {
            tasks.extend(JudgedTask::of(tracer, &tracer.task(&name)?)?);
        }
        Ok(Self { stale, tasks })
    }
}

impl JudgedTask {
    /// Nothing of a task without outputs.
    fn of(tracer: &Tracer, task: &Task) -> Result<Option<Self>> {
        let Some((_, last_output)) = task.output_times()? else { return Ok(None) };
        let values = task.outputs(Some(last_output - TimeDelta::days(1)), None)?.values;
        let drift = known(drift(task, last_output))?;
        let reference = drift.as_ref().and_then(|drift| drift.reference_column(PREDICTION));
        Ok(Some(Self {
            name: task.name().to_owned(),
            owner: owner(tracer, task)?.unwrap_or_default(),
            last_output,
            percentiles: values.percentiles,
            mean: values.mean,
            measured: measured(task, last_output)?,
            edges: reference.map(edges).unwrap_or_default(),
            drift,
        }))
    }
}

/// Nothing where there is no answer as yet, such as without a reference.
fn known<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Over the week that ends today, or with the last output: that none come any more is told otherwise.
fn drift(task: &Task, last_output: DateTime<Utc>) -> Result<TaskDriftReport> {
    let today = Utc::now().date_naive();
    let after = last_output.date_naive().checked_add_days(Days::new(1)).unwrap_or(today);
    task.drift().until(after.min(today)).get()
}

fn owner(tracer: &Tracer, task: &Task) -> Result<Option<String>> {
    let Some(training) = known(task.training())? else { return Ok(None) };
    let Some(run) = tracer.briefs(&[training.inference])?.pop() else { return Ok(None) };
    Ok(tracer.component(&run.component)?.owner)
}

fn measured(task: &Task, last_output: DateTime<Utc>) -> Result<Vec<Measured>> {
    let Some(lag) = task.usual_lag()? else { return Ok(Vec::new()) };
    let since = last_output - lag - TimeDelta::days(DAYS);
    let mut found = Vec::new();
    for metric in Metric::all().filter(|&metric| metric != Metric::ConfusionMatrix) {
        let days = known(task.metrics(metric).windows(Windows::DAILY).since(since).get())?.unwrap_or_default();
        let all = known(task.metrics(metric).get())?.unwrap_or_default();
        let day = last_told(&days).map(|figure| Measured { metric, window: "daily", figure });
        let all = all.into_iter().map(|figure| Measured { metric, window: "rolling", figure });
        found.extend(day.into_iter().chain(all));
    }
    Ok(found)
}

/// The last day of which something can be told, and most labels are there; or else the last of which something can be told.
fn last_told(days: &[WindowFigure]) -> Option<WindowFigure> {
    let told = || days.iter().rev().filter(|day| day.figure.is_some());
    told().find(|day| day.is_mature).or_else(|| told().next()).cloned()
}

/// Ends of buckets by which the reference's own values are spread evenly.
fn edges(reference: &ColumnProfile) -> Vec<f64> {
    let mut edges: Vec<f64> =
        EDGES.iter().filter_map(|&percent| reference.quantile(f64::from(percent) / 100.0)).collect();
    edges.extend(reference.moments().and_then(Moments::max));
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}
