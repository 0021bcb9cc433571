//! The directory of a lease journal: owner-only, with the MAC key.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use far_files::{KeyEncoding, PrivateDir, TrustError};
use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};
use zeroize::Zeroizing;

/// The key file: 64 hexadecimal digits.
const KEY: &str = "key";

pub(super) struct JournalDir(PrivateDir);

impl JournalDir {
    /// Opens a directory; creates it and its parents if needed.
    pub(super) fn open(path: &Path) -> Result<Self, TrustError> {
        PrivateDir::create_all(path).map(Self)
    }

    /// Returns the key. The first process creates it.
    pub(super) fn key(&self) -> Result<Zeroizing<[u8; 32]>, TrustError> {
        self.0.key(KEY, KeyEncoding::Hex)
    }

    /// Creates a file that is locked before it is visible under its name.
    pub(super) fn create_locked(&self, name: &str) -> Result<File, TrustError> {
        let new = format!("new-{}", random()?);
        let file = self.make(&new)?;
        let locked = file.try_lock();
        let locked = locked.map_err(|error| TrustError::Io { path: self.0.path_of(name), source: error.into() });
        let placed = locked.and_then(|()| self.0.rename(&new, name));
        if placed.is_err() {
            self.0.remove(&new);
        }
        placed?;
        self.0.sync()?;
        Ok(file)
    }

    fn make(&self, name: &str) -> Result<File, TrustError> {
        let file = self.file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL)?;
        file.sync_all().map_err(|source| TrustError::Io { path: self.0.path_of(name), source })?;
        Ok(file)
    }

    /// Opens a regular, owner-only file; links are not followed.
    pub(super) fn file(&self, name: &str, flags: OFlags) -> Result<File, TrustError> {
        Ok(self.0.file(name, flags)?.into())
    }

    /// Lists the file names with this prefix.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        self.0.names(prefix)
    }

    pub(super) fn remove(&self, name: &str) {
        self.0.remove(name);
    }
}

/// Returns the identity of a file, independent of its name and content. A copy has a different
/// identity.
pub(super) fn identity(file: &File) -> Option<Vec<u8>> {
    let stat = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::INO | StatxFlags::BTIME).ok()?;
    let born = (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some(stat.stx_btime);
    let born = born.map(|born| (born.tv_sec, born.tv_nsec)).unwrap_or_default();
    let device = [stat.stx_dev_major, stat.stx_dev_minor, born.1].map(u32::to_be_bytes).concat();
    Some([&stat.stx_ino.to_be_bytes()[..], &born.0.to_be_bytes(), &device].concat())
}

/// Returns true if the file has exactly one name.
pub(super) fn is_named_once(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 1)
}

pub(super) fn random() -> Result<String, TrustError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(TrustError::Random)?;
    Ok(hex::encode(bits))
}
