//! What Prometheus scrapes. Counters count from when the server started on, for no scrape may read the whole store, and
//! what is removed from it must not be taken for a counter that begins anew. What takes longer is found beside, at most a
//! tenth of the time, and shown as it was found last.

mod exposition;
mod histogram;
mod judged;
mod outputs;
mod refusals;
mod runs;
mod shown;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use chrono::{DateTime, Utc};
use mltrace_core::monitor::Metric;
use mltrace_core::{Component, Result, Tracer};

use crate::lane::Lane;
use crate::problem::Problem;
use exposition::{Exposition, Family, Labels, Samples};
use judged::{Judged, JudgedComponent, JudgedRuns, JudgedTask};
use outputs::Outputs;
use refusals::Refusals;
use runs::Runs;
use shown::Shown;

/// How long a scrape waits for what takes longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times as long as it took nothing is judged again.
const REST: u32 = 9;
/// How many scrapes wait for the one that is under way.
const WAITING: usize = 8;
/// How many components and how many tasks are shown.
const COMPONENTS: usize = 1_000;
const TASKS: usize = 100;

/// A dashboard for Grafana over what is scraped here: JSON, to be imported.
pub const DASHBOARD: &str = include_str!("grafana.json");
/// Alert rules for Prometheus over what is scraped here: YAML. Each carries the owner as a label, by which Alertmanager can
/// route it.
pub const RULES: &str = include_str!("rules.yml");

/// What is remembered from scrape to scrape.
pub(crate) struct Metrics {
    /// Through which the server writes.
    tracer: Tracer,
    scraper: Lane,
    judge: Lane,
    counted: Mutex<Counted>,
    judged: Mutex<Arc<Judged>>,
    pace: Mutex<Pace>,
    pub(crate) refusals: Refusals,
}

#[derive(Debug)]
struct Counted {
    runs: Runs,
    outputs: Outputs,
    components: Shown,
    tasks: Shown,
}

/// When it is judged again.
#[derive(Debug, Default)]
struct Pace {
    is_under_way: bool,
    not_before: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    /// Of a store that is written through one tracer, and asked through the others: on threads of their own, so that no scrape
    /// is in the way of other questions.
    pub(crate) fn new(written: Tracer, [scraped, judged]: [Tracer; 2]) -> io::Result<Self> {
        let counted = Counted {
            runs: Runs::from_now(&scraped).map_err(io::Error::other)?,
            outputs: Outputs::from_now(&scraped).map_err(io::Error::other)?,
            components: Shown::at_most(COMPONENTS),
            tasks: Shown::at_most(TASKS),
        };
        Ok(Self {
            tracer: written,
            scraper: Lane::new("mltrace-scrape", [scraped], WAITING)?,
            judge: Lane::new("mltrace-judge", [judged], 1)?,
            counted: Mutex::new(counted),
            judged: Mutex::default(),
            pace: Mutex::default(),
            refusals: Refusals::default(),
        })
    }

    /// What is to be shown now.
    pub(crate) async fn scrape(self: &Arc<Self>) -> Result<Exposition, Problem> {
        self.judge().await;
        let metrics = Arc::clone(self);
        Ok(self.scraper.run(move |tracer| metrics.exposition(tracer)).await??)
    }

    /// Judges anew, if it is time to; waits for it only so long.
    async fn judge(self: &Arc<Self>) {
        if !lock(&self.pace).begin() {
            return;
        }
        let metrics = Arc::clone(self);
        let judging = tokio::spawn(async move {
            let began = Instant::now();
            let before = Arc::clone(&lock(&metrics.judged));
            match metrics.judge.run(move |tracer| Judged::anew(tracer, &before)).await {
                Ok(judged) => *lock(&metrics.judged) = Arc::new(judged),
                Err(problem) => tracing::warn!(?problem, "what is stale and how tasks do is not known"),
            }
            lock(&metrics.pace).end(began.elapsed());
        });
        // What is not ready in time is shown by a later scrape.
        let _in_time = tokio::time::timeout(PATIENCE, judging).await;
    }

    fn exposition(&self, tracer: &Tracer) -> Result<Exposition> {
        let judged = Arc::clone(&lock(&self.judged));
        let mut counted = lock(&self.counted);
        let Counted { runs, outputs, components: shown_components, tasks: shown_tasks } = &mut *counted;
        for (task, judged) in &judged.tasks {
            outputs.of(task).spread_over(&judged.edges);
        }
        runs.count(tracer)?;
        outputs.count(tracer)?;
        let mut components = tracer.components().get()?;
        shown_components.meet(components.iter().map(|component| component.name.as_str()));
        components.retain(|component| shown_components.has(&component.name));
        shown_tasks.meet(judged.tasks.keys().map(String::as_str));
        let tasks: Vec<(&str, &JudgedTask)> = judged
            .tasks
            .iter()
            .map(|(name, task)| (name.as_str(), &**task))
            .filter(|(name, _)| shown_tasks.has(name))
            .collect();
        let mut families = of_runs(&components, runs, &judged.runs);
        families.extend(of_tasks(&tasks, outputs));
        families.extend(of_judging(judged.runs.at, &tasks));
        let left_out = [("components", &*shown_components), ("tasks", shown_tasks)];
        families.push(gauges(
            "mltrace_left_out",
            "How many there are beyond those that are shown.",
            left_out.map(|(what, shown)| (with(Labels::new(), "what", what), float(shown.left_out() as u64))),
        ));
        families.extend(self.of_the_store());
        Ok(Exposition(families))
    }

