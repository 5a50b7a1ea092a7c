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
const PAGE: u32 = 100;
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
        let last = self.last_sent()?;
        self.send_ends()?;
        self.send_new(last)?;
        Ok(std::mem::take(&mut self.sent))
    }

    /// What was sent since the last call that could send all.
    pub fn so_far(&self) -> Sent {
        self.sent
    }

    /// Ends of runs that were open when they were sent.
    fn send_ends(&mut self) -> Result<(), Unsent> {
        let open: Vec<RunId> = self.cursor.open().collect();
        let mut briefs = self.tracer.briefs(&open)?;
        briefs.sort_unstable_by_key(|brief| brief.id);
        for gone in open.into_iter().filter(|id| briefs.binary_search_by_key(id, |brief| brief.id).is_err()) {
            self.cursor.close(gone);
        }
        for brief in briefs {
            if self.cursor.awaits(brief.id, brief.status)
                && let Some(run) = self.run(brief.id)?
                // One that was lost may have come back meanwhile.
                && self.cursor.awaits(run.id, run.status)
            {
                self.send_end(&run)?;
            }
        }
        Ok(())
    }

    /// Runs that were recorded since the last one.
    fn send_new(&mut self, mut last: RunId) -> Result<(), Unsent> {
        loop {
            let briefs = self.tracer.briefs_after(last, PAGE)?;
            for brief in &briefs {
                if let Some(run) = self.run(brief.id)? {
                    self.send_run(&run)?;
                }
            }
            let Some(brief) = briefs.last() else { return Ok(()) };
            last = brief.id;
            self.save()?;
        }
    }

    /// The run up to which all were sent.
    fn last_sent(&mut self) -> Result<RunId, Unsent> {
        let Some((last, uuid)) = self.cursor.last() else { return Ok(RunId(0)) };
        let is_there = self.tracer.run_id(uuid)? == Some(last);
        let is_free = || Ok::<_, Unsent>(self.tracer.briefs(&[last])?.is_empty());
        let is_below = || Ok::<_, Unsent>(!self.tracer.briefs_after(last, 1)?.is_empty());
        if is_there || is_free()? && is_below()? {
            return Ok(last);
        }
        // It was deleted when it was the last one, so that its number, and some before it, may be those of others now. To
        // send all again does no harm.
        self.cursor.rewind();
        Ok(RunId(0))
    }

    /// Each step is remembered before the next one is tried, or a collector that fails at every other event would be sent
    /// the same two for ever.
    fn send_run(&mut self, run: &RunRecord) -> Result<(), Unsent> {
        if !is_from_here(run) {
            self.cursor.pass(run.id, run.uuid);
            return Ok(());
        }
        self.wait_for_parent(run)?;
        self.say(Kind::Start, run)?;
        self.cursor.open_run(run.id);
        self.cursor.pass(run.id, run.uuid);
        self.save()?;
        if self.cursor.awaits(run.id, run.status) { self.send_end(run) } else { Ok(()) }
    }

    fn send_end(&mut self, run: &RunRecord) -> Result<(), Unsent> {
        self.say(Kind::End, run)?;
        self.cursor.end(run.id, run.status);
        self.save()
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

    fn run(&self, id: RunId) -> Result<Option<RunRecord>, Unsent> {
        Ok(self.tracer.runs(&[id])?.pop())
    }

    fn save(&self) -> Result<(), Unsent> {
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

/// Whether a run did not come as events. Where `gc` has taken away by what that is told, it did not if it had a process.
fn is_from_here(run: &RunRecord) -> bool {
    super::Told::of_params(&run.params).is_none() && (run.collected_at.is_none() || run.host.is_some())
}

fn unreadable(error: &std::io::Error) -> Unsent {
    Unsent::Store(format!("what was sent is not known: {error}"))
}

fn unwritable(error: &std::io::Error) -> Unsent {
    Unsent::Store(format!("what was sent cannot be remembered: {error}"))
}
