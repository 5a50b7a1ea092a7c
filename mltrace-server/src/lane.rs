//! Threads on which the store is asked, so that no thread of the runtime waits for it. What waits is bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use mltrace_core::Tracer;
use tokio::sync::oneshot;

use crate::problem::Problem;

type Job = Box<dyn FnOnce(&Tracer) + Send>;

/// Some threads that take turns at one queue. They end when the last lane is dropped and the queue is empty.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    queue: SyncSender<Job>,
}

impl Lane {
    /// A thread for each tracer, and room for so many who wait.
    pub(crate) fn new(name: &str, tracers: impl IntoIterator<Item = Tracer>, room: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(room);
        let jobs = Arc::new(Mutex::new(jobs));
        for tracer in tracers {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = next(&jobs) {
                    job(&tracer);
                }
            })?;
        }
        Ok(Self { queue })
    }

    /// Does a job on one of the threads. One whose asker has gone before its turn is left out.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Tracer) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        let job = move |tracer: &Tracer| {
            if reply.is_closed() {
                return;
            }
            if let Ok(done) = catch_unwind(AssertUnwindSafe(|| job(tracer))) {
                // Who asked may have gone meanwhile.
                let _gone = reply.send(done);
            }
        };
        let full = |_| Problem::overloaded("too many requests wait for the store");
        self.queue.try_send(Box::new(job)).map_err(full)?;
        answer.await.map_err(|_| Problem::internal())
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
