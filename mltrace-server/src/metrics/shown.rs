//! What is shown: who may log can make up names, and each name is series that Prometheus keeps.

use std::collections::BTreeSet;

/// The first names that were met, at most so many. One that is shown stays so while the server runs.
#[derive(Debug)]
pub(super) struct Shown {
    most: usize,
    names: BTreeSet<String>,
    left_out: usize,
}

impl Shown {
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, names: BTreeSet::new(), left_out: 0 }
    }

    /// All names that there are now.
    pub(super) fn meet<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.left_out = 0;
        for name in names {
            if self.names.contains(name) {
                continue;
            }
            if self.names.len() < self.most {
                self.names.insert(name.to_owned());
            } else {
                self.left_out += 1;
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// How many names there are that are not shown.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_shown_gives_way_to_no_other_and_those_left_out_are_counted() {
        let mut shown = Shown::at_most(2);
        shown.meet(["m", "z"]);
        shown.meet(["a", "b", "m", "z"]);
        assert_eq!((shown.has("a"), shown.has("m"), shown.has("z"), shown.left_out()), (false, true, true, 2));
    }
}
