//! Many names by their folders.

use std::collections::BTreeMap;

/// A folder begins, something stands in it, a folder ends.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'n, T> {
    Open {
        name: String,
        /// How many stand in it and in the folders within.
        count: usize,
    },
    Item {
        /// What of its name is not its folder's.
        shown: &'n str,
        item: T,
    },
    Close,
}

/// So many are found without folders.
const FEW: usize = 12;
/// Folders lie no deeper than this, however many slashes a name has.
const DEEPEST: usize = 8;

/// Lines for these names, by folder where they are many.
pub(super) fn lines<'n, T>(items: impl IntoIterator<Item = (&'n str, T)>) -> Vec<Line<'n, T>> {
    let items: Vec<_> = items.into_iter().collect();
    if items.len() <= FEW {
        return items.into_iter().map(|(shown, item)| Line::Item { shown, item }).collect();
    }
    let mut root = Folder { folders: BTreeMap::new(), items: Vec::new() };
    for (name, item) in items {
        root.put(name, item);
    }
    let mut lines = Vec::new();
    root.write(&mut lines);
    lines
}

struct Folder<'n, T> {
    folders: BTreeMap<&'n str, Folder<'n, T>>,
    items: Vec<(&'n str, T)>,
}

impl<'n, T> Folder<'n, T> {
    fn put(&mut self, name: &'n str, item: T) {
        let mut folder = self;
        let mut rest = name;
        // What leads a name, as `s3://` does, is no folder by itself.
        let mut from = name.find("://").map_or(0, |at| at + 3);
        for _ in 0..DEEPEST {
            from += rest[from..].len() - rest[from..].trim_start_matches('/').len();
            let Some(end) = rest[from..].find('/').map(|slash| from + slash) else { break };
            if end + 1 == rest.len() {
                break;
            }
            let empty = || Self { folders: BTreeMap::new(), items: Vec::new() };
            folder = folder.folders.entry(&rest[..end]).or_insert_with(empty);
            (rest, from) = (&rest[end + 1..], 0);
        }
        folder.items.push((rest, item));
    }

    fn write(self, lines: &mut Vec<Line<'n, T>>) {
        for (name, folder) in self.folders {
            let (mut name, mut folder) = (name.to_owned(), folder);
            // A folder that holds another and nothing else is told with it.
            while folder.items.is_empty() && folder.folders.len() == 1 {
                let Some((inner, only)) = folder.folders.pop_first() else { break };
                name = name + "/" + inner;
                folder = only;
            }
            let at = lines.len();
            lines.push(Line::Open { name, count: 0 });
            folder.write(lines);
            let within = lines[at..].iter().filter(|line| matches!(line, Line::Item { .. })).count();
            if let Line::Open { count, .. } = &mut lines[at] {
                *count = within;
            }
            lines.push(Line::Close);
        }
        lines.extend(self.items.into_iter().map(|(shown, item)| Line::Item { shown, item }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&'static str]) -> String {
        let line = |line: Line<'_, ()>| match line {
            Line::Open { name, count } => format!("{name} ({count}) {{"),
            Line::Item { shown, .. } => shown.to_owned(),
            Line::Close => "}".to_owned(),
        };
        lines(names.iter().map(|name| (*name, ()))).into_iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_few_names_stand_as_they_are() {
        assert_eq!(told(&["raw/a.csv", "raw/b.csv"]), "raw/a.csv raw/b.csv");
    }

    #[test]
    fn many_names_stand_in_their_folders() {
        let names = [
            "raw/2020/01.csv",
            "raw/2020/02.csv",
            "raw/2021/01.csv",
            "/data/rides",
            "/data//deep/x",
            "s3://lake/a/b",
            "s3://lake/a/c",
            "model",
            "dir/",
            "//",
            "a/../b",
            "é/ü",
            "x:y",
        ];
        assert_eq!(
            told(&names),
            "/data (2) { /deep (1) { x } rides } a/.. (1) { b } raw (3) { 2020 (2) { 01.csv 02.csv } 2021 (1) { 01.csv } } \
             s3://lake/a (2) { b c } é (1) { ü } model dir/ // x:y"
        );
    }
}
