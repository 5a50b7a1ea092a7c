//! What is known of a run, in pieces that can be joined in any order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::clean;
use super::facets::LONGEST;
use super::names::component;

/// What events have told of one run. To join what two of them told is commutative, associative and idempotent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(super) head: Head,
    /// What it reads and writes, by side and pointer.
    pub(super) datasets: BTreeMap<(Side, String), Dataset>,
    pub(super) facets: BTreeMap<Place, Facet>,
}

/// Who runs, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) job: Job,
    /// The earliest time of any event.
    pub(super) first_told_at: DateTime<Utc>,
    /// The earliest time of an event that says that it starts.
    pub(super) started_at: Option<DateTime<Utc>>,
    /// The latest event that says that it has ended.
    pub(super) end: Option<End>,
}

/// The latest event's stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Job {
    /// Whether the run itself says so, or a statement says it of the run that executes it, for which it may have another name.
    pub(super) is_own: bool,
    pub(super) told_at: DateTime<Utc>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) producer: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) at: DateTime<Utc>,
    pub(super) how: How,
}

/// How a run has ended; of two events of one moment the later in this list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum How {
    Complete,
    Abort,
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Input,
    Output,
}

/// A dataset as it was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dataset {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Whether an event names it that says that the run has ended.
    pub(super) at_end: bool,
}

/// Of what a facet tells, and which it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) of: Of,
    pub(super) key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Run,
    Job,
    Dataset(Side, String),
}

/// A facet, whole, or why it is set aside.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facet {
    pub(super) told_at: DateTime<Utc>,
    pub(super) value: Value,
}

impl Told {
    /// Adds what others have told of the same run.
    pub(crate) fn join(&mut self, other: Self) {
        self.head.join(other.head);
        for (key, dataset) in other.datasets {
            match self.datasets.entry(key) {
                Entry::Vacant(free) => drop(free.insert(dataset)),
                Entry::Occupied(mut known) => known.get_mut().join(dataset),
            }
        }
        for (place, facet) in other.facets {
            match self.facets.entry(place) {
                Entry::Vacant(free) => drop(free.insert(facet)),
                Entry::Occupied(mut known) if facet.replaces(known.get()) => drop(known.insert(facet)),
                Entry::Occupied(_) => {}
            }
        }
    }
}

impl Job {
    /// A job, if the store can hold its name.
    pub(super) fn named(told_at: DateTime<Utc>, namespace: &str, name: &str) -> Option<Self> {
        let (namespace, name) = (clean(namespace), clean(name));
        // Slashes between the two do not count in the name of the component.
        let bytes = [component(&namespace, &name).len(), namespace.len(), name.len()];
        let fits = !name.is_empty() && bytes.into_iter().all(|bytes| bytes <= LONGEST);
        fits.then_some(Self { is_own: true, told_at, namespace, name, producer: None })
    }
}

impl Head {
    fn join(&mut self, other: Self) {
        self.first_told_at = self.first_told_at.min(other.first_told_at);
        self.started_at = [self.started_at, other.started_at].into_iter().flatten().min();
        self.end = self.end.max(other.end);
        if other.job > self.job {
            self.job = other.job;
        }
    }
}

impl Dataset {
    fn join(&mut self, other: Self) {
        self.at_end |= other.at_end;
        // Two spellings of one place.
        if (&other.namespace, &other.name) < (&self.namespace, &self.name) {
            (self.namespace, self.name) = (other.namespace, other.name);
        }
    }
}

impl Facet {
    /// The later one stands, unless only the earlier can be used; of two of one moment, any one, as long as it is always the
    /// same.
    fn replaces(&self, known: &Self) -> bool {
        let rank = |facet: &Self| (!facet.is_set_aside(), facet.told_at);
        let text = |facet: &Self| facet.value.to_string();
        rank(self).cmp(&rank(known)).then_with(|| text(self).cmp(&text(known))).is_gt()
    }
}
