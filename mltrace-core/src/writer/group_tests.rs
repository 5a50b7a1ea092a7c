//! The hand-over from leader to leader.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::group::{BATCH_BYTES, Group};

/// Long enough for any machine, and short beside a hang.
const HANG: Duration = Duration::from_secs(60);

/// Fails where the body hangs: then a follower was never told.
fn within_reason(body: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let worker = thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    let ended = wait.recv_timeout(HANG);
    assert_ne!(ended, Err(mpsc::RecvTimeoutError::Timeout), "a follower waits for ever");
    worker.join().unwrap();
}

#[test]
fn a_lone_caller_does_its_own_job() {
    let group = Group::new();
    let result = group.put(7, 1, |jobs| {
        assert_eq!(jobs, [&7]);
        vec![thread::current().id()]
    });
    assert_eq!(result, thread::current().id());
    assert!(!group.state().is_led);
}

/// Holds a leader in its commit until so many others wait.
fn wait_for_followers(group: &Group<usize, usize>, count: usize) {
    while group.state().waiting.len() < count {
        thread::yield_now();
    }
}

#[test]
fn those_who_came_while_one_led_share_the_next_commit_in_their_order() {
    within_reason(|| {
        let group = Group::new();
        let batches = Mutex::new(Vec::new());
        let commit = |jobs: &[&usize]| {
            batches.lock().unwrap().push(jobs.iter().map(|&&job| job).collect::<Vec<_>>());
            jobs.iter().map(|&&job| job * 10).collect()
        };
        thread::scope(|scope| {
            let (group, commit) = (&group, &commit);
            group.put(0, 1, |jobs| {
                for job in 1..=5 {
                    scope.spawn(move || assert_eq!(group.put(job, 1, commit), job * 10));
                    wait_for_followers(group, job);
                }
                commit(jobs)
            });
        });
        assert_eq!(*batches.lock().unwrap(), [vec![0], vec![1, 2, 3, 4, 5]]);
    });
}

#[test]
fn a_leader_takes_no_more_along_than_a_batch_holds() {
    within_reason(|| {
        let group = Group::new();
        let batches = Mutex::new(Vec::new());
        let commit = |jobs: &[&usize]| {
            batches.lock().unwrap().push(jobs.len());
            jobs.iter().map(|&&job| job).collect()
        };
        thread::scope(|scope| {
            let (group, commit) = (&group, &commit);
            group.put(0, 1, |jobs| {
                for job in 1..=5 {
                    scope.spawn(move || group.put(job, BATCH_BYTES / 2, commit));
                    wait_for_followers(group, job);
                }
                commit(jobs)
            });
        });
        assert_eq!(*batches.lock().unwrap(), [1, 2, 2, 1]);
    });
}

#[test]
fn a_leader_that_panics_hands_over_and_its_followers_jobs_are_done_by_others() {
    within_reason(|| {
        let group = Group::new();
        let panics = AtomicBool::new(true);
        let commit = |jobs: &[&usize]| {
            // The batch after the first falls.
            assert!(jobs.len() == 1 || !panics.swap(false, Ordering::SeqCst), "planned");
            jobs.iter().map(|&&job| job).collect()
        };
        let (done, fallen) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            let (group, commit, done, fallen) = (&group, &commit, &done, &fallen);
            group.put(0, 1, |jobs| {
                for job in 1..=5 {
                    scope.spawn(move || match catch_unwind(AssertUnwindSafe(|| group.put(job, 1, commit))) {
                        Ok(result) => {
                            assert_eq!(result, job);
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(_) => {
                            fallen.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                    wait_for_followers(group, job);
                }
                commit(jobs)
            });
        });
        assert_eq!((done.into_inner(), fallen.into_inner()), (4, 1));
        assert!(!group.state().is_led);
    });
}

/// With real threads, and leaders that fall. Turns that these hardly ever take are those of the model.
#[test]
fn under_stress_each_job_is_done_once_and_nobody_leads_beside_another() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 10_000;
    const JOBS: usize = 3;
    within_reason(|| {
        let group = Group::new();
        let leaders = AtomicUsize::new(0);
        let round = Barrier::new(THREADS);
        let done: Vec<AtomicUsize> = (0..THREADS * ROUNDS * JOBS).map(|_| AtomicUsize::new(0)).collect();
        let commit = |jobs: &[&usize]| {
            assert_eq!(leaders.fetch_add(1, Ordering::SeqCst), 0, "two lead at once");
            if jobs[0].is_multiple_of(7) {
                thread::yield_now();
            }
            leaders.fetch_sub(1, Ordering::SeqCst);
            if jobs[0].is_multiple_of(101) {
                // As a panic, without its message.
                resume_unwind(Box::new("planned"));
            }
            for &&job in jobs {
                done[job].fetch_add(1, Ordering::SeqCst);
            }
            jobs.iter().map(|&&job| job).collect()
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (group, commit, round) = (&group, &commit, &round);
                scope.spawn(move || {
                    for job in (0..ROUNDS * JOBS).map(|number| number * THREADS + thread) {
                        if (job / THREADS).is_multiple_of(JOBS) {
                            round.wait();
                        }
                        if let Ok(result) = catch_unwind(AssertUnwindSafe(|| group.put(job, 1, commit))) {
                            assert_eq!(result, job);
                        }
                    }
                });
            }
        });
        // One that had itself to lead fell; as a follower it was done.
        let is_wrong = |(job, times): (usize, usize)| times != 1 && !(job.is_multiple_of(101) && times == 0);
        let times = done.iter().map(|times| times.load(Ordering::SeqCst));
        assert_eq!(times.enumerate().find(|&job| is_wrong(job)), None);
    });
}
