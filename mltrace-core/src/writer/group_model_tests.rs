//! The same hand-over with the locks of a model checker, which tries the orders in which threads can take turns.

use std::collections::BTreeSet;

mod sync {
    pub(super) use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;
}
#[path = "group.rs"]
#[allow(clippy::duplicate_mod, reason = "the same code, with other locks")]
mod group;

/// Shown to catch two hand-overs: one that looks for the next leader under one lock and says under another that nobody
/// leads (who came in between waits for ever), and one that says so though it has just told a next one to lead (two lead at once).
#[test]
fn in_whatever_order_threads_take_turns_each_job_is_done_once_and_nobody_waits_for_ever() {
    const THREADS: usize = 3;
    const JOBS: usize = 2;
    let model = || {
        let group = sync::Arc::new(group::Group::new());
        let done = sync::Arc::new(std::sync::Mutex::new((0, BTreeSet::new())));
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (group, done) = (sync::Arc::clone(&group), sync::Arc::clone(&done));
                shuttle::thread::spawn(move || {
                    for job in (0..JOBS).map(|number| thread * JOBS + number) {
                        let result = group.put(job, 1, |jobs: &[&usize]| {
                            let enter = |count| {
                                let mut done = done.lock().unwrap();
                                done.0 += count;
                                assert!(done.0 <= 1, "two lead at once");
                            };
                            enter(1);
                            shuttle::thread::yield_now();
                            enter(-1);
                            assert!(jobs.iter().all(|&&job| done.lock().unwrap().1.insert(job)), "done twice");
                            jobs.iter().map(|&&job| job).collect()
                        });
                        assert_eq!(result, job);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(done.lock().unwrap().1.len(), THREADS * JOBS);
    };
    // A thread that waits for ever is a deadlock, which the checker reports.
    shuttle::check_random(model, 5_000);
    shuttle::check_pct(model, 5_000, 3);
}
