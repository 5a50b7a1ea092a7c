//! The thread that logs runs. Whatever waits when it turns to its queue is committed together, so that requests share a
//! commit as callers of the library do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{io, thread};

use mltrace_core::{Reported, Result, RunReport, Tracer};
use tokio::sync::oneshot;

use crate::problem::Problem;

/// How many runs are committed together, unless one request has more.
const BATCH: usize = 1_000;

type Answer = Result<Vec<Result<Reported>>, Problem>;

struct Job {
    runs: Vec<RunReport>,
    reply: oneshot::Sender<Answer>,
}

/// The way to that thread, which ends when the last way is dropped and the queue is empty.
#[derive(Clone)]
pub(crate) struct Logger {
    queue: SyncSender<Job>,
}

impl Logger {
    /// With room for so many requests that wait.
    pub(crate) fn new(tracer: Tracer, room: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(room);
        thread::Builder::new().name("mltrace-logger".to_owned()).spawn(move || serve(&tracer, &jobs))?;
        Ok(Self { queue })
    }

    /// Commits runs, each by itself; gives what came of each in their order.
    pub(crate) async fn log(&self, runs: Vec<RunReport>) -> Result<Vec<Result<Reported>>, Problem> {
        let (reply, answer) = oneshot::channel();
        let full = |_| Problem::overloaded("too many runs wait to be written");
        self.queue.try_send(Job { runs, reply }).map_err(full)?;
        answer.await.map_err(|_| Problem::internal())?
    }
}

fn serve(tracer: &Tracer, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut count = first.runs.len();
        let mut batch = vec![first];
        while count < BATCH
            && let Ok(job) = jobs.try_recv()
        {
            count += job.runs.len();
            batch.push(job);
        }
        // A panic must end neither this thread nor the requests that come later.
        let committed = catch_unwind(AssertUnwindSafe(|| commit(tracer, batch)));
        if committed.is_err() {
            tracing::error!("a fault in mltrace itself: writing runs panicked; they were not written");
        }
    }
}

fn commit(tracer: &Tracer, batch: Vec<Job>) {
    let mut replies = Vec::with_capacity(batch.len());
    let mut runs = Vec::new();
    for job in batch {
        replies.push((job.runs.len(), job.reply));
        runs.extend(job.runs);
    }
    let written = tracer.log_reports(runs).map_err(Problem::from);
    let mut written = written.map(Vec::into_iter);
    for (count, reply) in replies {
        let answer = match &mut written {
            Ok(written) => Ok(written.by_ref().take(count).collect()),
            Err(problem) => Err(problem.clone()),
        };
        // Who asked may have gone meanwhile.
        let _gone = reply.send(answer);
    }
}
