//! A folder that is its owner's alone, held open: what is done in it by name is done in this folder, wherever its path leads by
//! then.
//!
//! Everything is opened first and looked at then, through the descriptor: what was checked is what is used.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

/// Such a folder.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    dir: File,
}

/// Why a folder, or a file in it, is not used. Each is for whoever keeps something there to put into words of its own.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system says so.
    #[error("{path}: cannot be used", path = .path.display())]
    Io {
        /// The folder, or a file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is another thing, or a link.
    #[error("{path}: is not a folder, or is a link", path = .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A link, a pipe, a folder.
    #[error("{path}: is not a regular file", path = .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Its owner is another user, or others may use it.
    #[error("{path}: is not this user's alone", path = .path.display())]
    Exposed {
        /// The path.
        path: PathBuf,
    },
}

impl PrivateFolder {
    /// Opens a folder, or makes it, with those above it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`FolderError::Io`] if it cannot be made.
    pub fn make(path: &Path) -> Result<Self, FolderError> {
        match DirBuilder::new().recursive(true).mode(0o700).create(path) {
            // What is in its place is told apart when it is opened.
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(FolderError::Io { path: path.to_owned(), source })
            }
            _ => Self::open(path),
        }
    }

    /// Opens a folder that is there.
    ///
    /// # Errors
    ///
    /// [`FolderError`] if it cannot be opened, is a link or no folder, or others than the effective user may use it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => FolderError::NotAFolder { path: path.to_owned() },
            other => failure(path, other),
        })?;
        let dir = File::from(dir);
        let metadata = dir.metadata().map_err(|source| FolderError::Io { path: path.to_owned(), source })?;
        owners_alone(path, &metadata)?;
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Opens a regular file that is its owner's alone, and is no link; made, if the flags say so, for its owner only.
    ///
    /// # Errors
    ///
    /// [`FolderError`] if it is anything else.
    pub fn file(&self, name: &str, flags: OFlags) -> Result<File, FolderError> {
        let path = self.path_of(name);
        // Opening a pipe would wait for its other end.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => FolderError::NotAFile { path: path.clone() },
            other => failure(&path, other),
        })?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(|source| FolderError::Io { path: path.clone(), source })?;
        owners_alone(&path, &metadata)?;
        if metadata.is_file() { Ok(file) } else { Err(FolderError::NotAFile { path }) }
    }

    /// The names that begin so.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let entries = Dir::read_from(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        names.filter(|name| name.starts_with(prefix)).collect()
    }

    /// Gives something in it another name; what had that name is gone.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FolderError> {
        renameat(&self.dir, from, &self.dir, to).map_err(|errno| failure(&self.path_of(to), errno))
    }

    /// Takes a name away, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.dir, name, AtFlags::empty());
    }

    /// Waits until its names are on the disk.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn sync(&self) -> Result<(), FolderError> {
        self.dir.sync_all().map_err(|source| FolderError::Io { path: self.path.clone(), source })
    }

    /// Where something of this name is, for people.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl AsFd for PrivateFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

fn owners_alone(path: &Path, metadata: &Metadata) -> Result<(), FolderError> {
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    // An access control list that lets others in shows in the group's bits.
    if mine && metadata.mode() & 0o077 == 0 { Ok(()) } else { Err(FolderError::Exposed { path: path.to_owned() }) }
}

fn failure(path: &Path, errno: Errno) -> FolderError {
    FolderError::Io { path: path.to_owned(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_folder_is_made_for_its_owner_and_refused_when_others_may_use_it() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("a/b");
        assert!(matches!(PrivateFolder::open(&path), Err(FolderError::Io { .. })), "it is not there");
        PrivateFolder::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        PrivateFolder::make(&path).unwrap();
        for mode in [0o701, 0o710, 0o770] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(PrivateFolder::make(&path), Err(FolderError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn neither_a_link_nor_another_thing_is_a_folder() {
        let above = tempfile::tempdir().unwrap();
        let (folder, link, file) = (above.path().join("a"), above.path().join("b"), above.path().join("c"));
        PrivateFolder::make(&folder).unwrap();
        symlink(&folder, &link).unwrap();
        fs::write(&file, "").unwrap();
        for path in [&link, &file] {
            assert!(matches!(PrivateFolder::open(path), Err(FolderError::NotAFolder { .. })));
            assert!(matches!(PrivateFolder::make(path), Err(FolderError::NotAFolder { .. })));
        }
    }

    #[test]
    fn what_is_in_it_is_used_where_it_was_opened() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("a");
        let folder = PrivateFolder::make(&path).unwrap();
        folder.file("x", OFlags::RDWR | OFlags::CREATE | OFlags::EXCL).unwrap();
        fs::rename(&path, above.path().join("elsewhere")).unwrap();
        fs::create_dir(&path).unwrap();
        folder.rename("x", "y").unwrap();
        assert_eq!(folder.names("y"), ["y"]);
        assert!(above.path().join("elsewhere/y").exists());
        folder.remove("y");
        assert!(!above.path().join("elsewhere/y").exists());
    }

    #[test]
    fn a_file_is_regular_and_its_owners_alone() {
        let above = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::make(&above.path().join("a")).unwrap();
        let file = |name: &str| folder.file(name, OFlags::RDONLY);
        fs::write(folder.path_of("open"), "").unwrap();
        fs::set_permissions(folder.path_of("open"), Permissions::from_mode(0o640)).unwrap();
        symlink("open", folder.path_of("link")).unwrap();
        fs::create_dir(folder.path_of("dir")).unwrap();
        fs::set_permissions(folder.path_of("dir"), Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(file("open"), Err(FolderError::Exposed { .. })));
        assert!(matches!(file("link"), Err(FolderError::NotAFile { .. })));
        assert!(matches!(file("dir"), Err(FolderError::NotAFile { .. })));
    }
}
