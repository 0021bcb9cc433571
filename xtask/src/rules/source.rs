//! The Rust sources as tokens, with and without tests.

use std::path::{Path, PathBuf};

use super::Violation;
use super::token::{Token, Tokens, lines_of, pattern};
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// A source file.
pub(super) struct Source {
    /// Relative to the root.
    pub(super) file: String,
    /// All tokens, without comments and the text of literals.
    pub(super) code: Vec<Token>,
    /// The tokens without tests; empty for a test file.
    pub(super) production: Vec<Token>,
}

/// The source files of the repository.
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Reads the Rust files among `files`.
    pub(super) fn load(repository: &Repository, files: &[String]) -> Result<Self, Failure> {
        let read = |file: &String| {
            let text = std::fs::read_to_string(repository.root.join(file)).or_failure(format!("read {file}"))?;
            Ok((file.clone(), text))
        };
        let sources = files.iter().filter(|file| file.ends_with(".rs"));
        Self::of(sources.map(read).collect::<Result<_, Failure>>()?)
    }

    /// Parses sources from pairs of path and text.
    pub(super) fn of(texts: Vec<(String, String)>) -> Result<Self, Failure> {
        let mut tests = Vec::new();
        let mut sources = Vec::new();
        for (file, text) in texts {
            let tokens = Tokens::of(&text).or_failure(format!("read {file} as Rust"))?;
            tests.extend(tokens.test_modules.iter().map(|module| module_path(&file, module)));
            sources.push(Source { file, code: tokens.all, production: tokens.production });
        }
        for source in &mut sources {
            let path = Path::new(&source.file).with_extension("");
            let is_crate_code = source.file.contains("/src/");
            if !is_crate_code || tests.iter().any(|test| path.starts_with(test)) {
                source.production.clear();
            }
        }
        Ok(Self(sources))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

impl Source {
    /// Creates a violation in this file.
    pub(super) fn violation(&self, line: usize, message: impl Into<String>) -> Violation {
        Violation { file: self.file.clone(), line, message: message.into() }
    }

    /// Returns the lines of production code on which a piece of code begins.
    pub(super) fn lines_with(&self, piece: &str) -> Vec<usize> {
        lines_of(&self.production, &pattern(piece))
    }
}

/// Returns the path of a module's file without its extension. Its child modules are below this
/// path.
pub(super) fn module_path(file: &str, module: &str) -> PathBuf {
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

    #[test]
    fn files_of_test_modules_are_omitted() {
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
        let sources = sources.unwrap();
        let production = sources.iter().filter(|source| !source.production.is_empty());
        let production: Vec<_> = production.map(|source| source.file.as_str()).collect();
        assert_eq!(production, ["host/a/src/lib.rs", "host/a/src/parse.rs", "host/a/src/parse/tests.rs"]);
    }

    #[test]
    fn invalid_source_file_is_named() {
        let failure = Sources::of(vec![("host/a/src/lib.rs".to_owned(), "fn f() {".to_owned())]).err().unwrap();
        assert!(failure.message().starts_with("cannot read host/a/src/lib.rs as Rust: "), "{failure}");
    }
}
