//! The text of a function as its author wrote it, comments and all.

use std::fs;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// What is kept of a function's source.
pub(crate) struct Snapshot {
    /// The text in the file where that can be had, else the printed tokens.
    pub(crate) source: String,
    /// The tokens, one space between two: equal where only comments and layout differ.
    pub(crate) tokens: String,
    /// The line of the function's first token, if it is known.
    pub(crate) line: Option<u32>,
}

impl Snapshot {
    /// Of a function, given without the attribute itself. Attributes and doc comments are left out: they stand on
    /// both sides of the attribute, which is no part of the function.
    pub(crate) fn of(function: &TokenStream) -> Self {
        let function = without_attributes(function.clone());
        let first = ends(&function).and_then(|(first, _)| compiler(first));
        Self {
            source: written_or_printed(&function),
            tokens: flatten(function),
            line: first.and_then(|span| span.start().line().try_into().ok()),
        }
    }
}

/// The text in the file where that can be had, else the printed tokens.
pub(crate) fn written_or_printed(tokens: &TokenStream) -> String {
    let flat = flatten(tokens.clone());
    // The file can have changed since the compiler read it, inside a macro the text is the macro's, and in a doctest the
    // lines are counted otherwise. Of most text that does not even lex, proc-macro2 tells quietly by itself before it asks
    // the compiler; not of all, as `##` in prose, so only text with the right ends is lexed.
    ends(tokens)
        .and_then(|(first, last)| written(first, last))
        .filter(|text| has_ends_of(text, tokens))
        .filter(|text| text.parse().is_ok_and(|parsed| flatten(parsed) == flat))
        .unwrap_or_else(|| tokens.to_string())
}

fn without_attributes(function: TokenStream) -> TokenStream {
    let mut tokens = function.into_iter().peekable();
    while let Some(TokenTree::Punct(punct)) = tokens.peek()
        && punct.as_char() == '#'
    {
        tokens.next();
        tokens.next();
    }
    tokens.collect()
}

/// The spans of the first and the last token; of a group at the end the closing brace.
fn ends(tokens: &TokenStream) -> Option<(Span, Span)> {
    let first = tokens.clone().into_iter().next()?;
    let last = tokens.clone().into_iter().last()?;
    let last = match last {
        TokenTree::Group(group) => group.span_close(),
        token => token.span(),
    };
    Some((first.span(), last))
}

/// Whether a text begins and ends as tokens do.
fn has_ends_of(text: &str, tokens: &TokenStream) -> bool {
    let end = |token: Option<TokenTree>, side: usize| match token {
        Some(TokenTree::Group(group)) => match group.delimiter() {
            Delimiter::Parenthesis => ["(", ")"][side].to_owned(),
            Delimiter::Brace => ["{", "}"][side].to_owned(),
            Delimiter::Bracket => ["[", "]"][side].to_owned(),
            Delimiter::None => String::new(),
        },
        token => token.map(|token| token.to_string()).unwrap_or_default(),
    };
    let tokens = || tokens.clone().into_iter();
    text.starts_with(&end(tokens().next(), 0)) && text.ends_with(&end(tokens().last(), 1))
}

/// The text from the first token to the last, from the file they stand in.
fn written(first: Span, last: Span) -> Option<String> {
    let (first, last) = (compiler(first)?, compiler(last)?);
    let file = first.local_file()?;
    if last.local_file()? != file {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let (start, end) = (first.start(), last.end());
    cut(&text, (start.line(), start.column()), (end.line(), end.column())).map(str::to_owned)
}

/// The compiler's own span. There is none in a unit test, where asking for it would panic.
fn compiler(span: Span) -> Option<proc_macro::Span> {
    proc_macro::is_available().then(|| span.unwrap())
}

/// The text between two places, each a line and a column in characters, both counted from one.
fn cut(text: &str, start: (usize, usize), end: (usize, usize)) -> Option<&str> {
    text.get(offset(text, start)?..offset(text, end)?)
}

fn offset(text: &str, (line, column): (usize, usize)) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let within = text.get(before..)?.char_indices().map(|(at, _)| at);
    let at = within.chain([text.len() - before]).nth(column.checked_sub(1)?)?;
    Some(before + at)
}

/// The tokens without layout and without the invisible groups that macros make.
fn flatten(tokens: TokenStream) -> String {
    let mut words = Vec::new();
    collect(tokens, &mut words);
    words.join(" ")
}

fn collect(tokens: TokenStream, words: &mut Vec<String>) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            words.push(token.to_string());
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => {
                collect(group.stream(), words);
                continue;
            }
        };
        words.push(open.to_owned());
        collect(group.stream(), words);
        words.push(close.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_line_and_character() {
        let text = "// é\nfn f() {\n    // ü\n}ö\n";
        assert_eq!(cut(text, (2, 1), (4, 2)), Some("fn f() {\n    // ü\n}"));
        assert_eq!(cut(text, (4, 2), (4, 3)), Some("ö"));
        assert_eq!(cut("fn f() {}", (1, 1), (1, 10)), Some("fn f() {}"));
    }

    #[test]
    fn places_that_are_not_in_the_text_cut_nothing() {
        assert_eq!(cut("fn f() {}", (1, 1), (1, 11)), None);
        assert_eq!(cut("fn f() {}", (7, 1), (7, 2)), None);
        assert_eq!(cut("fn f() {}", (1, 5), (1, 2)), None);
        assert_eq!(cut("fn f() {}", (0, 0), (1, 2)), None);
    }

    #[test]
    fn layout_and_comments_do_not_change_the_tokens() {
        let plain = Snapshot::of(&"fn f(a: &u8) -> u8 { *a }".parse().unwrap());
        let airy = Snapshot::of(&"fn f( a : & u8 )\n->u8 { /* why */ *a }".parse().unwrap());
        assert_eq!(plain.tokens, airy.tokens);
        let other = Snapshot::of(&"fn f(a: &u8) -> u8 { *a + 1 }".parse().unwrap());
        assert_ne!(plain.tokens, other.tokens);
    }

    #[test]
    fn attributes_are_no_part_of_the_snapshot() {
        let snapshot = Snapshot::of(&"/// Doc.\n#[inline] pub fn f() {}".parse().unwrap());
        assert_eq!(snapshot.tokens, "pub fn f ( ) { }");
        assert_eq!(snapshot.source.replace(' ', ""), "pubfnf(){}");
    }

    #[test]
    fn text_from_elsewhere_is_told_by_its_ends() {
        let function: TokenStream = "fn f() { (1) }".parse().unwrap();
        assert!(has_ends_of("fn f() { /* one */ (1) }", &function));
        assert!(!has_ends_of("## A heading\n}", &function));
        assert!(!has_ends_of("fn f() { (1) ", &function));
        assert!(has_ends_of("[a] + (b)", &"[a] + (b)".parse().unwrap()));
    }
}
