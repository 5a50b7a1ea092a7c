//! The rooms of the house and what each may never import, as ARCHITECTURE.md states them.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and what must not appear in its code.
const WALLS: &[(&str, &[&str])] = &[
    (
        "mltrace-core/src/model",
        &["store", "clock", "capture", "fingerprint", "record", "lineage", "writer", "tracer", "std::fs", "rusqlite"],
    ),
    ("mltrace-core/src/artifact", &["capture", "record", "store", "tracer", "rusqlite"]),
    ("mltrace-core/src/capture.rs", &["record", "store", "rusqlite"]),
    ("mltrace-core/src/fingerprint.rs", &["record", "store", "rusqlite"]),
    ("mltrace-core/src/record", &["lineage", "rusqlite", "store", "SELECT ", "INSERT "]),
    ("mltrace-core/src/store", &["lineage", "capture", "record", "writer", "tracer"]),
    ("mltrace-core/src/lineage", &["rusqlite", "record", "SELECT ", "INSERT ", "UPDATE "]),
    ("mltrace-core/src/care", &["rusqlite", "SELECT ", "INSERT "]),
    ("mltrace-core/src/query", &["rusqlite", "record", "SELECT "]),
    ("mltrace-core/src/monitor", &["rusqlite", "record", "writer", "SELECT ", "INSERT "]),
    ("mltrace-core/src/monitor/statistics", &["store", "tracer", "clock"]),
    ("mltrace-core/src/monitor/metric", &["store", "tracer", "clock"]),
    ("mltrace-core/src/monitor/profile", &["store", "tracer", "clock"]),
    ("mltrace-core/src/monitor/drift", &["store", "tracer", "clock"]),
    ("mltrace-macros/src", &["mltrace_core", "rusqlite"]),
    ("mltrace-cli/src", &["rusqlite", "SELECT ", "INSERT "]),
];

/// Only the engine knows the driver.
const KNOWS_RUSQLITE: &str = "mltrace-core/src/store/sqlite.rs";

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .filter(|path| path.extension() == Some("rs".as_ref()))
        .collect()
}

/// The code of a file without comments and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether code reaches for a module, a crate, or a piece of SQL.
fn reaches_for(code: &str, forbidden: &str) -> bool {
    if forbidden.ends_with(' ') {
        return code.contains(forbidden);
    }
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let stands_alone = |at: usize, path: &str| {
        !code[..at].ends_with(is_word) && (path.ends_with(':') || !code[at + path.len()..].starts_with(is_word))
    };
    let grouped = ["use crate::{", "use super::{"].iter().flat_map(|group| code.split(group).skip(1));
    let mut names =
        grouped.filter_map(|rest| rest.split_once("};")).flat_map(|(group, _)| group.split(&[',', '{', '}']));
    if names.any(|name| name.trim().split("::").next() == Some(forbidden)) {
        return true;
    }
    let paths = [format!("crate::{forbidden}"), format!("super::{forbidden}"), format!("{forbidden}::")];
    paths.iter().any(|path| code.match_indices(path.as_str()).any(|(at, _)| stands_alone(at, path)))
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with("_tests") || name == "naive"
}

#[test]
fn no_room_imports_what_its_wall_keeps_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    for (room, forbidden) in WALLS {
        let files = sources(&root.join(room));
        assert!(!files.is_empty(), "{room} has no sources");
        for file in files.iter().filter(|file| !is_test(file)) {
            let code = code(file);
            let found = forbidden.iter().filter(|forbidden| reaches_for(&code, forbidden));
            breaches.extend(found.map(|found| format!("{} reaches for {found}", file.display())));
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn no_type_of_the_driver_leaves_the_engine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("mltrace-core/src")) {
        if !file.ends_with(KNOWS_RUSQLITE) {
            assert!(!code(&file).contains("rusqlite"), "{} knows the driver", file.display());
        }
    }
}

#[test]
fn a_breach_would_be_seen() {
    assert!(reaches_for("use crate::store::Store;", "store"));
    assert!(reaches_for("let x = super::record::Run;", "record"));
    assert!(reaches_for("rusqlite::Connection::open(path)", "rusqlite"));
    assert!(reaches_for("\"SELECT 1\"", "SELECT "));
    assert!(reaches_for("use crate::{clock, store::Store};", "store"));
    assert!(!reaches_for("let restored = my_store::open();", "store"));
    assert!(!reaches_for("use super::records::Batch;", "record"));
}
