//! The `mltrace` command: ask a store where an output came from.

mod command;
mod complete;
#[cfg(feature = "server")]
mod demo;
mod failure;
mod opt;
mod progress;
mod render;
mod session;
mod when;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::opt::Opt;

fn main() -> ExitCode {
    if complete::answer() {
        return ExitCode::SUCCESS;
    }
    let mut out = BufWriter::new(anstream::stdout().lock());
    // Not locked: the threads of a server write their log there.
    let mut err = anstream::stderr();
    ExitCode::from(run(std::env::args_os(), &mut out, &mut err))
}

/// Runs one command line and gives its exit code.
fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let answered = match Opt::read(args) {
        Ok(opt) => command::run(opt, out),
        Err(usage) => return explain(&usage, out, err),
    };
    match answered.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => 0,
        Err(failure) if failure.is_closed_pipe() => 0,
        Err(failure) => tell(&failure, out, err),
    }
}

/// What went right until the failure is shown before it.
fn tell(failure: &Failure, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    // Nothing can be told where nothing can be written: the exit code remains.
    let _shown = out.flush();
    if !matches!(failure, Failure::No) {
        let _told = writeln!(err, "mltrace: {failure}");
    }
    failure.exit_code()
}

/// Help and version go out, what is wrong with the arguments goes to err.
fn explain(usage: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    const USAGE: u8 = 2;
    if !usage.use_stderr() {
        let _shown: io::Result<()> = write!(out, "{}", usage.render().ansi()).and_then(|()| out.flush());
        return 0;
    }
    let text = usage.render().to_string();
    let _told = match text.strip_prefix("error: ") {
        Some(message) => write!(err, "mltrace: {message}"),
        None => write!(err, "{text}"),
    };
    USAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses every byte.
    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn completions(out: &mut dyn Write) -> (u8, String) {
        let mut err = Vec::new();
        let code = run(["mltrace", "completions", "bash"].map(OsString::from), out, &mut err);
        (code, String::from_utf8(err).unwrap())
    }

    #[test]
    fn an_answer_that_cannot_be_written_is_a_failure_with_its_reason() {
        let (code, error) = completions(&mut Refusing(io::ErrorKind::StorageFull));
        assert_eq!(code, 3);
        assert!(error.starts_with("mltrace: the answer cannot be written: "), "{error}");
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert_eq!(completions(&mut Refusing(io::ErrorKind::BrokenPipe)), (0, String::new()));
    }
}
