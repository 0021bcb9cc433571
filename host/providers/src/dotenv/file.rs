//! Reads a file that is accessible only to its owner.
//!
//! The file is opened first and checked through the descriptor, so that the checked file is the one
//! that is read. Only the last component of the path must not be a symbolic link; its parent
//! directories are the operator's choice.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use far_files::{Trust, TrustError, TrustedFile};
use zeroize::Zeroizing;

use super::{DotEnv, DotEnvError};

/// Reads the file into a single allocation. Blocks the thread.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, DotEnvError> {
    let mut file = open(path)?;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    if metadata.size() == 0 {
        return Err(DotEnvError::Empty { path: path.to_owned() });
    }
    if metadata.size() > DotEnv::MAX_FILE {
        return Err(DotEnvError::TooLarge { path: path.to_owned() });
    }
    read_unchanged(path, &mut file, &metadata)
}

/// Opens the file if it is owner-only.
fn open(path: &Path) -> Result<File, DotEnvError> {
    TrustedFile::open(path, Trust::Private).map(File::from).map_err(|error| {
        let path = path.to_owned();
        match error {
            error if error.is_missing() => DotEnvError::Missing { path },
            TrustError::Link { .. } => DotEnvError::Symlink { path },
            TrustError::NotRegular { .. } => DotEnvError::NotRegular { path },
            TrustError::NotOwned { owner, .. } => DotEnvError::NotOwned { path, owner },
            TrustError::Exposed { mode, .. } => DotEnvError::Exposed { path, mode },
            TrustError::Io { source, .. } => DotEnvError::Io { path, source },
            other => DotEnvError::Io { path, source: io::Error::other(other) },
        }
    })
}

/// Reads a whole file that has not changed since `before`.
///
/// # Security
///
/// The buffer is allocated once, because a buffer that reallocates leaves a copy behind. Its
/// additional byte detects growth.
fn read_unchanged(path: &Path, file: &mut File, before: &Metadata) -> Result<Zeroizing<Vec<u8>>, DotEnvError> {
    let size = usize::try_from(before.size()).map_err(|_| DotEnvError::TooLarge { path: path.to_owned() })?;
    let mut buffer = Zeroizing::new(vec![0; size.saturating_add(1)]);
    let read = fill(file, &mut buffer).map_err(|source| unreadable(path, source))?;
    let after = file.metadata().map_err(|source| unreadable(path, source))?;
    let written = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
    if read != size || written(&after) != written(before) {
        return Err(DotEnvError::Changed { path: path.to_owned() });
    }
    buffer.truncate(size);
    Ok(buffer)
}

/// Reads until the buffer is full or the file ends; returns the number of bytes.
fn fill(file: &mut File, mut buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(read) => {
                total += read;
                buffer = buffer.get_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

fn unreadable(path: &Path, source: io::Error) -> DotEnvError {
    DotEnvError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::time::SystemTime;

    use rustix::fs::Mode;
    use rustix::io::FdFlags;
    use tempfile::TempDir;

    use super::*;

    fn written(content: &[u8], mode: u32) -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn owner_only_file_is_read() {
        for mode in [0o600, 0o400, 0o700] {
            let (_dir, path) = written(b"A=b\n", mode);
            assert_eq!(&**read(&path).unwrap(), b"A=b\n");
        }
    }

    #[test]
    fn exposed_file_is_rejected() {
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001, 0o044] {
            let (_dir, path) = written(b"A=b\n", 0o600 | bit);
            let error = read(&path).unwrap_err();
            assert!(matches!(error, DotEnvError::Exposed { mode, .. } if mode == 0o600 | bit), "{error:?}");
        }
    }

    #[test]
    fn symbolic_link_is_rejected() {
        let (dir, path) = written(b"A=b\n", 0o600);
        for (link, target) in
            [("to-file", &*path), ("to-nothing", Path::new("nothing")), ("to-itself", Path::new("to-itself"))]
        {
            let link = dir.path().join(link);
            symlink(target, &link).unwrap();
            assert!(matches!(read(&link), Err(DotEnvError::Symlink { .. })), "{link:?}");
        }
    }

    #[test]
    fn irregular_file_is_rejected_without_blocking() {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("directory");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        // Without `O_NONBLOCK`, opening a pipe blocks forever.
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [&*directory, &*pipe, &*socket, Path::new("/dev/null")] {
            assert!(matches!(read(path), Err(DotEnvError::NotRegular { .. })), "{path:?}");
        }
    }

    #[test]
    fn file_of_other_user_is_rejected() {
        let (_dir, path) = written(b"A=b\n", 0o600);
        // Only root may change an owner; tests of `Trust` cover the check itself.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(matches!(read(&path), Err(DotEnvError::NotOwned { owner: 12_345, .. })));
        }
    }

    #[test]
    fn missing_and_empty_file_differ() {
        let (dir, path) = written(b"", 0o600);
        assert!(matches!(read(&path), Err(DotEnvError::Empty { .. })));
        assert!(matches!(read(&dir.path().join("other")), Err(DotEnvError::Missing { .. })));
        assert!(matches!(read(&path.join("below")), Err(DotEnvError::Io { .. })));
    }

    #[test]
    fn oversized_file_is_rejected() {
        let limit = usize::try_from(DotEnv::MAX_FILE).unwrap();
        let (_dir, path) = written(&vec![b'#'; limit], 0o600);
        assert_eq!(read(&path).unwrap().len(), limit);
        fs::write(&path, vec![b'#'; limit + 1]).unwrap();
        assert!(matches!(read(&path), Err(DotEnvError::TooLarge { .. })));
    }

    #[test]
    fn file_buffer_is_zeroed_and_fixed() {
        let (_dir, path) = written(b"A=b\n", 0o600);
        let buffer: Zeroizing<Vec<u8>> = read(&path).unwrap();
        assert_eq!((buffer.len(), buffer.capacity()), (4, 5));
    }

    #[test]
    fn file_changed_during_read_is_rejected() {
        let change = |change: fn(&mut File)| {
            let (_dir, path) = written(b"A=b\n", 0o600);
            let mut file = open(&path).unwrap();
            let before = file.metadata().unwrap();
            change(&mut fs::OpenOptions::new().append(true).open(&path).unwrap());
            read_unchanged(&path, &mut file, &before).map_err(|error| matches!(error, DotEnvError::Changed { .. }))
        };
        assert!(change(|_| ()).is_ok());
        // These two restore the modification time, so that only the size differs.
        let grow = |file: &mut File| {
            let time = file.metadata().unwrap().modified().unwrap();
            file.write_all(b"C=d\n").unwrap();
            file.set_modified(time).unwrap();
        };
        let shrink = |file: &mut File| {
            let time = file.metadata().unwrap().modified().unwrap();
            file.set_len(2).unwrap();
            file.set_modified(time).unwrap();
        };
        assert_eq!(change(grow).err(), Some(true));
        assert_eq!(change(shrink).err(), Some(true));
        assert_eq!(change(|file| file.set_modified(SystemTime::UNIX_EPOCH).unwrap()).err(), Some(true));
    }

    #[test]
    fn descriptor_is_close_on_exec() {
        let (_dir, path) = written(b"A=b\n", 0o600);
        let file = open(&path).unwrap();
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC));
    }
}
