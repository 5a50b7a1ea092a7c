//! Runs that ended since the server started, counted one time after the other: only those that were recorded since, or were
//! open, are looked at again.

use std::collections::{BTreeMap, BTreeSet};

use mltrace_core::{Result, RunBrief, RunId, Status, Tracer};

use super::histogram::Histogram;

/// How many runs are read together.
const PAGE: u32 = 10_000;
/// How many such pages are read at a time, so that a scrape ends whatever was recorded; the next one goes on.
const PAGES: usize = 100;
/// Of how many open runs the end is waited for.
const OPEN: usize = 10_000;
/// How a run can end.
const ENDS: [Status; 4] = [Status::Completed, Status::Failed, Status::Panicked, Status::Cancelled];
/// Ends of buckets of durations, in seconds: from a millisecond to a day and a half, each four times as long as the last, so
/// that nobody has to choose them.
const DURATIONS: [f64; 14] =
    [0.001, 0.004, 0.016, 0.064, 0.256, 1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 131_072.0];

#[derive(Debug)]
pub(super) struct Runs {
    last: RunId,
    open: BTreeSet<RunId>,
    of: BTreeMap<String, OfComponent>,
}

/// The runs of a component.
#[derive(Debug)]
pub(super) struct OfComponent {
    /// From zero, which is there before the first: Prometheus sees no growth in what begins at one.
    pub(super) ended: BTreeMap<&'static str, u64>,
    pub(super) durations: Histogram,
}

impl Default for OfComponent {
    fn default() -> Self {
        Self { ended: ENDS.map(|end| (end.as_str(), 0)).into(), durations: Histogram::new(DURATIONS.to_vec()) }
    }
}

impl Runs {
    /// None so far: those that have ended are past.
    pub(super) fn from_now(tracer: &Tracer) -> Result<Self> {
        let last = tracer.last_recorded()?;
        let open = tracer.open_runs(u32::MAX)?.into_iter().map(|run| run.id).filter(|&run| run <= last);
        Ok(Self { last, open: open.collect(), of: BTreeMap::new() })
    }

    pub(super) fn of(&mut self, component: &str) -> &OfComponent {
        self.of.entry(component.to_owned()).or_default()
    }

    /// Counts what is new.
    pub(super) fn count(&mut self, tracer: &Tracer) -> Result<()> {
        // Where the last ones were removed, or the file was replaced, numbers come again.
        self.last = self.last.min(tracer.last_recorded()?);
        self.open.retain(|&run| run <= self.last);
        while self.open.len() > OPEN {
            self.open.pop_first();
        }
        let open: Vec<RunId> = self.open.iter().copied().collect();
        let open = tracer.briefs(&open)?;
        self.open.clear();
        for run in open {
            self.add(run);
        }
        for _ in 0..PAGES {
            let page = tracer.briefs_after(self.last, PAGE)?;
            let is_last = page.len() < PAGE as usize;
            for run in page {
                self.last = run.id;
                self.add(run);
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, run: RunBrief) {
        let Some(ended_at) = run.ended_at else {
            self.open.insert(run.id);
            return;
        };
        let of = self.of.entry(run.component).or_default();
        *of.ended.entry(run.status.as_str()).or_default() += 1;
        of.durations.observe((ended_at - run.started_at).as_seconds_f64().max(0.0));
    }
}
