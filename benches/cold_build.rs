//! Promise: a cold `cargo build --release` of a program that depends on mltrace takes at most 1.5 times as long as that of
//! one that depends on bundled rusqlite alone.
//!
//! Both are empty programs in folders of their own, with the versions of this workspace's lock file. Only the full form
//! builds them: it takes minutes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Setting;
use crate::support::Result;
use crate::support::measure::shown;
use crate::support::table::{Bar, Table};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    if !setting.is_full {
        return Ok(());
    }
    let raw = build(
        &setting.file("raw"),
        "rusqlite = { version = \"0.43\", default-features = false, features = [\"bundled\"] }",
    )?;
    let ours = build(&setting.file("ours"), &format!("mltrace = {{ path = {ROOT:?} }}"))?;
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
