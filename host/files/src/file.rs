//! A file that only its owner may use.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::geteuid;

use crate::error::TrustError;

/// The modes that directories and files are made with, and should have.
pub(crate) const DIRECTORY_MODE: u32 = 0o700;
pub(crate) const FILE_MODE: u32 = 0o600;

/// A regular file that only its owner may use, held open.
#[derive(Debug)]
pub struct TrustedFile(File);

impl TrustedFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if it is missing, a link or no regular file, or if others than the effective user may use it.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        Self::at(CWD, path, path, OFlags::RDONLY)
    }

    /// Opens a name in a directory; `path` is for messages.
    pub(crate) fn at(dir: impl AsFd, name: &Path, path: &Path, flags: OFlags) -> Result<Self, TrustError> {
        // Opening a pipe would wait for its other end.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(dir, name, flags, Mode::from_raw_mode(FILE_MODE));
        let file = File::from(file.map_err(|errno| match TrustError::opening(path, errno) {
            // Of a file, this is about a directory above it.
            TrustError::NotADirectory { .. } => TrustError::io(path, errno),
            error => error,
        })?);
        let metadata = file.metadata().map_err(|source| TrustError::io(path, source))?;
        if !metadata.is_file() {
            return Err(TrustError::NotRegular { path: path.to_owned() });
        }
        owner_only(path, &metadata, FILE_MODE)?;
        Ok(Self(file))
    }

    /// Reads the file from where it stands to its end, into one buffer of `most` bytes at most.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn read_up_to(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let length = self.0.metadata()?.len().min(most);
        let mut buffer = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        (&mut self.0).take(most).read_to_end(&mut buffer)?;
        Ok(buffer)
    }
}

impl From<TrustedFile> for File {
    fn from(file: TrustedFile) -> Self {
        file.0
    }
}

impl AsFd for TrustedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for TrustedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for TrustedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Checks that only the effective user may use what was opened.
pub(crate) fn owner_only(path: &Path, metadata: &Metadata, wanted: u32) -> Result<(), TrustError> {
    check(path, (metadata.uid(), metadata.mode() & 0o7777), geteuid().as_raw(), wanted)
}

fn check(path: &Path, (owner, mode): (u32, u32), user: u32, wanted: u32) -> Result<(), TrustError> {
    if owner != user {
        return Err(TrustError::NotOwned { path: path.to_owned(), owner });
    }
    // An access control list that lets others in shows in the group's bits.
    if mode & 0o077 != 0 {
        return Err(TrustError::Exposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use rustix::io::{FdFlags, fcntl_getfd};
    use tempfile::TempDir;

    use super::*;

    fn written(content: &[u8], mode: u32) -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn owner_only_file_is_read() {
        for mode in [0o600, 0o400, 0o700] {
            let (_dir, path) = written(b"content", mode);
            let mut file = TrustedFile::open(&path).unwrap();
            assert_eq!(file.read_up_to(64).unwrap(), b"content");
            assert!(fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC), "children do not have it");
            assert_eq!(TrustedFile::open(&path).unwrap().read_up_to(3).unwrap(), b"con");
        }
    }

    #[test]
    fn permission_for_others_is_refused() {
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
            let (_dir, path) = written(b"", 0o600 | bit);
            let error = TrustedFile::open(&path).unwrap_err();
            assert!(matches!(error, TrustError::Exposed { mode, .. } if mode == 0o600 | bit), "{error}");
            assert_eq!(
                error.to_string(),
                format!("others may use {}: its mode is {:04o}", path.display(), 0o600 | bit)
            );
            assert_eq!(error.help(), format!("chmod 600 {}", path.display()));
        }
    }

    #[test]
    fn another_owner_is_refused() {
        let path = Path::new("file");
        assert!(check(path, (1, 0o600), 1, 0o600).is_ok());
        let error = check(path, (2, 0o600), 1, 0o600).unwrap_err();
        assert_eq!(error.to_string(), "file belongs to user 2");
        assert!(check(path, (0, 0o600), 1, 0o600).is_err(), "root's is another user's");
        // With a real file, for whoever may give one away.
        let (_dir, path) = written(b"", 0o600);
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            let error = TrustedFile::open(&path).unwrap_err();
            assert!(matches!(error, TrustError::NotOwned { owner: 12_345, .. }), "{error}");
        }
    }

    #[test]
    fn link_is_not_followed() {
        let (dir, path) = written(b"", 0o600);
        for (name, target) in
            [("file", &*path), ("nothing", Path::new("nowhere")), ("itself", Path::new("itself-link"))]
        {
            let link = dir.path().join(format!("{name}-link"));
            symlink(target, &link).unwrap();
            let error = TrustedFile::open(&link).unwrap_err();
            assert!(matches!(error, TrustError::Link { .. }), "{error}");
        }
    }

    #[test]
    fn irregular_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (directory, pipe, socket) = (dir.path().join("dir"), dir.path().join("pipe"), dir.path().join("socket"));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [&*directory, &*pipe, &*socket, Path::new("/dev/null")] {
            let error = TrustedFile::open(path).unwrap_err();
            assert!(matches!(error, TrustError::NotRegular { .. }), "{error}");
        }
    }

    #[test]
    fn missing_file_is_told_apart() {
        let (dir, path) = written(b"", 0o600);
        assert!(TrustedFile::open(&dir.path().join("other")).unwrap_err().is_missing());
        let below = TrustedFile::open(&path.join("below")).unwrap_err();
        assert!(matches!(below, TrustError::Io { .. }) && !below.is_missing(), "{below}");
    }
}
