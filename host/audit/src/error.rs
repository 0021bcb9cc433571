//! Why an audit file was not opened.

use std::io;
use std::path::{Path, PathBuf};

use far_files::TrustError;

use crate::end::Unusable;

/// Why an audit file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path names no file.
    #[error("{path} does not name a file", path = .path.display())]
    NoFile {
        /// What was given.
        path: PathBuf,
    },
    /// The folder, the file or the key is refused: others may use it, or it is a link, or something else.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Another sink has the file open.
    #[error("{path} is being written to by another process", path = .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// What follows the last checkpoint does not belong together.
    #[error("{path} is damaged: nothing is added to it", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The folder's key did not sign this file.
    #[error("{path} was signed with another key than that of its folder", path = .path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The operating system has no random bytes.
    #[error("no random bytes")]
    Random(#[source] getrandom::Error),
    /// The operating system did not start a thread.
    #[error("no thread")]
    Thread(#[source] io::Error),
}

impl FileError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NoFile { .. } => "name a file in a folder of its own, such as audit/far.jsonl".into(),
            Self::Trust(error @ TrustError::Exposed { .. }) => {
                format!("{}, or use a folder for audit files alone", error.help())
            }
            Self::Trust(TrustError::NotRegular { .. }) => {
                "an audit file is a regular file; --pal writes plain lines to anything".into()
            }
            Self::Trust(TrustError::Key { .. }) => {
                "put the key back, or move it away with the files that it signed".into()
            }
            Self::Trust(TrustError::Io { .. }) => {
                "no skill runs without its events: name a file that you may write to".into()
            }
            Self::Trust(error) => error.help(),
            Self::Locked { .. } => "give each process a file of its own".into(),
            Self::Damaged { .. } => {
                "see what 'far audit verify' says of it, keep it as evidence, and name another file".into()
            }
            Self::OtherKey { .. } => "put the key back that signed it, or name another file".into(),
            Self::Random(_) | Self::Thread(_) => "the host lacks what it needs; try again".into(),
        }
    }

    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Trust(TrustError::Io { path: path.to_owned(), source: source.into() })
    }

    pub(super) fn unusable(path: &Path, why: Unusable) -> Self {
        let path = path.to_owned();
        match why {
            Unusable::Io(source) => Self::io(&path, source),
            Unusable::Damaged => Self::Damaged { path },
            Unusable::OtherKey => Self::OtherKey { path },
        }
    }
}
