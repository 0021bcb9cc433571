//! Paths in code and in `use` declarations.

use super::super::token::Token;

/// A path in source code, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// A leaf of a `use` declaration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Path,
    /// The name in scope; `None` for a glob.
    pub(super) name: Option<String>,
}

/// Returns the path that begins at a position, and the position after it.
pub(super) fn path(tokens: &[Token], at: usize) -> Option<(Path, usize)> {
    let first = tokens.get(at).filter(|token| token.is_name())?;
    let mut path = Path { segments: vec![first.text.clone()], line: first.line };
    let mut at = at + 1;
    while let Some([separator, segment]) = tokens.get(at..at + 2)
        && separator.is("::")
        && segment.is_name()
    {
        path.segments.push(segment.text.clone());
        at += 2;
    }
    Some((path, at))
}

/// Returns the leaves of the `use` tree that begins at a position, and the position after it.
pub(super) fn imports(tokens: &[Token], at: usize) -> (Vec<Import>, usize) {
    let mut leaves = Vec::new();
    let at = tree(tokens, at, &[], &mut leaves);
    (leaves, at)
}

fn tree(tokens: &[Token], mut at: usize, prefix: &[String], leaves: &mut Vec<Import>) -> usize {
    let mut segments = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        let line = token.line;
        let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
        at += 1;
        match token.text.as_str() {
            "::" => {}
            "*" => {
                leaves.push(Import { path: Path { segments, line }, name: None });
                return at;
            }
            "{" => {
                while at < tokens.len() && !is(at, "}") {
                    at = tree(tokens, at, &segments, leaves);
                    at += usize::from(is(at, ","));
                }
                return at + 1;
            }
            _ if token.is_name() => {
                // `a::{self}` means `a`.
                if !token.is("self") || segments.is_empty() {
                    segments.push(token.text.clone());
                }
                if is(at, "::") {
                    continue;
                }
                let mut name = segments.last().cloned();
                if is(at, "as") {
                    name = tokens.get(at + 1).map(|token| token.text.clone());
                    at += 2;
                }
                leaves.push(Import { path: Path { segments, line }, name });
                return at;
            }
            _ => return at,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::super::token::Tokens;
    use super::*;

    #[test]
    fn path_ends_before_other_tokens() {
        let of = |text: &str| {
            let (path, at) = path(&Tokens::of(text).unwrap().all, 0).unwrap();
            (path.segments.join("::"), at)
        };
        assert_eq!(of("a::b::<c>()"), ("a::b".to_owned(), 3));
        assert_eq!(of("a.b::c"), ("a".to_owned(), 1));
        assert_eq!(of("crate::r#type"), ("crate::type".to_owned(), 3));
    }

    #[test]
    fn leaves_of_use_tree_are_read() {
        let tokens = Tokens::of("crate::{a::{self, B as C}, d::*, e};").unwrap().all;
        let (leaves, at) = imports(&tokens, 0);
        let shown: Vec<_> = leaves.iter().map(|leaf| (leaf.path.segments.join("::"), leaf.name.as_deref())).collect();
        let expected =
            [("crate::a", Some("a")), ("crate::a::B", Some("C")), ("crate::d", None), ("crate::e", Some("e"))];
        assert_eq!(shown, expected.map(|(path, name)| (path.to_owned(), name)));
        assert!(tokens[at].is(";"));
    }
}
