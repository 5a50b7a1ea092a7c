use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::pipeline::Store;

/// Longer than anything here takes, so that what hangs fails rather than waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const MLTRACE: &str = env!("CARGO_BIN_EXE_mltrace");

/// One call of the command, at 80 columns in UTC, without a terminal.
#[must_use = "nothing runs until it is told how it should end"]
pub(crate) struct Cli(Command);

impl Cli {
    /// Asks this store.
    pub(crate) fn on(store: &Store) -> Self {
        Self::at(store.path())
    }

    /// Asks whatever is at a path.
    pub(crate) fn at(store: impl AsRef<Path>) -> Self {
        let mut cli = Self::bare();
        cli.0.arg("--db").arg(store.as_ref());
        cli
    }

    /// Names no store.
    pub(crate) fn bare() -> Self {
        Self::of(Command::new(MLTRACE))
    }

    /// As `nohup` starts it, which ignores the signal that a closed terminal sends.
    #[cfg(all(feature = "server", target_os = "linux"))]
    pub(crate) fn without_hangup(store: &Store) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", MLTRACE, "--db"]).arg(store.path());
        Self::of(shell)
    }

    fn of(mut command: Command) -> Self {
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "MLTRACE_DB", "MLTRACE_DISABLED"] {
            command.env_remove(variable);
        }
        command.env("TZ", "UTC").env("COLUMNS", "80").stdin(Stdio::null());
        Self(command)
    }

    /// Adds arguments, parted at spaces.
    pub(crate) fn args(mut self, arguments: &str) -> Self {
        self.0.args(arguments.split(' '));
        self
    }

    /// Adds one argument as it is.
    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn env(mut self, variable: &str, value: &str) -> Self {
        self.0.env(variable, value);
        self
    }

    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Exit code 0 and nothing on stderr; gives stdout.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        let (code, out, err) = self.run();
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    }

    /// As [`succeeds`](Self::succeeds), with one JSON document on stdout.
    #[track_caller]
    pub(crate) fn answers(self) -> Value {
        serde_json::from_str(&self.args("--json").succeeds()).unwrap()
    }

    /// Exit code 1 and nothing on stderr; gives stdout.
    #[track_caller]
    pub(crate) fn says_no(self) -> String {
        let (code, out, err) = self.run();
        assert_eq!((code, err.as_str()), (1, ""), "{out}");
        out
    }

    /// This exit code and nothing on stdout; gives stderr.
    #[track_caller]
    pub(crate) fn fails(self, expected: i32) -> String {
        let (code, out, err) = self.run();
        assert_eq!((code, out.as_str()), (expected, ""), "{err}");
        err
    }

    /// Leaves it running, its stdout and stderr in pipes.
    pub(crate) fn starts(mut self) -> Child {
        self.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(mut self) -> (i32, String, String) {
        let output = self.0.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// The exit code and stderr of a command that ends by itself.
#[track_caller]
pub(crate) fn end_of(child: Child) -> (i32, String) {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end.recv_timeout(PATIENCE).expect("the command hangs").unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Compares output with the snapshot of this test, less what differs from day to day and from host to host.
macro_rules! assert_snapshot {
    ($output:expr) => {
        insta::with_settings!({
            prepend_module_to_snapshot => true,
            omit_expression => true,
            filters => vec![
                (r"\d+ (s|min|h|days|months|years) ago +", "AGE  "),
                (r"\d+ (s|min|h|days|months|years) ago", "AGE"),
                (r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID"),
                (r"  process  .*\n", ""),
                (r"  commit   .*\n", ""),
                (r"  [0-9a-f]{8}\*?(\n|  trimmed)", "$1"),
                (r"pipeline\.rs:\d+", "pipeline.rs:LINE"),
                (r" +[\d.]+ (B|kB|MB)\b", "  SIZE"),
            ],
        }, { insta::assert_snapshot!($output) })
    };
}
pub(crate) use assert_snapshot;
