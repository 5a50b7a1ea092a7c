//! What takes longer to find than a scrape may take: which runs are stale, lost or open, and how the tasks do.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Days, TimeDelta, Utc};
use mltrace_core::monitor::{
    ColumnProfile, Metric, Moments, Percentile, Task, TaskDriftReport, Training, WindowFigure, Windows,
};
use mltrace_core::{ErrorKind, Result, Status, Tracer};

/// What of the reference is the end of a bucket, in percent.
const EDGES: [u8; 21] = [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 99];
/// The column of the reference that the model's outputs are compared with.
const PREDICTION: &str = "prediction";
/// How many days are looked at for one of which labels have come, beside those that they usually take.
const DAYS: i64 = 8;

/// What was found. What cannot be found anew is as it was found last.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) runs: Arc<JudgedRuns>,
    pub(super) tasks: BTreeMap<String, Arc<JudgedTask>>,
}

#[derive(Debug, Default)]
pub(super) struct JudgedRuns {
    /// When it was found.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) of: BTreeMap<String, JudgedComponent>,
}

#[derive(Debug, Default)]
pub(super) struct JudgedComponent {
    /// How many of its partitions' last runs are stale.
    pub(super) stale: u64,
    pub(super) last_success: Option<DateTime<Utc>>,
    pub(super) running: u64,
    pub(super) lost: u64,
}

#[derive(Debug, Default)]
pub(super) struct JudgedTask {
    /// When it was found.
    pub(super) at: Option<DateTime<Utc>>,
    /// Of the component that infers.
    pub(super) owner: String,
    pub(super) last_output: Option<DateTime<Utc>>,
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
    /// The last day whose labels are there, the seven days that end with it, or all.
    pub(super) window: &'static str,
    pub(super) figure: WindowFigure,
}

impl Judged {
    /// What is found now, after this was found before.
    pub(super) fn anew(tracer: &Tracer, before: &Self) -> Self {
        let runs = told(JudgedRuns::of(tracer), "runs").map_or_else(|| Arc::clone(&before.runs), Arc::new);
        let names = told(tracer.tasks(), "tasks").unwrap_or_else(|| before.tasks.keys().cloned().collect());
        let mut tasks = BTreeMap::new();
        for name in names {
            let known = before.tasks.get(&name).cloned().unwrap_or_default();
            let found = tracer.task(&name).and_then(|task| JudgedTask::of(tracer, &task, &known));
            let found = told(found, &name).map_or(Some(known), |found| found.map(Arc::new));
            tasks.extend(found.map(|found| (name, found)));
        }
        Self { runs, tasks }
    }
}

/// Nothing where it cannot be found, which the log tells.
fn told<T>(found: Result<T>, what: &str) -> Option<T> {
    found.inspect_err(|error| tracing::warn!(%error, what, "cannot be judged: what was found last is shown")).ok()
}

impl JudgedRuns {
    fn of(tracer: &Tracer) -> Result<Self> {
        let mut of: BTreeMap<String, JudgedComponent> = BTreeMap::new();
        for judgement in tracer.stale().get()? {
            let of = of.entry(judgement.component).or_default();
            of.stale += u64::from(!judgement.stale.is_empty());
            of.last_success = of.last_success.max(Some(judgement.ended_at));
        }
        for run in tracer.open_runs(u32::MAX)? {
            let of = of.entry(run.component).or_default();
            *if run.status == Status::Lost { &mut of.lost } else { &mut of.running } += 1;
        }
        Ok(Self { at: Some(Utc::now()), of })
    }
}

impl JudgedTask {
    /// Nothing of a task without outputs. Whose it is and its edges stay as they were while nothing tells: runs that tell
    /// may come later than the outputs.
    fn of(tracer: &Tracer, task: &Task, before: &Self) -> Result<Option<Self>> {
        let Some((_, last_output)) = task.output_times()? else { return Ok(None) };
        let values = task.outputs(Some(last_output - TimeDelta::days(1)), None)?.values;
        let training = known(task.training())?;
        let owner = training.map(|training| owner(tracer, &training)).transpose()?.flatten();
        let reference = known(task.reference_profile())?;
        let edges = reference.and_then(|reference| reference.column(PREDICTION).map(edges));
        Ok(Some(Self {
            at: Some(Utc::now()),
            owner: owner.unwrap_or_else(|| before.owner.clone()),
            last_output: Some(last_output),
            percentiles: values.percentiles,
            mean: values.mean,
            measured: measured(task, last_output)?,
            drift: known(drift(task, last_output))?,
            edges: edges.unwrap_or_else(|| before.edges.clone()),
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

fn owner(tracer: &Tracer, training: &Training) -> Result<Option<String>> {
    let Some(run) = tracer.briefs(&[training.inference])?.pop() else { return Ok(None) };
    Ok(tracer.component(&run.component)?.owner)
}

fn measured(task: &Task, last_output: DateTime<Utc>) -> Result<Vec<Measured>> {
    let lag = task.usual_lag()?;
    let mut found = Vec::new();
    for metric in Metric::all().filter(|&metric| metric != Metric::ConfusionMatrix) {
        let mut found_of = |window, figures: Option<Vec<WindowFigure>>| {
            let figures = figures.into_iter().flatten();
            found.extend(figures.map(|figure| Measured { metric, window, figure }));
        };
        found_of("rolling", known(task.metrics(metric).get())?);
        let Some(lag) = lag else { continue };
        let since = last_output - lag - TimeDelta::days(DAYS);
        let days = known(task.metrics(metric).windows(Windows::DAILY).since(since).get())?.unwrap_or_default();
        let Some(day) = last_told(days) else { continue };
        // A day differs from the next as Sunday does from Monday: who asks whether a metric fell compares weeks.
        let week = task.metrics(metric).since(day.to - TimeDelta::days(7)).until(day.to);
        found_of("weekly", known(week.get())?);
        found_of("daily", Some(vec![day]));
    }
    Ok(found)
}

/// The last day of which something can be told, and most labels are there: those that came early need not be like the others.
fn last_told(days: Vec<WindowFigure>) -> Option<WindowFigure> {
    days.into_iter().rev().find(|day| day.is_mature && day.figure.is_some())
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cannot_be_found_anew_is_as_it_was_found_last_and_says_since_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let tracer = Tracer::open(&path).unwrap();
        tracer.task("tip").unwrap().log_output("ride-1", 0.5).unwrap();
        let before = Judged::anew(&tracer, &Judged::default());
        assert!(before.runs.at.is_some() && before.tasks["tip"].at.is_some());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "this is no store").unwrap();
        let judged = Judged::anew(&tracer, &before);
        assert!(Arc::ptr_eq(&judged.runs, &before.runs) && Arc::ptr_eq(&judged.tasks["tip"], &before.tasks["tip"]));
    }
}
