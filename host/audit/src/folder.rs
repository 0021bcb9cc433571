//! The folder of audit files, with the key that signs them.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::Path;

use far_files::{KeyEncoding, PrivateDir};
use rustix::fs::OFlags;

use crate::error::FileError;
use crate::key::AuditKey;
use crate::store::LockedFile;

/// The name of the key file.
const KEY: &str = "audit-key";

/// An owner-only folder.
#[derive(Debug)]
pub(super) struct Folder(PrivateDir);

impl Folder {
    /// Opens or creates the folder of a file. Returns it with the name of the file.
    pub(super) fn of(file: &Path) -> Result<(Self, &OsStr), FileError> {
        let name = file.file_name().filter(|name| *name != KEY);
        let name = name.ok_or_else(|| FileError::NoFileName { path: file.to_owned() })?;
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Self(PrivateDir::create(parent.unwrap_or(Path::new(".")))?), name))
    }

    /// Opens or creates an audit file for reading and appending, and locks it.
    pub(super) fn open_file(&self, name: &OsStr) -> Result<LockedFile, FileError> {
        let path = self.0.path_of(name);
        let file = File::from(self.0.file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)?);
        let file = LockedFile::lock(file).map_err(|error| match error {
            TryLockError::WouldBlock => FileError::Locked { path },
            TryLockError::Error(error) => FileError::io(&path, error),
        })?;
        // Without this, a power failure can lose the directory entry, and so the whole file.
        self.0.sync()?;
        Ok(file)
    }

    /// Returns the folder's key, created at first use.
    pub(super) fn key(&self) -> Result<AuditKey, FileError> {
        Ok(AuditKey::from_seed(*self.0.key(KEY, KeyEncoding::HexLine)?))
    }
}
