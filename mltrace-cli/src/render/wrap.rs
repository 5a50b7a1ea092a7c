//! Sentences on a narrow screen.

use super::text::width;

/// A sentence in lines of at most so many columns, parted at spaces. A word that is wider stands alone.
pub(crate) fn wrap(sentence: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut().filter(|line| width(line) + 1 + width(word) <= columns) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_parted_at_spaces() {
        assert_eq!(wrap("it read `rides` from #1", 10), ["it read", "`rides`", "from #1"]);
        assert_eq!(wrap("models/forest.model is", 10), ["models/forest.model", "is"]);
        assert!(wrap("", 10).is_empty());
    }
}
