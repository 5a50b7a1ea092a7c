use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::opt::Verify;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: Verify, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut question = session.tracer.verify();
    if let Some(name) = opt.pointer {
        question = question.pointer(name);
    }
    let mut progress = Progress::new();
    let report = question.each(|_| progress.count());
    progress.clear();
    let report = report?;
    session.answer(&report, render::verify)?;
    if opt.exit_code && report.changed + report.missing > 0 { Err(Failure::No) } else { Ok(()) }
}

/// A count on stderr, for whoever waits at a terminal.
struct Progress {
    is_shown: bool,
    count: u64,
    next_at: Instant,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(200);

    fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal(), count: 0, next_at: Instant::now() + Self::PAUSE }
    }

    fn count(&mut self) {
        self.count += 1;
        if self.is_shown && Instant::now() >= self.next_at {
            // A count that cannot be shown is no reason to stop.
            let _shown = write!(io::stderr(), "\r{} looked at", self.count);
            self.next_at = Instant::now() + Self::PAUSE;
        }
    }

    fn clear(&self) {
        if self.is_shown {
            let _cleared = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
