//! Tokens of Rust source text, without comments. A literal is one token without its text.

use std::fmt;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A literal of any kind.
pub(super) const LITERAL: &str = "\"";
/// Keywords that begin an item, which does not end at a comma.
const ITEMS: [&str; 14] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "unsafe",
    "use",
];

/// A name, a punctuation mark, a delimiter of a group, or [`LITERAL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// The line, counted from 1.
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    /// Returns true for a name or a keyword.
    pub(super) fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// A syntax error in Rust source text.
#[derive(Debug)]
pub(super) struct SyntaxError {
    line: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} has an invalid token or an unclosed group", self.line)
    }
}

/// The tokens of a text, with and without items for tests, and the names of test modules in
/// separate files.
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    pub(super) production: Vec<Token>,
    pub(super) test_modules: Vec<String>,
}

impl Tokens {
    pub(super) fn of(text: &str) -> Result<Self, SyntaxError> {
        let stream: TokenStream =
            text.parse().map_err(|error: proc_macro2::LexError| SyntaxError { line: error.span().start().line })?;
        let mut tokens = Self { all: Vec::new(), production: Vec::new(), test_modules: Vec::new() };
        flatten(stream.clone(), &mut tokens.all);
        tokens.omit_tests(stream);
        // No span of this text is used after this point.
        proc_macro2::extra::invalidate_current_thread_spans();
        Ok(tokens)
    }

    fn omit_tests(&mut self, stream: TokenStream) {
        let trees: Vec<_> = stream.into_iter().collect();
        let mut rest = trees.as_slice();
        while !rest.is_empty() {
            match rest {
                [mark, attribute, item @ ..] if is_mark(mark, '#') && is_for_tests(attribute) => {
                    let (item, after) = item.split_at(item_length(item));
                    self.test_modules.extend(module_with_file(item));
                    rest = after;
                }
                [TokenTree::Group(group), after @ ..] => {
                    let (open, close) = ends(group.delimiter());
                    push(&mut self.production, open, group.span_open());
                    self.omit_tests(group.stream());
                    push(&mut self.production, close, group.span_close());
                    rest = after;
                }
                _ => rest = take_first(rest, &mut self.production),
            }
        }
    }
}

/// Tokenizes a search pattern.
pub(super) fn pattern(text: &str) -> Vec<String> {
    Tokens::of(text).map(|tokens| tokens.all.into_iter().map(|token| token.text).collect()).unwrap_or_default()
}

/// Returns the lines on which a pattern begins.
pub(super) fn lines_of(tokens: &[Token], pattern: &[String]) -> Vec<usize> {
    let begins = |window: &&[Token]| window.iter().zip(pattern).all(|(token, text)| token.is(text));
    let windows = tokens.windows(pattern.len().max(1)).filter(begins);
    windows.filter_map(|window| window.first()).map(|token| token.line).collect()
}

fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let trees: Vec<_> = stream.into_iter().collect();
    let mut rest = trees.as_slice();
    while !rest.is_empty() {
        rest = take_first(rest, out);
    }
}

/// Appends the first tree with its content, and returns the rest.
fn take_first<'a>(trees: &'a [TokenTree], out: &mut Vec<Token>) -> &'a [TokenTree] {
    let [first, rest @ ..] = trees else { return trees };
    match first {
        TokenTree::Group(group) => {
            let (open, close) = ends(group.delimiter());
            push(out, open, group.span_open());
            flatten(group.stream(), out);
            push(out, close, group.span_close());
        }
        TokenTree::Ident(name) => push(out, name.to_string().trim_start_matches("r#"), name.span()),
        TokenTree::Literal(literal) => push(out, LITERAL, literal.span()),
        TokenTree::Punct(mark) => match rest {
            [second, rest @ ..]
                if mark.as_char() == ':' && mark.spacing() == Spacing::Joint && is_mark(second, ':') =>
            {
                push(out, "::", mark.span());
                return rest;
            }
            [TokenTree::Ident(lifetime), rest @ ..] if mark.as_char() == '\'' => {
                push(out, &format!("'{lifetime}"), mark.span());
                return rest;
            }
            _ => push(out, mark.as_char().encode_utf8(&mut [0; 4]), mark.span()),
        },
    }
    rest
}

