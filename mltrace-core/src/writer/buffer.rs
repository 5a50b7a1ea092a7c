//! Runs that wait to be written in the background: a bounded queue.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::RunEntry;

/// What may wait, in bytes of runs: about 30,000 small ones.
const CAPACITY: usize = 32 << 20;
/// What is written in one transaction, in bytes of runs: about 1,000 small ones.
const BATCH_BYTES: usize = 1 << 20;
/// How long a caller waits for room before its run is dropped. Until there is room again, no other waits.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Buffer {
    queue: Mutex<Queue>,
    room: Condvar,
    /// Runs that were taken off the queue and not written as yet. Held while they are written, so that they stay in order.
    taken: Mutex<VecDeque<RunEntry>>,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    runs: VecDeque<RunEntry>,
    /// Of these runs and those that were taken.
    count: usize,
    bytes: usize,
    dropped: u64,
    /// The last run that came was dropped.
    is_overrun: bool,
}

/// The first runs, as many as are written in one transaction.
fn first_batch(runs: &VecDeque<RunEntry>, most: usize) -> Vec<&RunEntry> {
    let mut bytes = 0;
    let fits = |(place, run): &(usize, &RunEntry)| {
        bytes += run.bytes();
        *place == 0 || bytes <= BATCH_BYTES
    };
    runs.iter().enumerate().take(most).take_while(fits).map(|(_, run)| run).collect()
}

