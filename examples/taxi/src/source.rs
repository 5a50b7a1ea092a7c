//! Where the raw months come from: the TLC's files, or months made here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::io::{self, Folder};
use crate::made;
use crate::month::Month;
use crate::ride::Kind;

/// How many of the files looked at an error lists.
const LISTED: usize = 12;

/// The raw months to work on.
#[derive(Debug)]
pub(crate) enum Source {
    /// Files, and folders of files, of the TLC's records.
    Files(Vec<PathBuf>),
    /// Months made up, the same every time.
    Made,
}

impl Source {
    /// The raw file of a month; a made one is written into the folder first.
    pub(crate) fn raw(&self, month: Month, folder: &Folder) -> anyhow::Result<PathBuf> {
        match self {
            Self::Files(paths) => find(paths, month),
            Self::Made => {
                let path = folder.file(&format!("raw/{month}.csv"))?;
                io::write(&path, |out| made::write(month, out))?;
                Ok(path)
            }
        }
    }
}

/// The one file among `paths` and in the folders among them that holds the month: its name says so,
/// or it was named by the user and its name speaks of no month.
fn find(paths: &[PathBuf], month: Month) -> anyhow::Result<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(readable_files(path)?.into_iter().filter(|file| speaks_of_a_month(file)));
        } else {
            ensure!(path.exists(), "there is no file or folder {}", path.display());
            files.push(path.clone());
        }
    }
    let month_name = month.to_string();
    let named = |file: &&PathBuf| file_name(file).contains(&month_name);
    let mut found: Vec<&PathBuf> = files.iter().filter(named).collect();
    if found.is_empty() {
        found = files.iter().filter(|file| !speaks_of_a_month(file)).collect();
    }
    match found.as_slice() {
        [file] => Ok((*file).clone()),
        [] => bail!(
            "no file holds {month}: the name of a file must hold its month as {month} and end in \
             .csv, .csv.gz or .parquet. Looked at{}",
            list(paths, &files)
        ),
        several => bail!(
            "{} files may hold {month}: name the one you mean after --data. They are{}",
            several.len(),
            lines(several.iter().copied())
        ),
    }
}

fn readable_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("cannot list {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_file() && Kind::of(&path).is_some() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn speaks_of_a_month(path: &Path) -> bool {
    let name = file_name(path);
    (0..name.len()).any(|start| {
        let month = name.get(start..start + 7);
        month.is_some_and(|month| month.parse::<Month>().is_ok())
    })
}

fn list(paths: &[PathBuf], files: &[PathBuf]) -> String {
    if files.is_empty() { lines(paths.iter()) + "\nwhich hold no such file" } else { lines(files.iter()) }
}

fn lines<'a>(paths: impl ExactSizeIterator<Item = &'a PathBuf>) -> String {
    let more = paths.len().saturating_sub(LISTED);
    let mut lines: Vec<String> = paths.take(LISTED).map(|path| path.display().to_string()).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    format!("\n  {}", lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder_of(names: &[&str]) -> TempDir {
        let folder = TempDir::new().expect("a folder");
        for name in names {
            fs::write(folder.path().join(name), "").expect("written");
        }
        folder
    }

    fn find_in(folder: &TempDir, names: &[&str]) -> anyhow::Result<String> {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        let month = "2020-03".parse().expect("a month");
        find(&paths, month).map(|path| file_name(&path))
    }

    #[test]
    fn in_a_folder_the_file_that_names_the_month_is_taken() {
        let folder = folder_of(&["yellow_2020-03.csv.gz", "yellow_2020-04.csv.gz", "zones.csv", "2020-03.txt"]);
        assert_eq!(find_in(&folder, &[""]).expect("found"), "yellow_2020-03.csv.gz");
    }

    #[test]
    fn a_file_the_user_names_may_hold_any_month() {
        let folder = folder_of(&["yellow.parquet", "yellow_2020-04.parquet"]);
        let names = ["yellow.parquet", "yellow_2020-04.parquet"];
        assert_eq!(find_in(&folder, &names).expect("found"), "yellow.parquet");
    }

    #[test]
    fn a_month_without_a_file_tells_which_files_were_looked_at() {
        let folder = folder_of(&["yellow_2020-01.csv", "yellow_2020-02.csv"]);
        let error = find_in(&folder, &[""]).expect_err("none").to_string();
        assert!(error.contains("no file holds 2020-03"), "{error}");
        assert!(error.contains("yellow_2020-01.csv"), "{error}");
        assert!(error.contains("yellow_2020-02.csv"), "{error}");
    }

    #[test]
    fn a_folder_without_records_is_named() {
        let folder = folder_of(&["zones.csv"]);
        let error = find_in(&folder, &[""]).expect_err("none").to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        assert!(error.contains("which hold no such file"), "{error}");
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let folder = folder_of(&["yellow_2020-03.csv"]);
        let error = find_in(&folder, &["yellow_2020-03.csv", "nowhere"]).expect_err("none").to_string();
        assert!(error.contains("there is no file or folder"), "{error}");
        assert!(error.contains("nowhere"), "{error}");
    }

    #[test]
    fn a_long_list_of_files_is_cut_and_says_so() {
        let names: Vec<String> = (1..=9).map(|n| format!("{n}_2020-01.csv")).collect();
        let more: Vec<String> = (1..=9).map(|n| format!("{n}_2020-02.csv")).collect();
        let names: Vec<&str> = names.iter().chain(&more).map(String::as_str).collect();
        let error = find_in(&folder_of(&names), &[""]).expect_err("none").to_string();
        assert!(error.ends_with("\n  and 6 more"), "{error}");
    }

    #[test]
    fn two_files_of_one_month_are_refused_by_name() {
        let folder = folder_of(&["green_2020-03.csv", "yellow_2020-03.csv"]);
        let error = find_in(&folder, &[""]).expect_err("two").to_string();
        assert!(error.contains("2 files may hold 2020-03"), "{error}");
        assert!(error.contains("green_2020-03.csv"), "{error}");
    }
}
