//! The cache of compiled components.
//!
//! The engine executes the machine code of a component that it deserializes, and cannot verify it.
//! So an artifact is loaded only if it has a valid MAC under this agent's key. The MAC is verified
//! over the buffer that is loaded, the folder is owner-only, and the file name covers the component
//! and the engine. An invalid artifact costs only time: the component is compiled again.

use std::hash::{Hash, Hasher};
use std::path::Path;

use far_core::SkillDigest;
use far_files::{KeyEncoding, PrivateDir, TrustError};
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{AtFlags, Dir, DirEntry, OFlags, statat};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Length of the MAC at the start of an artifact, and of the key, which is a block of SHA-256.
const MAC_LEN: usize = 32;
const KEY_LEN: usize = 64;
/// The largest artifact that is read, in bytes. Machine code is larger than the component.
const ARTIFACT_MAX: u64 = 1 << 30;
/// The maximum number of artifacts in a folder, and of their bytes. The oldest are removed.
const ARTIFACTS_MAX: usize = 64;
const CACHE_BYTES_MAX: u64 = 1 << 30;
const KEY_FILE: &str = "key";

/// A cache of compiled components in an owner-only folder: the newest 64, of at most 1 GiB
/// together.
pub struct ArtifactCache {
    folder: PrivateDir,
    key: Hmac<Sha256>,
}

impl ArtifactCache {
    /// Opens an owner-only folder, or creates it.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the folder is a link, is not owner-only or cannot be used, or if its key
    /// is not valid.
    ///
    /// # Security
    ///
    /// The key is in the folder, and protected by the same permissions. A user who may write a
    /// parent directory can replace the folder. The next process then loses its artifacts, and
    /// nothing else.
    pub fn open(folder: &Path) -> Result<Self, TrustError> {
        let folder = PrivateDir::create(folder)?;
        let key = folder.key::<KEY_LEN>(KEY_FILE, KeyEncoding::Bytes)?;
        Ok(Self { folder, key: Hmac::new((&*key).into()) })
    }

    /// Loads the compiled component, if the cache has a valid artifact.
    pub(crate) fn load(&self, engine: &Engine, digest: &SkillDigest) -> Option<Component> {
        let name = artifact_name(engine, digest);
        let buffer = self.folder.file(&name, OFlags::RDONLY).ok()?.read_up_to(ARTIFACT_MAX).ok()?;
        let (mac, code) = buffer.split_at_checked(MAC_LEN)?;
        let is_valid = self.mac(&name, code).verify_slice(mac).is_ok();
        // The MAC covers the name. The name and the engine itself detect an artifact of another
        // engine or of other settings.
        if is_valid { of_code(engine, code).ok() } else { None }
    }

    /// Stores a compiled component. A component that cannot be stored is compiled again next time.
    pub(crate) fn store(&self, engine: &Engine, digest: &SkillDigest, code: &[u8]) -> Result<(), TrustError> {
        let name = artifact_name(engine, digest);
        self.folder.replace(&name, &[&self.mac(&name, code).finalize().into_bytes(), code])?;
        keep_newest(&self.folder, is_artifact, ARTIFACTS_MAX, CACHE_BYTES_MAX);
        Ok(())
    }

    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(name.as_bytes());
        mac.update(compiled);
        mac
    }
}

/// Deserializes a component from machine code of this host's compiler.
#[expect(unsafe_code, reason = "the engine cannot verify machine code")]
pub(crate) fn of_code(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` requires bytes that `Component::serialize` produced. They come from the
    // compiler, in this process or in a child whose output only the child can write, or from a
    // file. Only this program has the key of the MAC, which was verified over this buffer and is
    // computed only over output of the compiler. The buffer is not shared.
    unsafe { Component::deserialize(engine, code) }
}

/// Returns the name of an artifact, always of the same length. It covers the component and the
/// engine: version, settings and features of the processor.
fn artifact_name(engine: &Engine, digest: &SkillDigest) -> String {
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

/// Returns true if a file is an artifact, or an unfinished one.
fn is_artifact(file: &str) -> bool {
    let name = file.split_once('.').map_or(file, |(name, _)| name);
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes the oldest of the matching files, beyond `files` files or `bytes` bytes. A file that
/// cannot be removed stays until the next time.
fn keep_newest(dir: &PrivateDir, is_match: impl Fn(&str) -> bool, files: usize, bytes: u64) {
    let Ok(entries) = Dir::read_from(dir) else { return };
    let described = |entry: rustix::io::Result<DirEntry>| {
        let name = entry.ok()?.file_name().to_str().ok().filter(|name| is_match(name))?.to_owned();
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
