//! What is done when the process ends: the global tracer is never dropped.

use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak, mpsc};
use std::time::Duration;
use std::{panic, thread};

use super::Writer;
use crate::fork::{self, PerProcess};
use crate::record::harmless;

/// A child that was forked off while another thread held the lock would wait for ever.
static OPEN_WRITERS: PerProcess<Mutex<Vec<Weak<Writer>>>> = PerProcess::new();

fn open_writers() -> MutexGuard<'static, Vec<Weak<Writer>>> {
    OPEN_WRITERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// What dropping a writer would do is done when the process exits.
pub(super) fn close_at_exit(writer: Weak<Writer>) {
    static REGISTER: Once = Once::new();
    let mut writers = open_writers();
    writers.retain(|writer| writer.strong_count() > 0);
    writers.push(writer);
    drop(writers);
    fork::before_fork(rest_all);
    REGISTER.call_once(|| {
        // SAFETY: `atexit` takes a plain function of C calling convention, and this one does not unwind.
        #[allow(unsafe_code, reason = "the standard library has no hook for the exit of a process")]
        let registered = unsafe { libc::atexit(close_all) };
        if registered != 0 {
            tracing::warn!(
                "cannot register for the exit of this process: the last runs of short programs may be missing"
            );
        }
        if cfg!(panic = "abort") {
            flush_on_panic();
        }
    });
}

extern "C" fn close_all() {
    harmless("close the stores", || {
        for writer in take_writers() {
            writer.close();
        }
    });
}

/// The process is about to fork.
fn rest_all() {
    harmless("bring the stores to rest", || {
        let writers = open_writers().clone();
        for writer in writers.iter().filter_map(Weak::upgrade) {
            writer.store().rest();
        }
    });
}

fn take_writers() -> Vec<Arc<Writer>> {
    let writers = std::mem::take(&mut *open_writers());
    writers.iter().filter_map(Weak::upgrade).collect()
}

/// Where a panic aborts, nothing else runs after its hook.
fn flush_on_panic() {
    /// The thread that panics may hold what is needed to write.
    const PATIENCE: Duration = Duration::from_secs(5);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        before(panic);
        let (done, wait) = mpsc::channel();
        let flush = move || {
            close_all();
            let _ = done.send(());
        };
        if thread::Builder::new().spawn(flush).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }));
}
