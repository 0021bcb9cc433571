//! A directory that only its owner may use.

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

/// The mode that directories are made with.
const DIRECTORY_MODE: u32 = 0o700;

/// A directory that only its owner may use, held open: its files are opened, renamed and removed by their names in this
/// directory, wherever its path leads by then.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    dir: File,
}

impl PrivateDir {
    /// Opens a directory, or makes it; not those above it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`TrustError::Io`] if it cannot be made.
    pub fn create(path: &Path) -> Result<Self, TrustError> {
        Self::made_by(DirBuilder::new().mode(DIRECTORY_MODE), path)
    }

    /// Opens a directory, or makes it, with those above it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_all(path: &Path) -> Result<Self, TrustError> {
        Self::made_by(DirBuilder::new().recursive(true).mode(DIRECTORY_MODE), path)
    }

    fn made_by(builder: &DirBuilder, path: &Path) -> Result<Self, TrustError> {
        match builder.create(path) {
            // Opening tells what is in its place.
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(TrustError::io(path, source)),
            _ => Self::open(path),
        }
    }

    /// Opens a directory that is there.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if it is missing, a link or no directory, or if others than the effective user may use it.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        // With a slash or a dot behind it, a link would be followed.
        let last = path.components().as_path();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, last, flags, Mode::empty()).map_err(|errno| match TrustError::opening(path, errno) {
            // The kernel says this of a link too, and of a file above.
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

    /// Opens a file of this directory; makes it, if the flags say so, for its owner only.
    ///
    /// # Errors
    ///
    /// As [`TrustedFile::open`].
    pub fn file(&self, name: impl AsRef<OsStr>, flags: OFlags) -> Result<TrustedFile, TrustError> {
        let name = Path::new(name.as_ref());
        TrustedFile::at(&self.dir, name, &self.path.join(name), flags | OFlags::NOFOLLOW, Trust::Private)
    }

    /// Writes a file under another name and renames it: a reader sees a whole one or none.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`] or [`TrustError::Random`].
    pub fn replace(&self, name: &str, parts: &[&[u8]]) -> Result<(), TrustError> {
        self.beside(name, parts, |_, beside| self.rename(beside, name))
    }

    /// Writes a file under another name and links it: of several that are put at once, the first stays, and whole. It is
    /// on the disk when this returns.
    pub(crate) fn put_first(&self, name: &str, content: &[u8]) -> Result<(), TrustError> {
        self.beside(name, &[content], |file, beside| {
            // Of what is never written again, a crash must not leave the name alone.
            file.sync_all().map_err(|source| TrustError::io(&self.path_of(name), source))?;
            match linkat(&self.dir, beside, &self.dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(TrustError::io(&self.path_of(name), errno)),
            }
        })?;
        self.sync()
    }

    fn beside(
        &self,
        name: &str,
        parts: &[&[u8]],
        place: impl FnOnce(&File, &str) -> Result<(), TrustError>,
    ) -> Result<(), TrustError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(TrustError::Random)?;
        let beside = format!("{name}.{}", hex::encode(random));
        let mut file = File::from(self.file(&beside, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let written = written.map_err(|source| TrustError::io(&self.path_of(name), source));
        let placed = written.and_then(|()| place(&file, &beside));
        // Gone already, if it was renamed.
        self.remove(&beside);
        placed
    }

    /// Returns the names that begin with a prefix.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let entries = Dir::read_from(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        names.filter(|name| name.starts_with(prefix)).collect()
    }

    /// Gives a file another name; the file that had that name is gone.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), TrustError> {
        renameat(&self.dir, from, &self.dir, to).map_err(|errno| TrustError::io(&self.path_of(to), errno))
    }

    /// Removes a name, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
    }

    /// Waits until the directory's names are on the disk.
    ///
    /// # Errors
    ///
    /// [`TrustError::Io`].
    pub fn sync(&self) -> Result<(), TrustError> {
        self.dir.sync_all().map_err(|source| TrustError::io(&self.path, source))
    }

    /// Returns the path of a name in this directory, for people.
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
