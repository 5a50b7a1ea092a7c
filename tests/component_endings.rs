//! How a run ends, whatever way its function ends.
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

use component_support::{block_on, one_poll_later, outputs, recorded, recorded_once};
use mltrace::{Status, component};

#[derive(Debug)]
struct Layer(&'static str, Option<Box<Layer>>);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|layer| layer as _)
    }
}

/// Shows what is behind it where asked for the alternate form, as some error crates do.
struct Report;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "short: and why" } else { "short" })
    }
}

#[derive(Debug)]
struct OnlyDebug;

struct Silent;

#[component]
fn with_sources() -> Result<(), Layer> {
    Err(Layer("cannot load", Some(Box::new(Layer("cannot open", Some(Box::new(Layer("denied", None))))))))
}

#[component]
fn with_report() -> Result<u8, Report> {
    Err(Report)
}

#[component]
fn with_debug() -> Result<u8, OnlyDebug> {
    Err(OnlyDebug)
}

#[component]
fn with_silence() -> Result<u8, Silent> {
    Err(Silent)
}

#[component]
fn with_an_alias() -> std::io::Result<()> {
    Err(std::io::Error::other("disk full"))
}

#[component]
fn with_a_generic<T, E: fmt::Display>(result: Result<T, E>) -> Result<T, E> {
    result
}

#[component]
async fn with_a_future() -> Result<(), String> {
    one_poll_later().await;
    Err("later".to_owned())
}

#[test]
fn an_error_fails_the_run_with_all_the_words_it_has() {
    let cases: [(fn(), &str); 7] = [
        (|| drop(with_sources()), "cannot load: cannot open: denied"),
        (|| drop(with_report()), "short: and why"),
        (|| drop(with_debug()), "OnlyDebug"),
        (|| drop(with_silence()), "component_endings::Silent"),
        (|| drop(with_an_alias()), "disk full"),
        (|| drop(with_a_generic(Err::<String, _>("generic"))), "generic"),
        (|| drop(block_on(with_a_future())), "later"),
    ];
    for (call, message) in cases {
        let run = recorded_once(call);
        assert_eq!((run.status, run.error.as_deref()), (Status::Failed, Some(message)));
        assert!(run.ended_at.is_some());
    }
}

#[component]
fn optional() -> Option<u8> {
    None
}

#[test]
fn whatever_is_no_error_completes_the_run() {
    let runs = recorded(|| {
        assert_eq!(optional(), None);
        assert_eq!(with_a_generic(Ok::<_, String>(1)), Ok(1));
    });
    assert!(runs.iter().all(|run| run.status == Status::Completed && run.error.is_none()));
}

#[component(outputs(out))]
fn panics() {
    let out = "half";
    let nothing: Option<u8> = None;
    assert!(nothing.is_some(), "nothing to {out}");
}

#[component]
async fn panics_later() {
    one_poll_later().await;
    panics();
}

#[test]
fn a_panic_passes_through_and_leaves_its_message_and_what_was_written() {
    let run = recorded_once(|| {
        let panic = catch_unwind(panics).expect_err("a panic");
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("nothing to half"));
    });
    assert_eq!((run.status, run.error.as_deref()), (Status::Panicked, Some("nothing to half")));
    assert_eq!(outputs(&run), ["half"]);
}

#[test]
fn a_panic_in_a_future_is_no_cancellation() {
    let runs = recorded(|| drop(catch_unwind(|| block_on(panics_later())).expect_err("a panic")));
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.status == Status::Panicked && run.error.as_deref() == Some("nothing to half")));
}

#[component(outputs(out))]
async fn waits() {
    let out = "before the wait";
    std::future::pending::<()>().await;
    drop(out.to_owned());
}

#[test]
fn a_dropped_future_is_cancelled() {
    let run = recorded_once(|| {
        let mut future = pin!(waits());
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
    assert_eq!((run.status, outputs(&run)), (Status::Cancelled, vec!["before the wait".to_owned()]));
}

#[test]
fn a_future_that_was_never_polled_was_never_a_run() {
    assert!(recorded(|| drop(waits())).is_empty());
}

struct CallsOnDrop;

impl Drop for CallsOnDrop {
    fn drop(&mut self) {
        assert_eq!(optional(), None);
    }
}

#[test]
fn a_run_that_completes_while_another_panics_has_completed() {
    let runs = recorded(|| {
        drop(catch_unwind(AssertUnwindSafe(|| {
            let _guard = CallsOnDrop;
            panics();
        })));
    });
    let statuses: Vec<_> = runs.iter().map(|run| (run.component.as_str(), run.status)).collect();
    assert_eq!(statuses, [("panics", Status::Panicked), ("optional", Status::Completed)]);
}
