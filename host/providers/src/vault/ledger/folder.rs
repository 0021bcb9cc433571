//! The ledger's folder: its owner's alone, with the key that seals lines.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use far_files::{KeyForm, PrivateDir, TrustError};
use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};
use zeroize::Zeroizing;

/// The key's file: 64 hexadecimal digits.
const KEY: &str = "key";

pub(super) struct Folder(PrivateDir);

impl Folder {
    /// Opens a folder, or makes it, with those above it.
    pub(super) fn open(path: &Path) -> Result<Self, TrustError> {
        PrivateDir::create_all(path).map(Self)
    }

    /// The key, made at first use. Who comes second takes the first one's.
    pub(super) fn key(&self) -> Result<Zeroizing<[u8; 32]>, TrustError> {
        self.0.key(KEY, KeyForm::Hex)
    }

    /// Makes a file that is locked before anybody can find it by its name.
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

    /// Opens a regular file that is its owner's alone, and is no link.
    pub(super) fn file(&self, name: &str, flags: OFlags) -> Result<File, TrustError> {
        Ok(self.0.file(name, flags)?.into())
    }

    /// The names that begin so.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        self.0.names(prefix)
    }

    pub(super) fn remove(&self, name: &str) {
        self.0.remove(name);
    }
}

/// What a file is, apart from what is in it: a copy of it, under its name, is another.
pub(super) fn identity(file: &File) -> Option<Vec<u8>> {
    let stat = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::INO | StatxFlags::BTIME).ok()?;
    let born = (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some(stat.stx_btime);
    let born = born.map(|born| (born.tv_sec, born.tv_nsec)).unwrap_or_default();
    let device = [stat.stx_dev_major, stat.stx_dev_minor, born.1].map(u32::to_be_bytes).concat();
    Some([&stat.stx_ino.to_be_bytes()[..], &born.0.to_be_bytes(), &device].concat())
}

/// Whether it still has the one name that it was found by.
pub(super) fn is_named_once(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 1)
}

pub(super) fn random() -> Result<String, TrustError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(TrustError::Random)?;
    Ok(hex::encode(bits))
}
