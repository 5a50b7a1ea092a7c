//! Outputs that came in since the server started, counted one time after the other.

use std::collections::{BTreeMap, BTreeSet};

use mltrace_core::monitor::Arrival;
use mltrace_core::{Result, Tracer};

use super::histogram::Histogram;

/// How many outputs are read together.
const PAGE: u32 = 10_000;
/// How many such pages are read at a time, so that a scrape ends whatever came in; the next one goes on.
const PAGES: usize = 100;
/// Of how many labels that came before their outputs these are waited for.
const WAITING: usize = 10_000;

#[derive(Debug)]
pub(super) struct Outputs {
    last: i64,
    /// Labels that came before their outputs.
    waiting: BTreeSet<i64>,
    of: BTreeMap<String, OfTask>,
}

/// The outputs of a task.
#[derive(Debug, Default)]
pub(super) struct OfTask {
    pub(super) count: u64,
    /// Since there is a reference.
    pub(super) spread: Option<Histogram>,
}

impl Outputs {
    /// None so far: those that are there are past.
    pub(super) fn from_now(tracer: &Tracer) -> Result<Self> {
        Ok(Self { last: tracer.last_arrival()?, waiting: BTreeSet::new(), of: BTreeMap::new() })
    }

    pub(super) fn of(&mut self, task: &str) -> &mut OfTask {
        self.of.entry(task.to_owned()).or_default()
    }

    /// Counts what is new.
    pub(super) fn count(&mut self, tracer: &Tracer) -> Result<()> {
        // Where the last ones were removed, or the file was replaced, numbers come again.
        self.last = self.last.min(tracer.last_arrival()?);
        let _given_up = self.waiting.split_off(&(self.last + 1));
        let waiting: Vec<i64> = self.waiting.iter().copied().collect();
        let late = tracer.arrivals(&waiting)?;
        self.waiting.clear();
        for arrival in late {
            self.add(arrival);
        }
        for _ in 0..PAGES {
            let page = tracer.arrivals_after(self.last, PAGE)?;
            let is_last = page.len() < PAGE as usize;
            for arrival in page {
                self.last = arrival.number;
                self.add(arrival);
            }
            if is_last {
                break;
            }
        }
        while self.waiting.len() > WAITING {
            self.waiting.pop_first();
        }
        Ok(())
    }

    fn add(&mut self, arrival: Arrival) {
        let Some(value) = arrival.value else {
            self.waiting.insert(arrival.number);
            return;
        };
        let of = self.of.entry(arrival.task).or_default();
        of.count += 1;
        if let Some(spread) = &mut of.spread {
            spread.observe(value);
        }
    }
}

impl OfTask {
    /// Counts between these edges from now on. Where they are others than before, none was counted between them.
    pub(super) fn spread_over(&mut self, edges: &[f64]) {
        let is_other = self.spread.as_ref().is_none_or(|spread| spread.edges() != edges);
        if is_other && !edges.is_empty() {
            self.spread = Some(Histogram::of_any_sign(edges.to_vec()));
        }
    }
}
