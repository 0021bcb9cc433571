use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wasmtime::Config;

use super::*;

const COMPONENT: &str = "(component (core module (func (export \"f\") (result i32) i32.const 7)))";

/// A cache with one artefact in it.
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
        assert!(!fixture.is_believed(), "nothing is there yet");
        fixture.component();
        fixture
    }

    /// Loads the component, or compiles and keeps it.
    fn component(&self) {
        self.component_of(&self.digest, &self.bytes);
    }

    fn component_of(&self, digest: &SkillDigest, bytes: &[u8]) {
        if self.cache.load(&self.engine, digest).is_none() {
            let code = self.engine.precompile_component(bytes).unwrap();
            // What cannot be kept is compiled again.
            let _ = self.cache.store(&self.engine, digest, &code);
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn artefact(&self) -> PathBuf {
        self.folder().join(artefact_name(&self.engine, &self.digest))
    }

    fn is_believed(&self) -> bool {
        self.cache.load(&self.engine, &self.digest).is_some()
    }
}

#[test]
fn an_artefact_is_loaded_by_this_and_the_next_process() {
    let fixture = Fixture::new();
    assert!(fixture.is_believed());
    let next = ArtifactCache::open(&fixture.folder()).unwrap();
    assert!(next.load(&fixture.engine, &fixture.digest).is_some());
}

#[test]
fn an_artefact_that_was_changed_is_compiled_again() {
    let fixture = Fixture::new();
    let whole = fs::read(fixture.artefact()).unwrap();
    for at in [0, MAC_LEN - 1, MAC_LEN, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(fixture.artefact(), changed).unwrap();
        assert!(!fixture.is_believed(), "byte {at}");
    }
    for length in [0, 1, MAC_LEN, whole.len() - 1] {
        fs::write(fixture.artefact(), &whole[..length]).unwrap();
        assert!(!fixture.is_believed(), "{length} bytes");
    }
    fixture.component();
    assert!(fixture.is_believed(), "and is right again");
}

#[test]
fn an_artefact_of_another_component_is_not_believed_in_its_place() {
    let fixture = Fixture::new();
    let other = wat::parse_str("(component)").unwrap();
    let digest = SkillDigest::of(&other);
    fixture.component_of(&digest, &other);
    fs::rename(fixture.folder().join(artefact_name(&fixture.engine, &digest)), fixture.artefact()).unwrap();
    assert!(!fixture.is_believed());
}

#[test]
fn an_artefact_of_another_key_is_not_believed() {
    let fixture = Fixture::new();
    fs::write(fixture.folder().join(KEY_FILE), [7; KEY_LEN]).unwrap();
    let other = ArtifactCache::open(&fixture.folder()).unwrap();
    assert!(other.load(&fixture.engine, &fixture.digest).is_none());
}

#[test]
fn an_engine_with_other_settings_has_other_artefacts() {
    let fixture = Fixture::new();
    let other = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    assert_ne!(artefact_name(&other, &fixture.digest), artefact_name(&fixture.engine, &fixture.digest));
}

#[test]
fn links_are_not_followed() {
    let fixture = Fixture::new();
    let elsewhere = fixture.dir.path().join("elsewhere");
    fs::rename(fixture.artefact(), &elsewhere).unwrap();
    symlink(&elsewhere, fixture.artefact()).unwrap();
    assert!(!fixture.is_believed());

    let link = fixture.dir.path().join("link");
    symlink(fixture.folder(), &link).unwrap();
    assert!(matches!(ArtifactCache::open(&link), Err(TrustError::Link { .. })));
}

#[test]
fn what_others_can_open_is_not_used() {
    for mode in [0o750, 0o705, 0o720, 0o777] {
        let fixture = Fixture::new();
        fs::set_permissions(fixture.folder(), Permissions::from_mode(mode)).unwrap();
        assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Exposed { .. })));
    }
    let fixture = Fixture::new();
    fs::set_permissions(fixture.folder().join(KEY_FILE), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Exposed { .. })));
    fs::set_permissions(fixture.artefact(), Permissions::from_mode(0o640)).unwrap();
    assert!(!fixture.is_believed());
}

#[test]
fn a_key_of_another_length_is_refused() {
    for key in [&b""[..], &[1; KEY_LEN - 1], &[1; KEY_LEN + 1]] {
        let fixture = Fixture::new();
        fs::write(fixture.folder().join(KEY_FILE), key).unwrap();
        assert!(matches!(ArtifactCache::open(&fixture.folder()), Err(TrustError::Key { .. })));
    }
}

#[test]
fn a_folder_that_is_full_or_gone_costs_time_only() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.folder()).unwrap();
    fixture.component();
    assert!(!fixture.is_believed());
}

#[test]
fn processes_that_start_at_once_share_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    let open = || ArtifactCache::open(&folder).unwrap().mac("name", b"compiled").finalize().into_bytes();
    let macs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(macs.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside the key");
}

/// Puts an artefact of so many bytes there, written so many seconds after the epoch.
fn aged(fixture: &Fixture, number: u64, len: u64) -> PathBuf {
    let path = fixture.folder().join(format!("{number:064x}"));
    let file = fs::File::create(&path).unwrap();
    file.set_len(len).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(number)).unwrap();
    path
}

#[test]
fn the_oldest_make_room_for_the_newest() {
    let fixture = Fixture::new();
    let old: Vec<_> = (0..ARTEFACTS_KEPT as u64 + 3).map(|number| aged(&fixture, number, 1)).collect();
    let unfinished = fixture.folder().join(format!("{}.0123456789abcdef", "f".repeat(64)));
    fs::rename(&old[0], &unfinished).unwrap();
    let other = fixture.folder().join("notes");
    fs::write(&other, "of somebody else").unwrap();
    fixture.cache.store(&fixture.engine, &fixture.digest, b"anything").unwrap();
    let kept: Vec<_> = old.iter().map(|path| path.exists()).collect();
    let expected: Vec<_> = (0..old.len()).map(|number| number > 3).collect();
    assert_eq!(kept, expected, "all but the newest 63, beside the one that was put there");
    assert!(!unfinished.exists() && other.exists() && fixture.folder().join(KEY_FILE).exists());
}

#[test]
fn the_newest_are_of_so_many_bytes_together() {
    let fixture = Fixture::new();
    let [oldest, old, newer] = [1, 2, 3].map(|number| aged(&fixture, number, BYTES_KEPT / 2 - 1000));
    fixture.component();
    assert!(oldest.exists(), "nothing was put there");
    fs::remove_file(fixture.artefact()).unwrap();
    fixture.component();
    assert!(!oldest.exists() && !old.exists() && newer.exists() && fixture.is_believed());
}

#[test]
fn a_folder_is_the_one_that_was_opened() {
    let fixture = Fixture::new();
    let moved = fixture.dir.path().join("moved");
    fs::rename(fixture.folder(), &moved).unwrap();
    fs::create_dir(fixture.folder()).unwrap();
    assert!(fixture.is_believed());
    fs::remove_file(moved.join(artefact_name(&fixture.engine, &fixture.digest))).unwrap();
    fixture.component();
    assert_eq!(fs::read_dir(fixture.folder()).unwrap().count(), 0);
}
