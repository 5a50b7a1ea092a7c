//! JSON as some programs write it, though it is none.

use serde::Deserialize;

/// Lists and objects that may stand within each other; fewer than those after which the parser gives up, and more than are
/// kept of any facet.
const DEEPEST: usize = 100;

/// Reads JSON. What cannot be read is mended first, and kept in `mended`: an event must not be lost for a number in one of its
/// facets.
pub(crate) fn parse<'t, T: Deserialize<'t>>(text: &'t str, mended: &'t mut String) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|error| {
        *mended = mend(text);
        serde_json::from_str(mended).map_err(|_| error)
    })
}

/// Writes numbers that JSON has none for (`NaN`, `-Infinity`, `1e400`) as texts, puts the sign of a lost character in the
/// place of half a one, and `null` in that of what nests too deep.
fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some(first) = rest.chars().next() {
        let (token, behind) = rest.split_at(length(first, rest));
        rest = behind;
        if matches!(first, '[' | '{') {
            depth += 1;
            if depth == DEEPEST {
                mended.push_str("null");
            }
        }
        if depth < DEEPEST {
            match first {
                '"' => push_text(&mut mended, token),
                _ if token.parse().is_ok_and(|number: f64| !number.is_finite()) => {
                    mended.extend(["\"", token, "\""]);
                }
                _ => mended.push_str(token),
            }
        }
        if matches!(first, ']' | '}') {
            depth = depth.saturating_sub(1);
        }
    }
    mended
}

/// Of what begins with this sign: a text, a word or a number, or the sign alone.
fn length(first: char, rest: &str) -> usize {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    match first {
        '"' => {
            let mut is_escaped = false;
            let mut ends = |byte: u8| {
                let ends = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                ends
            };
            rest.bytes().skip(1).position(&mut ends).map_or(rest.len(), |at| at + 2)
        }
        _ if is_of_word(&rest.as_bytes()[0]) => rest.bytes().take_while(is_of_word).count(),
        _ => first.len_utf8(),
    }
}

/// Adds a text with its quotes.
fn push_text(mended: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            // What is escaped may be another such sign.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended.push_str(&rest[..kept]);
        rest = &rest[kept..];
    }
    mended.push_str(rest);
}

/// The unit of UTF-16 that is escaped here.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> serde_json::Result<Value> {
        parse(text, &mut String::new())
    }

    #[test]
    fn numbers_that_json_has_none_for_are_texts() {
        let text = r#"{"a": [NaN, -Infinity,Infinity], "b": 1e400, "c": -1e999 , "d": 1.5e3, "e": "NaN"}"#;
        let read = read(text).unwrap();
        assert_eq!(
            read,
            json!({"a": ["NaN", "-Infinity", "Infinity"], "b": "1e400", "c": "-1e999", "d": 1500.0, "e": "NaN"})
        );
    }

    #[test]
    fn half_a_character_is_a_lost_one_and_a_whole_one_stays() {
        let text = r#"["\ud800", "\udc00x", "\ud83d\ude97", "\ud83d\n", "\\ud800", "\ud800\ud83d\ude97", "ü\"\ud800"]"#;
        let read = read(text).unwrap();
        let lost = '\u{fffd}';
        let expected = [
            lost.to_string(),
            format!("{lost}x"),
            "🚗".to_owned(),
            format!("{lost}\n"),
            r"\ud800".to_owned(),
            format!("{lost}🚗"),
            format!("ü\"{lost}"),
        ];
        assert_eq!(read, json!(expected));
    }

    #[test]
    fn what_nests_too_deep_is_null_and_what_stands_beside_it_stays() {
        let deep = format!(r#"{{"deep": {}"[" {}, "beside": 1}}"#, "[".repeat(500_000), "]".repeat(500_000));
        let read = read(&deep).unwrap();
        assert_eq!(read["beside"], 1);
        let mut depth = 0;
        let mut inner = &read["deep"];
        while let Some(next) = inner.get(0) {
            (inner, depth) = (next, depth + 1);
        }
        assert_eq!((inner, depth), (&Value::Null, DEEPEST - 2));
    }

    #[test]
    fn what_is_no_json_even_so_is_refused() {
        for text in ["", "{", "[1,", r#"{"a": nan x}"#, r#"["\u12"#, r#"["\"#, "{]", "]", "[1] NaN", "ü", r#""\"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_is_mended_to_what_it_is(texts in prop::collection::vec(".*", 0..4), number: f64) {
            let value = json!({"texts": texts, "number": number, "inner": [{"texts": texts}]});
            let mended: Value = serde_json::from_str(&mend(&value.to_string())).unwrap();
            prop_assert_eq!(mended, value);
        }

        #[test]
        fn nothing_makes_mending_fall_over(text in r#"([\[\]{}",:\\]|\\u[dD][89cf]00|NaN|-|1e999|ü|\\)*"#) {
            let _refused = read(&text);
        }
    }
}
