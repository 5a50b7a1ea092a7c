//! Threads on which the store is asked, so that no thread of the runtime waits for it. What waits is bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use mltrace_core::Tracer;
use tokio::sync::oneshot;
use tracing::Span;

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
        // What is logged meanwhile is of this request.
        let span = Span::current();
        let job = move |tracer: &Tracer| {
            if reply.is_closed() {
                return;
            }
            let job = || catch_unwind(AssertUnwindSafe(|| job(tracer))).map_err(|cause| Problem::panicked(&*cause));
            // Who asked may have gone meanwhile.
            let _gone = reply.send(span.in_scope(job));
        };
        let full = |_| Problem::overloaded("too many requests wait for the store");
        self.queue.try_send(Box::new(job)).map_err(full)?;
        answer.await.map_err(|_| Problem::internal())?
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::response::IntoResponse;
    use tracing::Instrument;

    use super::*;

    /// What every thread logs.
    static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    struct Log;

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LOG.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_told_of_with_its_request_and_ends_no_thread() {
        let subscriber = tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let lane = Lane::new("test", [Tracer::in_memory().unwrap()], 1).unwrap();
        let asked = lane.run(|_| panic!("no way {}", 7)).instrument(tracing::info_span!("request", id = "a-b-c"));
        let problem: Result<(), Problem> = asked.await;
        assert_eq!(problem.unwrap_err().into_response().status(), 500);
        assert_eq!(lane.run(|_| 1).await, Ok(1));
        let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
        let told = log.lines().find(|line| line.contains("no way 7")).unwrap();
        assert!(told.contains("request{id=\"a-b-c\"}"), "{told}");
    }
}
