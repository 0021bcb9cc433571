//! Names of secrets, skills, agents, tasks and providers, with a common grammar.
//!
//! Names are not normalized: two names are equal if and only if their bytes are.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An error of parsing a name.
///
/// It omits the string, which may be guest-supplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The string is empty.
    #[error("a name has at least 1 character")]
    Empty,
    /// The string is longer than [`MAX_LEN`] bytes.
    #[error("a name has at most {MAX_LEN} characters")]
    TooLong,
    /// The string has a character outside `a-z 0-9 . _ - /`.
    #[error("a name is made of a-z, 0-9, '.', '_', '-' and '/': byte {at} is invalid")]
    Character {
        /// The offset of the byte, from 0.
        at: usize,
    },
    /// The first or the last character is not alphanumeric.
    #[error("a name starts and ends with a letter or a digit")]
    Edge,
    /// The name has `..` or `//`.
    #[error("a name has no '..' and no '//'")]
    Sequence,
}

/// The maximum length of a name, in bytes.
pub const MAX_LEN: usize = 128;

/// Checks the grammar: 1 to 128 characters of `a-z 0-9 . _ - /`, alphanumeric at both ends, without
/// `..` and `//`.
///
/// # Errors
///
/// [`NameError`] for the first violated rule.
pub fn check(text: &str) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err(NameError::Empty);
    };
    if bytes.len() > MAX_LEN {
        return Err(NameError::TooLong);
    }
    if let Some(at) = bytes.iter().position(|&byte| !is_name_byte(byte)) {
        return Err(NameError::Character { at });
    }
    if !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() {
        return Err(NameError::Edge);
    }
    if bytes.windows(2).any(|pair| matches!(pair, b".." | b"//")) {
        return Err(NameError::Sequence);
    }
    Ok(())
}

fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/')
}

/// Defines a newtype for one kind of name.
macro_rules! name_type {
    ($(#[$meta:meta])* $type:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Parses the name.
            ///
            /// # Errors
            ///
            /// [`NameError`] for the first violated rule of [`check`](crate::name::check).
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// Returns the name as a string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use name_type;

name_type! {
    /// The name of a secret in declarations, grants and the catalog.
    ///
    /// ```
    /// use far_capability::SecretName;
    ///
    /// assert!(SecretName::parse("github-token").is_ok());
    /// assert!(SecretName::parse("Github-Token").is_err());
    /// ```
    SecretName
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn valid_names_are_accepted() {
        for text in ["a", "0", "github-token", "ci/github.token_2", "a--b", "a./b", &"x".repeat(128)] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn invalid_names_are_rejected() {
        let cases = [
            ("", NameError::Empty),
            (&*"x".repeat(129), NameError::TooLong),
            ("Token", NameError::Character { at: 0 }),
            ("a b", NameError::Character { at: 1 }),
            ("a\0", NameError::Character { at: 1 }),
            ("caf\u{e9}", NameError::Character { at: 3 }),
            ("cafe\u{301}", NameError::Character { at: 4 }),
            ("\u{ff41}", NameError::Character { at: 0 }),
            ("token.", NameError::Edge),
            ("-token", NameError::Edge),
            ("../a", NameError::Edge),
            ("a/../b", NameError::Sequence),
            ("a//b", NameError::Sequence),
            ("*", NameError::Character { at: 0 }),
        ];
        for (text, error) in cases {
            assert_eq!(check(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parsed_name_keeps_its_text(text in "\\PC{0,140}") {
            if let Ok(name) = SecretName::parse(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(text.len() <= MAX_LEN && text.is_ascii() && !text.contains(".."));
            }
        }

        #[test]
        fn grammar_generates_valid_names(text in "[a-z0-9]([a-z0-9]|[._-][a-z0-9]){0,40}") {
            prop_assert!(SecretName::parse(&text).is_ok());
        }
    }
}
