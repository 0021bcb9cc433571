//! What a skill answers when it cannot do its job.

use std::{fmt, io};

use serde_json::error::Category;

use crate::{http, secrets, signing};

/// A message for the one who asked for the task, ending it with the outcome of an error.
///
/// Give a skill's own error type a `From` into this one, and `?` does the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    /// Makes an error from a message, which the one who asked for the task will read.
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

/// Tells why there is no answer where it is about a request, and otherwise only of what kind the error is: its text may be anything.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<http::Error>()) {
            Some(error) => Self::from(*error),
            None => Self::new(error.kind().to_string()),
        }
    }
}

/// Tells what is wrong and where, but quotes no value: the document may hold a secret.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("invalid JSON: {}", problem(&error)))
    }
}

/// What is wrong with a document, by the type that it should have had and never by what it held.
pub(crate) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = match error.line() {
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    let what = text.strip_suffix(&place).unwrap_or(&text);
    let what = match error.classify() {
        Category::Data => without_value(what),
        // These are fixed texts of the parser's own.
        Category::Syntax | Category::Eof | Category::Io => what.to_owned(),
    };
    format!("{what}{place}")
}

/// The wording of serde's own errors with the value left out; a type's own message may quote it anywhere, and goes.
fn without_value(what: &str) -> String {
    // What these name comes from the type, not from the document.
    if what.starts_with("missing field `") || what.starts_with("duplicate field `") {
        return what.to_owned();
    }
    let kinds = ["invalid type", "invalid value", "invalid length", "unknown variant", "unknown field"];
    let Some(kind) = kinds.into_iter().find(|kind| what.starts_with(kind)) else {
        return "invalid value".to_owned();
    };
    // A value may contain the separator, what follows it in serde's texts does not: the last one counts.
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
    enum Colour {
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
        Error::from(serde_json::from_str::<T>(json).expect_err("a wrong document")).to_string()
    }

    #[test]
    fn a_wrong_value_is_not_quoted() {
        assert_eq!(message::<u8>("\"canary\""), "invalid JSON: invalid type, expected u8 at line 1 column 8");
        assert_eq!(message::<u8>("4711"), "invalid JSON: invalid value, expected u8 at line 1 column 4");
        assert_eq!(
            message::<Colour>("\"canary, expected canary\""),
            "invalid JSON: unknown variant, expected `red` or `dark-blue` at line 1 column 25"
        );
        assert_eq!(message::<Picky>("\"canary\""), "invalid JSON: invalid value");
    }

    #[test]
    fn a_document_that_is_no_json_is_placed() {
        assert_eq!(message::<u8>("canary"), "invalid JSON: expected value at line 1 column 1");
        assert_eq!(message::<u8>(""), "invalid JSON: EOF while parsing a value at line 1 column 0");
    }

    #[test]
    fn an_error_of_reading_and_writing_is_told_by_its_kind() {
        let error = Error::from(io::Error::from(http::Error::Protocol));
        assert_eq!(error, Error::from(http::Error::Protocol));
        let error = io::Error::new(io::ErrorKind::InvalidData, "canary");
        assert_eq!(Error::from(error).to_string(), "invalid data");
    }

    #[test]
    fn the_skill_s_own_message_is_kept() {
        assert_eq!(Error::from("no such order").to_string(), "no such order");
        assert_eq!(Error::from(secrets::Error::Expired).to_string(), "the secret expired");
    }
}
