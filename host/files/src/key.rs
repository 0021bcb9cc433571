//! Keys in a private directory.

use std::io::{self, Read};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::dir::PrivateDir;
use crate::error::TrustError;

/// The encoding of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// Raw bytes.
    Bytes,
    /// Hexadecimal digits.
    Hex,
    /// Hexadecimal digits and a line feed.
    HexLine,
}

impl KeyEncoding {
    fn length(self, key: usize) -> usize {
        match self {
            Self::Bytes => key,
            Self::Hex => key.saturating_mul(2),
            Self::HexLine => key.saturating_mul(2).saturating_add(1),
        }
    }

    /// Writes the encoded key. Returns `None` if `content` is not of the encoded length.
    fn write(self, key: &[u8], content: &mut [u8]) -> Option<()> {
        match self {
            Self::Bytes => content.get_mut(..key.len())?.copy_from_slice(key),
            Self::Hex => hex::encode_to_slice(key, content).ok()?,
            Self::HexLine => {
                let (end, digits) = content.split_last_mut()?;
                *end = b'\n';
                hex::encode_to_slice(key, digits).ok()?;
            }
        }
        Some(())
    }

    fn read(self, content: &[u8], key: &mut [u8]) -> Option<()> {
        match self {
            Self::Bytes => key.copy_from_slice(content.get(..key.len())?),
            Self::Hex => hex::decode_to_slice(content, key).ok()?,
            Self::HexLine => hex::decode_to_slice(content.strip_suffix(b"\n")?, key).ok()?,
        }
        Some(())
    }
}

impl PrivateDir {
    /// Reads a key from a file of this directory, or creates the file with a random key.
    ///
    /// Concurrent callers all get the key that is created first. A file without a valid key is
    /// never replaced.
    ///
    /// # Errors
    ///
    /// The errors of [`file`](Self::file), and [`TrustError::Key`] if the file is not a key of this
    /// length and encoding.
    pub fn key<const N: usize>(&self, name: &str, encoding: KeyEncoding) -> Result<Zeroizing<[u8; N]>, TrustError> {
        match self.read_key(name, encoding) {
            Err(error) if error.is_missing() => {}
            known => return known,
        }
        let mut key = Zeroizing::new([0_u8; N]);
        getrandom::fill(&mut *key).map_err(TrustError::Random)?;
        let mut content = Zeroizing::new(vec![0_u8; encoding.length(N)]);
        encoding.write(&*key, &mut content).ok_or_else(|| TrustError::Key { path: self.path_of(name) })?;
        self.create_once(name, &content)?;
        self.read_key(name, encoding)
    }

    fn read_key<const N: usize>(&self, name: &str, encoding: KeyEncoding) -> Result<Zeroizing<[u8; N]>, TrustError> {
        let path = self.path_of(name);
        let mut file = self.file(name, OFlags::RDONLY)?;
        // Allocated at full length: a buffer that grows leaves copies behind.
        let mut content = Zeroizing::new(vec![0_u8; encoding.length(N)]);
        let mut key = Zeroizing::new([0_u8; N]);
        let whole = file.read_exact(&mut content).and_then(|()| Ok(file.read(&mut [0_u8; 1])? == 0));
        let read = match whole {
            Ok(whole) => encoding.read(&content, &mut *key).filter(|()| whole),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(source) => return Err(TrustError::io(&path, source)),
        };
        read.map(|()| key).ok_or(TrustError::Key { path })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ENCODINGS: [KeyEncoding; 3] = [KeyEncoding::Bytes, KeyEncoding::Hex, KeyEncoding::HexLine];

    fn dir() -> (tempfile::TempDir, PrivateDir) {
        let above = tempfile::tempdir().unwrap();
        let dir = PrivateDir::create(&above.path().join("keys")).unwrap();
        (above, dir)
    }

    #[test]
    fn key_is_created_once() {
        let (_above, dir) = dir();
        for (encoding, length) in ENCODINGS.into_iter().zip([32, 64, 65]) {
            let name = format!("{encoding:?}");
            let key = dir.key::<32>(&name, encoding).unwrap();
            assert_ne!(*key, [0; 32]);
            assert_eq!(dir.key::<32>(&name, encoding).unwrap(), key);
            assert_eq!(fs::read(dir.path_of(&name)).unwrap().len(), length);
        }
    }

    #[test]
    fn concurrent_callers_get_one_key() {
        let (_above, dir) = dir();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| *dir.key::<64>("key", KeyEncoding::Bytes).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(dir.names("key"), ["key"]);
    }

    #[test]
    fn damaged_key_is_not_replaced() {
        for encoding in ENCODINGS {
            let (_above, dir) = dir();
            dir.key::<32>("key", encoding).unwrap();
            let whole = fs::read(dir.path_of("key")).unwrap();
            for damaged in [&b""[..], b"\n", &whole[1..], &[&whole[..], b"0"].concat(), &b"x".repeat(100)] {
                fs::write(dir.path_of("key"), damaged).unwrap();
                let error = dir.key::<32>("key", encoding).unwrap_err();
                assert!(matches!(error, TrustError::Key { .. }), "{encoding:?}: {error}");
                assert_eq!(fs::read(dir.path_of("key")).unwrap(), damaged);
            }
            fs::write(dir.path_of("key"), &whole).unwrap();
            dir.key::<32>("key", encoding).unwrap();
        }
        let (_above, dir) = dir();
        for digits in ["x".repeat(64), "0".repeat(64)] {
            fs::write(dir.path_of("key"), &digits).unwrap();
            fs::set_permissions(dir.path_of("key"), Permissions::from_mode(0o600)).unwrap();
            assert_eq!(dir.key::<32>("key", KeyEncoding::Hex).is_ok(), digits.starts_with('0'));
        }
    }
}
