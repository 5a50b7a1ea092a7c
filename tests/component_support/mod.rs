//! What the tests of the attribute share: code in, the runs it recorded out.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mltrace::{RunRecord, Tracer};

/// The runs that some code records, in the order in which they ended.
pub(crate) fn recorded(code: impl FnOnce()) -> Vec<RunRecord> {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let guard = mltrace::scoped(&tracer);
    code();
    drop(guard);
    let mut runs = tracer.recent(100).expect("the runs").items;
    runs.sort_by_key(|run| run.id);
    runs
}

/// The one run that some code records.
pub(crate) fn recorded_once(code: impl FnOnce()) -> RunRecord {
    let mut runs = recorded(code);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

/// The names of what was read.
pub(crate) fn inputs(run: &RunRecord) -> Vec<String> {
    run.inputs.iter().map(|input| input.pointer.name.clone()).collect()
}

/// The names of what was written.
pub(crate) fn outputs(run: &RunRecord) -> Vec<String> {
    run.outputs.iter().map(|output| output.name.clone()).collect()
}

/// Polls a future until it is done; for those that never wait for anything else.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Waits for one more poll.
pub(crate) async fn one_poll_later() {
    let mut polled = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}
