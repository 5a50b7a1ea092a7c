//! Runs of a store, sent out as events of OpenLineage.
//!
//! The store is the outbox: what was sent is remembered in a file beside it, so that nothing is lost when the sender, the
//! program that traces, or who collects dies. An event is sent until it is acknowledged, in order: that a run starts before
//! that it has ended. Where an acknowledgement was lost it is sent again.

mod collector;
mod cursor;
mod parent;
mod said;

use std::path::Path;
use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mltrace_core::{Result, RunId, RunRecord, Tracer};
use serde::Serialize;

pub use collector::Collector;
use collector::Refused;
use cursor::Cursor;
pub use parent::Parent;
use said::{Kind, Said};

/// How many runs are looked at together.
const PAGE: i64 = 100;
/// A run that lasts is recorded a second after its start, so that it may be after those that it calls. The rest is for a
/// machine that has much to do.
const LATEST: TimeDelta = TimeDelta::seconds(5);
/// Between two looks at whether it is there.
const PAUSE: Duration = Duration::from_millis(50);

/// What sends the runs of a store.
///
/// ```no_run
/// use mltrace_core::Tracer;
/// use mltrace_server::{Collector, Emitter};
///
/// let store = std::path::Path::new("pipeline.db");
/// let tracer = Tracer::open_existing(store)?;
/// let mut emitter = Emitter::new(tracer, store, Collector::at("http://localhost:5000"))?;
/// let sent = emitter.send()?;
/// println!("{} events", sent.events);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Emitter {
    tracer: Tracer,
    collector: Collector,
    cursor: Cursor,
    sent: Sent,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Events that were acknowledged.
    pub events: u64,
    /// Events that were refused for good, so that they were left out; each is told by an event of `tracing`.
    pub refused: u64,
}

/// Why something was not sent. What was sent before is remembered; to send again goes on from there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unsent {
    /// Nothing can ever be sent so: the address is none, or not one of plain HTTP, or the key cannot be sent.
    Unusable(String),
    /// Who collects cannot be reached, or cannot take anything now.
    Unavailable(String),
    /// Who collects takes nothing from this sender, or is not at this address.
    Denied(String),
    /// The store cannot be read, or not be remembered what was sent.
    Store(String),
}

impl std::fmt::Display for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Unusable(message) | Self::Unavailable(message) | Self::Denied(message) | Self::Store(message)) =
            self;
        f.write_str(message)
    }
}

impl std::error::Error for Unsent {}

impl From<mltrace_core::Error> for Unsent {
    fn from(error: mltrace_core::Error) -> Self {
        Self::Store(error.to_string())
    }
}

impl Emitter {
    /// Goes on where the last one ended that sent this store, whose file this is, to this collector.
    ///
    /// # Errors
    /// Nothing can be sent to this collector, or what is remembered beside the store cannot be read.
    pub fn new(tracer: Tracer, store: &Path, collector: Collector) -> Result<Self, Unsent> {
        collector.check().map_err(Unsent::Unusable)?;
        let cursor = Cursor::beside(store, &collector.address()).map_err(|error| unreadable(&error))?;
        Ok(Self { tracer, collector, cursor, sent: Sent::default() })
    }

    /// Sends all that was not sent, and gives what was since the last call.
    ///
    /// Runs that came as events are left out: whoever sent them here sends them elsewhere, too. For a run that has only just
    /// begun this waits a few seconds, until the one that called it is known.
    ///
    /// # Errors
    /// Not all of it could be sent. What was is remembered, and counts in the next answer.
    pub fn send(&mut self) -> Result<Sent, Unsent> {
        self.send_ends()?;
        self.send_new()?;
        Ok(std::mem::take(&mut self.sent))
    }

    /// What was sent since the last call that could send all.
    pub fn so_far(&self) -> Sent {
        self.sent
    }

    /// Ends of runs that were open when they were sent.
    fn send_ends(&mut self) -> Result<(), Unsent> {
        let open: Vec<RunId> = self.cursor.open().collect();
        let runs = self.tracer.runs(&open)?;
        for run in &runs {
            if self.cursor.awaits(run.id, run.status) {
                self.say(Kind::End, run)?;
                self.remember_end(run)?;
            }
        }
        for gone in open.into_iter().filter(|id| runs.iter().all(|run| run.id != *id)) {
            self.cursor.close(gone);
        }
        Ok(())
    }

    /// Runs that were recorded since.
    fn send_new(&mut self) -> Result<(), Unsent> {
        if let Some((id, uuid)) = self.cursor.last()
            && self.tracer.runs(&[id])?.first().is_none_or(|run| run.uuid != uuid)
        {
            // It was deleted, and the store can give its number to another; to send all again does no harm.
            self.cursor.rewind();
        }
        let newest = self.tracer.recent(1)?.items.first().map_or(0, |run| run.id.0);
        let mut from = self.cursor.last().map_or(0, |(id, _)| id.0) + 1;
        while from <= newest {
            let ids: Vec<RunId> = (from..(from + PAGE).min(newest + 1)).map(RunId).collect();
            for run in self.tracer.runs(&ids)? {
                self.send_run(&run)?;
            }
            from += PAGE;
        }
        Ok(())
    }

    /// Each step is remembered before the next one is tried, or a collector that fails at every other event would be sent
    /// the same two for ever.
    fn send_run(&mut self, run: &RunRecord) -> Result<(), Unsent> {
        let is_ours = super::Told::of_params(&run.params).is_none();
        if is_ours {
            self.wait_for_parent(run)?;
            self.say(Kind::Start, run)?;
            self.cursor.open_run(run.id);
        }
        self.cursor.pass(run.id, run.uuid).map_err(|error| unwritable(&error))?;
        if self.cursor.awaits(run.id, run.status) {
            self.say(Kind::End, run)?;
            self.remember_end(run)?;
        }
        Ok(())
    }

    /// Whoever follows would see many a run before the one that called it, whose name its events carry.
    fn wait_for_parent(&self, run: &RunRecord) -> Result<(), Unsent> {
        let Some(parent) = run.parent else { return Ok(()) };
        let is_young = || (TimeDelta::zero()..LATEST).contains(&(Utc::now() - run.started_at));
        while is_young() && self.tracer.run_id(parent)?.is_none() {
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn remember_end(&mut self, run: &RunRecord) -> Result<(), Unsent> {
        self.cursor.end(run.id, run.status);
        self.cursor.save().map_err(|error| unwritable(&error))
    }

    fn say(&mut self, kind: Kind, run: &RunRecord) -> Result<(), Unsent> {
        let event = Said { tracer: &self.tracer, collector: &self.collector }.event(kind, run)?;
        match self.collector.send(&event) {
            Ok(()) => self.sent.events += 1,
            Err(Refused::Event(reason)) => {
                tracing::warn!(run = %run.uuid, reason, "an event is left out: who collects refuses it");
                self.sent.refused += 1;
            }
            Err(Refused::Now(reason)) => return Err(Unsent::Unavailable(reason)),
            Err(Refused::All(reason)) => return Err(Unsent::Denied(reason)),
        }
        Ok(())
    }
}

fn unreadable(error: &std::io::Error) -> Unsent {
    Unsent::Store(format!("what was sent is not known: {error}"))
}

fn unwritable(error: &std::io::Error) -> Unsent {
    Unsent::Store(format!("what was sent cannot be remembered: {error}"))
}
