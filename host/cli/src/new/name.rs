//! The name of a project, which becomes the name of a folder, a package, a skill and a secret.

use std::str::FromStr;

/// The longest: with what is added to it, it is still the name of a secret and of a file.
const MAX_LEN: usize = 64;

/// What rustc or cargo takes for something else, or what the project itself depends on.
const TAKEN: [&str; 10] =
    ["alloc", "core", "deps", "examples", "far-skill", "far-skill-macros", "proc-macro", "serde", "std", "test"];

/// The words of the language (The Rust Reference, Keywords), which no crate can be called.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name that is right in all of these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProjectName(String);

/// Why a text is not such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProjectNameError {
    #[error("a skill's name has 1 to {MAX_LEN} characters")]
    Length,
    #[error("a skill's name is made of a-z, 0-9 and '-', begins with a letter, and ends with a letter or a digit")]
    Character,
    #[error("a skill's name has no '--'")]
    Sequence,
    #[error("this name has a meaning of its own to the compiler: take another one")]
    Taken,
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(ProjectNameError::Length);
        }
        let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(right)
            || !text.starts_with(|first: char| first.is_ascii_lowercase())
            || text.ends_with('-')
        {
            return Err(ProjectNameError::Character);
        }
        if text.contains("--") {
            return Err(ProjectNameError::Sequence);
        }
        if TAKEN.contains(&text) || KEYWORDS.contains(&text) {
            return Err(ProjectNameError::Taken);
        }
        Ok(Self(text.to_owned()))
    }
}

impl ProjectName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As the compiler calls the library.
    pub(super) fn library(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The secret that the skill uses.
    pub(super) fn key(&self) -> String {
        format!("{}-key", self.0)
    }

    /// The same secret, as a `.env` calls it.
    pub(super) fn variable(&self) -> String {
        self.key().replace('-', "_").to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use far_core::{SecretName, SkillName};

    use super::*;

    #[test]
    fn a_name_is_one_in_every_place() {
        for text in ["a", "hello", "hello-2", &"a".repeat(64)] {
            let name: ProjectName = text.parse().unwrap();
            assert!(SkillName::parse(name.as_str()).is_ok() && SecretName::parse(&name.key()).is_ok());
        }
        let name: ProjectName = "git-hub".parse().unwrap();
        assert_eq!([name.library(), name.key(), name.variable()], ["git_hub", "git-hub-key", "GIT_HUB_KEY"]);
    }

    #[test]
    fn every_other_text_is_refused() {
        let error = |text: &str| text.parse::<ProjectName>().unwrap_err();
        assert_eq!([error(""), error(&"a".repeat(65))], [ProjectNameError::Length; 2]);
        for text in ["Hello", "1st", "-a", "a-", "a_b", "a/b", "../a", "a.b", "ä", "a b", "a\n", "a\u{202e}b"] {
            assert_eq!(error(text), ProjectNameError::Character, "{text}");
        }
        assert_eq!(error("a--b"), ProjectNameError::Sequence);
        assert_eq!([error("test"), error("far-skill"), error("while"), error("self")], [ProjectNameError::Taken; 4]);
    }
}
