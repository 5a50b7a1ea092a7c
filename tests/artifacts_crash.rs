//! A save that is killed leaves nothing that could be taken for a version.
#![cfg(all(unix, not(feature = "off")))]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use mltrace::Artifact;

/// Names the artifact that a writer saves until it is killed.
const NAME: &str = "MLTRACE_TEST_CRASH";
const READY: &str = "ready";
/// Numbers in a value, enough that a save takes much of a writer's time.
const LENGTH: u64 = 200_000;
const ROUNDS: u32 = 30;

/// A value of which each part tells all others.
fn value(seed: u64) -> Vec<u64> {
    (0..LENGTH).map(|nth| seed.wrapping_mul(nth + 1)).collect()
}

fn is_whole(value: &[u64]) -> bool {
    value.len() as u64 == LENGTH && *value == self::value(value[0])
}

fn writer(name: &Path) -> Child {
    let mut writer = Command::new(env::current_exe().unwrap());
    writer.args(["a_killed_save_is_never_a_version", "--exact", "--nocapture"]).env(NAME, name);
    let mut writer = writer.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(writer.stdout.as_mut().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.contains(READY));
    assert!(ready, "the writer ended before it began");
    writer
}

/// The names of whole versions and of what killed writers left, in the folder.
fn listed(name: &Path) -> (Vec<u64>, Vec<String>) {
    let entries = fs::read_dir(name).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let (versions, others): (Vec<_>, Vec<_>) = entries.partition(|file| file.starts_with('v'));
    let number = |file: &String| file.trim_start_matches('v').trim_end_matches(".msgpack").parse().unwrap();
    (versions.iter().map(number).collect(), others)
}

#[test]
fn a_killed_save_is_never_a_version() {
    if let Some(name) = env::var_os(NAME) {
        println!("{READY}");
        for seed in u64::from(std::process::id()).. {
            Artifact::save(&value(seed), &name).unwrap();
        }
    }
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let name = folder.path().join("model");
    let begun = Instant::now();
    let first = Artifact::save(&value(1), &name).unwrap();
    let one_save = begun.elapsed();
    let mut latest = first.number;
    let mut killed_in_the_middle = 0;
    for round in 0..ROUNDS {
        let mut writers = [writer(&name), writer(&name)];
        // Not for luck: the moments of death are spread over the time of four saves, however fast this machine is.
        thread::sleep(one_save * 4 * (round * 7 % ROUNDS) / ROUNDS);
        for writer in &mut writers {
            writer.kill().unwrap();
            writer.wait().unwrap();
        }
        assert_eq!(first.load::<Vec<u64>>().unwrap(), value(1), "the old version loads");
        let (versions, left) = listed(&name);
        for &number in &versions {
            let version = Artifact::numbered(&name, number).unwrap();
            assert!(is_whole(&version.load::<Vec<u64>>().unwrap()), "version {number} is not whole");
        }
        let found = Artifact::latest(&name).unwrap().number;
        assert_eq!(Some(&found), versions.iter().max());
        assert!(found >= latest, "version {found} came after {latest}");
        latest = found;
        killed_in_the_middle += left.len();
        // So that the disk doesn't fill, and no version is read twice.
        for file in left {
            assert!(file.starts_with(".unfinished-"), "{file}");
            fs::remove_file(name.join(file)).unwrap();
        }
        for number in versions.into_iter().filter(|&number| number != first.number && number != latest) {
            fs::remove_file(name.join(format!("v{number}.msgpack"))).unwrap();
        }
    }
    assert!(latest > first.number, "no writer ever finished a save");
    assert!(killed_in_the_middle > 0, "no writer was killed in the middle of a save");
}
