//! Group commit by leader and followers. Who finds nobody leading leads: does its own job and, in the same commit, those
//! that wait; the others wait to be told. So a lone caller meets no other thread, and many share the cost of a commit.
//!
//! A leader serves one batch and hands over to the first who came after it, so that nobody works for others for long.

use std::collections::VecDeque;
// Of the standard library, or of the model that tries the orders in which threads can take turns.
use super::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How much a leader takes along, in bytes of jobs.
pub(super) const BATCH_BYTES: usize = 256 << 10;

pub(super) struct Group<J, R> {
    state: Mutex<State<J, R>>,
}

pub(super) struct State<J, R> {
    pub(super) is_led: bool,
    pub(super) waiting: VecDeque<Follower<J, R>>,
}

/// A job that waits for a leader.
pub(super) struct Follower<J, R> {
    job: J,
    bytes: usize,
    seat: Arc<Seat<J, R>>,
}

/// Where a follower waits.
struct Seat<J, R> {
    told: Mutex<Option<Told<J, R>>>,
    changed: Condvar,
}

enum Told<J, R> {
    /// It was done, with this result.
    Done(R),
    /// Whoever led has handed over.
    Lead(J),
}

impl<J, R> Group<J, R> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { is_led: false, waiting: VecDeque::new() }) }
    }

    /// Has a job done, by `commit` on this thread or on another's: it gives a result for each job, in their order.
    pub(super) fn put(&self, job: J, bytes: usize, commit: impl FnOnce(&[&J]) -> Vec<R>) -> R {
        let job = match self.lead_or_wait(job, bytes) {
            Told::Done(result) => return result,
            Told::Lead(job) => job,
        };
        let mut leading = Leading { group: self, followers: self.batch(bytes) };
        let jobs: Vec<&J> =
            std::iter::once(&job).chain(leading.followers.iter().map(|follower| &follower.job)).collect();
        let mut results = commit(&jobs);
        assert_eq!(results.len(), jobs.len(), "a result for each job");
        drop(jobs);
        let followers = std::mem::take(&mut leading.followers);
        // First, so that the next can begin while these are told.
        drop(leading);
        for (follower, result) in followers.into_iter().zip(results.drain(1..)) {
            follower.seat.tell(Told::Done(result));
        }
        results.remove(0)
    }

    fn lead_or_wait(&self, job: J, bytes: usize) -> Told<J, R> {
        let mut state = self.state();
        if !state.is_led {
            state.is_led = true;
            return Told::Lead(job);
        }
        let seat = Arc::new(Seat { told: Mutex::new(None), changed: Condvar::new() });
        state.waiting.push_back(Follower { job, bytes, seat: Arc::clone(&seat) });
        drop(state);
        seat.wait()
    }

    /// Those who waited first, as many as a leader takes along beside its own job.
    fn batch(&self, own: usize) -> Vec<Follower<J, R>> {
        let mut state = self.state();
        let mut bytes = own;
        let fits = |follower: &&Follower<J, R>| {
            bytes += follower.bytes;
            bytes <= BATCH_BYTES
        };
        let count = state.waiting.iter().take_while(fits).count();
        state.waiting.drain(..count).collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<J, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands over when dropped, also by a panic; those who have not been told then wait on, before all others.
struct Leading<'g, J, R> {
    group: &'g Group<J, R>,
    followers: Vec<Follower<J, R>>,
}

impl<J, R> Drop for Leading<'_, J, R> {
    fn drop(&mut self) {
        let mut state = self.group.state();
        for follower in self.followers.drain(..).rev() {
            state.waiting.push_front(follower);
        }
        let next = state.waiting.pop_front();
        state.is_led = next.is_some();
        drop(state);
        if let Some(Follower { job, seat, .. }) = next {
            seat.tell(Told::Lead(job));
        }
    }
}

impl<J, R> Seat<J, R> {
    fn tell(&self, told: Told<J, R>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        self.changed.notify_one();
    }

    fn wait(&self) -> Told<J, R> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match told.take() {
                Some(told) => return told,
                None => told = self.changed.wait(told).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
