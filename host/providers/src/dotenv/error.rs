//! Errors of `.env` files.

use std::io;
use std::path::PathBuf;

use far_core::capability::NameError;
use far_core::memory::MemoryError;
use far_core::provider::ProviderError;

/// An error in a `.env` file.
///
/// # Security
///
/// Names the file and the line number, never any content. Even a key may be a misplaced value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DotEnvError {
    /// The file does not exist.
    #[error("'{path}' does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The last component of the path is a symbolic link.
    #[error("'{path}' is a symbolic link")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The path names a directory, a pipe, a socket or a device.
    #[error("'{path}' is not a regular file")]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// The owner is not the effective user of this process.
    #[error("'{path}' belongs to another user (uid {owner})")]
    NotOwned {
        /// The file.
        path: PathBuf,
        /// The owner's uid.
        owner: u32,
    },
    /// Other users have access to the file.
    #[error("'{path}' is accessible to other users (mode {mode:04o})")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is empty, possibly because it is being written.
    #[error("'{path}' is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than [`DotEnv::MAX_FILE`](super::DotEnv::MAX_FILE).
    #[error("'{path}' has more than {} bytes", super::DotEnv::MAX_FILE)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file changed while it was read.
    #[error("'{path}' changed while it was read")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or read.
    #[error("'{path}' cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// A line violates the format of [`dotenv`](super).
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The problem with the line.
        problem: Problem,
    },
    /// The operating system returned no random bytes for the version key.
    #[error("the operating system returned no random bytes")]
    Random,
}

/// A problem with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The line contains a NUL byte.
    #[error("the line has a NUL byte")]
    Nul,
    /// A carriage return does not end a line.
    #[error("the line has a carriage return in the middle")]
    CarriageReturn,
    /// The line is neither a comment nor an assignment.
    #[error("the line has no '='")]
    NoAssignment,
    /// The key is invalid.
    #[error("the key has characters other than letters, digits and '_', or starts with a digit")]
    Key,
    /// The key does not yield a valid secret name.
    #[error("the key does not yield a valid secret name: {0}")]
    Name(NameError),
    /// The key is repeated.
    #[error("the key is already set in line {first}")]
    Duplicate {
        /// The line with the first occurrence.
        first: usize,
    },
    /// Two different keys yield the same secret name.
    #[error("the key yields the same secret name as the key in line {first}")]
    SameName {
        /// The line with the other key.
        first: usize,
    },
    /// A quoted value has no closing quote.
    #[error("the quote that opens here has no closing quote")]
    Unclosed,
    /// A backslash in double quotes is not followed by one of `n r t \ " $`.
    #[error("the line has an unknown escape")]
    Escape,
    /// A closing quote is not followed by a comment or the end of the line.
    #[error("the line goes on after the closing quote")]
    AfterQuote,
    /// The value is larger than [`SecretBytes::MAX_LEN`](far_core::memory::SecretBytes::MAX_LEN).
    #[error("the value is too large: {}", MemoryError::TooLarge)]
    TooLarge,
    /// No locked memory is left for the value.
    #[error("no memory for the value: {}", MemoryError::OutOfLockedMemory)]
    OutOfLockedMemory,
}

impl DotEnvError {
    /// Returns the help line for the operator.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "create it with lines like 'NAME=value', then run 'chmod 600' on it",
            Self::Symlink { .. } => "name the target of the link",
            Self::NotRegular { .. } => "name a regular file",
            Self::NotOwned { .. } => "make your own copy, and run 'chmod 600' on it",
            Self::Exposed { .. } => "run 'chmod 600' on it, and replace its secrets if other users could read it",
            Self::Empty { .. } => "write lines like 'NAME=value' into it, or a comment",
            Self::TooLarge { .. } => "keep only secrets in it",
            Self::Changed { .. } => "try again; to change the file, write a new one and rename it over the old one",
            Self::Io { .. } => "check the permissions of the file and its parent directories",
            Self::Line { problem, .. } => problem.help(),
            Self::Random => "check that the process may call 'getrandom'",
        }
    }

    /// Returns the error for the broker. Only insecure ownership or permissions count as `Denied`.
    pub(super) fn as_provider_error(&self) -> ProviderError {
        match self {
            Self::Symlink { .. } | Self::NotRegular { .. } | Self::NotOwned { .. } | Self::Exposed { .. } => {
                ProviderError::Denied
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => ProviderError::Denied,
            Self::Missing { .. } | Self::Io { .. } | Self::Random => ProviderError::Unavailable,
            Self::TooLarge { .. } => ProviderError::TooLarge,
            Self::Line { problem: Problem::OutOfLockedMemory, .. } => ProviderError::OutOfLockedMemory,
            Self::Empty { .. } | Self::Changed { .. } | Self::Line { .. } => ProviderError::Invalid,
        }
    }
}

