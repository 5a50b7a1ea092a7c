//! What a `fork` must not share. SQLite knows which locks a process holds by its own books; a child inherits the books and
//! not the locks, so that its parent could take away the log under it. So the stores' connections are closed before a
//! fork, and parent and child open their own when they need them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many forks lie between the program that was started and this process.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// How many threads are between the moment at which they begin to close connections and that at which they have forked.
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);

pub(crate) fn depth() -> u32 {
    DEPTH.load(Ordering::Relaxed)
}

/// Whether a thread of this process is about to fork.
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::SeqCst) > 0
}

/// Waits for a fork that is under way, but not for ever.
pub(crate) fn let_pass(at_most: Duration) {
    if !is_under_way() {
        return;
    }
    let deadline = Instant::now() + at_most;
    while is_under_way() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is called in each process that is about to fork.
static PREPARE: OnceLock<fn()> = OnceLock::new();

/// Has a function called in each process that is about to fork, on the thread that does. It does not panic.
pub(crate) fn before_fork(prepare: fn()) {
    let _ = PREPARE.set(prepare);
    notice_forks();
}

#[cfg(unix)]
extern "C" fn before() {
    UNDER_WAY.fetch_add(1, Ordering::SeqCst);
    if let Some(prepare) = PREPARE.get() {
        prepare();
    }
}

#[cfg(unix)]
extern "C" fn in_parent() {
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
}

#[cfg(unix)]
extern "C" fn in_child() {
    DEPTH.fetch_add(1, Ordering::Relaxed);
    // Other threads that were about to fork are not here.
    UNDER_WAY.store(0, Ordering::SeqCst);
}

/// From now on, once this has returned, forks are counted. Not by a `Once`, for which a child that is forked off meanwhile
/// would wait for ever. Threads that come at the same time each register, and a fork then counts for several, which is as
/// good.
#[cfg(unix)]
fn notice_forks() {
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    if IS_REGISTERED.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: `pthread_atfork` takes plain functions of C calling convention, and these do not unwind.
    #[allow(unsafe_code, reason = "the standard library has no hook for a fork")]
    let registered = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    if registered != 0 {
        tracing::warn!("cannot register for forks of this process: a child of it must not trace");
    }
    IS_REGISTERED.store(true, Ordering::Release);
}

/// There is no `fork` here.
#[cfg(not(unix))]
fn notice_forks() {}

/// A value that each process has for itself. What a child inherits is neither used nor dropped by it.
pub(crate) struct PerProcess<T> {
    value: OnceLock<T>,
    in_child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self { value: OnceLock::new(), in_child: OnceLock::new() }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let mut own = self;
        for _ in 0..depth() {
            own = own.in_child.get_or_init(|| Box::new(Self::new()));
        }
        if own.value.get().is_none() {
            // Before the value is begun: a child that is not counted would wait for the parent's thread that makes it.
            notice_forks();
        }
        own.value.get_or_init(make)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_fork_is_under_way_until_the_last_of_several_threads_has_forked() {
        before();
        before();
        in_parent();
        assert!(is_under_way());
        in_parent();
        assert!(!is_under_way());
    }
}
