//! Files and input that the command line names.

use std::fs::{File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use far_runtime::COMPONENT_MAX;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::de::IgnoredAny;

use crate::messages::failure::Failure;

/// The skill's bytes. One more than the host takes are read, so that the host sees that it is too large.
pub(crate) fn component(path: &Path) -> Result<Vec<u8>, Failure> {
    regular(path, "the skill", COMPONENT_MAX)
}

/// Returns the bytes of a regular file, within the limit as [`begin`].
///
/// # Errors
///
/// As [`open`], and if the file cannot be read.
pub(crate) fn regular(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    first(open(path, what)?, limit).map_err(failure)
}

/// Opens a regular file. Waits neither for the other end of a pipe nor for a device. Reading the
/// file does not wait for more data in a file of `/proc` or `/sys`.
///
/// # Errors
///
/// [`Failure::Irregular`] if the file is not regular, [`Failure::Read`] if it cannot be opened.
pub(crate) fn open(path: &Path, what: &'static str) -> Result<File, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = match opened {
        Ok(file) => File::from(file),
        // Only a socket, and a device that is not there, cannot be opened so.
        Err(Errno::NXIO) => return Err(irregular(path, what, path.metadata().map_err(failure)?.file_type())),
        Err(errno) => return Err(failure(errno.into())),
    };
    let kind = file.metadata().map_err(failure)?.file_type();
    if !kind.is_file() {
        return Err(irregular(path, what, kind));
    }
    Ok(file)
}

fn irregular(path: &Path, what: &'static str, kind: FileType) -> Failure {
    let is = match kind {
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_dir() => "a folder",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Failure::Irregular { what, path: path.to_owned(), is }
}

/// A file's bytes, and one more than the limit at most, so that it is seen that there are too many.
pub(crate) fn begin(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    first(File::open(path).map_err(failure)?, limit).map_err(failure)
}

fn first(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The input as `--input` gives it: JSON, `@FILE`, or `@-`.
pub(crate) fn input(argument: Option<&str>, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = match argument {
        None => b"{}".to_vec(),
        Some("@-") => {
            let failure = |source| Failure::Read { what: "the input", path: "-".into(), source };
            within(first(io::stdin(), limit).map_err(failure)?, limit)?
        }
        Some(argument) => match argument.strip_prefix('@') {
            None => argument.as_bytes().to_vec(),
            Some(path) => within(begin(Path::new(path), "the input", limit)?, limit)?,
        },
    };
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(Failure::Input)?;
    Ok(bytes)
}

fn within(bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, Failure> {
    if bytes.len() > limit { Err(Failure::InputTooLarge { limit }) } else { Ok(bytes) }
}