fn push(out: &mut Vec<Token>, text: &str, span: proc_macro2::Span) {
    out.push(Token { text: text.to_owned(), line: span.start().line });
}

fn ends(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn is_mark(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Returns true if an attribute without its `#` is `[cfg(test)]` or `[cfg(all(test, …))]`.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let TokenTree::Group(group) = attribute else { return false };
    let mut tokens = Vec::new();
    flatten(group.stream(), &mut tokens);
    let texts: Vec<_> = tokens.iter().map(|token| token.text.as_str()).collect();
    matches!(texts[..], ["cfg", "(", "test", ")"] | ["cfg", "(", "all", "(", "test", ",", ..])
}

/// Returns the number of token trees of an item, to its semicolon or the end of its body. A field,
/// a variant or a match arm ends at a comma.
fn item_length(item: &[TokenTree]) -> usize {
    let mut comma_ends = true;
    for (position, tree) in item.iter().enumerate() {
        match tree {
            TokenTree::Ident(name) if ITEMS.iter().any(|item| name == item) => comma_ends = false,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return position + 1,
            tree if is_mark(tree, ';') || comma_ends && is_mark(tree, ',') => return position + 1,
            _ => {}
        }
    }
    item.len()
}

/// Returns the module's name if the item is `mod NAME;`.
fn module_with_file(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(keyword), TokenTree::Ident(name), end] if keyword == "mod" && is_mark(end, ';') => {
            Some(name.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(tokens: &[Token]) -> String {
        tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn all(text: &str) -> String {
        joined(&Tokens::of(text).unwrap().all)
    }

    fn production(text: &str) -> String {
        joined(&Tokens::of(text).unwrap().production)
    }

    #[test]
    fn comments_and_literals_have_no_text() {
        assert_eq!(all("a // unsafe {\nb /* x /* y */ ** / */ c"), "a b c");
        assert_eq!(all(r##"f("// \" x", r#"x " y"#, 'a', b"\\", '\u{1f}')"##), r#"f ( " , " , " , " , " )"#);
    }

    #[test]
    fn lifetimes_and_raw_names_are_tokens() {
        assert_eq!(all("fn f<'a>(x: &'a str) -> r#type::X"), "fn f < 'a > ( x : & 'a str ) - > type :: X");
    }

    #[test]
    fn invalid_text_is_rejected() {
        for text in ["fn f() {\n    g(\n}", "fn f() {}\n)"] {
            assert!(Tokens::of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn test_items_are_omitted() {
        for (text, left) in [
            ("a; #[cfg(test)] mod tests { fn f() { x } } b;", "a ; b ;"),
            ("#[cfg(test)] #[path] fn f(x: [u8; 4]) -> bool { { y } } b", "b"),
            ("struct S { #[cfg(test)] calls: u32, open: bool }", "struct S { open : bool }"),
            ("struct S { #[cfg(test)] calls: u32 } b", "struct S { } b"),
            ("#[cfg(test)] fn f<T, U>() where T: A, U: B { x } b", "b"),
            ("#[cfg(all(test, feature = \"x\"))] mod tests { x } b", "b"),
            ("#[cfg(not(test))] b", "# [ cfg ( not ( test ) ) ] b"),
        ] {
            assert_eq!(production(text), left);
        }
        assert_eq!(Tokens::of("#[cfg(test)] pub(crate) mod cases; mod other;").unwrap().test_modules, ["cases"]);
    }

    #[test]
    fn pattern_matches_whole_tokens() {
        let tokens = Tokens::of("tokio::x\nmy_tokio\na.reveal() a.revealed()").unwrap().all;
        let found = |text: &str| lines_of(&tokens, &pattern(text));
        assert_eq!(found("tokio"), [1]);
        assert_eq!(found(".reveal()"), [3]);
        assert_eq!(found("x my_tokio"), [1]);
        assert!(found("absent").is_empty());
    }
}
