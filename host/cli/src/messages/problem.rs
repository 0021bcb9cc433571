//! What is wrong with a file's content, in words.

use std::fmt;

use miette::Diagnostic;

/// What is wrong with a file's content. Keys are full paths in quotes, such as `'secrets.github-token.ttl'`.
#[derive(Debug, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub(crate) enum Problem {
    /// Not a document of its format at all.
    #[error("not valid {format}: {message}")]
    #[diagnostic(help("correct this place; the rest was not looked at"))]
    Syntax { format: &'static str, message: String },
    /// An object has a key twice.
    #[error("the key {key} is there twice")]
    #[diagnostic(help("keep one of the two"))]
    Twice { key: String },
    /// No version has the key.
    #[error("unknown key {key}")]
    #[diagnostic(help("{}", unknown_help(*nearest, known)))]
    UnknownKey { key: String, nearest: Option<&'static str>, known: &'static [&'static str] },
    /// A later version has the key.
    #[error("{key} is not supported by this version of far")]
    #[diagnostic(help("take it out: what it asks for would not be done"))]
    LaterKey { key: String },
    /// A later version has the value.
    #[error("{key} has a value that is not supported by this version of far")]
    #[diagnostic(help("{help}"))]
    LaterValue { key: String, help: &'static str },
    /// The key has to be there.
    #[error("{key} is missing")]
    #[diagnostic(help("add '{name}'"))]
    Missing { key: String, name: &'static str },
    /// A value of another type.
    #[error("{key} is {found}, where {expected} belongs")]
    #[diagnostic(help("{}", expected.help()))]
    WrongType { key: String, expected: Type, found: &'static str },
    /// A value of the right type that means nothing.
    #[error("{key}: {message}")]
    Invalid {
        key: String,
        message: String,
        #[help]
        help: Option<String>,
    },
}

fn unknown_help(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None => format!("known here: '{}'", known.join("', '")),
    }
}

impl Problem {
    /// The words at the place itself.
    pub(crate) fn label(&self) -> &str {
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
