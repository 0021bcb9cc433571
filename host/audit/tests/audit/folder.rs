use std::os::unix::fs::{MetadataExt, symlink};

use far_files::TrustError;

use super::*;

#[tokio::test]
async fn created_files_are_owner_only() {
    let (dir, _) = folder();
    let path = dir.path().join("new/far.jsonl");
    written(&path, 1).await;
    let mode_of = |name: &str| fs::metadata(dir.path().join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode_of("new"), mode_of("new/far.jsonl"), mode_of("new/audit-key")), (0o700, 0o600, 0o600));
    let mut names: Vec<_> =
        fs::read_dir(dir.path().join("new")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit-key", "far.jsonl"]);
}

#[tokio::test]
async fn exposed_folder_is_refused_with_help() {
    for bits in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001, 0o055] {
        let (dir, path) = folder();
        mode(dir.path(), 0o700 | bits);
        let error = open(&path).unwrap_err();
        assert!(
            matches!(&error, FileError::Trust(TrustError::Exposed { mode, wanted: 0o700, .. }) if *mode == 0o700 | bits),
            "{error}"
        );
        assert!(error.help().starts_with("chmod 700 "), "{}", error.help());
        assert!(!path.exists());
        mode(dir.path(), 0o700);
        written(&path, 1).await;
    }
}

#[tokio::test]
async fn exposed_file_or_key_is_refused() {
    for name in ["far.jsonl", "audit-key"] {
        let (dir, path) = folder();
        written(&path, 1).await;
        for bits in [0o040, 0o020, 0o004, 0o002] {
            mode(&dir.path().join(name), 0o600 | bits);
            let error = open(&path).unwrap_err();
            assert!(
                matches!(&error, FileError::Trust(TrustError::Exposed { path, wanted: 0o600, .. }) if path.ends_with(name)),
                "{error}"
            );
        }
        mode(&dir.path().join(name), 0o600);
        written(&path, 1).await;
    }
}

#[test]
fn file_of_another_user_is_refused() {
    // Only root may change an owner.
    for name in ["", "far.jsonl", "audit-key"] {
        let (dir, path) = folder();
        drop(open(&path).unwrap().close(SOON));
        let target = dir.path().join(name);
        if std::os::unix::fs::chown(&target, Some(12_345), None).is_err() {
            return;
        }
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, FileError::Trust(TrustError::NotOwned { owner: 12_345, .. })), "{name}: {error}");
    }
}

#[tokio::test]
async fn links_are_not_followed() {
    let (dir, path) = folder();
    let (elsewhere, other) = folder();
    written(&other, 1).await;
    symlink(&other, &path).unwrap();
    assert!(matches!(open(&path), Err(FileError::Trust(TrustError::Link { .. }))));
    fs::remove_file(&path).unwrap();
    symlink(elsewhere.path().join("audit-key"), dir.path().join("audit-key")).unwrap();
    assert!(matches!(open(&path), Err(FileError::Trust(TrustError::Link { .. }))));
    symlink(dir.path().join("nothing"), dir.path().join("dangling")).unwrap();
    assert!(matches!(open(&dir.path().join("dangling")), Err(FileError::Trust(TrustError::Link { .. }))));
    assert!(!dir.path().join("nothing").exists());
}

#[tokio::test]
async fn linked_folder_is_refused() {
    let (dir, path) = folder();
    written(&path, 1).await;
    let above = tempfile::tempdir().unwrap();
    let link = above.path().join("link");
    symlink(dir.path(), &link).unwrap();
    for path in [link.join("far.jsonl"), above.path().join("link/./far.jsonl")] {
        assert!(matches!(open(&path), Err(FileError::Trust(TrustError::Link { .. }))), "{path:?}");
    }
    // A link above the folder is the operator's choice.
    symlink(above.path(), above.path().join("up")).unwrap();
    written(&above.path().join("up/new/far.jsonl"), 1).await;
}

#[test]
fn irregular_file_is_rejected_without_blocking() {
    let (dir, path) = folder();
    fs::create_dir(&path).unwrap();
    assert!(matches!(open(&path), Err(FileError::Trust(TrustError::NotRegular { .. }))));
    let pipe = dir.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(open(&pipe), Err(FileError::Trust(TrustError::NotRegular { .. }))));
    assert!(matches!(open(&dir.path().join("..")), Err(FileError::NoFileName { .. })));
    // The key is not an audit file.
    assert!(matches!(open(&dir.path().join("audit-key")), Err(FileError::NoFileName { .. })));
}

#[test]
fn concurrent_openings_create_one_key() {
    let (dir, _) = folder();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let open = |at: usize| open(&dir.path().join(format!("{at}.jsonl"))).unwrap().key();
        let threads: Vec<_> = (0..8).map(|at| scope.spawn(move || open(at))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
}

#[tokio::test]
async fn corrupt_key_is_not_replaced() {
    let (dir, path) = folder();
    written(&path, 1).await;
    let key = dir.path().join("audit-key");
    let whole = fs::read_to_string(&key).unwrap();
    for corrupt in ["", "\n", &whole[1..], &format!("{whole}0"), &whole.replace('\n', "0"), &"x".repeat(65)] {
        fs::write(&key, corrupt).unwrap();
        assert!(matches!(open(&path), Err(FileError::Trust(TrustError::Key { .. }))), "{corrupt:?}");
        assert_eq!(fs::read_to_string(&key).unwrap(), corrupt);
    }
    // A new key does not resume a file of the old key.
    fs::remove_file(&key).unwrap();
    assert!(matches!(open(&path), Err(FileError::KeyMismatch { .. })));
    fs::write(&key, whole).unwrap();
    written(&path, 1).await;
}
