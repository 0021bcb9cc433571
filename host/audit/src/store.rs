//! The storage of an audit file. Tests use one that fails.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

/// Append-only storage.
pub(super) trait Store: Read + Seek + Send + 'static {
    /// Appends bytes. After an error, a part of them may be stored.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Returns the number of bytes.
    fn length(&mut self) -> io::Result<u64>;
}

/// A file with an exclusive lock, released on drop.
#[derive(Debug)]
pub(super) struct LockedFile(File);

impl LockedFile {
    /// Locks a file without waiting.
    pub(super) fn lock(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A child process that is being started can still have the descriptor, and so the lock.
        let _ = self.0.unlock();
    }
}

impl Read for LockedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for LockedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

impl Store for LockedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn length(&mut self) -> io::Result<u64> {
        let metadata = self.0.metadata()?;
        // Records in a removed file are lost when it is closed.
        if metadata.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(metadata.len()) }
    }
}

#[cfg(test)]
pub(super) mod faulty {
    use std::io::Cursor;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A file in memory, on a disk of limited size.
    #[derive(Clone, Debug)]
    pub(crate) struct FaultyStore(pub(crate) Arc<Mutex<Disk>>);

    #[derive(Debug, Default)]
    pub(crate) struct Disk {
        pub(crate) file: Cursor<Vec<u8>>,
        pub(crate) size: usize,
        pub(crate) sync_fails: bool,
        pub(crate) appends: usize,
        pub(crate) syncs: usize,
    }

    impl FaultyStore {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(Disk { size: usize::MAX, ..Disk::default() })))
        }

        pub(crate) fn with_bytes(bytes: Vec<u8>) -> Self {
            let store = Self::new();
            store.0.lock().file = Cursor::new(bytes);
            store
        }

        /// Limits the disk to this number of bytes more.
        pub(crate) fn set_free_space(&self, bytes: usize) {
            let mut disk = self.0.lock();
            disk.size = disk.file.get_ref().len().saturating_add(bytes);
        }

        pub(crate) fn bytes(&self) -> Vec<u8> {
            self.0.lock().file.get_ref().clone()
        }
    }

    impl Read for FaultyStore {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.lock().file.read(buffer)
        }
    }

    impl Seek for FaultyStore {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.0.lock().file.seek(position)
        }
    }

    impl Store for FaultyStore {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut disk = self.0.lock();
            disk.appends += 1;
            let room = disk.size.saturating_sub(disk.file.get_ref().len()).min(bytes.len());
            disk.file.get_mut().extend_from_slice(&bytes[..room]);
            if room < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            let mut disk = self.0.lock();
            disk.syncs += 1;
            if disk.sync_fails { Err(io::Error::other("bad sector")) } else { Ok(()) }
        }

        fn length(&mut self) -> io::Result<u64> {
            Ok(self.0.lock().file.get_ref().len() as u64)
        }
    }
}
