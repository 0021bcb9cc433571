//! Errors of configuration files, each with its help.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

use crate::config::content::ContentError;

/// Reasons to refuse a configuration file.
///
/// `{}` is the message alone, for reports that draw the position. `{:#}` begins with the position,
/// such as `far.toml:12:1: `.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read '{}'", path.display())]
    #[diagnostic(help("check that the file exists and is readable"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("'{}' is not a regular file", path.display())]
    #[diagnostic(help("pass a regular file, not a folder, pipe or device"))]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Another user can write the file.
    #[error("'{}' is writable by other users: its mode is {mode:04o}", path.display())]
    #[diagnostic(help("remove the permission: chmod go-w '{}'", path.display()))]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The owner of the file is neither root nor the user that runs `far`.
    #[error("'{}' is owned by another user: uid {owner}", path.display())]
    #[diagnostic(help("change the owner to root or to the user that runs far"))]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// The file exceeds the size limit.
    #[error("'{}' has more than {limit} bytes", path.display())]
    #[diagnostic(help("check that this is the intended file"))]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// The limit on its size.
        limit: usize,
    },
    /// The file is not UTF-8.
    #[error("'{}' is not valid UTF-8 (line {line})", path.display())]
    #[diagnostic(help("save the file as UTF-8"))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first invalid line, counted from 1.
        line: usize,
    },
    /// The extension of a task file is unknown.
    #[error("'{}' is neither a .toml nor a .json file", path.display())]
    #[diagnostic(help("rename the file to end in .toml or .json"))]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The content of the file is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Content(Box<ContentError>),
}
