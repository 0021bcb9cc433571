//! The folder of audit files: its owner's alone, with the key that signs them.
//!
//! Everything is opened first and looked at then, through the descriptor, and files by their name in the folder that was
//! looked at: what was checked is what is used.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::error::FileError;
use crate::key::AuditKey;
use crate::store::LockedFile;

/// The key's file: 64 hexadecimal digits, and a line end.
const KEY: &str = "audit-key";
const KEY_LENGTH: usize = 65;
const OWNER_ONLY: u32 = 0o600;

/// A folder that nobody else may use.
#[derive(Debug)]
pub(super) struct Folder {
    folder: File,
    path: PathBuf,
}

impl Folder {
    /// The folder of a file, made if it is not there, and the file's name in it.
    pub(super) fn of(file: &Path) -> Result<(Self, &OsStr), FileError> {
        let name = file.file_name().filter(|name| *name != KEY);
        let name = name.ok_or_else(|| FileError::NoFile { path: file.to_owned() })?;
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok((Self::open(parent.unwrap_or(Path::new(".")))?, name))
    }

    fn open(path: &Path) -> Result<Self, FileError> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(FileError::io(path, errno)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| FileError::io(path, errno))?;
        let folder = File::from(folder);
        check(path, &folder, 0o700)?;
        Ok(Self { folder, path: path.to_owned() })
    }

    /// Opens an audit file for reading and adding, and locks it.
    pub(super) fn log(&self, name: &OsStr) -> Result<LockedFile, FileError> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        let file = self.file(name, flags)?;
        let file = LockedFile::lock(file).map_err(|error| match error {
            TryLockError::WouldBlock => FileError::Locked { path },
            TryLockError::Error(error) => FileError::io(&path, error),
        })?;
        // A file whose name is lost with the machine's power is as good as not written.
        self.folder.sync_all().map_err(|error| FileError::io(&self.path, error))?;
        Ok(file)
    }

    /// The folder's key, made at first use.
    pub(super) fn key(&self) -> Result<AuditKey, FileError> {
        match self.read_key() {
            Err(FileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            known => return known,
        }
        self.make_key()?;
        self.read_key()
    }

    fn read_key(&self) -> Result<AuditKey, FileError> {
        let path = self.path.join(KEY);
        let mut file = self.file(OsStr::new(KEY), OFlags::RDONLY)?;
        let mut text = Zeroizing::new([0_u8; KEY_LENGTH]);
        let mut more = [0_u8; 1];
        file.read_exact(&mut *text).map_err(|_| FileError::Key { path: path.clone() })?;
        let ends = file.read(&mut more).map_err(|error| FileError::io(&path, error))? == 0;
        let mut seed = Zeroizing::new([0_u8; 32]);
        let digits = text.strip_suffix(b"\n").filter(|_| ends);
        match digits.map(|digits| hex::decode_to_slice(digits, &mut *seed)) {
            Some(Ok(())) => Ok(AuditKey::of(*seed)),
            _ => Err(FileError::Key { path }),
        }
    }

    /// Writes a new key under another name, and gives it its own when it is whole. Who comes second takes the first one's.
    fn make_key(&self) -> Result<(), FileError> {
        let path = self.path.join(KEY);
        let failed = |errno: Errno| FileError::io(&path, errno);
        let mut seed = Zeroizing::new([0_u8; 32]);
        let mut suffix = [0_u8; 8];
        getrandom::fill(&mut *seed).and_then(|()| getrandom::fill(&mut suffix)).map_err(FileError::Random)?;
        let mut text = Zeroizing::new([b'\n'; KEY_LENGTH]);
        let digits = text.split_last_mut().map(|(_, digits)| hex::encode_to_slice(*seed, digits));
        digits.transpose().map_err(|_| FileError::Key { path: path.clone() })?;

        let new = format!("{KEY}.{}", hex::encode(suffix));
        let mut file = self.file(OsStr::new(&new), OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        file.write_all(&*text).and_then(|()| file.sync_all()).map_err(|error| FileError::io(&path, error))?;
        let linked = rustix::fs::linkat(&self.folder, &new, &self.folder, KEY, AtFlags::empty());
        rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty()).map_err(failed)?;
        match linked {
            Ok(()) | Err(Errno::EXIST) => self.folder.sync_all().map_err(|error| FileError::io(&path, error)),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Opens a regular file of this folder that is its owner's alone, not through a link.
    fn file(&self, name: &OsStr, flags: OFlags) -> Result<File, FileError> {
        let path = self.path.join(name);
        // Opening a pipe would wait for its other end.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.folder, name, flags, Mode::from_raw_mode(OWNER_ONLY));
        let file = file.map_err(|errno| match errno {
            Errno::LOOP => FileError::Symlink { path: path.clone() },
            Errno::ISDIR | Errno::NXIO => FileError::NotRegular { path: path.clone() },
            other => FileError::io(&path, other),
        })?;
        let file = File::from(file);
        check(&path, &file, OWNER_ONLY)?;
        Ok(file)
    }
}

/// Whether a folder or a regular file is this user's alone.
fn check(path: &Path, file: &File, wanted: u32) -> Result<(), FileError> {
    let metadata = file.metadata().map_err(|error| FileError::io(path, error))?;
    let path = path.to_owned();
    if wanted == OWNER_ONLY && !metadata.is_file() {
        return Err(FileError::NotRegular { path });
    }
    belongs(path, &metadata, rustix::process::geteuid().as_raw(), wanted)
}

fn belongs(path: PathBuf, metadata: &std::fs::Metadata, user: u32, wanted: u32) -> Result<(), FileError> {
    if metadata.uid() != user {
        return Err(FileError::NotOwned { path, owner: metadata.uid() });
    }
    // An access control list that lets others in shows in the group's bits.
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(FileError::Exposed { path, mode, wanted }) }
}
