//! Why a `.env` file is refused.

use std::io;
use std::path::PathBuf;

use far_core::capability::NameError;
use far_core::memory::MemoryError;
use far_core::provider::ProviderError;

/// Why a `.env` file is not used.
///
/// # Security
///
/// Names the file and the line's number, never anything that stands in the file: not even a key, which may be a value
/// that was pasted in the wrong place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DotEnvError {
    /// There is no file.
    #[error("{path}: there is no such file")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The path's last part is a symbolic link.
    #[error("{path}: is a symbolic link")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A directory, a pipe, a socket or a device.
    #[error("{path}: is not a regular file")]
    NotRegular {
        /// What it is instead.
        path: PathBuf,
    },
    /// The file belongs to another than the effective user of this process.
    #[error("{path}: belongs to another user (uid {owner})")]
    NotOwned {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others than the owner may do something with the file.
    #[error("{path}: is open to other users (mode {mode:04o})")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file has no byte at all: as if someone had just begun to write it.
    #[error("{path}: is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than [`DotEnv::MAX_FILE`](super::DotEnv::MAX_FILE).
    #[error("{path}: has more than {} bytes", super::DotEnv::MAX_FILE)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file was written to while it was read.
    #[error("{path}: changed while it was read")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A line does not follow the rules of [`dotenv`](super).
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// Which rule.
        problem: Problem,
    },
    /// The operating system gave no random numbers for the key that versions are made with.
    #[error("the operating system gave no random numbers")]
    Random,
}

/// Which rule a line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Bytes that are not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// A NUL byte.
    #[error("the line has a NUL byte")]
    Nul,
    /// A carriage return that ends no line.
    #[error("the line has a carriage return in the middle")]
    CarriageReturn,
    /// Neither a comment nor an assignment.
    #[error("the line has no '='")]
    NoAssignment,
    /// What stands before the `=` is no key.
    #[error("the key is not made of letters, digits and '_', or starts with a digit")]
    Key,
    /// The key makes no secret's name.
    #[error("the key makes no secret's name: {0}")]
    Name(NameError),
    /// The same key once more.
    #[error("the key was set in line {first} already")]
    Duplicate {
        /// The line that has it first.
        first: usize,
    },
    /// Another key that makes the same secret's name.
    #[error("the key makes the same secret's name as the one in line {first}")]
    SameName {
        /// The line that has the other key.
        first: usize,
    },
    /// A quote that opens and never closes.
    #[error("the quote that opens here is never closed")]
    Unclosed,
    /// A backslash in double quotes before anything but `n r t \ " $`.
    #[error("the line has an unknown escape")]
    Escape,
    /// Something other than a comment after a closing quote.
    #[error("the line goes on after the closing quote")]
    AfterQuote,
    /// The value is larger than [`SecretBytes::MAX_LEN`](far_core::memory::SecretBytes::MAX_LEN).
    #[error("the value is too large: {}", MemoryError::TooLarge)]
    TooLarge,
    /// There is no locked memory for the value: the fault of the file only if it is a large one.
    #[error("the value has no place: {}", MemoryError::OutOfLockedMemory)]
    OutOfLockedMemory,
}

impl DotEnvError {
    /// What to do about it, for a command line to print below the error.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "write lines like 'NAME=value' into it, then 'chmod 600' it",
            Self::Symlink { .. } => "name the file that the link leads to",
            Self::NotRegular { .. } => "name a regular file",
            Self::NotOwned { .. } => "make a copy that belongs to you, and 'chmod 600' it",
            Self::Exposed { .. } => "'chmod 600' it; if others could read it until now, its secrets want replacing",
            Self::Empty { .. } => "write lines like 'NAME=value' into it; a comment will do",
            Self::TooLarge { .. } => "keep only secrets in it",
            Self::Changed { .. } => {
                "try again; write a new file beside it and rename that, so that none is seen half-written"
            }
            Self::Io { .. } => "look at the permissions of the file and of the directories above it",
            Self::Line { problem, .. } => problem.help(),
            Self::Random => "look at what keeps the process from 'getrandom'",
        }
    }

    /// The same, as the broker is told: only what speaks of other users is a refusal.
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
            // Whatever else there will be is of the memory, not of the file.
            _ => Self::OutOfLockedMemory,
        }
    }
}

impl Problem {
    fn help(self) -> &'static str {
        match self {
            Self::NotUtf8 | Self::Nul => "save the file as UTF-8 text; keep binary values elsewhere, or base64-encoded",
            Self::CarriageReturn => "end lines with LF or CRLF; in double quotes, '\\r' is a carriage return",
            Self::NoAssignment => "write 'NAME=value', or '#' before a comment; quote values of several lines",
            Self::Key | Self::Name(_) => "use a key like 'GITHUB_TOKEN', which makes the secret 'github-token'",
            Self::Duplicate { .. } => "keep one of the two lines",
            Self::SameName { .. } => "rename one of the two keys: upper and lower case do not tell secrets apart",
            Self::Unclosed => "close the quote, or put a value with a quote in it into quotes of the other kind",
            Self::Escape => "escapes are \\n \\r \\t \\\\ \\\" \\$; in single quotes a backslash is a backslash",
            Self::AfterQuote => "quote the value as a whole; put whitespace before a comment",
            Self::TooLarge => "keep large data out of secrets",
            Self::OutOfLockedMemory => "allow the process more locked memory ('ulimit -l'), or keep less in the file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_other_users_is_denied() {
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
    fn messages_name_the_file_and_the_problem() {
        let exposed = DotEnvError::Exposed { path: "a/.env".into(), mode: 0o640 };
        assert_eq!(exposed.to_string(), "a/.env: is open to other users (mode 0640)");
        let line = DotEnvError::Line { path: ".env".into(), line: 7, problem: Problem::Duplicate { first: 2 } };
        assert_eq!(line.to_string(), ".env:7: the key was set in line 2 already");
    }
}
