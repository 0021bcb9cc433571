//! Keys that lie in a private directory.

use std::io::{self, Read};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::dir::PrivateDir;
use crate::error::TrustError;

/// The form of a key's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The bytes.
    Bytes,
    /// Hexadecimal digits.
    Hex,
    /// Hexadecimal digits and a line feed.
    HexLine,
}

impl KeyForm {
    fn length(self, key: usize) -> usize {
        match self {
            Self::Bytes => key,
            Self::Hex => key.saturating_mul(2),
            Self::HexLine => key.saturating_mul(2).saturating_add(1),
        }
    }

    /// Fills the file's content; `None` if it has another length than [`length`](Self::length) says.
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
    /// Reads the key in a file of this directory; makes it, of random bytes, if the file is missing. Of several that are
    /// made at once, all get the first. A file that is not a key is never replaced.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file), and [`TrustError::Key`] if the file is not a key of this length and form.
    pub fn key<const N: usize>(&self, name: &str, form: KeyForm) -> Result<Zeroizing<[u8; N]>, TrustError> {
        match self.read_key(name, form) {
            Err(error) if error.is_missing() => {}
            known => return known,
        }
        let mut key = Zeroizing::new([0_u8; N]);
        getrandom::fill(&mut *key).map_err(TrustError::Random)?;
        let mut content = Zeroizing::new(vec![0_u8; form.length(N)]);
        form.write(&*key, &mut content).ok_or_else(|| TrustError::Key { path: self.path_of(name) })?;
        self.put_first(name, &content)?;
        self.read_key(name, form)
    }

    fn read_key<const N: usize>(&self, name: &str, form: KeyForm) -> Result<Zeroizing<[u8; N]>, TrustError> {
        let path = self.path_of(name);
        let mut file = self.file(name, OFlags::RDONLY)?;
        // Of its length from the beginning: a buffer that grows leaves a copy behind.
        let mut content = Zeroizing::new(vec![0_u8; form.length(N)]);
        let mut key = Zeroizing::new([0_u8; N]);
        let whole = file.read_exact(&mut content).and_then(|()| Ok(file.read(&mut [0_u8; 1])? == 0));
        let read = match whole {
            Ok(whole) => form.read(&content, &mut *key).filter(|()| whole),
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

    const FORMS: [KeyForm; 3] = [KeyForm::Bytes, KeyForm::Hex, KeyForm::HexLine];

    fn dir() -> (tempfile::TempDir, PrivateDir) {
        let above = tempfile::tempdir().unwrap();
        let dir = PrivateDir::create(&above.path().join("keys")).unwrap();
        (above, dir)
    }

    #[test]
    fn key_is_made_once() {
        let (_above, dir) = dir();
        for (form, length) in FORMS.into_iter().zip([32, 64, 65]) {
            let name = format!("{form:?}");
            let key = dir.key::<32>(&name, form).unwrap();
            assert_ne!(*key, [0; 32]);
            assert_eq!(dir.key::<32>(&name, form).unwrap(), key);
            assert_eq!(fs::read(dir.path_of(&name)).unwrap().len(), length);
        }
    }

    #[test]
    fn simultaneous_makers_get_one_key() {
        let (_above, dir) = dir();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| *dir.key::<64>("key", KeyForm::Bytes).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(dir.names("key"), ["key"]);
    }

    #[test]
    fn damaged_key_is_not_replaced() {
        for form in FORMS {
            let (_above, dir) = dir();
            dir.key::<32>("key", form).unwrap();
            let whole = fs::read(dir.path_of("key")).unwrap();
            for damaged in [&b""[..], b"\n", &whole[1..], &[&whole[..], b"0"].concat(), &b"x".repeat(100)] {
                fs::write(dir.path_of("key"), damaged).unwrap();
                let error = dir.key::<32>("key", form).unwrap_err();
                assert!(matches!(error, TrustError::Key { .. }), "{form:?}: {error}");
                assert_eq!(fs::read(dir.path_of("key")).unwrap(), damaged);
            }
            fs::write(dir.path_of("key"), &whole).unwrap();
            dir.key::<32>("key", form).unwrap();
        }
        let (_above, dir) = dir();
        for digits in ["x".repeat(64), "0".repeat(64)] {
            fs::write(dir.path_of("key"), &digits).unwrap();
            fs::set_permissions(dir.path_of("key"), Permissions::from_mode(0o600)).unwrap();
            assert_eq!(dir.key::<32>("key", KeyForm::Hex).is_ok(), digits.starts_with('0'));
        }
    }
}
