//! What is told in `tracing` events.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

#[derive(Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut told = String::new();
        event.record(&mut |field: &Field, value: &dyn fmt::Debug| {
            let _ = write!(told, "{}={value:?} ", field.name());
        });
        self.0.lock().unwrap().push(told);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The warnings and errors that some code tells of on this thread.
pub(crate) fn told(code: impl FnOnce()) -> Vec<String> {
    let listener = Listener::default();
    let told = Arc::clone(&listener.0);
    // A call site that a thread of another test comes upon first is for ever silent where there is one subscriber
    // alone (tokio-rs/tracing#3611): with two, each is asked.
    let _second = Dispatch::new(NoSubscriber::default());
    tracing::subscriber::with_default(listener, code);
    let told = told.lock().unwrap();
    told.clone()
}