    fn of_the_store(&self) -> Vec<Family> {
        let bytes = self.tracer.path().map(|path| {
            let mut log = path.as_os_str().to_owned();
            log.push("-wal");
            // There need not be a log.
            [path.as_os_str().to_owned(), log]
                .iter()
                .filter_map(|path| fs::metadata(path).ok())
                .map(|file| file.len())
                .sum()
        });
        let bytes = bytes.map(|bytes: u64| (Labels::new(), float(bytes)));
        vec![
            gauges("mltrace_store_bytes", "Size of the store and of its log.", bytes),
            counters(
                "mltrace_turned_away_requests",
                "Requests that were answered with 503, to be sent again.",
                [(Labels::new(), self.refusals.turned_away())],
            ),
            counters(
                "mltrace_refused_runs",
                "Runs and events of OpenLineage that were refused for what they say.",
                [(Labels::new(), self.refusals.refused())],
            ),
        ]
    }
}

impl Pace {
    /// Whether it is time, and nobody is at it.
    fn begin(&mut self) -> bool {
        let begins = !self.is_under_way && self.not_before.is_none_or(|time| Instant::now() >= time);
        self.is_under_way |= begins;
        begins
    }

    fn end(&mut self, took: Duration) {
        *self = Self { is_under_way: false, not_before: Instant::now().checked_add(took.saturating_mul(REST)) };
    }
}

fn of_runs(components: &[Component], runs: &mut Runs, judged: &JudgedRuns) -> Vec<Family> {
    let mut ended = Vec::new();
    let mut durations = Vec::new();
    for component in components {
        let of = runs.of(&component.name);
        let statuses = of.ended.iter();
        ended.extend(statuses.map(|(status, count)| (with(labels(component), "status", *status), *count)));
        durations.push((labels(component), of.durations.clone()));
    }
    let nothing = JudgedComponent::default();
    // Zeros before it is known would make an alert of what comes after them.
    let known = || components.iter().filter(|_| judged.at.is_some());
    let gauge = |name, help, value: fn(&JudgedComponent) -> Option<f64>| {
        let of = |component: &Component| value(judged.of.get(&component.name).unwrap_or(&nothing));
        gauges(name, help, known().filter_map(|component| Some((labels(component), of(component)?))))
    };
    vec![
        counters("mltrace_runs", "Runs that have ended since the server started, by how.", ended),
        Family {
            name: "mltrace_run_duration_seconds",
            help: "How long they took.",
            samples: Samples::Histograms(durations),
        },
        gauge("mltrace_last_success_timestamp_seconds", "When a run completed last.", |of| {
            of.last_success.map(seconds)
        }),
        gauge("mltrace_open_runs", "Runs that have started and not ended.", |of| Some(float(of.running))),
        gauge("mltrace_lost_runs", "Runs that have not ended, and whose process is gone.", |of| Some(float(of.lost))),
        gauge("mltrace_stale_runs", "Last runs of partitions that are stale.", |of| Some(float(of.stale))),
    ]
}

fn labels(component: &Component) -> Labels {
    let owner = component.owner.clone().unwrap_or_default();
    vec![("component", component.name.clone()), ("owner", owner)]
}

fn of_task(name: &str, task: &JudgedTask) -> Labels {
    vec![("task", name.to_owned()), ("owner", task.owner.clone())]
}

/// When it was judged last, 0 where it never was. What is judged of all runs has no task.
fn of_judging(runs: Option<DateTime<Utc>>, tasks: &[(&str, &JudgedTask)]) -> Vec<Family> {
    let of_runs = (of_task("", &JudgedTask::default()), runs);
    let times = tasks.iter().map(|(name, task)| (of_task(name, task), task.at)).chain([of_runs]);
    vec![gauges(
        "mltrace_judged_timestamp_seconds",
        "When it was found last how a task does, or without a task how runs do; 0 where it never was.",
        times.map(|(labels, at)| (labels, at.map_or(0.0, seconds))),
    )]
}

