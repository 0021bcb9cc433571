//! Owner-only directories.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::error::TrustError;
use crate::file::TrustedFile;
use crate::trust::Trust;

/// The mode of a new directory.
const DIRECTORY_MODE: u32 = 0o700;

/// An owner-only directory, held open.
///
/// Its files are opened, renamed and removed relative to the open directory, even if its path leads
/// elsewhere by then.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    dir: File,
}

impl PrivateDir {
    /// Opens a directory, or creates it, but not its parents.
    ///
    /// # Errors
    ///
    /// The errors of [`open`](Self::open), and [`TrustError::Io`] if the directory cannot be
    /// created.
    pub fn create(path: &Path) -> Result<Self, TrustError> {
        Self::open_or_create(DirBuilder::new().mode(DIRECTORY_MODE), path)
    }

    /// Opens a directory, or creates it and its parents.
    ///
    /// # Errors
    ///
    /// Same as [`create`](Self::create).
    pub fn create_all(path: &Path) -> Result<Self, TrustError> {
        Self::open_or_create(DirBuilder::new().recursive(true).mode(DIRECTORY_MODE), path)
    }

    fn open_or_create(builder: &DirBuilder, path: &Path) -> Result<Self, TrustError> {
        match builder.create(path) {
            // The error of opening describes the existing file.
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(TrustError::io(path, source)),
            _ => Self::open(path),
        }
    }

    /// Opens an existing directory.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the path is missing, a link or not a directory, or if the directory is not
    /// owner-only.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        // With a trailing slash or dot, the kernel would follow a link.
        let last = path.components().as_path();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, last, flags, Mode::empty()).map_err(|errno| match TrustError::opening(path, errno) {
            // The kernel returns ENOTDIR for a link too, and for a file in place of a parent.
            TrustError::NotADirectory { path } => match statat(CWD, last, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => TrustError::Link { path },
                Ok(_) => TrustError::NotADirectory { path },
                Err(errno) => TrustError::io(&path, errno),
            },
            error => error,
        })?;
        let dir = File::from(dir);
        Trust::Private.check(path, &dir)?;
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Opens a file of this directory. With `OFlags::CREATE`, a new file is owner-only.
    ///
    /// # Errors
    ///
    /// Same as [`TrustedFile::open`].
    pub fn file(&self, name: impl AsRef<OsStr>, flags: OFlags) -> Result<TrustedFile, TrustError> {
        let name = Path::new(name.as_ref());
        TrustedFile::at(&self.dir, name, &self.path.join(name), flags | OFlags::NOFOLLOW, Trust::Private)
    }

    /// Replaces a file atomically: a reader sees the whole old file, the whole new file, or none.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`] or [`TrustError::Random`].
    pub fn replace(&self, name: &str, parts: &[&[u8]]) -> Result<(), TrustError> {
        self.write_temporary(name, parts, |_, temporary| self.rename(temporary, name))
    }

    /// Creates a file atomically. Of concurrent calls, the first wins and the others have no
    /// effect. The file is on disk when this returns.
    pub(crate) fn create_once(&self, name: &str, content: &[u8]) -> Result<(), TrustError> {
        self.write_temporary(name, &[content], |file, temporary| {
            // The file is never written again, so a crash must not leave it without its content.
            file.sync_all().map_err(|source| TrustError::io(&self.path_of(name), source))?;
            match linkat(&self.dir, temporary, &self.dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(TrustError::io(&self.path_of(name), errno)),
            }
        })?;
        self.sync()
    }

    fn write_temporary(
        &self,
        name: &str,
        parts: &[&[u8]],
        publish: impl FnOnce(&File, &str) -> Result<(), TrustError>,
    ) -> Result<(), TrustError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(TrustError::Random)?;
        let temporary = format!("{name}.{}", hex::encode(random));
        let mut file = File::from(self.file(&temporary, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let written = written.map_err(|source| TrustError::io(&self.path_of(name), source));
        let published = written.and_then(|()| publish(&file, &temporary));
        // Has no effect after a rename.
        self.remove(&temporary);
        published
    }

    /// Returns the names that begin with a prefix.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let entries = Dir::read_from(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        names.filter(|name| name.starts_with(prefix)).collect()
    }

    /// Renames a file. Replaces a file of the new name.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), TrustError> {
        renameat(&self.dir, from, &self.dir, to).map_err(|errno| TrustError::io(&self.path_of(to), errno))
    }

    /// Removes a file, if it exists.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
    }

    /// Syncs the directory's entries to disk.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`].
    pub fn sync(&self) -> Result<(), TrustError> {
        self.dir.sync_all().map_err(|source| TrustError::io(&self.path, source))
    }

    /// Returns the path of a name in this directory, for messages.
    pub fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl AsFd for PrivateDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

#[cfg(test)]
mod tests;
