use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::testing::{
    Repository, Step, before, delta_of, header_of, named, pack_of, pack_that_says, whole, with_digest,
};

const SMALL: Limits = Limits { objects: 10, bytes: 1000, chain: 3 };

fn refused(pack: &[u8]) -> Error {
    Pack::read(pack, SMALL).err().unwrap()
}

fn blob(data: &[u8]) -> ObjectId {
    ObjectId::of(Kind::Blob, data).unwrap()
}

/// A delta that puts this behind its base.
fn more(base: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
    delta_of(base, &[Step::Copy(0, base.len()), Step::Insert(new.to_vec())])
}

/// A repository in which much is like something else, over several commits.
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
fn packs_of_gits_are_read_however_they_are_made() {
    let Some(repository) = repository() else { return };
    let all = repository.git(&["cat-file", "--batch-all-objects", "--batch-check"], b"");
    let all = String::from_utf8(all).unwrap();
    let forms: [&[&str]; 4] =
        [&[], &["--delta-base-offset"], &["--window=50", "--depth=250", "--delta-base-offset"], &["--window=0"]];
    for form in forms {
        let made = repository.git(&[&["pack-objects", "--all", "--stdout", "--no-reuse-delta"], form].concat(), b"");
        repository.write("made.pack", &made);
        repository.git(&["index-pack", "made.pack"], b"");
        // Its lines of objects have the size, and of deltas the depth and the base as well.
        let verified = String::from_utf8(repository.git(&["verify-pack", "-v", "made.pack"], b"")).unwrap();
        let deltas = verified.lines().filter(|line| line.split_whitespace().count() == 7).count();
        assert_eq!(deltas > 50, form != ["--window=0"], "{form:?} {deltas}");

        let pack = Pack::read(&made, Limits::default()).unwrap();
        assert_eq!((pack.deltas(), pack.len()), (deltas, all.lines().count()), "{form:?}");
        for line in all.lines() {
            let [id, kind, size] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let object = pack.object(&ObjectId::from_hex(id.as_bytes()).unwrap()).unwrap();
            assert_eq!((object.kind.name(), object.data.len().to_string().as_str()), (kind, size), "{line}");
        }
    }
}

#[test]
fn an_object_is_what_git_says_it_is() {
    let Some(repository) = repository() else { return };
    let made = repository.git(&["pack-objects", "--all", "--stdout", "--delta-base-offset"], b"");
    let pack = Pack::read(&made, Limits::default()).unwrap();
    for (kind, name) in [("commit", "HEAD~3"), ("tree", "HEAD:folder"), ("blob", "HEAD:folder/1/file-4"), ("tag", "v1")]
    {
        let object = pack.object(&repository.id(name)).unwrap();
        assert_eq!(object.kind.name(), kind);
        assert!(object.data == repository.git(&["cat-file", kind, name], b""), "{name}");
    }
}

#[test]
fn a_base_may_stand_anywhere_in_the_pack() {
    let (one, two) = more(b"base", b" and more");
    let (three, four) = more(&two, b" and more");
    let pack = pack_of(&[named(blob(&two), &three), named(blob(b"base"), &one), whole(Kind::Blob, b"base")]);
    let pack = Pack::read(&pack, SMALL).unwrap();
    assert_eq!((pack.len(), pack.deltas(), pack.is_empty()), (3, 2, false));
    for data in [b"base".to_vec(), two.clone(), four.clone()] {
        assert_eq!(pack.object(&blob(&data)).map(|object| &object.data), Some(&data));
    }
    // The same with an offset between, and an object that stands twice.
    let (base, second) = (whole(Kind::Blob, b"base"), named(blob(b"base"), &one));
    let entries = [base.clone(), second.clone(), before(second.len(), &three), base];
    let pack = Pack::read(&pack_of(&entries), SMALL).unwrap();
    assert_eq!((pack.len(), pack.deltas()), (3, 2));
    assert!(pack.object(&blob(&four)).is_some());
}

#[test]
fn a_base_that_is_not_there_is_told() {
    let (delta, _) = more(b"base", b"!");
    let base = whole(Kind::Blob, b"base");
    assert_eq!(refused(&pack_of(&[named(blob(b"base"), &delta)])), Error::Base);
    // Before the first object, between two, and the delta itself.
    for distance in [0, 1, base.len() + 1, base.len() + 12] {
        assert_eq!(refused(&pack_of(&[base.clone(), before(distance, &delta)])), Error::Base, "{distance}");
    }
    assert!(Pack::read(&pack_of(&[base.clone(), before(base.len(), &delta)]), SMALL).is_ok());
    // A name that the delta only would have.
    let (_, result) = more(b"base", b"!");
    assert_eq!(refused(&pack_of(&[base, named(blob(&result), &delta)])), Error::Base);
}

