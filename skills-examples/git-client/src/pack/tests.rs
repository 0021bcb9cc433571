use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::testing::{
    Repository, Step, delta_of, header_of, offset_delta, pack_of, pack_with_count, ref_delta, whole, with_digest,
};

const SMALL: Limits = Limits { objects: 10, bytes: 1000, chain: 3 };

fn read_error(pack: &[u8]) -> Error {
    Pack::read(pack, SMALL).err().unwrap()
}

fn blob(data: &[u8]) -> ObjectId {
    ObjectId::of(Kind::Blob, data).unwrap()
}

/// Returns a delta that appends data to its base, and the result.
fn append(base: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
    delta_of(base, &[Step::Copy(0, base.len()), Step::Insert(new.to_vec())])
}

/// Returns a repository with many similar objects over several commits.
fn repository() -> Option<Repository> {
    let repository = Repository::new()?;
    let mut lines: Vec<_> = (0..400).map(|number| format!("line {number} {}\n", number * number)).collect();
    for commit in 0..12 {
        lines[commit * 30] = format!("changed by {commit}\n");
        for file in 0..6 {
            lines[file] = format!("file {file} of {commit}\n");
            repository.write(&format!("folder/{}/file-{file}", file % 3), lines.concat().as_bytes());
        }
        repository.commit(&format!("Commit {commit}"));
    }
    repository.write("empty", b"");
    repository.write("binary", &(0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    repository.commit("The last");
    repository.git(&["tag", "--annotate", "--message=v1", "v1"], b"");
    Some(repository)
}

#[test]
fn pack_from_git_is_read() {
    let Some(repository) = repository() else { return };
    let all = repository.git(&["cat-file", "--batch-all-objects", "--batch-check"], b"");
    let all = String::from_utf8(all).unwrap();
    let forms: [&[&str]; 4] =
        [&[], &["--delta-base-offset"], &["--window=50", "--depth=250", "--delta-base-offset"], &["--window=0"]];
    for form in forms {
        let packed = repository.git(&[&["pack-objects", "--all", "--stdout", "--no-reuse-delta"], form].concat(), b"");
        repository.write("made.pack", &packed);
        repository.git(&["index-pack", "made.pack"], b"");
        // Lines of deltas also have a depth and a base.
        let verified = String::from_utf8(repository.git(&["verify-pack", "-v", "made.pack"], b"")).unwrap();
        let deltas = verified.lines().filter(|line| line.split_whitespace().count() == 7).count();
        assert_eq!(deltas > 50, form != ["--window=0"], "{form:?} {deltas}");

        let pack = Pack::read(&packed, Limits::default()).unwrap();
        assert_eq!((pack.deltas(), pack.len()), (deltas, all.lines().count()), "{form:?}");
        for line in all.lines() {
            let [id, kind, size] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let object = pack.object(&ObjectId::from_hex(id.as_bytes()).unwrap()).unwrap();
            assert_eq!((object.kind.name(), object.data.len().to_string().as_str()), (kind, size), "{line}");
        }
    }
}

#[test]
fn object_content_matches_git() {
    let Some(repository) = repository() else { return };
    let packed = repository.git(&["pack-objects", "--all", "--stdout", "--delta-base-offset"], b"");
    let pack = Pack::read(&packed, Limits::default()).unwrap();
    for (kind, name) in [("commit", "HEAD~3"), ("tree", "HEAD:folder"), ("blob", "HEAD:folder/1/file-4"), ("tag", "v1")]
    {
        let object = pack.object(&repository.id(name)).unwrap();
        assert_eq!(object.kind.name(), kind);
        assert!(object.data == repository.git(&["cat-file", kind, name], b""), "{name}");
    }
}

#[test]
fn base_is_found_anywhere_in_pack() {
    let (one, two) = append(b"base", b" and more");
    let (three, four) = append(&two, b" and more");
    let pack = pack_of(&[ref_delta(blob(&two), &three), ref_delta(blob(b"base"), &one), whole(Kind::Blob, b"base")]);
    let pack = Pack::read(&pack, SMALL).unwrap();
    assert_eq!((pack.len(), pack.deltas(), pack.is_empty()), (3, 2, false));
    for data in [b"base".to_vec(), two.clone(), four.clone()] {
        assert_eq!(pack.object(&blob(&data)).map(|object| &object.data), Some(&data));
    }
    // The same with an offset delta, and with an object that occurs twice.
    let (base, second) = (whole(Kind::Blob, b"base"), ref_delta(blob(b"base"), &one));
    let entries = [base.clone(), second.clone(), offset_delta(second.len(), &three), base];
    let pack = Pack::read(&pack_of(&entries), SMALL).unwrap();
    assert_eq!((pack.len(), pack.deltas()), (3, 2));
    assert!(pack.object(&blob(&four)).is_some());
}

#[test]
fn missing_base_is_error() {
    let (delta, _) = append(b"base", b"!");
    let base = whole(Kind::Blob, b"base");
    assert_eq!(read_error(&pack_of(&[ref_delta(blob(b"base"), &delta)])), Error::Base);
    // Offsets ahead of the first object, between two objects, and of the delta itself.
    for distance in [0, 1, base.len() + 1, base.len() + 12] {
        assert_eq!(read_error(&pack_of(&[base.clone(), offset_delta(distance, &delta)])), Error::Base, "{distance}");
    }
    assert!(Pack::read(&pack_of(&[base.clone(), offset_delta(base.len(), &delta)]), SMALL).is_ok());
    // An id that only the delta's result has.
    let (_, result) = append(b"base", b"!");
    assert_eq!(read_error(&pack_of(&[base, ref_delta(blob(&result), &delta)])), Error::Base);
}

#[test]
fn delta_chain_is_limited() {
    let mut entries = vec![whole(Kind::Blob, b"base")];
    let mut data = b"base".to_vec();
    for length in 1..=4 {
        let (delta, result) = append(&data, b"!");
        entries.push(offset_delta(entries.last().unwrap().len(), &delta));
        data = result;
        let read = Pack::read(&pack_of(&entries), SMALL).map(|pack| pack.deltas());
        assert_eq!(read, if length <= 3 { Ok(length) } else { Err(Error::TooDeep(3)) });
    }
}

#[test]
fn declared_sizes_are_limited() {
    assert_eq!(read_error(&pack_with_count(11, b"")), Error::TooManyObjects(11));
    assert_eq!(read_error(&pack_with_count(u32::MAX, b"")), Error::TooManyObjects(u32::MAX));
    for size in [1001, 1 << 32, u64::MAX >> 4] {
        assert_eq!(read_error(&pack_with_count(1, &header_of(3, size))), Error::TooLarge, "{size}");
    }
}

#[test]
fn inflated_size_is_limited() {
    // Data that inflates by a factor of a thousand.
    let zeros = whole(Kind::Blob, &[0; 1000]);
    assert!(zeros.len() < 30 && Pack::read(&pack_of(std::slice::from_ref(&zeros)), SMALL).is_ok());
    assert_eq!(read_error(&pack_of(&[zeros, whole(Kind::Blob, b"0")])), Error::TooLarge);
    // An object larger than its declared size.
    let lying = [header_of(3, 10), whole(Kind::Blob, &[0; 1000])[2..].to_vec()].concat();
    assert_eq!(read_error(&pack_of(&[lying])), Error::Size);
    // A chain of deltas that each copy their base several times.
    let (mut entries, mut data) = (vec![whole(Kind::Blob, b"12345678")], b"12345678".to_vec());
    for _ in 0..3 {
        let (delta, result) = delta_of(&data, &vec![Step::Copy(0, data.len()); 5]);
        entries.push(offset_delta(entries.last().unwrap().len(), &delta));
        data = result;
    }
    assert_eq!(read_error(&pack_of(&entries)), Error::TooLarge);
}

#[test]
fn truncated_or_changed_pack_is_error() {
    let good = pack_of(&[whole(Kind::Blob, b"one"), whole(Kind::Blob, b"two")]);
    for end in 0..good.len() {
        let error = read_error(&good[..end]);
        assert!(matches!(error, Error::Truncated | Error::NotAPack | Error::Digest), "{end} {error:?}");
    }
    let mut version = good.clone();
    version[7] = 3;
    assert_eq!(read_error(&version), Error::NotAPack);
    let mut changed = good.clone();
    changed[15] ^= 1;
    assert_eq!(read_error(&changed), Error::Digest);
    // Truncated packs with a valid digest, as from a malicious server.
    let entries = &good[12..good.len() - LENGTH];
    for end in 0..entries.len() {
        assert_eq!(read_error(&pack_with_count(2, &entries[..end])), Error::Truncated, "{end}");
    }
    assert_eq!(read_error(&pack_with_count(3, entries)), Error::Truncated);
    assert_eq!(read_error(&pack_with_count(1, entries)), Error::Trailing);
    assert_eq!(read_error(&pack_with_count(0, b"x")), Error::Trailing);
    assert!(Pack::read(&pack_of(&[]), SMALL).unwrap().is_empty());
}

proptest! {
    #[test]
    fn arbitrary_change_does_not_panic(at: prop::sample::Index, to: u8, cut: prop::sample::Index) {
        let (delta, _) = append(b"base", b" and more");
        let base = whole(Kind::Blob, b"base");
        let distance = base.len();
        let by_id = ref_delta(blob(b"base"), &delta);
        let pack = pack_of(&[base, offset_delta(distance, &delta), whole(Kind::Tree, b""), by_id]);
        let mut pack = pack[..pack.len() - LENGTH].to_vec();
        let at = at.index(pack.len());
        pack[at] = to;
        let _ = Pack::read(&with_digest(pack.clone()), SMALL);
        pack.truncate(cut.index(pack.len()));
        let _ = Pack::read(&with_digest(pack), SMALL);
    }

    #[test]
    fn arbitrary_entries_do_not_panic(count in 0..10u32, entries: Vec<u8>) {
        let _ = Pack::read(&pack_with_count(count, &entries), SMALL);
    }
}
