//! The outputs of a task, counted one time after the other.

use std::collections::BTreeSet;

use mltrace_core::Result;
use mltrace_core::monitor::Task;

use super::histogram::Histogram;

/// How many outputs are read together.
const PAGE: u32 = 10_000;
/// How many such pages are read at a time, so that a scrape of a large store ends; the next one goes on.
const PAGES: usize = 100;
/// Of how many labels that came before their outputs these are waited for.
const WAITING: usize = 10_000;

#[derive(Debug)]
pub(super) struct Outputs {
    last: i64,
    /// Labels that came before their outputs.
    waiting: BTreeSet<i64>,
    pub(super) values: Histogram,
}

impl Outputs {
    /// None so far, to be counted between these edges.
    pub(super) fn between(edges: Vec<f64>) -> Self {
        Self { last: 0, waiting: BTreeSet::new(), values: Histogram::new(edges) }
    }

    /// Counts what is new. Where the edges are others than before all is, for the values are not kept.
    pub(super) fn count(&mut self, task: &Task, edges: &[f64]) -> Result<()> {
        if self.values.edges() != edges {
            *self = Self::between(edges.to_vec());
        }
        self.count_late(task)?;
        for _ in 0..PAGES {
            let page = task.arrivals_after(self.last, PAGE)?;
            let is_last = page.len() < PAGE as usize;
            for arrival in page {
                self.last = arrival.number;
                match arrival.value {
                    Some(value) => self.values.observe(value),
                    None => drop(self.waiting.insert(arrival.number)),
                }
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

    /// Counts outputs that have come after their labels.
    fn count_late(&mut self, task: &Task) -> Result<()> {
        for number in self.waiting.clone() {
            let found = task.arrival(number)?;
            let value = found.and_then(|arrival| arrival.value);
            if let Some(value) = value {
                self.values.observe(value);
            }
            if value.is_some() || found.is_none() {
                self.waiting.remove(&number);
            }
        }
        Ok(())
    }
}