/// What became of a run that came to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// No room was made in time.
    Dropped {
        /// The run before it was not dropped.
        is_first: bool,
    },
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self { queue: Mutex::default(), room: Condvar::new(), taken: Mutex::default(), capacity }
    }

    /// Queues a run. Where there is no room, calls `wake` and waits.
    pub(super) fn push(&self, run: RunEntry, wake: impl FnOnce()) -> Pushed {
        let bytes = run.bytes();
        // One that is greater than the queue is let in alone.
        let is_full = |queue: &mut Queue| queue.count > 0 && queue.bytes + bytes > self.capacity;
        let mut queue = self.queue();
        if is_full(&mut queue) && !queue.is_overrun {
            wake();
            queue = self.room.wait_timeout_while(queue, PATIENCE, is_full).unwrap_or_else(PoisonError::into_inner).0;
        }
        let was_overrun = queue.is_overrun;
        queue.is_overrun = is_full(&mut queue);
        if queue.is_overrun {
            queue.dropped += 1;
            return Pushed::Dropped { is_first: !was_overrun };
        }
        queue.count += 1;
        queue.bytes += bytes;
        queue.runs.push_back(run);
        Pushed::Queued
    }

    /// Hands the runs that are here now to `write`, in batches and in order, and says how many it is rid of. Where it fails
    /// they stay; but a run for which it fails though it does not for the next is handed to `refuse`, so that it holds up
    /// no other.
    pub(super) fn drain(
        &self,
        mut write: impl FnMut(&[&RunEntry]) -> Result<()>,
        mut refuse: impl FnMut(&RunEntry, Error),
    ) -> Result<usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.is_empty() {
            // Callers wait meanwhile: what is queued is not copied as a rule.
            mem::swap(&mut *taken, &mut self.queue().runs);
        } else {
            taken.append(&mut self.queue().runs);
        }
        let mut drained = 0;
        let mut most = usize::MAX;
        while !taken.is_empty() {
            let batch = first_batch(&taken, most);
            let count = match write(&batch) {
                Ok(()) => batch.len(),
                // However often it fails, it may be sound the next time.
                Err(error) if error.is_of_the_place() => return Err(error),
                Err(_) if batch.len() > 1 => {
                    most = 1;
                    continue;
                }
                Err(error) => {
                    // Is it the run or the store?
                    if taken.get(1).is_none_or(|next| write(&[next]).is_err()) {
                        return Err(error);
                    }
                    refuse(batch[0], error);
                    2
                }
            };
            // From one to many again, should there have been trouble.
            most = most.saturating_mul(2);
            self.forget(taken.drain(..count));
            drained += count;
        }
        Ok(drained)
    }

    /// Makes room.
    fn forget(&self, runs: impl Iterator<Item = RunEntry>) {
        let (count, bytes) = runs.fold((0, 0), |(count, bytes), run| (count + 1, bytes + run.bytes()));
        let mut queue = self.queue();
        queue.count -= count;
        queue.bytes -= bytes;
        drop(queue);
        self.room.notify_all();
    }

    /// Drops all that is here, because it can be written no more, and says how many runs that were.
    pub(super) fn give_up(&self) -> usize {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queue = self.queue();
        let lost = queue.count;
        *queue = Queue { dropped: queue.dropped + lost as u64, ..Queue::default() };
        taken.clear();
        lost
    }

    /// Counts a run that the store refused.
    pub(super) fn count_refused(&self) {
        self.queue().dropped += 1;
    }

    /// How many runs wait, and how many were dropped.
    pub(super) fn counts(&self) -> (usize, u64) {
        let queue = self.queue();
        (queue.count, queue.dropped)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::run;

    fn names(batch: &[&RunEntry]) -> Vec<String> {
        batch.iter().map(|run| run.definition.component.clone()).collect()
    }

    #[allow(clippy::needless_pass_by_value, reason = "what `drain` calls takes it")]
    fn never(run: &RunEntry, error: Error) {
        panic!("{} was refused: {error}", run.definition.component);
    }

    fn full() -> Buffer {
        let one = run("a", 0, 1);
        let buffer = Buffer::with_capacity(2 * one.bytes());
        buffer.push(one, || ());
        buffer.push(run("b", 0, 1), || ());
        buffer
    }

    #[test]
    fn what_cannot_be_written_stays_and_comes_first_next_time() {
        let buffer = full();
        let failed = buffer.drain(|_| Err(Error::new(ErrorKind::Busy, "locked")), never);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(buffer.counts(), (2, 0));
        let mut written = Vec::new();
        let keep = |batch: &[&RunEntry]| {
            written.extend(names(batch));
            Ok(())
        };
        assert_eq!(buffer.drain(keep, never).unwrap(), 2);
        assert_eq!(written, ["a", "b"]);
        assert_eq!(buffer.counts(), (0, 0));
    }

    #[test]
    fn a_full_queue_waits_to_a_limit_and_then_drops_at_once_until_there_is_room() {
        let buffer = full();
        let woken = AtomicBool::new(false);
        let begun = Instant::now();
        assert_eq!(
            buffer.push(run("c", 0, 1), || woken.store(true, Ordering::Relaxed)),
            Pushed::Dropped { is_first: true }
        );
        assert!(woken.into_inner() && begun.elapsed() >= PATIENCE);
        let begun = Instant::now();
        assert_eq!(buffer.push(run("d", 0, 1), || ()), Pushed::Dropped { is_first: false });
        assert!(begun.elapsed() < PATIENCE);
        assert_eq!(buffer.counts(), (2, 2));
        buffer.drain(|_| Ok(()), never).unwrap();
        assert_eq!(buffer.push(run("e", 0, 1), || ()), Pushed::Queued);
    }

    #[test]
    fn a_caller_that_waits_for_room_goes_on_when_there_is_some() {
        let buffer = full();
        thread::scope(|scope| {
            let writes = || scope.spawn(|| buffer.drain(|_| Ok(()), never));
            let pushed = buffer.push(run("c", 0, 1), || drop(writes()));
            assert_eq!(pushed, Pushed::Queued);
        });
    }

    #[test]
    fn a_run_greater_than_the_queue_is_let_in_alone() {
        let buffer = Buffer::with_capacity(1);
        assert_eq!(buffer.push(run("a", 0, 1), || ()), Pushed::Queued);
        assert!(matches!(buffer.push(run("b", 0, 1), || ()), Pushed::Dropped { .. }));
    }

    #[test]
    fn batches_are_bounded() {
        let buffer = Buffer::new();
        let bytes = run("stage", 0, 1).bytes();
        let runs = 2 * (BATCH_BYTES / bytes);
        for _ in 0..runs {
            buffer.push(run("stage", 0, 1), || ());
        }
        let mut batches = Vec::new();
        buffer
            .drain(
                |batch| {
                    batches.push(batch.len());
                    Ok(())
                },
                never,
            )
            .unwrap();
        assert_eq!(batches, [runs / 2, runs / 2]);
    }

    /// Queues runs, of which one makes every transaction fail that it is in, and says which were written and refused.
    fn drain_around(bad: &str, count: usize) -> (Result<usize>, Vec<String>, Vec<String>) {
        let buffer = Buffer::new();
        for number in 0..count {
            buffer.push(run(&number.to_string(), 0, 1), || ());
        }
        let (mut written, mut refused) = (Vec::new(), Vec::new());
        let write = |batch: &[&RunEntry]| {
            let names = names(batch);
            if names.iter().any(|name| name == bad) {
                return Err(Error::new(ErrorKind::Damaged, "a page that this run needs is damaged"));
            }
            written.extend(names);
            Ok(())
        };
        let drained = buffer.drain(write, |run, _| refused.push(run.definition.component.clone()));
        assert_eq!(buffer.counts().0, count - drained.as_ref().copied().unwrap_or(written.len()));
        (drained, written, refused)
    }

    #[test]
    fn a_run_by_which_every_transaction_fails_is_refused_and_those_behind_it_are_written_in_order() {
        for bad in [0, 1, 57, 98] {
            let (drained, written, refused) = drain_around(&bad.to_string(), 100);
            assert_eq!((drained.unwrap(), refused), (100, vec![bad.to_string()]));
            assert!(
                written.iter().map(|name| name.parse::<i32>().unwrap()).eq((0..100).filter(|&number| number != bad))
            );
        }
    }

    #[test]
    fn the_last_run_stays_when_it_fails_for_it_may_be_the_store_that_does() {
        let (drained, written, refused) = drain_around("99", 100);
        assert_eq!((drained.unwrap_err().kind(), written.len(), refused), (ErrorKind::Damaged, 99, Vec::new()));
    }

    #[test]
    fn no_run_is_refused_for_trouble_with_the_place_however_many_attempts_it_lasts() {
        for kind in [ErrorKind::Io, ErrorKind::Busy, ErrorKind::ReadOnly, ErrorKind::NotFound, ErrorKind::NotAStore] {
            for failures in 1..5 {
                let buffer = full();
                let mut attempts = 0;
                let mut drain = || {
                    let write = |_: &[&RunEntry]| {
                        attempts += 1;
                        if attempts <= failures { Err(Error::new(kind, "for a while")) } else { Ok(()) }
                    };
                    buffer.drain(write, never)
                };
                let drained = (0..=failures).map(|_| drain()).filter_map(Result::ok).sum::<usize>();
                assert_eq!((drained, buffer.counts()), (2, (0, 0)), "{kind:?} for {failures} attempts");
            }
        }
    }

    #[test]
    fn what_is_given_up_is_counted_as_dropped() {
        let buffer = full();
        assert_eq!(buffer.give_up(), 2);
        assert_eq!(buffer.counts(), (0, 2));
    }
}
