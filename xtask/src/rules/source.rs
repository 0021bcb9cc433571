//! Rust source text as the rules see it: without comments and literals, and, where a rule is about what ships, without
//! tests. What is left out becomes blanks, so that lines and columns stay.

use std::path::{Path, PathBuf};

use super::lexer::{blank, code, is_word};
use super::{Violation, line_at};
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// A source file.
pub(super) struct Source {
    /// Relative to the root.
    pub(super) file: String,
    /// Without comments and literals.
    pub(super) code: String,
    /// Without tests as well; empty if the whole file is a test.
    pub(super) production: String,
}

/// Source files that rules are about.
pub(super) struct Sources(pub(super) Vec<Source>);

impl Sources {
    /// Of all files of the repository, the Rust sources in these folders.
    pub(super) fn load(repository: &Repository, files: &[String], folders: &[&str]) -> Result<Self, Failure> {
        let there = |file: &&String| file.ends_with(".rs") && folders.iter().any(|folder| file.starts_with(folder));
        let read = |file: &String| {
            let text = std::fs::read_to_string(repository.root.join(file)).or_failure(format!("read {file}"))?;
            Ok((file.clone(), text))
        };
        Ok(Self::of(files.iter().filter(there).map(read).collect::<Result<_, Failure>>()?))
    }

    /// From paths and texts.
    pub(super) fn of(texts: Vec<(String, String)>) -> Self {
        let mut tests = Vec::new();
        let mut sources = Vec::new();
        for (file, text) in texts {
            let code = code(&text);
            let (production, modules) = without_tests(&code);
            tests.extend(modules.iter().map(|module| module_path(&file, module)));
            sources.push(Source { file, code, production });
        }
        for source in &mut sources {
            let path = Path::new(&source.file).with_extension("");
            let is_crate_code = source.file.contains("/src/");
            if !is_crate_code || tests.iter().any(|test| path.starts_with(test)) {
                source.production.clear();
            }
        }
        Self(sources)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

impl Source {
    /// A place in this file that breaks a rule.
    pub(super) fn violation(&self, position: usize, what: impl Into<String>) -> Violation {
        Violation { file: self.file.clone(), line: line_at(&self.code, position), what: what.into() }
    }
}

/// Where each occurrence of a piece of code begins; a word is not found within a longer one.
pub(super) fn occurrences<'a>(code: &'a str, piece: &'a str) -> impl Iterator<Item = usize> + 'a {
    let in_word =
        |neighbour: Option<char>, edge: Option<char>| neighbour.is_some_and(is_word) && edge.is_some_and(is_word);
    code.match_indices(piece).map(|(position, _)| position).filter(move |position| {
        let (before, rest) = code.split_at(*position);
        let after = rest.strip_prefix(piece).unwrap_or_default();
        !in_word(before.chars().next_back(), piece.chars().next())
            && !in_word(after.chars().next(), piece.chars().next_back())
    })
}

const TEST: &str = "#[cfg(test)]";

/// The code without the items that are only compiled for tests, and the names of such modules that have a file.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut production = String::with_capacity(code.len());
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(position) = rest.find(TEST) {
        let (before, item) = rest.split_at(position);
        let (item, after) = item.split_at(item_length(item));
        production.push_str(before);
        blank(item, &mut production);
        let mut words = item.trim_end_matches(';').split_whitespace().rev();
        if let (Some(name), Some("mod")) = (words.next(), words.next()) {
            modules.push(name.to_owned());
        }
        rest = after;
    }
    production.push_str(rest);
    (production, modules)
}

/// The length of an item with its attributes: up to its end mark, or the end of its body.
fn item_length(item: &str) -> usize {
    let mut depth = 0_i32;
    for (position, c) in item.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' if depth <= 1 => return position + if depth == 1 { 1 } else { 0 },
            '}' => depth -= 1,
            ';' | ',' if depth == 0 => return position + 1,
            _ => {}
        }
    }
    item.len()
}

/// Where a module's file is, without its extension; what is within the module is below it.
fn module_path(file: &str, module: &str) -> PathBuf {
    let path = Path::new(file);
    let folder = match path.file_name().and_then(|name| name.to_str()) {
        Some("lib.rs" | "main.rs" | "mod.rs") => path.parent().unwrap_or(path).to_owned(),
        _ => path.with_extension(""),
    };
    folder.join(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production(code: &str) -> String {
        without_tests(code).0.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_compiled_for_tests_only_is_not_production() {
        assert_eq!(production("a; #[cfg(test)] mod tests { fn f() { x } } b;"), "a; b;");
        assert_eq!(production("#[cfg(test)] #[path] fn f(x: [u8; 4]) -> bool { { y } } b"), "b");
        assert_eq!(production("struct S { #[cfg(test)] calls: u32, open: bool }"), "struct S { open: bool }");
        assert_eq!(production("struct S { #[cfg(test)] calls: u32 } fn f() {}"), "struct S { } fn f() {}");
        assert_eq!(production("#[cfg(not(test))] fn f() {}"), "#[cfg(not(test))] fn f() {}");
    }

    #[test]
    fn files_of_test_modules_are_not_production_and_no_others_are_left_out() {
        let text = |file: &str, text: &str| (file.to_owned(), text.to_owned());
        let sources = Sources::of(vec![
            text("host/a/src/lib.rs", "mod parse; #[cfg(test)] mod tests;"),
            text("host/a/src/tests.rs", "mod deep; x"),
            text("host/a/src/tests/deep.rs", "x"),
            text("host/a/src/parse.rs", "#[cfg(test)] pub(crate) mod cases; x"),
            text("host/a/src/parse/cases.rs", "x"),
            text("host/a/src/parse/tests.rs", "x"),
            text("host/a/tests/whole.rs", "x"),
        ]);
        let shipped = |source: &&Source| !source.production.trim().is_empty();
        let shipped: Vec<_> = sources.iter().filter(shipped).map(|source| source.file.as_str()).collect();
        assert_eq!(shipped, ["host/a/src/lib.rs", "host/a/src/parse.rs", "host/a/src/parse/tests.rs"]);
    }

    #[test]
    fn a_word_is_not_found_within_a_longer_one() {
        let found = |piece| occurrences("tokio::x my_tokio tokio_util a.reveal() a.revealed()", piece).count();
        assert_eq!(found("tokio"), 1);
        assert_eq!(found(".reveal("), 1);
        assert_eq!(found("absent"), 0);
    }
}
