//! What tracing promises to cost, each promise measured against a baseline in the same run, as one table.
//!
//! `cargo bench -p mltrace` takes a minute or two and stores of 100,000 runs; `cargo bench -p mltrace -- --full` takes ten
//! minutes and stores of a million. Names of subjects run those alone, as in `cargo bench -p mltrace -- trace growth`.
//! The subject `monitor` needs `--features monitor`. Nothing fails by time: what is not met says NO.
//!
//! Names are random, as those of real outputs are. The baselines do the same logical work: `support/raw_write.rs` and
//! `support/raw_read.rs` on plain rusqlite, with the same schema, keys and look-ups and every statement prepared.

mod buffered;
mod cold_build;
mod disabled;
mod durable;
mod growth;
#[cfg(feature = "monitor")]
mod monitor;
mod questions;
mod support;
mod threads;
mod trace;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use support::Result;
use support::pipeline::Runs;
use support::stored;
use support::table::Table;
use tempfile::TempDir;

type Subject = fn(&Setting, &mut Table) -> Result<()>;

const SUBJECTS: &[(&str, Subject)] = &[
    ("disabled", disabled::bench),
    ("buffered", buffered::bench),
    ("durable", durable::bench),
    ("threads", threads::bench),
    ("trace", trace::bench),
    ("questions", questions::bench),
    ("growth", growth::bench),
    #[cfg(feature = "monitor")]
    ("monitor", monitor::bench),
    ("cold-build", cold_build::bench),
];

/// How much is measured, and the stores that several subjects ask.
struct Setting {
    is_full: bool,
    folder: TempDir,
    small: OnceCell<PathBuf>,
    large: OnceCell<PathBuf>,
}

/// Runs from the end of a chain to its beginning: 100 hops.
const CHAIN: u32 = 101;

impl Setting {
    /// A path for a file that goes when all is done.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn large_count(&self) -> u32 {
        if self.is_full { 1_000_000 } else { 100_000 }
    }

    fn large_name(&self) -> &'static str {
        if self.is_full { "1M" } else { "100k" }
    }

    /// From how many runs to how many a store grows, to be shown.
    fn growth(&self) -> String {
        format!("1k -> {}", self.large_name())
    }

    /// A store of 1,000 runs with random names, in chains.
    fn small(&self) -> Result<&Path> {
        self.chains(&self.small, "small.db", 1_000)
    }

    /// As [`Self::small`], of many runs.
    fn large(&self) -> Result<&Path> {
        self.chains(&self.large, "large.db", self.large_count())
    }

    fn chains<'s>(&'s self, cell: &'s OnceCell<PathBuf>, name: &str, count: u32) -> Result<&'s Path> {
        if let Some(file) = cell.get() {
            return Ok(file);
        }
        let file = stored::fill(self.file(name), &mut Runs::in_chains(CHAIN), count)?;
        Ok(cell.get_or_init(|| file))
    }
}

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == disabled::CHILD) {
        return disabled::child();
    }
    let is_full = arguments.iter().any(|argument| argument == "--full");
    let named: Vec<_> = arguments.iter().filter(|argument| *argument != "--full").collect();
    if let Some(unknown) = named.iter().find(|name| SUBJECTS.iter().all(|(subject, _)| subject != *name)) {
        let subjects = SUBJECTS.iter().map(|(subject, _)| *subject).collect::<Vec<_>>().join(", ");
        return Err(format!("there is no subject `{unknown}`; there are {subjects}, and `--full`").into());
    }
    let setting = Setting {
        is_full,
        folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
        small: OnceCell::new(),
        large: OnceCell::new(),
    };
    let mut table = Table::default();
    for (subject, bench) in SUBJECTS {
        if named.is_empty() || named.iter().any(|name| name == subject) {
            eprintln!("{subject} ..");
            bench(&setting, &mut table)?;
        }
    }
    table.print();
    Ok(())
}
