//! What is done when the process ends: the global tracer is never dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;
use std::{panic, thread};

use super::Writer;
use crate::fork::{self, PerProcess};
use crate::record::harmless;
use crate::store::Store;

/// A child that was forked off while another thread held the lock would wait for ever.
static OPEN_WRITERS: PerProcess<Mutex<Vec<OpenWriter>>> = PerProcess::new();

struct OpenWriter {
    writer: Weak<Writer>,
    /// Apart, for a fork: who asked for the writer then could become the last to hold it, and would have to end its thread
    /// and to write what it has queued.
    store: Weak<Store>,
}

fn open_writers() -> MutexGuard<'static, Vec<OpenWriter>> {
    OPEN_WRITERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// What dropping a writer would do is done when the process exits.
pub(super) fn close_at_exit(writer: &Arc<Writer>) {
    /// Not a `Once`, for which a child that was forked off meanwhile would wait for ever. It inherits what was registered.
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    let store = Arc::downgrade(&writer.shared.committer.store);
    let mut writers = open_writers();
    writers.retain(|open| open.writer.strong_count() > 0);
    writers.push(OpenWriter { writer: Arc::downgrade(writer), store });
    drop(writers);
    fork::before_fork(rest_all);
    if !IS_REGISTERED.swap(true, Ordering::Relaxed) {
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
    }
}

extern "C" fn close_all() {
    harmless("close the stores", || {
        let writers = std::mem::take(&mut *open_writers());
        for writer in writers.iter().filter_map(|open| open.writer.upgrade()) {
            writer.close();
        }
    });
}

/// The process is about to fork.
fn rest_all() {
    harmless("bring the stores to rest", || {
        // Upgraded under the lock, dropped without it.
        let stores: Vec<Arc<Store>> = open_writers().iter().filter_map(|open| open.store.upgrade()).collect();
        for store in stores {
            store.rest();
        }
    });
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::{Mutex, mpsc};
    use std::{panic, thread};

    use crate::component_run::ComponentRun;
    use crate::model::RunId;
    use crate::store::{Durability, Store, Write};
    use crate::tracer::Tracer;

    const RUNS: usize = 500;

    /// A panic cannot leave it, so it ends the process.
    extern "C" fn end_by_a_panic() {
        panic!("the end");
    }

    /// Queues runs while the store is locked, so that nothing but the panic can have them written.
    fn queue_and_panic(path: &str) {
        let tracer = Tracer::open(path).unwrap();
        let other = Store::create(Path::new(path), Durability::Normal).unwrap();
        let [(is_locked, locked), (unlock, unlocking), (is_unlocked, unlocked)] =
            [(); 3].map(|()| mpsc::channel::<()>());
        thread::spawn(move || {
            let hold = |_: &Write<'_>| {
                is_locked.send(()).unwrap();
                unlocking.recv().unwrap();
                Ok(())
            };
            other.write(None, hold).unwrap();
            is_unlocked.send(()).unwrap();
        });
        locked.recv().unwrap();
        let unlocked = Mutex::new(unlocked);
        panic::set_hook(Box::new(move |_| {
            // The abort itself is told as another panic.
            if unlock.send(()).is_ok() {
                unlocked.lock().unwrap().recv().unwrap();
            }
        }));
        super::flush_on_panic();
        for _ in 0..RUNS {
            let mut run = ComponentRun::new("stage");
            run.start().end();
            tracer.queue_component_run(run).unwrap();
        }
        end_by_a_panic();
    }

    #[test]
    fn a_panic_that_aborts_the_process_loses_nothing_that_was_queued() {
        const NAME: &str = "writer::exit::tests::a_panic_that_aborts_the_process_loses_nothing_that_was_queued";
        if let Ok(path) = std::env::var("MLTRACE_TEST_PATH") {
            return queue_and_panic(&path);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let ended = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact"])
            .env("MLTRACE_TEST_PATH", &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.signal(), Some(libc::SIGABRT));
        assert_eq!(Tracer::open(&path).unwrap().recorded_after(RunId(0)).unwrap().len(), RUNS);
    }
}
