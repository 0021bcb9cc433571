//! The folder of audit files, with the key that signs them.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::Path;

use far_files::{KeyEncoding, PrivateDir};
use rustix::fs::OFlags;

use crate::error::FileError;
use crate::key::AuditKey;
use crate::store::LockedFile;

/// The key's file.
const KEY: &str = "audit-key";

/// A folder that nobody else may use.
#[derive(Debug)]
pub(super) struct Folder(PrivateDir);

impl Folder {
    /// The folder of a file, made if it is not there, and the file's name in it.
    pub(super) fn of(file: &Path) -> Result<(Self, &OsStr), FileError> {
        let name = file.file_name().filter(|name| *name != KEY);
        let name = name.ok_or_else(|| FileError::NoFile { path: file.to_owned() })?;
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Self(PrivateDir::create(parent.unwrap_or(Path::new(".")))?), name))
    }

    /// Opens an audit file for reading and adding, and locks it.
    pub(super) fn log(&self, name: &OsStr) -> Result<LockedFile, FileError> {
        let path = self.0.path_of(name);
        let file = File::from(self.0.file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)?);
        let file = LockedFile::lock(file).map_err(|error| match error {
            TryLockError::WouldBlock => FileError::Locked { path },
            TryLockError::Error(error) => FileError::io(&path, error),
        })?;
        // A file whose name is lost with the machine's power is as good as not written.
        self.0.sync()?;
        Ok(file)
    }

    /// The folder's key, made at first use.
    pub(super) fn key(&self) -> Result<AuditKey, FileError> {
        Ok(AuditKey::of(*self.0.key(KEY, KeyEncoding::HexLine)?))
    }
}
