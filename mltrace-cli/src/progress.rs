//! A line on stderr for whoever waits at a terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(200);

/// One line that is written over and over, and is gone in the end.
pub(crate) struct Progress {
    is_shown: bool,
    next_at: Instant,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal(), next_at: Instant::now() + PAUSE }
    }

    pub(crate) fn show(&mut self, text: impl FnOnce() -> String) {
        if self.is_shown && Instant::now() >= self.next_at {
            // Progress that cannot be shown is no reason to stop.
            let _shown = write!(io::stderr(), "\r{}\u{1b}[K", text());
            self.next_at = Instant::now() + PAUSE;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _cleared = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// A stream that shows how much went through it.
pub(crate) struct Watched<S> {
    stream: S,
    megabytes: f64,
    progress: Progress,
    word: &'static str,
}

impl<S> Watched<S> {
    /// The word says what is done with it, as "read".
    pub(crate) fn new(stream: S, word: &'static str) -> Self {
        Self { stream, megabytes: 0.0, progress: Progress::new(), word }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    #[allow(clippy::cast_precision_loss, reason = "a line that says about how much")]
    fn count(&mut self, bytes: usize) {
        self.megabytes += bytes as f64 / 1e6;
        let (megabytes, word) = (self.megabytes, self.word);
        self.progress.show(|| format!("{megabytes:.1} MB {word}"));
    }
}

impl<S: Write> Write for Watched<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.count(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: BufRead> Read for Watched<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(bytes)?;
        self.count(read);
        Ok(read)
    }
}

impl<S: BufRead> BufRead for Watched<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stream.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.stream.consume(bytes);
        self.count(bytes);
    }
}
