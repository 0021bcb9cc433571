//! The ledger's folder: its owner's alone, held open. What is done in it by name is done in this folder.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, StatxFlags, linkat, openat, renameat, statx, unlinkat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::LedgerError;

/// The key's file: 64 hexadecimal digits.
const KEY: &str = "key";
const KEY_LENGTH: usize = 64;

pub(super) struct Folder {
    path: PathBuf,
    dir: File,
}

impl Folder {
    /// Opens a folder, or makes it, with those above it.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => LedgerError::NotAFolder { path: path.to_owned() },
            other => io(path, other),
        })?;
        let dir = File::from(dir);
        let metadata = dir.metadata().map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
        owners_alone(path, &metadata)?;
        Ok(Self { path: path.to_owned(), dir })
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
        let linked = made.map(|_| linkat(&self.dir, &new, &self.dir, KEY, AtFlags::empty()));
        let _ = unlinkat(&self.dir, &new, AtFlags::empty());
        match linked? {
            Ok(()) | Err(Errno::EXIST) => self.sync()?,
            Err(errno) => return Err(io(&self.path.join(KEY), errno)),
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
        LedgerError::Key { path: self.path.join(KEY) }
    }

    /// Makes a file that is locked before anybody can find it by its name.
    pub(super) fn create_locked(&self, name: &str) -> Result<File, LedgerError> {
        let new = format!("new-{}", random()?);
        let file = self.make(&new, &[])?;
        let failed = |source| LedgerError::Io { path: self.path.join(name), source };
        let locked = file.try_lock().map_err(|error| failed(error.into()));
        let placed = locked.and_then(|()| {
            renameat(&self.dir, &new, &self.dir, name).map_err(|errno| io(&self.path.join(name), errno))
        });
        if placed.is_err() {
            let _ = unlinkat(&self.dir, &new, AtFlags::empty());
        }
        placed?;
        self.sync()?;
        Ok(file)
    }

    fn make(&self, name: &str, content: &[u8]) -> Result<File, LedgerError> {
        let mut file = self.file(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        written.map_err(|source| LedgerError::Io { path: self.path.join(name), source })?;
        Ok(file)
    }

    /// Opens a regular file that is its owner's alone, has this one name, and is no link.
    pub(super) fn file(&self, name: &str, flags: OFlags) -> Result<File, LedgerError> {
        let path = self.path.join(name);
        // Opening a pipe would wait for its other end.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => LedgerError::NotAFile { path: path.clone() },
            other => io(&path, other),
        })?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(|source| LedgerError::Io { path: path.clone(), source })?;
        owners_alone(&path, &metadata)?;
        if metadata.is_file() { Ok(file) } else { Err(LedgerError::NotAFile { path }) }
    }

    /// The names that begin so.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let entries = Dir::read_from(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        names.filter(|name| name.starts_with(prefix)).collect()
    }

    pub(super) fn remove(&self, name: &str) {
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
    }

    fn sync(&self) -> Result<(), LedgerError> {
        self.dir.sync_all().map_err(|source| LedgerError::Io { path: self.path.clone(), source })
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

fn owners_alone(path: &Path, metadata: &Metadata) -> Result<(), LedgerError> {
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    // An access control list that lets others in shows in the group's bits.
    if mine && metadata.mode() & 0o077 == 0 { Ok(()) } else { Err(LedgerError::Exposed { path: path.to_owned() }) }
}

pub(super) fn random() -> Result<String, LedgerError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|_| LedgerError::Random)?;
    Ok(hex::encode(bits))
}

fn io(path: &Path, errno: Errno) -> LedgerError {
    LedgerError::Io { path: path.to_owned(), source: errno.into() }
}
