use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn new_directory_is_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    assert!(PrivateDir::open(&path).unwrap_err().is_missing());
    assert!(PrivateDir::create(&path).unwrap_err().is_missing(), "parents are not created");
    PrivateDir::create_all(&path).unwrap();
    for made in [&path, path.parent().unwrap()] {
        assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
    }
    PrivateDir::create_all(&path).unwrap();
    PrivateDir::create(&path).unwrap();
    PrivateDir::open(&path).unwrap();
}

#[test]
fn permission_for_others_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a");
    PrivateDir::create(&path).unwrap();
    for bits in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001, 0o077] {
        mode(&path, 0o700 | bits);
        for opened in [PrivateDir::open(&path), PrivateDir::create(&path), PrivateDir::create_all(&path)] {
            let error = opened.unwrap_err();
            assert!(
                matches!(error, TrustError::Exposed { mode, wanted: 0o700, .. } if mode == 0o700 | bits),
                "{error}"
            );
        }
    }
}

#[test]
fn another_owner_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a");
    PrivateDir::create(&path).unwrap();
    // Only root may change the owner of a directory. The tests of `Trust` cover the check itself.
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        let error = PrivateDir::open(&path).unwrap_err();
        assert!(matches!(error, TrustError::NotOwned { owner: 12_345, .. }), "{error}");
    }
}

#[test]
fn link_is_not_followed() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, link, nowhere) = (parent.path().join("dir"), parent.path().join("link"), parent.path().join("nowhere"));
    PrivateDir::create(&dir).unwrap();
    symlink(&dir, &link).unwrap();
    symlink("nothing", &nowhere).unwrap();
    for path in [link.clone(), parent.path().join("link/"), parent.path().join("link/."), link.join(".//"), nowhere] {
        let error = PrivateDir::open(&path).unwrap_err();
        assert!(matches!(error, TrustError::Link { .. }), "{path:?}: {error}");
        let error = PrivateDir::create(&path).unwrap_err();
        assert!(matches!(error, TrustError::Link { .. }), "{path:?}: {error}");
    }
}

#[test]
fn link_in_parent_is_followed() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, link) = (parent.path().join("dir"), parent.path().join("link"));
    fs::create_dir(&dir).unwrap();
    symlink(&dir, &link).unwrap();
    PrivateDir::create(&link.join("private")).unwrap();
    assert!(dir.join("private").is_dir());
}

#[test]
fn other_file_is_not_directory() {
    let parent = tempfile::tempdir().unwrap();
    let (file, pipe) = (parent.path().join("file"), parent.path().join("pipe"));
    fs::write(&file, "").unwrap();
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for path in [&*file, &*pipe, Path::new("/dev/null")] {
        for opened in [PrivateDir::open(path), PrivateDir::create(path)] {
            let error = opened.unwrap_err();
            assert!(matches!(error, TrustError::NotADirectory { .. }), "{path:?}: {error}");
        }
    }
    let below = PrivateDir::open(&file.join("below")).unwrap_err();
    assert!(matches!(below, TrustError::Io { .. }), "{below}");
}

#[test]
fn renamed_directory_stays_in_use() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a");
    let dir = PrivateDir::create(&path).unwrap();
    dir.file("x", OFlags::RDWR | OFlags::CREATE | OFlags::EXCL).unwrap();
    fs::rename(&path, parent.path().join("elsewhere")).unwrap();
    fs::create_dir(&path).unwrap();
    dir.rename("x", "y").unwrap();
    assert_eq!(dir.names("y"), ["y"]);
    dir.replace("z", &[b"1", b"2"]).unwrap();
    assert_eq!(fs::read(parent.path().join("elsewhere/z")).unwrap(), b"12");
    dir.remove("y");
    assert!(!parent.path().join("elsewhere/y").exists());
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn file_of_directory_is_checked() {
    let parent = tempfile::tempdir().unwrap();
    let dir = PrivateDir::create(&parent.path().join("a")).unwrap();
    let file = |name: &str| dir.file(name, OFlags::RDONLY).map(drop);
    dir.file("mine", OFlags::WRONLY | OFlags::CREATE).unwrap();
    assert_eq!(fs::metadata(dir.path_of("mine")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(dir.path_of("open"), "").unwrap();
    mode(&dir.path_of("open"), 0o640);
    symlink("mine", dir.path_of("link")).unwrap();
    fs::create_dir(dir.path_of("dir")).unwrap();
    mode(&dir.path_of("dir"), 0o700);
    assert!(file("mine").is_ok());
    assert!(matches!(file("open"), Err(TrustError::Exposed { wanted: 0o600, .. })));
    assert!(matches!(file("link"), Err(TrustError::Link { .. })));
    assert!(matches!(file("dir"), Err(TrustError::NotRegular { .. })));
    assert!(file("missing").is_err_and(|error| error.is_missing()));
}

#[test]
fn replace_leaves_no_temporary_file() {
    let parent = tempfile::tempdir().unwrap();
    let dir = PrivateDir::create(&parent.path().join("a")).unwrap();
    for content in ["first", "second"] {
        dir.replace("file", &[content.as_bytes()]).unwrap();
        assert_eq!(dir.file("file", OFlags::RDONLY).unwrap().read_up_to(64).unwrap(), content.as_bytes());
    }
    dir.create_once("file", b"third").unwrap();
    assert_eq!(dir.file("file", OFlags::RDONLY).unwrap().read_up_to(64).unwrap(), b"second", "the first file stays");
    assert_eq!(dir.names("file"), ["file"]);
}
