//! Packs made by hand, without the care that a writer takes; and git, to make some that are.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use miniz_oxide::deflate::compress_to_vec_zlib;
use tempfile::TempDir;

use crate::{Kind, ObjectId, id};

/// A pack of these entries.
pub(crate) fn pack_of(entries: &[Vec<u8>]) -> Vec<u8> {
    pack_that_says(u32::try_from(entries.len()).unwrap(), &entries.concat())
}

/// A pack that says that it has so many.
pub(crate) fn pack_that_says(count: u32, entries: &[u8]) -> Vec<u8> {
    with_digest([b"PACK\0\0\0\x02", &count.to_be_bytes()[..], entries].concat())
}

/// A pack with its digest behind.
pub(crate) fn with_digest(mut pack: Vec<u8>) -> Vec<u8> {
    let digest = id::digest(&[&pack]).unwrap();
    pack.extend(digest);
    pack
}

/// An object as it is.
pub(crate) fn whole(kind: Kind, data: &[u8]) -> Vec<u8> {
    let number = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    entry(number, &[], data)
}

/// A delta of what begins so many bytes before.
pub(crate) fn before(distance: usize, delta: &[u8]) -> Vec<u8> {
    entry(6, &distance_of(u64::try_from(distance).unwrap()), delta)
}

/// A delta of what has this name.
pub(crate) fn named(id: ObjectId, delta: &[u8]) -> Vec<u8> {
    entry(7, id.as_bytes(), delta)
}

fn entry(number: u8, base: &[u8], data: &[u8]) -> Vec<u8> {
    let size = u64::try_from(data.len()).unwrap();
    [header_of(number, size), base.to_vec(), compress_to_vec_zlib(data, 6)].concat()
}

pub(crate) fn header_of(number: u8, size: u64) -> Vec<u8> {
    let low = u8::try_from(size & 0x0f).unwrap() | number << 4;
    if size < 0x10 { vec![low] } else { [vec![low | 0x80], little_endian_of(size >> 4)].concat() }
}

pub(crate) fn little_endian_of(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

pub(crate) fn distance_of(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(number & 0x7f).unwrap()];
    while number > 0x7f {
        number = (number >> 7) - 1;
        bytes.insert(0, number.to_le_bytes()[0] | 0x80);
    }
    bytes
}

/// What a delta does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// From where in the base, and how much.
    Copy(usize, usize),
    Insert(Vec<u8>),
}

/// The delta that does this, and what it makes.
pub(crate) fn delta_of(base: &[u8], steps: &[Step]) -> (Vec<u8>, Vec<u8>) {
    let (mut delta, mut result) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Copy(offset, length) => {
                let numbers = [&u32::try_from(*offset).unwrap().to_le_bytes()[..], &length.to_le_bytes()[..3]].concat();
                let at = delta.len();
                delta.push(0x80);
                for (bit, byte) in numbers.into_iter().enumerate().filter(|(_, byte)| *byte != 0) {
                    delta[at] |= 1 << bit;
                    delta.push(byte);
                }
                result.extend_from_slice(&base[*offset..offset + length]);
            }
            Step::Insert(new) => {
                delta.push(u8::try_from(new.len()).unwrap());
                delta.extend_from_slice(new);
                result.extend_from_slice(new);
            }
        }
    }
    let sizes = [base.len(), result.len()].map(|size| little_endian_of(u64::try_from(size).unwrap()));
    ([sizes.concat(), delta].concat(), result)
}

/// A repository of git's own.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// An empty one; none, and a word of it, on a machine without git.
    pub(crate) fn new() -> Option<Self> {
        match Command::new("git").arg("version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("left out: there is no git");
                return None;
            }
            found => assert!(found.unwrap().status.success()),
        }
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"], b"");
        Some(repository)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits all that there is, and says what the commit is.
    pub(crate) fn commit(&self, message: &str) -> ObjectId {
        self.git(&["add", "--all"], b"");
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message], b"");
        self.id("HEAD")
    }

    pub(crate) fn id(&self, name: &str) -> ObjectId {
        ObjectId::from_hex(self.git(&["rev-parse", name], b"").trim_ascii()).unwrap()
    }

    /// What git says, told this.
    pub(crate) fn git(&self, args: &[&str], stdin: &[u8]) -> Vec<u8> {
        let mut git = Command::new("git");
        git.current_dir(self.path()).args(args).env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Tests").env(format!("GIT_{role}_EMAIL"), "tests@example.com");
            git.env(format!("GIT_{role}_DATE"), "2026-01-01T00:00:00Z");
        }
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}");
        output.stdout
    }
}
