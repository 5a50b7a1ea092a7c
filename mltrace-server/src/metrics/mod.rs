//! What Prometheus scrapes. Counters are counted on from scrape to scrape, for no scrape may read the whole store; what takes
//! longer is found beside, at most a tenth of the time, and shown as it was found last.

mod exposition;
mod histogram;
mod judged;
mod outputs;
mod runs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use chrono::{DateTime, Utc};
use mltrace_core::monitor::Metric;
use mltrace_core::{Result, Tracer};

use crate::lane::Lane;
use crate::problem::Problem;
pub(crate) use exposition::Exposition;
use exposition::{Family, Labels, Samples};
use judged::{Judged, JudgedTask};
use outputs::Outputs;
use runs::{OfComponent, Runs};

/// How long a scrape waits for what takes longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times as long as it took nothing is judged again.
const REST: u32 = 9;

/// A dashboard for Grafana over what is scraped here: JSON, to be imported.
pub const DASHBOARD: &str = include_str!("grafana.json");
/// Alert rules for Prometheus over what is scraped here: YAML. Each carries the owner as a label, by which Alertmanager can
/// route it.
pub const RULES: &str = include_str!("rules.yml");

/// What is remembered from scrape to scrape.
pub(crate) struct Metrics {
    /// Through which the server writes.
    tracer: Tracer,
    judge: Lane,
    counted: Mutex<Counted>,
    judged: Mutex<Arc<Judged>>,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Counted {
    runs: Runs,
    outputs: BTreeMap<String, Outputs>,
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
    /// Of a store that is asked through one tracer and written through the other.
    pub(crate) fn new(asked: Tracer, written: Tracer) -> io::Result<Self> {
        Ok(Self {
            tracer: written,
            judge: Lane::new("mltrace-judge", [asked], 1)?,
            counted: Mutex::default(),
            judged: Mutex::default(),
            pace: Mutex::default(),
        })
    }

    /// Judges anew, if it is time to; waits for it only so long.
    pub(crate) async fn judge(self: &Arc<Self>) {
        if !lock(&self.pace).begin() {
            return;
        }
        let metrics = Arc::clone(self);
        let judging = tokio::spawn(async move {
            let began = Instant::now();
            metrics.take(metrics.judge.run(Judged::of).await);
            lock(&metrics.pace).end(began.elapsed());
        });
        // What is not ready in time is shown by a later scrape.
        let _in_time = tokio::time::timeout(PATIENCE, judging).await;
    }

    fn take(&self, judged: Result<Result<Judged>, Problem>) {
        match judged {
            Ok(Ok(judged)) => *lock(&self.judged) = Arc::new(judged),
            Ok(Err(error)) => tracing::warn!(%error, "what is stale and how tasks do is not known"),
            Err(problem) => tracing::warn!(?problem, "what is stale and how tasks do is not known"),
        }
    }

    /// What is to be shown now.
    pub(crate) fn scrape(&self, tracer: &Tracer) -> Result<Exposition> {
        let judged = Arc::clone(&lock(&self.judged));
        let mut counted = lock(&self.counted);
        counted.runs.count(tracer)?;
        for task in &judged.tasks {
            let outputs = counted.outputs.entry(task.name.clone());
            let outputs = outputs.or_insert_with(|| Outputs::between(task.edges.clone()));
            outputs.count(&tracer.task(&task.name)?, &task.edges)?;
        }
        let components = tracer.components().get()?;
        let owners: BTreeMap<&str, &str> = components
            .iter()
            .map(|component| (component.name.as_str(), component.owner.as_deref().unwrap_or_default()))
            .collect();
        let mut families = of_runs(&counted.runs, &judged, &owners);
        families.extend(of_tasks(&judged.tasks, &counted.outputs));
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
                "mltrace_dropped_runs",
                "Runs that this server took and could not write.",
                [(Labels::new(), self.tracer.stats().dropped)],
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

fn of_runs(runs: &Runs, judged: &Judged, owners: &BTreeMap<&str, &str>) -> Vec<Family> {
    let labels = |component: &str| -> Labels {
        let owner = owners.get(component).copied().unwrap_or_default();
        vec![("component", component.to_owned()), ("owner", owner.to_owned())]
    };
    let of = || runs.of_components().iter();
    let gauge = |name, help, value: fn(&OfComponent) -> Option<f64>| {
        gauges(name, help, of().filter_map(|(component, of)| Some((labels(component), value(of)?))))
    };
    let ended = of().flat_map(|(component, of)| {
        of.ended.iter().map(|(status, count)| (with(labels(component), "status", *status), *count))
    });
    let durations = of().map(|(component, of)| (labels(component), of.durations.clone())).collect();
    vec![
        counters("mltrace_runs", "Runs that have ended, by how.", ended),
        Family {
            name: "mltrace_run_duration_seconds",
            help: "How long runs took that have ended.",
            samples: Samples::Histograms(durations),
        },
        gauge("mltrace_last_success_timestamp_seconds", "When a run completed last.", |of| {
            of.last_success.map(seconds)
        }),
        gauge("mltrace_open_runs", "Runs that have started and not ended.", |of| Some(float(of.running))),
        gauge("mltrace_lost_runs", "Runs that have not ended, and whose process is gone.", |of| Some(float(of.lost))),
        gauges(
            "mltrace_stale_runs",
            "Last runs of partitions that are stale.",
            judged.stale.iter().map(|(component, stale)| (labels(component), float(*stale))),
        ),
    ]
}

fn of_tasks(tasks: &[JudgedTask], outputs: &BTreeMap<String, Outputs>) -> Vec<Family> {
    let labels = |task: &JudgedTask| -> Labels { vec![("task", task.name.clone()), ("owner", task.owner.clone())] };
    let counted = || tasks.iter().filter_map(|task| Some((labels(task), &outputs.get(&task.name)?.values)));
    let spread = counted().filter(|(_, values)| !values.edges().is_empty());
    let percentiles = tasks.iter().flat_map(|task| {
        let percentiles = task.percentiles.iter();
        percentiles.map(|found| (with(labels(task), "percentile", found.percent.to_string()), found.value))
    });
    let measured = || {
        tasks.iter().flat_map(|task| {
            let all = task.measured.iter();
            all.map(|measured| (with(labels(task), "window", measured.window), measured))
        })
    };
    let figures = measured().filter_map(|(labels, measured)| {
        let number = measured.figure.figure?.number()?;
        Some((with(labels, "metric", measured.metric.name()), number))
    });
    // The same of every metric, and this one refuses nothing.
    let shares = measured().filter(|(_, measured)| measured.metric == Metric::MeanAbsoluteError);
    let shares = shares.filter_map(|(labels, measured)| Some((labels, measured.figure.share_labelled?)));
    let times = tasks.iter().map(|task| (labels(task), seconds(task.last_output)));
    let mut families = vec![
        counters(
            "mltrace_outputs",
            "Outputs that came in.",
            counted().map(|(labels, values)| (labels, values.count())),
        ),
        Family {
            name: "mltrace_output",
            help: "Values of outputs, between percentiles of the reference.",
            samples: Samples::Histograms(spread.map(|(labels, values)| (labels, values.clone())).collect()),
        },
        gauges("mltrace_last_output_timestamp_seconds", "When the last output was given out.", times),
        gauges("mltrace_output_percentile", "Percentiles of the outputs of the day up to the last one.", percentiles),
        gauges(
            "mltrace_output_mean",
            "Mean of the outputs of the day up to the last one.",
            tasks.iter().filter_map(|task| Some((labels(task), task.mean?))),
        ),
        gauges("mltrace_labelled_share", "Share of the outputs of a window whose label has come, 0 to 1.", shares),
        gauges("mltrace_metric", "Metrics over the last day whose labels have come, or over all outputs.", figures),
    ];
    families.extend(of_drift(tasks, labels));
    families
}

fn of_drift(tasks: &[JudgedTask], labels: impl Fn(&JudgedTask) -> Labels) -> Vec<Family> {
    let drifts = || tasks.iter().filter_map(|task| Some((labels(task), &task.drift.as_ref()?.report)));
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
