use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::pack::Limits;
use crate::testing::{Repository, pack_of, whole};

/// Returns a tree of these entries.
fn tree(entries: &[(&str, &[u8], ObjectId)]) -> Vec<u8> {
    let one =
        |(mode, name, id): &(&str, &[u8], ObjectId)| [mode.as_bytes(), b" ", name, b"\0", &id.as_bytes()[..]].concat();
    entries.iter().flat_map(one).collect()
}

fn id(kind: Kind, data: &[u8]) -> ObjectId {
    ObjectId::of(kind, data).unwrap()
}

/// Returns a pack of a blob and these trees, and the id of the first tree.
fn pack(trees: &[Vec<u8>]) -> (Pack, ObjectId) {
    let mut entries = vec![whole(Kind::Blob, b"b")];
    entries.extend(trees.iter().map(|tree| whole(Kind::Tree, tree)));
    (Pack::read(&pack_of(&entries), Limits::default()).unwrap(), id(Kind::Tree, &trees[0]))
}

fn blob() -> ObjectId {
    id(Kind::Blob, b"b")
}

#[test]
fn files_match_git_ls_tree() {
    let Some(repository) = Repository::new() else { return };
    for name in ["a", "a.b", "a-b/c", "deep/er/and/er", "caf\u{e9}", "tab\there"] {
        repository.write(name, name.as_bytes());
    }
    repository.write("run", b"#!/bin/sh\n");
    std::fs::set_permissions(repository.path().join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../elsewhere", repository.path().join("link")).unwrap();
    let submodule = "160000,0123456789abcdef0123456789abcdef01234567,vendor/other";
    repository.git(&["add", "--all"], b"");
    repository.git(&["update-index", "--add", "--cacheinfo", submodule], b"");
    repository.git(&["commit", "--quiet", "--message=All"], b"");

    let packed = repository.git(&["pack-objects", "--all", "--stdout"], b"");
    let pack = Pack::read(&packed, Limits::default()).unwrap();
    let files = files(&pack, repository.id("HEAD^{tree}"), Bounds::default()).unwrap();
    let line = |file: &File<'_>| {
        let size = file.content.map_or("-".to_owned(), |content| content.len().to_string());
        let kind = if file.mode.file_type() == FileType::Submodule { "commit" } else { "blob" };
        [format!("{} {kind} {} {size:>7}\t", file.mode, file.id).as_bytes(), &file.path, b"\0"].concat()
    };
    let listed: Vec<u8> = files.iter().flat_map(line).collect();
    let expected = repository.git(&["ls-tree", "-r", "-l", "-z", "HEAD"], b"");
    assert_eq!(String::from_utf8(listed), String::from_utf8(expected));
    let link = files.iter().find(|file| file.path == b"link").unwrap();
    assert_eq!((link.mode.file_type(), link.content), (FileType::Symlink, Some(&b"../elsewhere"[..])));
}

#[test]
fn unusual_names_are_preserved() {
    let names: [&[u8]; 5] = [b"..", b".git", b"-rf", b"\xff\xfe", b"new\nline"];
    let (pack, root) = pack(&[tree(&names.map(|name| ("100644", name, blob())))]);
    let files = files(&pack, root, Bounds::default()).unwrap();
    assert_eq!(files.iter().map(|file| file.path.as_slice()).collect::<Vec<_>>(), names);
}