fn of_tasks(tasks: &[(&str, &JudgedTask)], outputs: &mut Outputs) -> Vec<Family> {
    let mut counted = Vec::new();
    let mut spread = Vec::new();
    for (name, task) in tasks {
        let of = outputs.of(name);
        counted.push((of_task(name, task), of.count));
        spread.extend(of.spread.clone().map(|spread| (of_task(name, task), spread)));
    }
    let percentiles = tasks.iter().flat_map(|(name, task)| {
        let percentiles = task.percentiles.iter();
        percentiles.map(|found| (with(of_task(name, task), "percentile", found.percent.to_string()), found.value))
    });
    let means = tasks.iter().filter_map(|(name, task)| Some((of_task(name, task), task.mean?)));
    let times = tasks.iter().filter_map(|(name, task)| Some((of_task(name, task), seconds(task.last_output?))));
    let mut families = vec![
        counters("mltrace_outputs", "Outputs that came in since the server started.", counted),
        Family {
            name: "mltrace_output",
            help: "Their values between percentiles of the reference, since that is known.",
            samples: Samples::Histograms(spread),
        },
        gauges("mltrace_last_output_timestamp_seconds", "When the last output was given out.", times),
        gauges("mltrace_output_percentile", "Percentiles of the outputs of the day up to the last one.", percentiles),
        gauges("mltrace_output_mean", "Mean of the outputs of the day up to the last one.", means),
    ];
    families.extend(of_metrics(tasks));
    families.extend(of_drift(tasks));
    families
}

fn of_metrics(tasks: &[(&str, &JudgedTask)]) -> Vec<Family> {
    let measured = || {
        tasks.iter().flat_map(|(name, task)| {
            let all = task.measured.iter();
            all.map(|measured| (with(of_task(name, task), "window", measured.window), measured))
        })
    };
    let figures = measured().filter_map(|(labels, measured)| {
        let number = measured.figure.figure?.number()?;
        Some((with(labels, "metric", measured.metric.name()), number))
    });
    // The same of every metric, and this one refuses nothing.
    let windows = || measured().filter(|(_, measured)| measured.metric == Metric::MeanAbsoluteError);
    let shares = windows().filter_map(|(labels, measured)| Some((labels, measured.figure.share_labelled?)));
    let labelled = windows().map(|(labels, measured)| (labels, float(measured.figure.labelled)));
    vec![
        gauges("mltrace_labelled_share", "Share of the outputs of a window whose label has come, 0 to 1.", shares),
        gauges("mltrace_labelled_outputs", "Outputs of a window whose label has come.", labelled),
        gauges(
            "mltrace_metric",
            "Metrics over the last day whose labels have come, over the seven days that end with it, or over all outputs.",
            figures,
        ),
    ]
}

fn of_drift(tasks: &[(&str, &JudgedTask)]) -> Vec<Family> {
    let drifts = || tasks.iter().filter_map(|(name, task)| Some((of_task(name, task), &task.drift.as_ref()?.report)));
    let columns = || {
        drifts().flat_map(|(labels, report)| {
            report.columns.iter().map(move |column| (with(labels.clone(), "column", &*column.column), column))
        })
    };
    let status = columns().map(|(labels, column)| (with(labels, "status", column.status.to_string()), 1.0));
    let alarms = columns().map(|(labels, column)| (labels, float(column.alarms.len() as u64)));
    let severity = drifts().map(|(labels, report)| (labels, float(report.severity as u64)));
    vec![
        gauges(
            "mltrace_drift_statistic",
            "Distance of a column from its reference, 0 to 1.",
            columns().filter_map(|(labels, column)| Some((labels, column.statistic?))),
        ),
        gauges(
            "mltrace_drift_bound",
            "Lower confidence bound of the distance.",
            columns().filter_map(|(labels, column)| Some((labels, column.bound?))),
        ),
        gauges(
            "mltrace_drift_tolerance",
            "What the bound must not exceed.",
            columns().map(|(labels, column)| (labels, column.tolerance)),
        ),
        gauges("mltrace_drift_status", "What is found of a column: always 1.", status),
        gauges("mltrace_drift_alarms", "Alarms of a column.", alarms),
        gauges("mltrace_drift_severity", "What the columns amount to: 0 none, 1 warning, 2 critical.", severity),
    ]
}

fn gauges(name: &'static str, help: &'static str, samples: impl IntoIterator<Item = (Labels, f64)>) -> Family {
    Family { name, help, samples: Samples::Gauges(samples.into_iter().collect()) }
}

fn counters(name: &'static str, help: &'static str, samples: impl IntoIterator<Item = (Labels, u64)>) -> Family {
    Family { name, help, samples: Samples::Counters(samples.into_iter().collect()) }
}

fn with(mut labels: Labels, name: &'static str, value: impl Into<String>) -> Labels {
    labels.push((name, value.into()));
    labels
}

/// Since the epoch.
#[allow(clippy::cast_precision_loss, reason = "microseconds of today are below 2^53")]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_micros() as f64 / 1e6
}

#[allow(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use mltrace_core::ComponentRun;

    use super::*;

    #[test]
    fn of_runs_that_are_not_judged_as_yet_nothing_is_said_but_how_many_ended() {
        let tracer = Tracer::in_memory().unwrap();
        let mut runs = Runs::from_now(&tracer).unwrap();
        let mut run = ComponentRun::new("train");
        run.start().end();
        tracer.log_component_run(run).unwrap();
        runs.count(&tracer).unwrap();
        let families = of_runs(&tracer.components().get().unwrap(), &mut runs, &JudgedRuns::default());
        let text = Exposition(families).prometheus().unwrap();
        assert!(text.contains("status=\"completed\"} 1") && !text.contains("mltrace_lost_runs{"), "{text}");
    }
}