impl From<MemoryError> for Problem {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::TooLarge => Self::TooLarge,
            // Later variants concern the memory, not the file.
            _ => Self::OutOfLockedMemory,
        }
    }
}

impl Problem {
    fn help(self) -> &'static str {
        match self {
            Self::NotUtf8 | Self::Nul => "save the file as UTF-8 text, and encode binary values as base64",
            Self::CarriageReturn => "end lines with LF or CRLF; in double quotes, '\\r' is a carriage return",
            Self::NoAssignment => "write 'NAME=value', or '#' before a comment; quote multi-line values",
            Self::Key | Self::Name(_) => "use a key like 'GITHUB_TOKEN', which yields the secret 'github-token'",
            Self::Duplicate { .. } => "keep one of the two lines",
            Self::SameName { .. } => "rename one of the two keys: secret names ignore case",
            Self::Unclosed => "close the quote; a value that contains a quote needs quotes of the other kind",
            Self::Escape => "the escapes are \\n \\r \\t \\\\ \\\" \\$; single quotes keep backslashes",
            Self::AfterQuote => "quote the whole value, and put whitespace before a comment",
            Self::TooLarge => "store large data outside of secrets",
            Self::OutOfLockedMemory => "raise the limit of locked memory ('ulimit -l'), or shorten the file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_insecure_file_is_denied() {
        let path = || PathBuf::from(".env");
        let io = |kind: io::ErrorKind| DotEnvError::Io { path: path(), source: kind.into() };
        let line = |problem| DotEnvError::Line { path: path(), line: 1, problem };
        let cases = [
            (DotEnvError::Missing { path: path() }, ProviderError::Unavailable),
            (DotEnvError::Symlink { path: path() }, ProviderError::Denied),
            (DotEnvError::NotRegular { path: path() }, ProviderError::Denied),
            (DotEnvError::NotOwned { path: path(), owner: 1 }, ProviderError::Denied),
            (DotEnvError::Exposed { path: path(), mode: 0o644 }, ProviderError::Denied),
            (DotEnvError::Empty { path: path() }, ProviderError::Invalid),
            (DotEnvError::TooLarge { path: path() }, ProviderError::TooLarge),
            (DotEnvError::Changed { path: path() }, ProviderError::Invalid),
            (io(io::ErrorKind::PermissionDenied), ProviderError::Denied),
            (io(io::ErrorKind::Other), ProviderError::Unavailable),
            (line(Problem::Nul), ProviderError::Invalid),
            (line(Problem::OutOfLockedMemory), ProviderError::OutOfLockedMemory),
            (DotEnvError::Random, ProviderError::Unavailable),
        ];
        for (error, expected) in cases {
            assert_eq!(error.as_provider_error(), expected, "{error}");
        }
    }

    #[test]
    fn message_names_file_and_problem() {
        let exposed = DotEnvError::Exposed { path: "a/.env".into(), mode: 0o640 };
        assert_eq!(exposed.to_string(), "'a/.env' is accessible to other users (mode 0640)");
        let line = DotEnvError::Line { path: ".env".into(), line: 7, problem: Problem::Duplicate { first: 2 } };
        assert_eq!(line.to_string(), ".env:7: the key is already set in line 2");
    }
}
