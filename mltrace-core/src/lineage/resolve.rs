//! Which run does an input depend on?
//!
//! Candidates for an input of run R are the runs other than R that output its name and began no later than R ended; the
//! latest is the one with the greatest (end, start, uuid). The capture is the moment the name was read.
//!
//! 1. Wrote exactly the version read, and ended by the capture: the latest, whatever its status. Bytes are proof.
//! 2. Wrote exactly that version, not ended by then: the latest, marked overlapping.
//! 3. The latest that ended by the capture, completed runs before the others. Where both versions are present, of one
//!    kind, and differ: a run that was open at the capture, marked overlapping; else none, if R wrote the version
//!    itself; else this run, marked modified.
//! 4. Else the latest candidate, marked overlapping.
//!
//! Every edge is a function of what the store holds, and a write resolves again whatever it can change, so the order in
//! which runs arrive does not matter.

use crate::error::Result;
use crate::model::{Match, Process, RunEntry, RunId};
use crate::store::{Change, ComponentId, OPEN, Producer, Proof, Put, Reading, Rules, View, Write};

/// Writes a run, as one of a process if it is known, and brings every edge that it can change up to date.
pub(crate) fn put_run<'p>(tx: &Write<'_>, entry: &RunEntry, process: impl Into<Option<&'p Process>>) -> Result<Put> {
    resolved(tx, tx.put_run(entry, process.into(), &RULES)?)
}

/// Writes a run in place of what the store knows of it, and brings every edge that this can change up to date.
#[cfg(feature = "care")]
pub(crate) fn replace_run(tx: &Write<'_>, entry: &RunEntry) -> Result<Put> {
    resolved(tx, tx.replace_run(entry, &RULES)?)
}

const RULES: Rules<'static> = Rules { input: &producer_of, declared: &declared };

fn resolved(tx: &Write<'_>, put: Put) -> Result<Put> {
    if let Some(change) = &put.change {
        resolve_again(tx, change)?;
    }
    Ok(put)
}

/// The run that an input depends on.
pub(super) fn producer_of(view: &View<'_>, reading: &Reading) -> Result<Option<Proof>> {
    if let Some(version) = reading.version {
        if let Some(producer) = view.exact_ended(reading, version)? {
            return Ok(Some(proof(producer, Match::Version)));
        }
        if let Some(producer) = view.exact_open(reading, version)? {
            return Ok(Some(Proof { overlapping: true, ..proof(producer, Match::Version) }));
        }
    }
    let Some(latest) = view.named_ended(reading)? else {
        let later = view.named_later(reading)?;
        return Ok(later.map(|producer| Proof { overlapping: true, ..proof(producer, Match::Name) }));
    };
    let by_name = proof(latest, Match::Name);
    let Some(version) = reading.version else { return Ok(Some(by_name)) };
    if !view.wrote_comparable(latest.run, reading.name, version)? {
        return Ok(Some(by_name));
    }
    if let Some(open) = view.named_open(reading)? {
        return Ok(Some(Proof { overlapping: true, ..proof(open, Match::Name) }));
    }
    if view.wrote(reading.run, reading.name, version)? {
        return Ok(None);
    }
    Ok(Some(Proof { modified: true, ..by_name }))
}

fn proof(producer: Producer, matched: Match) -> Proof {
    Proof { upstream: producer.run, matched, modified: false, overlapping: false }
}

/// The latest run of a component declared upstream that had ended when the run started.
fn declared(view: &View<'_>, component: ComponentId, run: RunId, started_at: i64) -> Result<Option<RunId>> {
    view.latest_run(component, started_at, run)
}

/// Resolves again the inputs of other runs that a write can have changed: those of the names it touched, in runs that
/// ended at or after it began; and declared dependencies on its component, of runs that started at or after it ended.
fn resolve_again(tx: &Write<'_>, change: &Change) -> Result<()> {
    for &name in &change.names {
        for reading in tx.readings_of(name, change.began_at, change.run)? {
            tx.set_edge(&reading, producer_of(tx, &reading)?)?;
        }
    }
    if change.ended_at < OPEN {
        for (run, started_at) in tx.declarations_of(change.component, change.ended_at)? {
            tx.set_declared(run, change.component, declared(tx, change.component, run, started_at)?)?;
        }
    }
    Ok(())
}
