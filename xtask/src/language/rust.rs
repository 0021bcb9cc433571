//! Finds the prose of a Rust file: its comments, its string literals and the names of its tests.
//!
//! The lexer of `proc-macro2` finds literals, so that `//` within one is not a comment.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use super::markdown::{is_unbreakable, passages};
use super::passage::{Kind, Passage, Prose};
use super::{literal, sentence};
use crate::failure::{Failure, OrFailure};
use crate::line::line_at;

/// The fewest words of a literal that is prose.
const LITERAL_WORDS: usize = 3;

/// Parses a Rust file.
///
/// # Errors
///
/// A failure if the file is not Rust.
pub(super) fn parse(file: &str, text: &str) -> Result<Prose, Failure> {
    let stream: TokenStream = text.parse().or_failure(format!("read {file} as Rust"))?;
    let mut tokens = Found::default();
    tokens.collect(stream, text);
    proc_macro2::extra::invalidate_current_thread_spans();
    let mut prose = comments(file, text, &tokens.literals);
    prose.passages.extend(tokens.literals.iter().filter_map(|range| {
        let text_of_literal = literal::text(text.get(range.clone())?)?;
        let words: usize = sentence::sentences(&text_of_literal).iter().map(Vec::len).sum();
        let line = line_at(text, range.start);
        (words >= LITERAL_WORDS).then_some(Passage { kind: Kind::Literal, line, text: text_of_literal })
    }));
    prose.tests = tokens.tests.into_iter().map(|(start, name)| (line_at(text, start), name)).collect();
    Ok(prose)
}

/// Parses the comments of a file whose comments have Rust's syntax and whose literals have no `//`.
#[expect(clippy::unnecessary_wraps, reason = "the parsers of all kinds of files have one signature")]
pub(super) fn parse_comments_only(file: &str, text: &str) -> Result<Prose, Failure> {
    Ok(comments(file, text, &[]))
}

/// Byte ranges and names in a file's tokens.
#[derive(Default)]
struct Found {
    literals: Vec<Range<usize>>,
    tests: Vec<(usize, String)>,
}

impl Found {
    fn collect(&mut self, stream: TokenStream, text: &str) {
        let mut is_test = false;
        let mut after_fn = false;
        for tree in stream {
            match tree {
                TokenTree::Group(group) => {
                    let source = text.get(group.span().byte_range()).unwrap_or_default();
                    is_test |= is_test_attribute(source);
                    let is_doc_comment = source.starts_with("//") || source.starts_with("/*");
                    if !is_doc_comment {
                        self.collect(group.stream(), text);
                    }
                }
                TokenTree::Literal(literal) => self.literals.push(literal.span().byte_range()),
                TokenTree::Ident(name) => {
                    if after_fn && is_test {
                        self.tests.push((name.span().byte_range().start, name.to_string()));
                        is_test = false;
                    }
                    after_fn = name == "fn";
                    continue;
                }
                TokenTree::Punct(_) => {}
            }
            after_fn = false;
        }
    }
}

/// Returns true for `[test]` and `[tokio::test(…)]`.
fn is_test_attribute(source: &str) -> bool {
    let Some(body) = source.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    let path = body.split('(').next().unwrap_or_default().trim();
    path == "test" || path.ends_with("::test")
}

fn comments(file: &str, text: &str, literals: &[Range<usize>]) -> Prose {
    let mut prose = Prose { file: file.to_owned(), ..Prose::default() };
    let mut block: Option<Block> = None;
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let comment = comment_of(line, start, literals);
        start += line.len();
        let Some((marker, content)) = comment else {
            prose.passages.extend(block.take().into_iter().flat_map(Block::passages));
            continue;
        };
        let is_row = content.trim_start().starts_with('|');
        if !is_row && !is_unbreakable(content) {
            prose.widths.push((index + 1, line.trim_end().chars().count()));
        }
        match &mut block {
            Some(block) if block.marker == marker => block.lines.push((index + 1, content)),
            _ => {
                let next = Block { marker, lines: vec![(index + 1, content)] };
                prose.passages.extend(block.replace(next).into_iter().flat_map(Block::passages));
            }
        }
    }
    prose.passages.extend(block.into_iter().flat_map(Block::passages));
    prose
}

/// Consecutive comment lines with one marker.
struct Block<'a> {
    marker: &'static str,
    lines: Vec<(usize, &'a str)>,
}

impl Block<'_> {
    fn passages(self) -> Vec<Passage> {
        match self.marker {
            "//" => passages(&self.lines, Kind::Comment, Kind::Comment),
            _ => passages(&self.lines, Kind::Doc, Kind::DocBody),
        }
    }
}

/// Splits a line's comment into its marker and its text.
fn comment_of<'a>(line: &'a str, start: usize, literals: &[Range<usize>]) -> Option<(&'static str, &'a str)> {
    let in_literal = |at: usize| literals.iter().any(|range| range.contains(&(start + at)));
    let at = line.match_indices("//").map(|(at, _)| at).find(|at| !in_literal(*at))?;
    let comment = line.get(at..)?.trim_end();
    let marker = ["//!", "///", "//"].into_iter().find(|marker| comment.starts_with(marker))?;
    Some((marker, comment.strip_prefix(marker)?.strip_prefix(' ').unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_literals_and_tests_are_found() {
        let text = concat!(
            "//! Head.\n\n/// Returns one.\n///\n/// Never two.\nfn f() {\n    // Why\n    // not.\n",
            "    g(\"https://x y z\");\n}\n\n#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn it_works() {}\nfn no_test() {}\n"
        );
        let prose = parse("a.rs", text).unwrap();
        let found: Vec<_> =
            prose.passages.iter().map(|passage| (passage.line, passage.kind, passage.text.as_str())).collect();
        let expected = [
            (1, Kind::Doc, "Head."),
            (3, Kind::Doc, "Returns one."),
            (5, Kind::DocBody, "Never two."),
            (7, Kind::Comment, "Why not."),
            (9, Kind::Literal, "https://x y z"),
        ];
        assert_eq!(found, expected);
        assert_eq!(prose.tests, [(14, "it_works".to_owned())]);
    }
}
