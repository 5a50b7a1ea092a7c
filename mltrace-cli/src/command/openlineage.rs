use std::io::Write;
use std::time::Duration;
use std::{env, io, thread};

use mltrace_server::{Collector, Emitter, Parent, Sent, Unsent};

use super::token::store;
use crate::failure::Failure;
use crate::opt::{Emit, Openlineage, OpenlineageCommand};
use crate::session::{Screen, Session};

/// A look at an idle store takes microseconds.
const PAUSE: Duration = Duration::from_millis(500);
/// What is waited after a first failure; after each further one twice as long, up to the longest.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);
/// How often in a row nothing may be taken before a call that does not follow gives up: for about six seconds.
const PATIENCE: u32 = 7;

pub(crate) fn run(opt: Openlineage, session: &mut Session<'_>) -> Result<(), Failure> {
    let OpenlineageCommand::Emit(opt) = opt.command;
    if variable("OPENLINEAGE_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1") {
        return session.answer(&Sent::default(), |_, _| "nothing is sent: $OPENLINEAGE_DISABLED says so\n".to_owned());
    }
    // What is left out, and why. A program that embeds this one may listen itself.
    let _already = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_target(false).try_init();
    let (store, tracer) = (store(session)?, session.tracer.clone());
    let mut emitter = Emitter::new(tracer, &store, collector(&opt)?).map_err(failure)?;
    let mut failures = 0;
    let mut before = Sent::default();
    loop {
        match emitter.send() {
            Ok(sent) if !opt.follow => return session.answer(&sent, |sent, _| text(*sent)),
            Ok(sent) => {
                if sent != Sent::default() {
                    session.stream(&[sent], |sent: &[Sent], _: Screen| sent.iter().copied().map(text).collect())?;
                }
                (failures, before) = (0, Sent::default());
                thread::sleep(PAUSE);
            }
            // Who follows does so for months: neither a store that is busy nor a collector that starts anew may end it.
            Err(reason) if opt.follow || matches!(reason, Unsent::Unavailable(_)) => {
                let so_far = emitter.so_far();
                failures = if so_far == before { failures + 1 } else { 1 };
                before = so_far;
                if failures == PATIENCE && !opt.follow {
                    let message = format!("{reason}; what was not sent is sent the next time");
                    return Err(Failure::Question(message));
                }
                if failures == PATIENCE {
                    writeln!(io::stderr(), "mltrace: {reason}; this goes on trying")?;
                }
                thread::sleep(SHORTEST.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST));
            }
            Err(unsent) => return Err(failure(unsent)),
        }
    }
}

fn collector(opt: &Emit) -> Result<Collector, Failure> {
    let missing =
        || Failure::Question("nobody is named who collects events: give --url, or $OPENLINEAGE_URL".to_owned());
    let url = opt.url.clone().or_else(|| variable("OPENLINEAGE_URL")).ok_or_else(missing)?;
    let mut collector = Collector::at(url);
    if let Some(path) = variable("OPENLINEAGE_ENDPOINT") {
        collector = collector.endpoint(path);
    }
    if let Some(namespace) = opt.namespace.clone().or_else(|| variable("OPENLINEAGE_NAMESPACE")) {
        collector = collector.in_namespace(namespace);
    }
    if let Some(parent) = variable("OPENLINEAGE_PARENT_ID") {
        let parent: Parent =
            parent.parse().map_err(|error| Failure::Question(format!("$OPENLINEAGE_PARENT_ID: {error}")))?;
        collector = collector.under(parent);
    }
    if let Some(key) = variable("OPENLINEAGE_API_KEY") {
        collector = collector.key(key);
    }
    Ok(collector)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn text(sent: Sent) -> String {
    let refused = if sent.refused == 0 { String::new() } else { format!(", {} refused", sent.refused) };
    format!("{} events sent{refused}\n", sent.events)
}

fn failure(unsent: Unsent) -> Failure {
    match unsent {
        Unsent::Store(message) => Failure::Store(message),
        other => Failure::Question(other.to_string()),
    }
}
