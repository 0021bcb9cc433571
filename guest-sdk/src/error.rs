//! Errors that a skill returns.

use std::{fmt, io};

use serde_json::error::Category;

use crate::{http, secrets, signing};

/// An error that ends the task, with a message for the caller.
///
/// Implement `From<YourError> for far_skill::Error` to use `?` with your own error types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    /// Creates an error with a message for the caller.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self { message }
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<secrets::Error> for Error {
    fn from(error: secrets::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<signing::JwtError> for Error {
    fn from(error: signing::JwtError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// Converts an [`http::Error`] inside the error, and otherwise keeps only the error's kind: the
/// message of another error may contain a secret.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<http::Error>()) {
            Some(error) => Self::from(*error),
            None => Self::new(error.kind().to_string()),
        }
    }
}

/// Keeps the problem and its position, but no value: the document may contain a secret.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("invalid JSON: {}", problem(&error)))
    }
}

/// Describes an error in a document by the expected type, never by the value found.
pub(crate) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = match error.line() {
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    let what = text.strip_suffix(&position).unwrap_or(&text);
    let what = match error.classify() {
        Category::Data => without_value(what),
        // The parser's messages for these are constant.
        Category::Syntax | Category::Eof | Category::Io => what.to_owned(),
    };
    format!("{what}{position}")
}

/// Removes the value from a serde error. A custom message may quote the value anywhere, so this
/// drops the whole message.
fn without_value(what: &str) -> String {
    // These name a field of the type, not a key of the document.
    if what.starts_with("missing field `") || what.starts_with("duplicate field `") {
        return what.to_owned();
    }
    let kinds = ["invalid type", "invalid value", "invalid length", "unknown variant", "unknown field"];
    let Some(kind) = kinds.into_iter().find(|kind| what.starts_with(kind)) else {
        return "invalid value".to_owned();
    };
    // A value may contain the separator, but the text after it never does: split at the last one.
    match what.rsplit_once(", expected ") {
        Some((_, expected)) => format!("{kind}, expected {expected}"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::{DeserializeOwned, Error as _};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    enum Color {
        Red,
        DarkBlue,
    }

    #[derive(Debug)]
    struct Picky;

    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Err(D::Error::custom(format!("what is {}", String::deserialize(deserializer)?)))
        }
    }

    fn message<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
        Error::from(serde_json::from_str::<T>(json).expect_err("an invalid document")).to_string()
    }

    #[test]
    fn data_error_omits_value() {
        assert_eq!(message::<u8>("\"canary\""), "invalid JSON: invalid type, expected u8 at line 1 column 8");
        assert_eq!(message::<u8>("4711"), "invalid JSON: invalid value, expected u8 at line 1 column 4");
        assert_eq!(
            message::<Color>("\"canary, expected canary\""),
            "invalid JSON: unknown variant, expected `red` or `dark-blue` at line 1 column 25"
        );
        assert_eq!(message::<Picky>("\"canary\""), "invalid JSON: invalid value");
    }

    #[test]
    fn syntax_error_reports_position() {
        assert_eq!(message::<u8>("canary"), "invalid JSON: expected value at line 1 column 1");
        assert_eq!(message::<u8>(""), "invalid JSON: EOF while parsing a value at line 1 column 0");
    }

    #[test]
    fn io_error_reports_only_kind() {
        let error = Error::from(io::Error::from(http::Error::Protocol));
        assert_eq!(error, Error::from(http::Error::Protocol));
        let error = io::Error::new(io::ErrorKind::InvalidData, "canary");
        assert_eq!(Error::from(error).to_string(), "invalid data");
    }

    #[test]
    fn skill_message_is_preserved() {
        assert_eq!(Error::from("no such order").to_string(), "no such order");
        assert_eq!(Error::from(secrets::Error::Expired).to_string(), "the secret expired");
    }
}
