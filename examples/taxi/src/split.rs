//! The third stage: what to learn from, and what to test on.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mltrace::component;

use crate::io::{self, Folder};
use crate::month::Month;
use crate::progress::Progress;

/// Sets the latest features of one month aside to train on, and those of another to test on.
///
/// In use a model meets rides that are later than all it has seen, so no random part of one month would do.
#[component(
    owner = "machine learning",
    tags("training"),
    inputs(to_train, to_test),
    outputs(train, test),
    params(train_month, test_month),
    partition = train_month
)]
pub(crate) fn split(train_month: Month, test_month: Month, folder: &Folder) -> anyhow::Result<(PathBuf, PathBuf)> {
    let progress = Progress::of_unknown_length("split", train_month);
    let to_train = folder.latest(&format!("features/{train_month}"))?;
    let to_test = folder.latest(&format!("features/{test_month}"))?;
    let train = folder.version(&format!("train/{train_month}"), "csv")?;
    copy(&to_train, &train)?;
    let test = folder.version(&format!("test/{test_month}"), "csv")?;
    copy(&to_test, &test)?;
    progress.done(&format!("{train_month} to train, {test_month} to test"));
    Ok((train, test))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut content = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
    io::write(to, |out| {
        std::io::copy(&mut content, out)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn put(folder: &Folder, name: &str, text: &str) {
        let path = folder.version(name, "csv").expect("a version");
        io::write(&path, |out| Ok(out.write_all(text.as_bytes())?)).expect("written");
    }

    #[test]
    fn each_part_is_the_latest_features_of_its_month() {
        let root = TempDir::new().expect("a folder");
        let folder = Folder::new(root.path());
        put(&folder, "features/2020-01", "outdated");
        put(&folder, "features/2020-01", "january");
        put(&folder, "features/2020-02", "february");
        let (train, test) = split(month("2020-01"), month("2020-02"), &folder).expect("split");
        assert_eq!(fs::read_to_string(train).expect("read"), "january");
        assert_eq!(fs::read_to_string(test).expect("read"), "february");
    }

    #[test]
    fn a_month_without_features_is_named() {
        let root = TempDir::new().expect("a folder");
        let folder = Folder::new(root.path());
        put(&folder, "features/2020-01", "january");
        let error = split(month("2020-01"), month("2020-02"), &folder).expect_err("no February");
        assert!(error.to_string().contains("features/2020-02"), "{error}");
    }
}