#[test]
fn a_chain_has_an_end() {
    let mut entries = vec![whole(Kind::Blob, b"base")];
    let mut data = b"base".to_vec();
    for length in 1..=4 {
        let (delta, result) = more(&data, b"!");
        entries.push(before(entries.last().unwrap().len(), &delta));
        data = result;
        let read = Pack::read(&pack_of(&entries), SMALL).map(|pack| pack.deltas());
        assert_eq!(read, if length <= 3 { Ok(length) } else { Err(Error::TooDeep(3)) });
    }
}

#[test]
fn what_it_says_costs_nothing_before_it_is_there() {
    assert_eq!(refused(&pack_that_says(11, b"")), Error::TooManyObjects(11));
    assert_eq!(refused(&pack_that_says(u32::MAX, b"")), Error::TooManyObjects(u32::MAX));
    for size in [1001, 1 << 32, u64::MAX >> 4] {
        assert_eq!(refused(&pack_that_says(1, &header_of(3, size))), Error::TooLarge, "{size}");
    }
}

#[test]
fn what_unfolds_to_too_much_is_refused() {
    // A thousand times what it is sent as.
    let zeros = whole(Kind::Blob, &[0; 1000]);
    assert!(zeros.len() < 30 && Pack::read(&pack_of(std::slice::from_ref(&zeros)), SMALL).is_ok());
    assert_eq!(refused(&pack_of(&[zeros, whole(Kind::Blob, b"0")])), Error::TooLarge);
    // One that says less than it is does not get more either.
    let lying = [header_of(3, 10), whole(Kind::Blob, &[0; 1000])[2..].to_vec()].concat();
    assert_eq!(refused(&pack_of(&[lying])), Error::Size);
    // Deltas that copy the whole several times, on top of each other.
    let (mut entries, mut data) = (vec![whole(Kind::Blob, b"12345678")], b"12345678".to_vec());
    for _ in 0..3 {
        let (delta, result) = delta_of(&data, &vec![Step::Copy(0, data.len()); 5]);
        entries.push(before(entries.last().unwrap().len(), &delta));
        data = result;
    }
    assert_eq!(refused(&pack_of(&entries)), Error::TooLarge);
}

#[test]
fn what_is_not_whole_is_told() {
    let good = pack_of(&[whole(Kind::Blob, b"one"), whole(Kind::Blob, b"two")]);
    for end in 0..good.len() {
        let error = refused(&good[..end]);
        assert!(matches!(error, Error::Cut | Error::NotAPack | Error::Digest), "{end} {error:?}");
    }
    let mut version = good.clone();
    version[7] = 3;
    assert_eq!(refused(&version), Error::NotAPack);
    let mut changed = good.clone();
    changed[15] ^= 1;
    assert_eq!(refused(&changed), Error::Digest);
    // With the right digest each time, as from a server that means it.
    let entries = &good[12..good.len() - LENGTH];
    for end in 0..entries.len() {
        assert_eq!(refused(&pack_that_says(2, &entries[..end])), Error::Cut, "{end}");
    }
    assert_eq!(refused(&pack_that_says(3, entries)), Error::Cut);
    assert_eq!(refused(&pack_that_says(1, entries)), Error::Trailing);
    assert_eq!(refused(&pack_that_says(0, b"x")), Error::Trailing);
    assert!(Pack::read(&pack_of(&[]), SMALL).unwrap().is_empty());
}

proptest! {
    #[test]
    fn no_change_breaks_it(at: prop::sample::Index, to: u8, cut: prop::sample::Index) {
        let (delta, _) = more(b"base", b" and more");
        let base = whole(Kind::Blob, b"base");
        let distance = base.len();
        let named = named(blob(b"base"), &delta);
        let pack = pack_of(&[base, before(distance, &delta), whole(Kind::Tree, b""), named]);
        let mut pack = pack[..pack.len() - LENGTH].to_vec();
        let at = at.index(pack.len());
        pack[at] = to;
        let _ = Pack::read(&with_digest(pack.clone()), SMALL);
        pack.truncate(cut.index(pack.len()));
        let _ = Pack::read(&with_digest(pack), SMALL);
    }

    #[test]
    fn no_entries_break_it(count in 0..10u32, entries: Vec<u8>) {
        let _ = Pack::read(&pack_that_says(count, &entries), SMALL);
    }
}
