//! Runs, counted one time after the other: only those that were recorded since, or were open, are looked at again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mltrace_core::{Result, RunBrief, RunId, Status, Tracer};

use super::histogram::Histogram;

/// How many runs are read together.
const PAGE: u32 = 10_000;
/// How many such pages are read at a time, so that a scrape of a large store ends; the next one goes on.
const PAGES: usize = 100;
/// Ends of buckets of durations, in seconds: from a millisecond to a day and a half, each four times as long as the last, so
/// that nobody has to choose them.
const DURATIONS: [f64; 14] =
    [0.001, 0.004, 0.016, 0.064, 0.256, 1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 131_072.0];

#[derive(Debug, Default)]
pub(super) struct Runs {
    last: Option<RunId>,
    open: Vec<RunId>,
    of: BTreeMap<String, OfComponent>,
}

/// The runs of a component.
#[derive(Debug)]
pub(super) struct OfComponent {
    pub(super) ended: BTreeMap<&'static str, u64>,
    pub(super) durations: Histogram,
    pub(super) last_success: Option<DateTime<Utc>>,
    pub(super) running: u64,
    pub(super) lost: u64,
}

impl Default for OfComponent {
    fn default() -> Self {
        Self {
            ended: BTreeMap::new(),
            durations: Histogram::new(DURATIONS.to_vec()),
            last_success: None,
            running: 0,
            lost: 0,
        }
    }
}

impl Runs {
    pub(super) fn of_components(&self) -> &BTreeMap<String, OfComponent> {
        &self.of
    }

    /// Counts what is new.
    pub(super) fn count(&mut self, tracer: &Tracer) -> Result<()> {
        let open = tracer.briefs(&self.open)?;
        self.open.clear();
        for component in self.of.values_mut() {
            (component.running, component.lost) = (0, 0);
        }
        for run in open {
            self.add(run);
        }
        for _ in 0..PAGES {
            let page = tracer.briefs_after(self.last.unwrap_or(RunId(0)), PAGE)?;
            let is_last = page.len() < PAGE as usize;
            for run in page {
                self.last = Some(run.id);
                self.add(run);
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, run: RunBrief) {
        let of = self.of.entry(run.component).or_default();
        let open = match run.status {
            Status::Running => &mut of.running,
            Status::Lost => &mut of.lost,
            ended => {
                of.end(ended, run.started_at, run.ended_at);
                return;
            }
        };
        *open += 1;
        self.open.push(run.id);
    }
}

impl OfComponent {
    fn end(&mut self, status: Status, started_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>) {
        *self.ended.entry(status.as_str()).or_default() += 1;
        let Some(ended_at) = ended_at else { return };
        self.durations.observe((ended_at - started_at).as_seconds_f64());
        if status == Status::Completed {
            self.last_success = self.last_success.max(Some(ended_at));
        }
    }
}
