use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wasmtime::Config;

use super::*;

const COMPONENT: &str = "(component (core module (func (export \"f\") (result i32) i32.const 7)))";

/// A cache with one artifact.
struct Fixture {
    dir: TempDir,
    cache: ArtifactCache,
    engine: Engine,
    bytes: Vec<u8>,
    digest: SkillDigest,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bytes = wat::parse_str(COMPONENT).unwrap();
        let cache = ArtifactCache::open(&dir.path().join("cache")).unwrap();
        let fixture = Self { digest: SkillDigest::of(&bytes), dir, cache, engine: Engine::default(), bytes };
        assert!(!fixture.is_cached(), "the cache is empty");
        fixture.component();
        fixture
    }

    /// Loads the component, or compiles and stores it.
    fn component(&self) {
        self.component_of(&self.digest, &self.bytes);
    }

    fn component_of(&self, digest: &SkillDigest, bytes: &[u8]) {
        if self.cache.load(&self.engine, digest).is_none() {
            let code = self.engine.precompile_component(bytes).unwrap();
            // A component that cannot be stored is compiled again.
            let _ = self.cache.store(&self.engine, digest, &code);
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn artifact(&self) -> PathBuf {
        self.folder().join(artifact_name(&self.engine, &self.digest))
    }

    fn is_cached(&self) -> bool {
        self.cache.load(&self.engine, &self.digest).is_some()
    }
}

#[test]
fn artifact_is_loaded_by_later_process() {
    let fixture = Fixture::new();
    assert!(fixture.is_cached());
    let next = ArtifactCache::open(&fixture.folder()).unwrap();
    assert!(next.load(&fixture.engine, &fixture.digest).is_some());
}

#[test]
fn changed_artifact_is_compiled_again() {
    let fixture = Fixture::new();
    let whole = fs::read(fixture.artifact()).unwrap();
    for at in [0, MAC_LEN - 1, MAC_LEN, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(fixture.artifact(), changed).unwrap();
        assert!(!fixture.is_cached(), "byte {at}");
    }
    for length in [0, 1, MAC_LEN, whole.len() - 1] {
        fs::write(fixture.artifact(), &whole[..length]).unwrap();
        assert!(!fixture.is_cached(), "{length} bytes");
    }
    fixture.component();
    assert!(fixture.is_cached(), "the component is compiled again");
}

#[test]
fn artifact_of_other_component_is_rejected() {
    let fixture = Fixture::new();
    let other = wat::parse_str("(component)").unwrap();
    let digest = SkillDigest::of(&other);
    fixture.component_of(&digest, &other);
    fs::rename(fixture.folder().join(artifact_name(&fixture.engine, &digest)), fixture.artifact()).unwrap();
    assert!(!fixture.is_cached());
}

#[test]
fn artifact_of_other_key_is_rejected() {
    let fixture = Fixture::new();
    fs::write(fixture.folder().join(KEY_FILE), [7; KEY_LEN]).unwrap();
    let other = ArtifactCache::open(&fixture.folder()).unwrap();
    assert!(other.load(&fixture.engine, &fixture.digest).is_none());
}

#[test]
fn other_engine_has_other_artifacts() {
    let fixture = Fixture::new();
    let other = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    assert_ne!(artifact_name(&other, &fixture.digest), artifact_name(&fixture.engine, &fixture.digest));
}

#[test]
fn links_are_not_followed() {
    let fixture = Fixture::new();
    let elsewhere = fixture.dir.path().join("elsewhere");
    fs::rename(fixture.artifact(), &elsewhere).unwrap();
    symlink(&elsewhere, fixture.artifact()).unwrap();
    assert!(!fixture.is_cached());

    let link = fixture.dir.path().join("link");
    symlink(fixture.folder(), &link).unwrap();
    assert!(matches!(ArtifactCache::open(&link), Err(TrustError::Link { .. })));
}

#[test]
fn exposed_file_is_rejected() {
    for mode in [0o750, 0o705, 0o720, 0o777] {
        let fixture = Fixture::new();
        fs::set_permissions(fixture.folder(), Permissions::from_mode(mode)).unwrap();
        assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Exposed { .. })));
    }
    let fixture = Fixture::new();
    fs::set_permissions(fixture.folder().join(KEY_FILE), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Exposed { .. })));
    fs::set_permissions(fixture.artifact(), Permissions::from_mode(0o640)).unwrap();
    assert!(!fixture.is_cached());
}

#[test]
fn key_of_wrong_length_is_refused() {
    for key in [&b""[..], &[1; KEY_LEN - 1], &[1; KEY_LEN + 1]] {
        let fixture = Fixture::new();
        fs::write(fixture.folder().join(KEY_FILE), key).unwrap();
        assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Key { .. })));
    }
}

#[test]
fn missing_folder_disables_cache() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.folder()).unwrap();
    fixture.component();
    assert!(!fixture.is_cached());
}

#[test]
fn concurrent_processes_share_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    let open = || ArtifactCache::open(&folder).unwrap().mac("name", b"compiled").finalize().into_bytes();
    let macs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(macs.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "only the key is left");
}

/// Writes an artifact of `len` bytes, modified `number` seconds after the epoch.
fn aged(fixture: &Fixture, number: u64, len: u64) -> PathBuf {
    let path = fixture.folder().join(format!("{number:064x}"));
    let file = fs::File::create(&path).unwrap();
    file.set_len(len).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(number)).unwrap();
    path
}

#[test]
fn oldest_artifacts_are_removed() {
    let fixture = Fixture::new();
    let old: Vec<_> = (0..ARTIFACTS_MAX as u64 + 3).map(|number| aged(&fixture, number, 1)).collect();
    let unfinished = fixture.folder().join(format!("{}.0123456789abcdef", "f".repeat(64)));
    fs::rename(&old[0], &unfinished).unwrap();
    let other = fixture.folder().join("notes");
    fs::write(&other, "of another program").unwrap();
    fixture.cache.store(&fixture.engine, &fixture.digest, b"anything").unwrap();
    let kept: Vec<_> = old.iter().map(|path| path.exists()).collect();
    let expected: Vec<_> = (0..old.len()).map(|number| number > 3).collect();
    assert_eq!(kept, expected, "all but the newest 63, and the stored one");
    assert!(!unfinished.exists() && other.exists() && fixture.folder().join(KEY_FILE).exists());
}

#[test]
fn total_size_is_limited() {
    let fixture = Fixture::new();
    let [oldest, old, newer] = [1, 2, 3].map(|number| aged(&fixture, number, CACHE_BYTES_MAX / 2 - 1000));
    fixture.component();
    assert!(oldest.exists(), "nothing was stored");
    fs::remove_file(fixture.artifact()).unwrap();
    fixture.component();
    assert!(!oldest.exists() && !old.exists() && newer.exists() && fixture.is_cached());
}

#[test]
fn renamed_folder_stays_in_use() {
    let fixture = Fixture::new();
    let moved = fixture.dir.path().join("moved");
    fs::rename(fixture.folder(), &moved).unwrap();
    fs::create_dir(fixture.folder()).unwrap();
    assert!(fixture.is_cached());
    fs::remove_file(moved.join(artifact_name(&fixture.engine, &fixture.digest))).unwrap();
    fixture.component();
    assert_eq!(fs::read_dir(fixture.folder()).unwrap().count(), 0);
}
