//! Compiled components, kept between runs.
//!
//! Loading a compiled component runs what it holds: the engine trusts its bytes. So an artefact is believed only if it
//! carries a MAC under this agent's own key, checked over the very buffer that is then loaded; the folder is its owner's
//! alone; and an artefact's name covers what it was made from and by. Whatever is wrong with one, the component is
//! compiled again: a cache that is attacked costs time, nothing else.

use std::hash::{Hash, Hasher};
use std::path::Path;

use far_core::SkillDigest;
use far_files::{KeyForm, PrivateDir, TrustError};
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{AtFlags, Dir, DirEntry, OFlags, statat};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

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
    folder: PrivateDir,
    key: Hmac<Sha256>,
}

impl ArtifactCache {
    /// Opens a folder, or makes it, for its owner only.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the folder is a link, or not this user's alone, or cannot be used; or if its key is none.
    ///
    /// # Security
    ///
    /// The key lies in the folder: what keeps others out of one keeps them out of the other. Who can write to a folder
    /// above it can put another in its place, and then costs the next process its artefacts, and nothing else.
    pub fn open(folder: &Path) -> Result<Self, TrustError> {
        let folder = PrivateDir::create(folder)?;
        let key = folder.key::<KEY_LEN>(KEY_FILE, KeyForm::Bytes)?;
        Ok(Self { folder, key: Hmac::new((&*key).into()) })
    }

    /// Loads the compiled component, if there is an artifact that is to be believed.
    pub(crate) fn load(&self, engine: &Engine, digest: &SkillDigest) -> Option<Component> {
        let name = artefact_name(engine, digest);
        let buffer = self.folder.file(&name, OFlags::RDONLY).ok()?.read_up_to(ARTEFACT_MAX).ok()?;
        let (mac, code) = buffer.split_at_checked(MAC_LEN)?;
        let believed = self.mac(&name, code).verify_slice(mac).is_ok();
        // The name, which the MAC covers, and the engine itself show whether another engine or
        // other settings made the artifact.
        if believed { of_code(engine, code).ok() } else { None }
    }

    /// Keeps a compiled component. One that cannot be kept is compiled again the next time.
    pub(crate) fn store(&self, engine: &Engine, digest: &SkillDigest, code: &[u8]) -> Result<(), TrustError> {
        let name = artefact_name(engine, digest);
        self.folder.replace(&name, &[&self.mac(&name, code).finalize().into_bytes(), code])?;
        keep_newest(&self.folder, is_artefact, ARTEFACTS_KEPT, BYTES_KEPT);
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

/// Removes the oldest of some files: the newest stay, so many, and so many bytes of them. What cannot be removed
/// stays until the next time.
fn keep_newest(dir: &PrivateDir, some: impl Fn(&str) -> bool, files: usize, bytes: u64) {
    let Ok(entries) = Dir::read_from(dir) else { return };
    let described = |entry: rustix::io::Result<DirEntry>| {
        let name = entry.ok()?.file_name().to_str().ok().filter(|name| some(name))?.to_owned();
        let stat = statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((stat.st_mtime, stat.st_mtime_nsec, u64::try_from(stat.st_size).unwrap_or_default(), name))
    };
    let mut found: Vec<_> = entries.filter_map(described).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    let mut total = 0_u64;
    for (index, (.., size, name)) in found.iter().enumerate() {
        total = total.saturating_add(*size);
        if index >= files || total > bytes {
            dir.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
