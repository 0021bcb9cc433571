//! The reasons why a configuration file is refused: each message, and below it the next step.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

use crate::config::content::ContentError;

/// Why a configuration file was refused.
///
/// `{}` is the message alone, for reports that show the place next to it. `{:#}` begins with the place, as
/// `far.toml:12:1: `, for one-line output.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ConfigError {
    /// The operating system gave no bytes.
    #[error("failed to read '{}'", path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("'{}' is not a regular file", path.display())]
    #[diagnostic(help("name a file, not a folder, pipe or device"))]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else may have written what the operator is taken to have said.
    #[error("'{}' can be changed by others: its mode is {mode:04o}", path.display())]
    #[diagnostic(help("take the right away: chmod go-w '{}'", path.display()))]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is neither root's nor of the user that runs `far`.
    #[error("'{}' belongs to another user: its owner is {owner}", path.display())]
    #[diagnostic(help("let root or the user that runs far own the file"))]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// Larger than any file that a person writes.
    #[error("'{}' has more than {limit} bytes", path.display())]
    #[diagnostic(help("check that this is the file you mean"))]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// The limit on its size.
        limit: usize,
    },
    /// Bytes that are no text.
    #[error("'{}' is not UTF-8 text: line {line} is the first that is not", path.display())]
    #[diagnostic(help("save the file as UTF-8"))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A task file in no known format.
    #[error("'{}' is neither a .toml nor a .json file", path.display())]
    #[diagnostic(help("name the file so that it ends in .toml or .json"))]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// Something in the file.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Content(Box<ContentError>),
}
