//! mltrace with programs that others wrote. `cargo xtask test` fetches these; a test whose program is not there says so.

mod browser;
mod languages;
mod proxy;
mod schemathesis;

use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fmt};

/// A program, where it is on the path.
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|found| found.is_file())
}

/// Says that a test was not made.
#[expect(clippy::explicit_write, reason = "the harness shows what `eprintln!` prints only where a test fails")]
fn skipped(missing: impl fmt::Display) {
    writeln!(io::stderr(), "skipped: there is no {missing} here; `cargo xtask test` fetches it").unwrap();
}
