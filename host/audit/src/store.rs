//! What an audit file needs of a file, so that tests can give it one that fails.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

/// Bytes that are only ever added to.
pub(super) trait Store: Read + Seek + Send + 'static {
    /// Adds bytes at the end. After an error, some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// How many bytes there are.
    fn length(&mut self) -> io::Result<u64>;
}

/// A file that no other sink writes to for as long as this is there.
#[derive(Debug)]
pub(super) struct LockedFile(File);

impl LockedFile {
    /// Locks a file; does not wait.
    pub(super) fn lock(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing alone leaves the lock to a child process that is just being started and has the descriptor still.
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
        // What is written to a file that was removed is lost when it is closed.
        if metadata.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(metadata.len()) }
    }
}

#[cfg(test)]
pub(super) mod flaky {
    use std::io::Cursor;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A file in memory, on a disk of this size.
    #[derive(Clone, Debug)]
    pub(crate) struct Flaky(pub(crate) Arc<Mutex<Disk>>);

    #[derive(Debug, Default)]
    pub(crate) struct Disk {
        pub(crate) file: Cursor<Vec<u8>>,
        pub(crate) size: usize,
        pub(crate) sync_fails: bool,
        pub(crate) appends: usize,
        pub(crate) syncs: usize,
    }

    impl Flaky {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(Disk { size: usize::MAX, ..Disk::default() })))
        }

        pub(crate) fn holding(bytes: Vec<u8>) -> Self {
            let store = Self::new();
            store.0.lock().file = Cursor::new(bytes);
            store
        }

        /// Room for this many bytes more.
        pub(crate) fn room(&self, bytes: usize) {
            let mut disk = self.0.lock();
            disk.size = disk.file.get_ref().len().saturating_add(bytes);
        }

        pub(crate) fn bytes(&self) -> Vec<u8> {
            self.0.lock().file.get_ref().clone()
        }
    }

    impl Read for Flaky {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.lock().file.read(buffer)
        }
    }

    impl Seek for Flaky {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.0.lock().file.seek(position)
        }
    }

    impl Store for Flaky {
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
