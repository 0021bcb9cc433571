//! The one error for "only its owner may use it".

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The reason why a directory or a file is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The operating system refused.
    #[error("cannot use {path}", path = .path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A symbolic link.
    #[error("{path} is a symbolic link", path = .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something other than a directory.
    #[error("{path} is not a directory", path = .path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A directory, a pipe, a socket, a device.
    #[error("{path} is not a regular file", path = .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Another user is the owner.
    #[error("{path} belongs to user {owner}", path = .path.display())]
    NotOwned {
        /// The directory or file.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
    },
    /// The group or others have permissions that the policy refuses.
    #[error("others may use {path}: its mode is {mode:04o}", path = .path.display())]
    Exposed {
        /// The directory or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: u32,
    },
    /// The content of a key's file is not a key.
    #[error("{path} is not a valid key", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random(#[source] getrandom::Error),
}

impl TrustError {
    pub(crate) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }

    /// The error of opening a path without following a link at its end.
    pub(crate) fn opening(path: &Path, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::LOOP => Self::Link { path },
            // A socket, or a device without a driver, is refused as it is opened.
            Errno::ISDIR | Errno::NXIO => Self::NotRegular { path },
            Errno::NOTDIR => Self::NotADirectory { path },
            other => Self::Io { path, source: other.into() },
        }
    }

    /// Returns whether there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Returns the directory or file that was refused.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Link { path }
            | Self::NotADirectory { path }
            | Self::NotRegular { path }
            | Self::NotOwned { path, .. }
            | Self::Exposed { path, .. }
            | Self::Key { path } => Some(path),
            Self::Random(_) => None,
        }
    }

    /// Returns the next step, for a command line to print below the error.
    pub fn help(&self) -> String {
        match self {
            Self::Io { .. } => "name a path that can be made, read and written".into(),
            Self::Link { .. } => "name what the link leads to".into(),
            Self::NotADirectory { .. } => "name a directory".into(),
            Self::NotRegular { .. } => "take it away, or name a regular file".into(),
            Self::NotOwned { .. } => "use one that belongs to the user that runs this".into(),
            Self::Exposed { path, wanted, .. } => format!("chmod {wanted:o} {path}", path = path.display()),
            Self::Key { .. } => "put the key back, or remove it with all that was made with it".into(),
            Self::Random(_) => "look at what keeps the process from 'getrandom'".into(),
        }
    }
}
