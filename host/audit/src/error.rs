//! Why an audit file was not opened.

use std::io;
use std::path::{Path, PathBuf};

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
    /// The folder, the file or the key belongs to another user.
    #[error("{path} belongs to user {owner}", path = .path.display())]
    NotOwned {
        /// What belongs to them.
        path: PathBuf,
        /// Who they are.
        owner: u32,
    },
    /// The folder, the file or the key can be used by others.
    #[error("others may use {path}: its mode is {mode:04o}", path = .path.display())]
    Exposed {
        /// What they may use.
        path: PathBuf,
        /// How.
        mode: u32,
        /// What it should be.
        wanted: u32,
    },
    /// The file or the key is a symbolic link.
    #[error("{path} is a symbolic link", path = .path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The file or the key is a pipe, a device, a folder.
    #[error("{path} is not a regular file", path = .path.display())]
    NotRegular {
        /// What it is.
        path: PathBuf,
    },
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
    /// The folder's key is none.
    #[error("{path} is not an audit key", path = .path.display())]
    Key {
        /// The key.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot open {path}", path = .path.display())]
    Io {
        /// What could not be opened, read or written.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
            Self::NotOwned { .. } => "use a folder that belongs to the user that runs this".into(),
            Self::Exposed { path, wanted, .. } => {
                format!("chmod {wanted:o} {path}, or use a folder for audit files alone", path = path.display())
            }
            Self::Symlink { .. } => "name the file that the link leads to".into(),
            Self::NotRegular { .. } => "an audit file is a regular file; --pal writes plain lines to anything".into(),
            Self::Locked { .. } => "give each process a file of its own".into(),
            Self::Damaged { .. } => {
                "see what 'far audit verify' says of it, keep it as evidence, and name another file".into()
            }
            Self::OtherKey { .. } => "put the key back that signed it, or name another file".into(),
            Self::Key { .. } => "put the key back, or move it away with the files that it signed".into(),
            Self::Io { .. } => "no skill runs without its events: name a file that you may write to".into(),
            Self::Random(_) | Self::Thread(_) => "the host lacks what it needs; try again".into(),
        }
    }

    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn unusable(path: &Path, why: Unusable) -> Self {
        let path = path.to_owned();
        match why {
            Unusable::Io(source) => Self::Io { path, source },
            Unusable::Damaged => Self::Damaged { path },
            Unusable::OtherKey => Self::OtherKey { path },
        }
    }
}
