//! Two traced stages in thirty lines. Run it, then ask `mltrace trace "rides with a fare"`.
use std::path::{Path, PathBuf};
use std::{fs, io};

use mltrace::component;

/// Drops rides without a fare.
#[component(owner = "data team", tags("etl"), inputs(raw), outputs(clean))]
fn cleaning(raw: &Path) -> io::Result<PathBuf> {
    let rides = fs::read_to_string(raw)?;
    let kept: Vec<&str> = rides.lines().filter(|ride| !ride.starts_with('-')).collect();
    let clean = raw.with_file_name("clean.csv");
    fs::write(&clean, kept.join("\n"))?;
    Ok(clean)
}

#[component(inputs(clean), outputs("rides with a fare"), params(rides))]
fn report(clean: &Path) -> io::Result<usize> {
    let rides = fs::read_to_string(clean)?.lines().count() - 1;
    Ok(rides)
}

fn main() -> io::Result<()> {
    let raw = std::env::temp_dir().join("rides.csv");
    fs::write(&raw, "fare,tip\n10,2\n-3,0\n20,5\n")?;
    println!("{} rides with a fare", report(&cleaning(&raw)?)?);
    Ok(())
}
