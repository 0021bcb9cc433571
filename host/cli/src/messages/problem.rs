//! Problems in a file's content.

use std::fmt;

use miette::Diagnostic;

use crate::config::Key;

/// A problem in a file's content. Keys are full paths in quotes, such as
/// `'secrets.github-token.ttl'`.
#[derive(Debug, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub(crate) enum Problem {
    /// The document has a syntax error.
    #[error("not valid {format}: {message}")]
    #[diagnostic(help("fix this error; the rest of the file was not checked"))]
    Syntax { format: &'static str, message: String },
    /// An object has a duplicate key.
    #[error("duplicate key {key}")]
    #[diagnostic(help("remove one of the two"))]
    DuplicateKey { key: String },
    /// No version supports the key.
    #[error("unknown key {key}")]
    #[diagnostic(help("{}", unknown_help(*nearest, known)))]
    UnknownKey { key: String, nearest: Option<&'static str>, known: &'static [Key] },
    /// Only a later version supports the key.
    #[error("{key} is not supported by this version of far")]
    #[diagnostic(help("remove the key: it would have no effect"))]
    LaterKey { key: String },
    /// Only a later version supports the value.
    #[error("{key} has a value that is not supported by this version of far")]
    #[diagnostic(help("{help}"))]
    LaterValue { key: String, help: &'static str },
    /// A required key is missing.
    #[error("{key} is missing")]
    #[diagnostic(help("add '{name}'"))]
    Missing { key: String, name: &'static str },
    /// The value has the wrong type.
    #[error("{key} is {found}, expected {expected}")]
    #[diagnostic(help("{}", expected.help()))]
    WrongType { key: String, expected: Type, found: &'static str },
    /// The value is invalid.
    #[error("{key}: {message}")]
    Invalid {
        key: String,
        message: String,
        #[help]
        help: Option<String>,
    },
}

fn unknown_help(nearest: Option<&str>, known: &[Key]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None => format!("use one of '{}'", known.iter().map(|key| key.name).collect::<Vec<_>>().join("', '")),
    }
}

impl Problem {
    /// Returns the label at the position.
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Syntax { message, .. } => message,
            Self::DuplicateKey { .. } => "duplicate",
            Self::UnknownKey { .. } => "unknown key",
            Self::LaterKey { .. } | Self::LaterValue { .. } => "not supported",
            Self::Missing { .. } => "missing",
            Self::WrongType { found, .. } => found,
            Self::Invalid { .. } => "invalid",
        }
    }
}

/// The expected type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A number of bytes, or a string with a unit.
    Size,
    /// A list of values.
    List,
    /// The versions that a grant covers.
    Versions,
    /// Keys and values.
    Table,
}

impl Type {
    fn help(self) -> &'static str {
        match self {
            Self::Text => "put the value in quotes",
            Self::Integer => "write digits, without quotes",
            Self::Boolean => "write true or false, without quotes",
            Self::Size => "write a size such as \"64MiB\", or a number of bytes",
            Self::List => "put the values in brackets, even a single one",
            Self::Versions => "write \"current\", \"any\", or a list of versions",
            Self::Table => "write a table of keys and values",
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
