//! Promise: a cold `cargo build --release` of a program that depends on mltrace takes at most 1.5 times as long as that of
//! one that depends on bundled rusqlite alone.
//!
//! Both are empty programs in folders of their own, with the versions of this workspace's lock file. Only the full form
//! builds them, by turns, because what else the machine does changes within the minutes that it takes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Setting;
use crate::support::Result;
use crate::support::measure::shown;
use crate::support::table::{Bar, Table};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TURNS: u32 = 3;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    if !setting.is_full {
        return Ok(());
    }
    let rusqlite = "rusqlite = { version = \"0.43\", default-features = false, features = [\"bundled\"] }";
    let mltrace = format!("mltrace = {{ path = {ROOT:?} }}");
    let (mut ours, mut raw) = (0.0, 0.0);
    for _ in 0..TURNS {
        raw += build(&setting.file("raw"), rusqlite)? / f64::from(TURNS);
        ours += build(&setting.file("ours"), &mltrace)? / f64::from(TURNS);
    }
    let promise = "cold release build of a program / with rusqlite alone";
    table.row(promise, Bar::AtMost(1.5), ours / raw, "", shown(ours), shown(raw));
    Ok(())
}

/// Builds a program with one dependency, and says how many seconds it took.
fn build(folder: &Path, dependency: &str) -> Result<f64> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let manifest = format!(
        "[package]\nname = \"cold\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let cargo = |command: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--quiet"]).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
        cargo.stdout(Stdio::null());
        cargo
    };
    let done = |mut cargo: Command| -> Result<()> {
        if cargo.status()?.success() { Ok(()) } else { Err("cargo failed".into()) }
    };
    done(cargo("fetch"))?;
    let mut build = cargo("build");
    build.args(["--release", "--offline"]);
    let begun = Instant::now();
    done(build)?;
    let took = begun.elapsed().as_secs_f64();
    fs::remove_dir_all(folder.join("target"))?;
    Ok(took)
}
