//! The thread that logs runs. Whatever waits when it turns to its queue is committed together, so that requests share a
//! commit as callers of the library do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{io, thread};

use mltrace_core::{Reported, Result, Tracer};
use tokio::sync::oneshot;
use tracing::Span;

use crate::body::Sent;
use crate::problem::Problem;
use crate::reports::Reports;

/// How much is committed together, in bytes of bodies, unless one request has more.
const BATCH: usize = 1 << 20;

/// What a body held, and what came of each run in it that could be read.
type Logged = (Reports, Vec<Result<Reported>>);

struct Job {
    sent: Sent,
    /// How many runs it may hold.
    limit: usize,
    /// Of its request.
    span: Span,
    reply: oneshot::Sender<Result<Logged, Problem>>,
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

    /// Commits the runs of a body, each by itself.
    pub(crate) async fn log(&self, sent: Sent, limit: usize) -> Result<Logged, Problem> {
        let (reply, answer) = oneshot::channel();
        let full = |_| Problem::overloaded("too many runs wait to be written");
        self.queue.try_send(Job { sent, limit, span: Span::current(), reply }).map_err(full)?;
        answer.await.map_err(|_| Problem::internal())?
    }
}

fn serve(tracer: &Tracer, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut size = first.sent.bytes.len();
        let mut batch = vec![first];
        while size < BATCH
            && let Ok(job) = jobs.try_recv()
        {
            size += job.sent.bytes.len();
            batch.push(job);
        }
        let spans: Vec<Span> = batch.iter().map(|job| job.span.clone()).collect();
        // A panic must end neither this thread nor the requests that come later.
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| commit(tracer, batch))) {
            // Who asked is told as well, for nobody replies any more; whether the runs were written is not known.
            for span in spans {
                span.in_scope(|| Problem::panicked(&*cause));
            }
        }
    }
}

fn commit(tracer: &Tracer, batch: Vec<Job>) {
    let mut waiting = Vec::with_capacity(batch.len());
    let mut runs = Vec::new();
    for job in batch {
        match job.sent.json().and_then(|text| Reports::read(text, job.limit)) {
            Ok(mut reports) => {
                runs.append(&mut reports.runs);
                waiting.push((job, reports));
            }
            Err(refused) => reply(job, Err(refused)),
        }
    }
    let mut written = tracer.log_reports(runs).map(Vec::into_iter);
    for (job, reports) in waiting {
        let answer = match &mut written {
            Ok(written) => {
                let written = written.by_ref().take(reports.indexes.len()).collect();
                Ok((reports, written))
            }
            Err(_) if reports.indexes.is_empty() => Ok((reports, Vec::new())),
            Err(error) => Err(job.span.in_scope(|| Problem::of(error))),
        };
        reply(job, answer);
    }
}

fn reply(job: Job, answer: Result<Logged, Problem>) {
    // Who asked may have gone meanwhile.
    let _gone = job.reply.send(answer);
}
