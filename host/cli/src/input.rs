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

/// Returns the bytes of a skill, at most one byte beyond the host's limit.
pub(crate) fn component(path: &Path) -> Result<Vec<u8>, Failure> {
    read_regular(path, "the skill", COMPONENT_MAX)
}

/// Returns the bytes of a regular file, at most one byte beyond the limit.
///
/// # Errors
///
/// As [`open`], and if the file cannot be read.
pub(crate) fn read_regular(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    take_prefix(open(path, what)?, limit).map_err(failure)
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
        // The error occurs only for sockets and missing devices.
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

/// Returns the bytes of a file, at most one byte beyond the limit, which shows that the file is too
/// large.
pub(crate) fn read_prefix(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    take_prefix(File::open(path).map_err(failure)?, limit).map_err(failure)
}

fn take_prefix(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the input of `--input`: JSON, `@FILE`, or `@-`.
pub(crate) fn input(argument: Option<&str>, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = match argument {
        None => b"{}".to_vec(),
        Some("@-") => {
            let failure = |source| Failure::Read { what: "the input", path: "-".into(), source };
            check_len(take_prefix(io::stdin(), limit).map_err(failure)?, limit)?
        }
        Some(argument) => match argument.strip_prefix('@') {
            None => argument.as_bytes().to_vec(),
            Some(path) => check_len(read_prefix(Path::new(path), "the input", limit)?, limit)?,
        },
    };
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(Failure::Input)?;
    Ok(bytes)
}

fn check_len(bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, Failure> {
    if bytes.len() > limit { Err(Failure::InputTooLarge { limit }) } else { Ok(bytes) }
}
