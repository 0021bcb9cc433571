//! The error type of this crate.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Reasons to refuse a directory or a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The operating system reported an error.
    #[error("cannot use '{path}'", path = .path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path is a symbolic link.
    #[error("'{path}' is a symbolic link", path = .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The path is not a directory.
    #[error("'{path}' is not a directory", path = .path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The path is a directory, a pipe, a socket or a device.
    #[error("'{path}' is not a regular file", path = .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Another user is the owner.
    #[error("'{path}' belongs to user {owner}", path = .path.display())]
    NotOwned {
        /// The directory or file.
        path: PathBuf,
        /// The user ID of the owner.
        owner: u32,
    },
    /// The group or others have permissions that the policy refuses.
    #[error("'{path}' is accessible to other users: its mode is {mode:04o}", path = .path.display())]
    Exposed {
        /// The directory or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: u32,
    },
    /// The file does not contain a valid key.
    #[error("'{path}' is not a valid key", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The operating system provided no random bytes.
    #[error("cannot get random bytes")]
    Random(#[source] getrandom::Error),
}

impl TrustError {
    pub(crate) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }

    /// Converts the error of an `open` that does not follow a link in the last component.
    pub(crate) fn opening(path: &Path, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::LOOP => Self::Link { path },
            // Opening a socket, or a device without a driver, fails.
            Errno::ISDIR | Errno::NXIO => Self::NotRegular { path },
            Errno::NOTDIR => Self::NotADirectory { path },
            other => Self::Io { path, source: other.into() },
        }
    }

    /// Returns true if nothing exists at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Returns the refused directory or file.
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
            Self::Io { .. } => "name a path that can be created, read and written".into(),
            Self::Link { .. } => "name the target of the link".into(),
            Self::NotADirectory { .. } => "name a directory".into(),
            Self::NotRegular { .. } => "remove it, or name a regular file".into(),
            Self::NotOwned { .. } => "name one that belongs to the user who runs this command".into(),
            Self::Exposed { path, wanted, .. } => format!("chmod {wanted:o} {path}", path = path.display()),
            Self::Key { .. } => "restore the key, or remove it with everything that was created with it".into(),
            Self::Random(_) => "allow the process to call 'getrandom'".into(),
        }
    }
}