#[test]
fn malformed_tree_is_rejected() {
    let good = tree(&[("100644", b"a", blob())]);
    let mut bad: Vec<_> = (1..good.len()).map(|end| good[..end].to_vec()).collect();
    for mode in ["", "0", "100000644", "+10644", "10064x", "20644", "010644", "170000", "60000"] {
        bad.push(tree(&[(mode, b"a", blob())]));
    }
    for names in [&[&b""[..]][..], &[b"a/b"], &[b"/"], &[b"a", b"a"], &[b"a", b"b", b"a"]] {
        bad.push(tree(&names.iter().map(|name| ("100644", *name, blob())).collect::<Vec<_>>()));
    }
    bad.push(tree(&[("40000", b"a", id(Kind::Tree, b"")), ("100644", b"a", blob())]));
    for bad in bad {
        let (pack, root) = pack(std::slice::from_ref(&bad));
        let malformed = Error::Malformed { kind: Kind::Tree, id: root };
        assert_eq!(files(&pack, root, Bounds::default()), Err(malformed), "{bad:?}");
    }
    // A mode of old git versions, and a folder mode of other programs.
    let (pack, root) = pack(&[tree(&[("100664", b"a", blob()), ("040000", b"b", id(Kind::Tree, b""))]), vec![]]);
    let files = files(&pack, root, Bounds::default()).unwrap();
    assert_eq!(files.iter().map(|file| file.mode.to_string()).collect::<Vec<_>>(), ["100664"]);
}

#[test]
fn missing_or_wrong_object_is_error() {
    let lost = ObjectId::from_bytes([7; 20]);
    for (mode, kind) in [("100644", Kind::Blob), ("120000", Kind::Blob), ("40000", Kind::Tree)] {
        let (pack, root) = pack(&[tree(&[(mode, b"a", lost)])]);
        assert_eq!(files(&pack, root, Bounds::default()), Err(Error::Missing { kind, id: lost }));
    }
    // The commit of a submodule is in another repository.
    let (pack_of_link, root) = pack(&[tree(&[("160000", b"a", lost)])]);
    assert_eq!(files(&pack_of_link, root, Bounds::default()).unwrap()[0].content, None);
    let empty = id(Kind::Tree, b"");
    for (mode, kind, other) in [("100644", Kind::Blob, empty), ("40000", Kind::Tree, blob())] {
        let (pack, root) = pack(&[tree(&[(mode, b"a", other)]), vec![]]);
        assert_eq!(files(&pack, root, Bounds::default()), Err(Error::Kind { kind, id: other }));
    }
}

/// Ten levels of trees with ten entries each: ten thousand million files or empty folders.
#[test]
fn nested_trees_are_limited() {
    for last in [tree(&[("100644", b"f", blob())]), vec![]] {
        let mut trees = vec![last];
        for _ in 0..10 {
            let below = id(Kind::Tree, &trees[0]);
            let names: Vec<_> = (b'0'..=b'9').map(|digit| [digit]).collect();
            trees.insert(0, tree(&names.iter().map(|name| ("40000", &name[..], below)).collect::<Vec<_>>()));
        }
        let (pack, root) = pack(&trees);
        assert_eq!(files(&pack, root, Bounds::default()), Err(Error::TooMany));
    }
}

#[test]
fn entries_are_limited() {
    let names: Vec<_> = (b'0'..=b'9').map(|digit| [digit]).collect();
    let (pack, root) = pack(&[tree(&names.iter().map(|name| ("100644", &name[..], blob())).collect::<Vec<_>>())]);
    let listed = |max| files(&pack, root, Bounds { entries: max, ..Bounds::default() }).map(|files| files.len());
    assert_eq!((listed(10), listed(9)), (Ok(10), Err(Error::TooMany)));
    assert_eq!(entries(&pack, root, 9), Err(Error::TooMany));
}

#[test]
fn path_length_limits_folder_depth() {
    let mut trees = vec![tree(&[("100644", b"f", blob())])];
    for _ in 0..1000 {
        trees.insert(0, tree(&[("40000", b"d", id(Kind::Tree, &trees[0]))]));
    }
    let (pack, root) = pack(&trees);
    assert_eq!(files(&pack, root, Bounds::default()).unwrap()[0].path, [b"d/".repeat(1000), b"f".to_vec()].concat());
    let bounds = Bounds { paths: 100_000, ..Bounds::default() };
    assert_eq!(files(&pack, root, bounds), Err(Error::TooMany));
}
