//! What is wrong with a file's content, in words.

use std::fmt;

/// What is wrong with a file's content. Keys are full paths in quotes, such as `'secrets.github-token.ttl'`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// Not a document of its format at all.
    #[error("not valid {format}: {message}")]
    Syntax { format: &'static str, message: String },
    /// An object has a key twice.
    #[error("the key {key} is there twice")]
    Twice { key: String },
    /// No version has the key.
    #[error("unknown key {key}")]
    UnknownKey { key: String, nearest: Option<&'static str>, known: &'static [&'static str] },
    /// A later version has the key.
    #[error("{key} is not supported by this version of far")]
    LaterKey { key: String },
    /// A later version has the value.
    #[error("{key} has a value that is not supported by this version of far")]
    LaterValue { key: String, help: &'static str },
    /// The key has to be there.
    #[error("{key} is missing")]
    Missing { key: String, name: &'static str },
    /// A value of another type.
    #[error("{key} is {found}, where {expected} belongs")]
    WrongType { key: String, expected: Type, found: &'static str },
    /// A value of the right type that means nothing.
    #[error("{key}: {message}")]
    Invalid { key: String, message: String, help: Option<String> },
}

impl Problem {
    /// The next step.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => Some("correct this place; the rest was not looked at".to_owned()),
            Self::Twice { .. } => Some("keep one of the two".to_owned()),
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean '{nearest}'?")),
            Self::UnknownKey { known, .. } => Some(format!("known here: '{}'", known.join("', '"))),
            Self::LaterKey { .. } => Some("take it out: what it asks for would not be done".to_owned()),
            Self::LaterValue { help, .. } => Some((*help).to_owned()),
            Self::Missing { name, .. } => Some(format!("add '{name}'")),
            Self::WrongType { expected, .. } => Some(expected.help().to_owned()),
            Self::Invalid { help, .. } => help.clone(),
        }
    }

    /// The words at the place itself.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Syntax { message, .. } => message,
            Self::Twice { .. } => "the second time",
            Self::UnknownKey { .. } => "unknown",
            Self::LaterKey { .. } | Self::LaterValue { .. } => "not supported",
            Self::Missing { .. } => "missing here",
            Self::WrongType { found, .. } => found,
            Self::Invalid { .. } => "not valid",
        }
    }
}

/// What belongs somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A number of bytes, plain or as text with a unit.
    Size,
    /// Several values.
    List,
    /// Which versions a grant covers.
    Versions,
    /// Keys and values.
    Table,
}

impl Type {
    fn help(self) -> &'static str {
        match self {
            Self::Text => "write it in quotes",
            Self::Integer => "write digits, without quotes",
            Self::Boolean => "write true or false, without quotes",
            Self::Size => "write a size such as \"64MiB\", or a number of bytes",
            Self::List => "write it in brackets, even if there is only one",
            Self::Versions => "write \"current\", \"any\", or a list of versions",
            Self::Table => "write keys and values",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Size => "a size",
            Self::List => "a list",
            Self::Versions => "a string or a list",
            Self::Table => "a table",
        })
    }
}
