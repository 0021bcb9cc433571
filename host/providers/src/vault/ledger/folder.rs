//! The ledger's folder: its owner's alone, with the key that seals lines.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use far_core::folder::{FolderError, PrivateFolder};
use rustix::fs::{AtFlags, OFlags, StatxFlags, linkat, statx};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::LedgerError;

/// The key's file: 64 hexadecimal digits.
const KEY: &str = "key";
const KEY_LENGTH: usize = 64;

pub(super) struct Folder(PrivateFolder);

impl Folder {
    /// Opens a folder, or makes it, with those above it.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self(PrivateFolder::make(path)?))
    }

    /// The key, made at first use. Who comes second takes the first one's.
    pub(super) fn key(&self) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
        match self.read_key() {
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            known => return known,
        }
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(|_| LedgerError::Random)?;
        let new = format!("new-{}", random()?);
        let mut digits = Zeroizing::new([0; KEY_LENGTH]);
        hex::encode_to_slice(*key, &mut *digits).map_err(|_| self.bad_key())?;
        let made = self.make(&new, &*digits);
        let linked = made.map(|_| linkat(&self.0, &new, &self.0, KEY, AtFlags::empty()));
        self.0.remove(&new);
        match linked? {
            Ok(()) | Err(Errno::EXIST) => self.0.sync()?,
            Err(errno) => return Err(LedgerError::Io { path: self.0.path_of(KEY), source: errno.into() }),
        }
        self.read_key()
    }

    fn read_key(&self) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
        let file = self.file(KEY, OFlags::RDONLY)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(KEY_LENGTH + 32));
        file.take(KEY_LENGTH as u64 + 1).read_to_end(&mut digits).map_err(|_| self.bad_key())?;
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&*digits, &mut *key).map_err(|_| self.bad_key())?;
        Ok(key)
    }

    fn bad_key(&self) -> LedgerError {
        LedgerError::Key { path: self.0.path_of(KEY) }
    }

    /// Makes a file that is locked before anybody can find it by its name.
    pub(super) fn create_locked(&self, name: &str) -> Result<File, LedgerError> {
        let new = format!("new-{}", random()?);
        let file = self.make(&new, &[])?;
        let locked = file.try_lock();
        let locked = locked.map_err(|error| LedgerError::Io { path: self.0.path_of(name), source: error.into() });
        let placed = locked.and_then(|()| Ok(self.0.rename(&new, name)?));
        if placed.is_err() {
            self.0.remove(&new);
        }
        placed?;
        self.0.sync()?;
        Ok(file)
    }

    fn make(&self, name: &str, content: &[u8]) -> Result<File, LedgerError> {
        let mut file = self.file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        written.map_err(|source| LedgerError::Io { path: self.0.path_of(name), source })?;
        Ok(file)
    }

    /// Opens a regular file that is its owner's alone, and is no link.
    pub(super) fn file(&self, name: &str, flags: OFlags) -> Result<File, LedgerError> {
        Ok(self.0.file(name, flags)?)
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

pub(super) fn random() -> Result<String, LedgerError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|_| LedgerError::Random)?;
    Ok(hex::encode(bits))
}

impl From<FolderError> for LedgerError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Io { path, source } => Self::Io { path, source },
            FolderError::NotAFolder { path } => Self::NotAFolder { path },
            FolderError::NotAFile { path } => Self::NotAFile { path },
            FolderError::Exposed { path } => Self::Exposed { path },
        }
    }
}
