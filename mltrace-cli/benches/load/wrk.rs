//! wrk, a program that asks as fast as it is answered, over many connections.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use super::Result;

/// How many connections ask at a time.
pub(crate) const CONNECTIONS: u32 = 16;

/// What it found, times as it writes them.
pub(crate) struct Asked {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) p50: String,
    pub(crate) p99: String,
}

/// Asks for three seconds; `None` where wrk is not installed.
pub(crate) fn ask(url: &str) -> Result<Option<Asked>> {
    let mut command = Command::new("wrk");
    command.args(["--latency", "--duration", "3s", "--threads", "1", "--connections", &CONNECTIONS.to_string()]);
    let output = match command.arg(url).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    let said = String::from_utf8(output.stdout)?;
    let after = |word: &str| -> Result<&str> {
        let line = said.lines().map(str::trim).find_map(|line| line.strip_prefix(word));
        Ok(line.ok_or_else(|| format!("wrk says nothing of {word}:\n{said}"))?.trim())
    };
    if said.contains("Non-2xx") {
        return Err(format!("wrk was refused:\n{said}").into());
    }
    let (rate, p50, p99) = (after("Requests/sec:")?.parse()?, after("50%")?.to_owned(), after("99%")?.to_owned());
    Ok(Some(Asked { rate, p50, p99 }))
}
