//! The thread that writes in the background. It polls rather than being woken: waking costs the caller far more than the
//! push into a queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fork;
use crate::record::harmless;

const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A thread that is started when it is first needed.
pub(super) struct Background {
    depth: u32,
    is_closing: Arc<AtomicBool>,
    thread: OnceLock<Option<JoinHandle<()>>>,
}

impl Background {
    pub(super) fn new() -> Self {
        Self { depth: fork::depth(), is_closing: Arc::default(), thread: OnceLock::new() }
    }

    /// Has `work` called again and again: soon where it says that there was something to do, else later and later. Says
    /// whether there is a thread for it.
    pub(super) fn start<W: FnMut() -> bool + Send + 'static>(&self, work: impl FnOnce() -> W) -> bool {
        let spawn = || {
            let is_closing = Arc::clone(&self.is_closing);
            let mut work = work();
            let poll = move || {
                let mut pause = SHORTEST_PAUSE;
                while !is_closing.load(Ordering::Acquire) {
                    thread::park_timeout(pause);
                    let was_busy = harmless("write in the background", &mut work).unwrap_or_default();
                    pause = if was_busy { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                }
            };
            thread::Builder::new().name("mltrace-write".to_owned()).spawn(poll).ok()
        };
        self.thread.get_or_init(spawn).is_some()
    }

    /// Does not wait for the next poll.
    pub(super) fn wake(&self) {
        if let Some(Some(thread)) = self.thread.get() {
            thread.thread().unpark();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::Release);
        if self.depth == fork::depth() {
            self.wake();
        }
        // What the thread works on may hold the last reference to this, and nobody waits for himself.
        match self.thread.take() {
            // Nor is there such a thread in a process that was forked off.
            Some(Some(thread)) if self.depth != fork::depth() => std::mem::forget(thread),
            Some(Some(thread)) if thread.thread().id() != thread::current().id() => drop(thread.join()),
            _ => {}
        }
    }
}
