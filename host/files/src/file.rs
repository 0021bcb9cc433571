//! Regular files, and the check of their owner and mode.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::error::TrustError;
use crate::trust::Trust;

/// A regular file that passes a [`Trust`] policy, held open.
#[derive(Debug)]
pub struct TrustedFile(File);

impl TrustedFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the file is missing or not a regular file, or if the policy refuses it.
    pub fn open(path: &Path, trust: Trust) -> Result<Self, TrustError> {
        let link = if trust == Trust::Unwritable { OFlags::empty() } else { OFlags::NOFOLLOW };
        Self::at(CWD, path, path, OFlags::RDONLY | link, trust)
    }

    /// Opens a name in a directory. Errors report `path`.
    pub(crate) fn at(
        dir: impl AsFd,
        name: &Path,
        path: &Path,
        flags: OFlags,
        trust: Trust,
    ) -> Result<Self, TrustError> {
        let (file, metadata) = regular(dir, name, path, flags)?;
        trust.allows(path, &metadata)?;
        Ok(Self(file))
    }

    /// Reads from the current position to the end of the file, into one buffer of at most `max`
    /// bytes.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn read_up_to(&mut self, max: u64) -> io::Result<Vec<u8>> {
        let length = self.0.metadata()?.len().min(max);
        let mut buffer = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        (&mut self.0).take(max).read_to_end(&mut buffer)?;
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

/// Opens a regular file for reading, whatever its owner and mode. Follows links.
///
/// # Errors
///
/// [`TrustError`] if the file is missing or not a regular file.
pub fn open_regular(path: &Path) -> Result<File, TrustError> {
    regular(CWD, path, path, OFlags::RDONLY).map(|(file, _)| file)
}

fn regular(dir: impl AsFd, name: &Path, path: &Path, flags: OFlags) -> Result<(File, Metadata), TrustError> {
    // Without NONBLOCK, opening a pipe would wait for its other end.
    let added = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(dir, name, flags | added, Mode::RUSR | Mode::WUSR);
    let file = File::from(file.map_err(|errno| match errno {
        // A parent of the file is not a directory.
        Errno::NOTDIR => TrustError::io(path, errno),
        // A cycle of links.
        Errno::LOOP if !flags.contains(OFlags::NOFOLLOW) => TrustError::io(path, errno),
        errno => TrustError::opening(path, errno),
    })?);
    let metadata = file.metadata().map_err(|source| TrustError::io(path, source))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(TrustError::NotRegular { path: path.to_owned() }) }
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
            let mut file = TrustedFile::open(&path, Trust::Private).unwrap();
            assert_eq!(file.read_up_to(64).unwrap(), b"content");
            assert!(fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC), "inherited by children");
            assert_eq!(TrustedFile::open(&path, Trust::Private).unwrap().read_up_to(3).unwrap(), b"con");
        }
    }

    #[test]
    fn permission_for_others_is_refused() {
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
            let (_dir, path) = written(b"", 0o600 | bit);
            let error = TrustedFile::open(&path, Trust::Private).unwrap_err();
            assert!(matches!(error, TrustError::Exposed { mode, .. } if mode == 0o600 | bit), "{error}");
            assert_eq!(
                error.to_string(),
                format!("'{}' is accessible to other users: its mode is {:04o}", path.display(), 0o600 | bit)
            );
            assert_eq!(error.help(), format!("chmod 600 {}", path.display()));
        }
    }

    #[test]
    fn another_owner_is_refused() {
        // Only root may change the owner of a file. The tests of `Trust` cover the check itself.
        let (_dir, path) = written(b"", 0o600);
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            let error = TrustedFile::open(&path, Trust::Private).unwrap_err();
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
            let error = TrustedFile::open(&link, Trust::Private).unwrap_err();
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
            let error = TrustedFile::open(path, Trust::Private).unwrap_err();
            assert!(matches!(error, TrustError::NotRegular { .. }), "{error}");
        }
    }

    #[test]
    fn missing_file_is_distinguished() {
        let (dir, path) = written(b"", 0o600);
        assert!(TrustedFile::open(&dir.path().join("other"), Trust::Private).unwrap_err().is_missing());
        let below = TrustedFile::open(&path.join("below"), Trust::Private).unwrap_err();
        assert!(matches!(below, TrustError::Io { .. }) && !below.is_missing(), "{below}");
    }
}
