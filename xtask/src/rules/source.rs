//! The repository's Rust sources as the rules see them: as tokens, and, where a rule is about what ships, without tests.

use std::path::{Path, PathBuf};

use super::Violation;
use super::token::{Token, Tokens, lines_of, pattern};
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// A source file.
pub(super) struct Source {
    /// Relative to the root.
    pub(super) file: String,
    /// Without comments and the text of literals.
    pub(super) code: Vec<Token>,
    /// Without tests as well; empty if the whole file is a test.
    pub(super) production: Vec<Token>,
}

/// All source files.
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Reads the Rust sources among the repository's files.
    pub(super) fn load(repository: &Repository, files: &[String]) -> Result<Self, Failure> {
        let read = |file: &String| {
            let text = std::fs::read_to_string(repository.root.join(file)).or_failure(format!("read {file}"))?;
            Ok((file.clone(), text))
        };
        let sources = files.iter().filter(|file| file.ends_with(".rs"));
        Self::of(sources.map(read).collect::<Result<_, Failure>>()?)
    }

    /// From paths and texts.
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

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

impl Source {
    /// A place in this file that breaks a rule.
    pub(super) fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation { file: self.file.clone(), line, what: what.into() }
    }

    /// The lines of what ships on which a piece of code begins.
    pub(super) fn lines_with(&self, piece: &str) -> Vec<usize> {
        lines_of(&self.production, &pattern(piece))
    }
}

/// Where a module's file is, without its extension; what is within the module is below it.
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
    fn only_files_of_test_modules_are_left_out() {
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
    fn file_that_is_not_rust_is_named() {
        let failure = Sources::of(vec![("host/a/src/lib.rs".to_owned(), "fn f() {".to_owned())]).err().unwrap();
        assert!(failure.what().starts_with("cannot read host/a/src/lib.rs as Rust: "), "{failure}");
    }
}
