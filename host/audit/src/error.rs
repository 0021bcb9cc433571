//! The error type of opening an audit file.

use std::io;
use std::path::{Path, PathBuf};

use far_files::TrustError;

use crate::resume::ResumeError;

/// Reasons to refuse an audit file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path does not end in the name of a file, or names the key.
    #[error("'{path}' is not the path of an audit file", path = .path.display())]
    NoFileName {
        /// The path.
        path: PathBuf,
    },
    /// The folder, the file or the key fails the checks of [`far_files`].
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Another sink has the file open.
    #[error("'{path}' is being written to by another process", path = .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The lines after the last checkpoint are not a valid chain.
    #[error("'{path}' is corrupt: far appends no more records", path = .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// A key other than the folder's signed the file.
    #[error("'{path}' is not signed with the key of its folder", path = .path.display())]
    KeyMismatch {
        /// The file.
        path: PathBuf,
    },
    /// The operating system provided no random bytes.
    #[error("cannot get random bytes")]
    Random(#[source] getrandom::Error),
    /// The operating system did not start the writer thread.
    #[error("cannot start the writer thread")]
    Thread(#[source] io::Error),
}

impl FileError {
    /// Returns the next step for the operator.
    pub fn help(&self) -> String {
        match self {
            Self::NoFileName { .. } => "pass a file in a separate folder, such as audit/far.jsonl".into(),
            Self::Trust(error @ TrustError::Exposed { .. }) => {
                format!("{}, or pass a file in a folder that has only audit files", error.help())
            }
            Self::Trust(TrustError::NotRegular { .. }) => {
                "pass a regular file; --pal also writes to pipes and devices".into()
            }
            Self::Trust(TrustError::Key { .. }) => {
                "restore the key, or move it away together with the files that it signed".into()
            }
            Self::Trust(TrustError::Io { .. }) => "no skill runs without its events: pass a writable file".into(),
            Self::Trust(error) => error.help(),
            Self::Locked { .. } => "pass a separate audit file for each process".into(),
            Self::Corrupt { .. } => {
                "inspect the file with 'far audit verify', keep it as evidence, and pass another file".into()
            }
            Self::KeyMismatch { .. } => "restore the key that signed the file, or pass another file".into(),
            Self::Random(_) | Self::Thread(_) => "the host is short of resources; try again".into(),
        }
    }

    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Trust(TrustError::Io { path: path.to_owned(), source: source.into() })
    }

    pub(super) fn resume(path: &Path, error: ResumeError) -> Self {
        let path = path.to_owned();
        match error {
            ResumeError::Io(source) => Self::io(&path, source),
            ResumeError::Corrupt => Self::Corrupt { path },
            ResumeError::KeyMismatch => Self::KeyMismatch { path },
        }
    }
}
