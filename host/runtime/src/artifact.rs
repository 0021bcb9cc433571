//! Compiled components, kept between runs.
//!
//! Loading a compiled component runs what it holds: the engine trusts its bytes. So an artefact is believed only if it
//! carries a MAC under this agent's own key, checked over the very buffer that is then loaded; the folder is its owner's
//! alone; and an artefact's name covers what it was made from and by. Whatever is wrong with one, the component is
//! compiled again: a cache that is attacked costs time, nothing else.

mod folder;

use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use far_core::SkillDigest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use self::folder::Folder;

/// Length of the MAC that an artefact starts with, and of the key: a block of SHA-256.
const MAC_LEN: usize = 32;
const KEY_LEN: usize = 64;
/// The largest artefact that is read, in bytes: compiled code is larger than what it was compiled from.
const ARTEFACT_MAX: u64 = 1 << 30;
/// How many artefacts a folder keeps, and how many bytes of them: the newest.
const ARTEFACTS_KEPT: usize = 64;
const BYTES_KEPT: u64 = 1 << 30;
const KEY_FILE: &str = "key";

/// A folder of compiled components that only this user's processes made: the newest 64, of a gibibyte together at most.
pub struct ArtifactCache {
    folder: Folder,
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
    /// The key lies in the folder: what keeps others out of one keeps them out of the other. Who can write to a folder
    /// above it can put another in its place, and then costs the next process its artefacts, and nothing else.
    pub fn open(folder: &Path) -> Result<Self, ArtifactError> {
        let folder = Folder::open(folder)?;
        let key = read_or_make_key(&folder)?;
        Ok(Self { folder, key: Hmac::new(&key.into()) })
    }

    /// Loads the compiled component, if there is an artifact that is to be believed.
    pub(crate) fn load(&self, engine: &Engine, digest: &SkillDigest) -> Option<Component> {
        let name = artefact_name(engine, digest);
        let buffer = self.folder.read(&name, ARTEFACT_MAX).ok()?;
        let (mac, code) = buffer.split_at_checked(MAC_LEN)?;
        let believed = self.mac(&name, code).verify_slice(mac).is_ok();
        // The name, which the MAC covers, and the engine itself show whether another engine or
        // other settings made the artifact.
        if believed { of_code(engine, code).ok() } else { None }
    }

    /// Keeps a compiled component. One that cannot be kept is compiled again the next time.
    pub(crate) fn store(&self, engine: &Engine, digest: &SkillDigest, code: &[u8]) -> io::Result<()> {
        let name = artefact_name(engine, digest);
        self.folder.put(&name, &[&self.mac(&name, code).finalize().into_bytes(), code])?;
        self.folder.keep_newest(is_artefact, ARTEFACTS_KEPT, BYTES_KEPT);
        Ok(())
    }

    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(name.as_bytes());
        mac.update(compiled);
        mac
    }
}

/// Loads a component from machine code that this host's compiler wrote.
#[expect(unsafe_code, reason = "the engine cannot check what it loads")]
pub(crate) fn of_code(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` needs bytes that `Component::serialize` made. They come from the compiler,
    // in this process or in a child that nobody else can write for, or from a file: only this program
    // has the key of the MAC, which was checked over this buffer, and makes one only of what the
    // compiler wrote. Nobody else can change the buffer.
    unsafe { Component::deserialize(engine, code) }
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

/// Whether a file is an artefact, or what is left of one that was not finished.
fn is_artefact(file: &str) -> bool {
    let name = file.split_once('.').map_or(file, |(name, _)| name);
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read_or_make_key(folder: &Folder) -> Result<[u8; KEY_LEN], ArtifactError> {
    let path = || folder.path_of(KEY_FILE);
    if !folder.has(KEY_FILE) {
        let mut key = [0_u8; KEY_LEN];
        let made = getrandom::fill(&mut key).map_err(io::Error::from);
        let made = made.and_then(|()| folder.put_first(KEY_FILE, &key));
        made.map_err(|source| ArtifactError::Io { path: path(), source })?;
    }
    folder.read(KEY_FILE, KEY_LEN as u64 + 1)?.try_into().map_err(|_| ArtifactError::Key(path()))
}

#[cfg(test)]
mod tests;
