//! A `.env` into which values are written directly from locked memory.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use far_core::memory::SecretBytes;
use far_needle::MaskedValue;

/// The `.env` file.
pub(crate) struct DotEnvFile {
    path: PathBuf,
}

/// The line after the value.
#[derive(Clone, Copy)]
pub(crate) enum FileTail {
    /// A valid end of the file.
    Valid,
    /// A malformed line.
    Malformed,
}

impl DotEnvFile {
    /// Creates a file without values.
    pub(crate) fn create(folder: &Path) -> Self {
        let path = folder.join(".env");
        let file = Self { path };
        file.open().write_all(b"BETA=\n").unwrap();
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in which `name` has this value and no other name has a value.
    pub(crate) fn write(&self, name: &str, value: &MaskedValue, tail: FileTail) {
        let plain = SecretBytes::new(value.len(), |place| value.write_to(place)).unwrap();
        let mut file = self.open();
        let end: &[u8] = match tail {
            FileTail::Valid => b"'\n",
            FileTail::Malformed => b"'\nno assignment\n",
        };
        for part in [name.as_bytes(), b"='", plain.expose(), end] {
            file.write_all(part).unwrap();
        }
    }

    /// Removes all values.
    pub(crate) fn clear(&self) {
        self.open().write_all(b"BETA=\n").unwrap();
    }

    fn open(&self) -> File {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path).unwrap();
        file.rewind().unwrap();
        file
    }
}
