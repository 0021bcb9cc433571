//! The name of a project, which becomes the name of a folder, a package, a skill and a secret.

use std::str::FromStr;

/// The maximum length. With a suffix, the name is still valid for secrets and files.
const MAX_LEN: usize = 64;

/// Names reserved by rustc or cargo, and dependencies of the project.
const RESERVED: [&str; 10] =
    ["alloc", "core", "deps", "examples", "far-skill", "far-skill-macros", "proc-macro", "serde", "std", "test"];

/// The keywords of Rust (The Rust Reference, Keywords), which are not valid crate names.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name that is valid in all of these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProjectName(String);

/// Reasons to refuse a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProjectNameError {
    #[error("a skill's name has 1 to {MAX_LEN} characters")]
    Length,
    #[error("a skill's name consists of a-z, 0-9 and '-', starts with a letter, and ends with a letter or a digit")]
    Character,
    #[error("a skill's name cannot contain '--'")]
    Sequence,
    #[error("this name is reserved by Rust or cargo: choose another name")]
    Reserved,
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(ProjectNameError::Length);
        }
        let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(is_valid)
            || !text.starts_with(|first: char| first.is_ascii_lowercase())
            || text.ends_with('-')
        {
            return Err(ProjectNameError::Character);
        }
        if text.contains("--") {
            return Err(ProjectNameError::Sequence);
        }
        if RESERVED.contains(&text) || KEYWORDS.contains(&text) {
            return Err(ProjectNameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl ProjectName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the library.
    pub(super) fn library(&self) -> String {
        self.0.replace('-', "_")
    }

    /// Returns the name of the secret that the skill uses.
    pub(super) fn key(&self) -> String {
        format!("{}-key", self.0)
    }

    /// Returns the name of the secret in a `.env` file.
    pub(super) fn variable(&self) -> String {
        self.key().replace('-', "_").to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use far_core::{SecretName, SkillName};

    use super::*;

    #[test]
    fn name_is_valid_in_every_place() {
        for text in ["a", "hello", "hello-2", &"a".repeat(64)] {
            let name: ProjectName = text.parse().unwrap();
            assert!(SkillName::parse(name.as_str()).is_ok() && SecretName::parse(&name.key()).is_ok());
        }
        let name: ProjectName = "git-hub".parse().unwrap();
        assert_eq!([name.library(), name.key(), name.variable()], ["git_hub", "git-hub-key", "GIT_HUB_KEY"]);
    }

    #[test]
    fn invalid_name_is_refused() {
        let error = |text: &str| text.parse::<ProjectName>().unwrap_err();
        assert_eq!([error(""), error(&"a".repeat(65))], [ProjectNameError::Length; 2]);
        for text in ["Hello", "1st", "-a", "a-", "a_b", "a/b", "../a", "a.b", "ä", "a b", "a\n", "a\u{202e}b"] {
            assert_eq!(error(text), ProjectNameError::Character, "{text}");
        }
        assert_eq!(error("a--b"), ProjectNameError::Sequence);
        assert_eq!([error("test"), error("far-skill"), error("while"), error("self")], [ProjectNameError::Reserved; 4]);
    }
}
