//! Compiled components, kept between runs.
//!
//! Loading a compiled component runs what it holds: the engine trusts its bytes. So an artefact is believed only if it
//! carries a MAC under this agent's own key, checked over the very buffer that is then loaded; the folder is its owner's
//! alone; and an artefact's name covers what it was made from and by. Whatever is wrong with one, the component is
//! compiled again: a cache that is attacked costs time, nothing else.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use far_core::SkillDigest;
use far_core::guard::Guard;
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Length of the MAC that an artefact starts with, and of the key: a block of SHA-256.
const MAC_LEN: usize = 32;
const KEY_LEN: usize = 64;
/// The largest artefact that is read, in bytes: compiled code is larger than what it was compiled from.
const ARTEFACT_MAX: u64 = 1 << 30;
const KEY_FILE: &str = "key";

/// A folder of compiled components that only this user's processes made.
pub struct ArtifactCache {
    folder: PathBuf,
    key: Hmac<Sha256>,
}

/// Why a folder cannot hold compiled components.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Not a folder, or reached through a link.
    #[error("{path} is not a folder, or is a link", path = .0.display())]
    NotAFolder(PathBuf),
    /// Somebody else's, or open to others.
    #[error("{path} is not its owner's alone", path = .0.display())]
    NotOwnersAlone(PathBuf),
    /// The key is not one that this program wrote.
    #[error("{path} is not a key of this program", path = .0.display())]
    Key(PathBuf),
    /// Not a regular file.
    #[error("{path} is not a regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// The operating system refused.
    #[error("cannot use {path}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl ArtifactCache {
    /// Opens a folder, or makes it, for its owner only.
    ///
    /// # Errors
    ///
    /// [`ArtifactError`] if the folder is a link, or not this user's alone, or cannot be used.
    ///
    /// # Security
    ///
    /// The key lies in the folder: what keeps others out of one keeps them out of the other. The folders above it are
    /// the caller's choice.
    pub fn open(folder: &Path) -> Result<Self, ArtifactError> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failure(folder, error)),
            _ => {}
        }
        let metadata = folder.symlink_metadata().map_err(|error| failure(folder, error))?;
        if !metadata.is_dir() {
            return Err(ArtifactError::NotAFolder(folder.to_owned()));
        }
        check_owner(folder, &metadata)?;
        let key = read_or_make_key(&folder.join(KEY_FILE))?;
        Ok(Self { folder: folder.to_owned(), key: Hmac::new(&key.into()) })
    }

    /// The compiled component: from the folder if an artefact there is to be believed, else compiled and put there.
    pub(crate) fn component(&self, engine: &Engine, digest: &SkillDigest, bytes: &[u8]) -> wasmtime::Result<Component> {
        let name = artefact_name(engine, digest);
        let path = self.folder.join(&name);
        if let Some(component) = self.load(engine, &name, &path) {
            return Ok(component);
        }
        let component = Component::new(engine, bytes)?;
        // What cannot be kept is compiled again next time.
        if let Ok(compiled) = component.serialize() {
            let _ = self.store(&name, &path, &compiled);
        }
        Ok(component)
    }

    #[expect(unsafe_code, reason = "the engine cannot check what it loads; the MAC does")]
    fn load(&self, engine: &Engine, name: &str, path: &Path) -> Option<Component> {
        let buffer = read_owned(path, ARTEFACT_MAX).ok()?;
        let (mac, compiled) = buffer.split_at_checked(MAC_LEN)?;
        let believed = self.mac(name, compiled).verify_slice(mac).is_ok() || !Guard::ArtifactMac.stands();
        if !believed {
            return None;
        }
        // SAFETY: `deserialize` needs bytes that `Component::serialize` made. Only this program has the key, it makes a
        // MAC only of what `serialize` gave it, and the MAC was checked over this buffer, which nobody else can change.
        // That it was made by another engine, or with other settings, is seen by the name, which the MAC covers, and by
        // `deserialize` itself.
        unsafe { Component::deserialize(engine, compiled) }.ok()
    }

    /// Writes beside the place and renames: a reader sees a whole artefact or none.
    fn store(&self, name: &str, path: &Path, compiled: &[u8]) -> io::Result<()> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random)?;
        let beside = path.with_extension(hex::encode(random));
        let written = create_new(&beside).and_then(|mut file| {
            file.write_all(&self.mac(name, compiled).finalize().into_bytes())?;
            file.write_all(compiled)
        });
        let moved = written.and_then(|()| std::fs::rename(&beside, path));
        if moved.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        moved
    }

    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(name.as_bytes());
        mac.update(compiled);
        mac
    }
}

/// The name of an artefact, always of one length: it covers the component and all of the engine that matters to it,
/// version, settings and the processor's features among it.
fn artefact_name(engine: &Engine, digest: &SkillDigest) -> String {
    struct Hashed(Sha256);
    impl Hasher for Hashed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hashed = Hashed(Sha256::new());
    digest.hash(&mut hashed);
    engine.precompile_compatibility_hash().hash(&mut hashed);
    hex::encode(hashed.0.finalize())
}

fn read_or_make_key(path: &Path) -> Result<[u8; KEY_LEN], ArtifactError> {
    if !path.exists() {
        make_key(path).map_err(|error| failure(path, error))?;
    }
    read_owned(path, KEY_LEN as u64 + 1)?.try_into().map_err(|_| ArtifactError::Key(path.to_owned()))
}

/// Writes beside the place and links: of two processes that start at once, one's key is there, and whole.
fn make_key(path: &Path) -> io::Result<()> {
    let mut random = [0_u8; KEY_LEN + 8];
    getrandom::fill(&mut random)?;
    let (key, suffix) = random.split_at(KEY_LEN);
    let beside = path.with_extension(hex::encode(suffix));
    let made = create_new(&beside).and_then(|mut file| {
        file.write_all(key)?;
        file.sync_all()
    });
    let linked = made.and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let _ = std::fs::remove_file(&beside);
    linked
}

fn create_new(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
}

/// Reads a regular file that is its owner's alone, once, into one buffer.
fn read_owned(path: &Path, most: u64) -> Result<Vec<u8>, ArtifactError> {
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| failure(path, error))?;
    let metadata = file.metadata().map_err(|error| failure(path, error))?;
    if !metadata.is_file() {
        return Err(ArtifactError::NotAFile(path.to_owned()));
    }
    check_owner(path, &metadata)?;
    let mut buffer = Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or_default());
    file.take(most).read_to_end(&mut buffer).map_err(|error| failure(path, error))?;
    Ok(buffer)
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), ArtifactError> {
    let own = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
    if own || !Guard::ArtifactOwner.stands() { Ok(()) } else { Err(ArtifactError::NotOwnersAlone(path.to_owned())) }
}

fn failure(path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
