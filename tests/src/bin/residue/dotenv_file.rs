//! A `.env` that values are written into without being anywhere else meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use far_core::memory::SecretBytes;
use far_needle::Masked;

/// The file.
pub(crate) struct DotEnvFile {
    path: PathBuf,
}

/// What comes after the value.
#[derive(Clone, Copy)]
pub(crate) enum Rest {
    /// Nothing that is wrong.
    Well,
    /// A line that is none.
    Broken,
}

impl DotEnvFile {
    /// A file without values.
    pub(crate) fn create(folder: &Path) -> Self {
        let path = folder.join(".env");
        let file = Self { path };
        file.open().write_all(b"BETA=\n").unwrap();
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes this the value of `NAME`, and of nothing else.
    pub(crate) fn write(&self, name: &str, value: &Masked, rest: Rest) {
        let plain = SecretBytes::new(value.len(), |place| value.write_to(place)).unwrap();
        let mut file = self.open();
        let end: &[u8] = match rest {
            Rest::Well => b"'\n",
            Rest::Broken => b"'\nno assignment\n",
        };
        for part in [name.as_bytes(), b"='", plain.expose(), end] {
            file.write_all(part).unwrap();
        }
    }

    /// Takes all values out of it.
    pub(crate) fn clear(&self) {
        self.open().write_all(b"BETA=\n").unwrap();
    }

    fn open(&self) -> File {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path).unwrap();
        file.rewind().unwrap();
        file
    }
}
