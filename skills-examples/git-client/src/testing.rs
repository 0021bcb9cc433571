//! Packs built by hand, which may be invalid, and packs from git.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use miniz_oxide::deflate::compress_to_vec_zlib;
use tempfile::TempDir;

use crate::{Kind, ObjectId, id};

/// Returns a pack of these entries.
pub(crate) fn pack_of(entries: &[Vec<u8>]) -> Vec<u8> {
    pack_with_count(u32::try_from(entries.len()).unwrap(), &entries.concat())
}

/// Returns a pack with this count in its header.
pub(crate) fn pack_with_count(count: u32, entries: &[u8]) -> Vec<u8> {
    with_digest([b"PACK\0\0\0\x02", &count.to_be_bytes()[..], entries].concat())
}

/// Appends the digest to a pack.
pub(crate) fn with_digest(mut pack: Vec<u8>) -> Vec<u8> {
    let digest = id::digest(&[&pack]).unwrap();
    pack.extend(digest);
    pack
}

/// Returns an entry with a complete object.
pub(crate) fn whole(kind: Kind, data: &[u8]) -> Vec<u8> {
    let number = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    entry(number, &[], data)
}

/// Returns a delta of the entry that begins `distance` bytes earlier.
pub(crate) fn offset_delta(distance: usize, delta: &[u8]) -> Vec<u8> {
    entry(6, &distance_of(u64::try_from(distance).unwrap()), delta)
}

/// Returns a delta of the object with this id.
pub(crate) fn ref_delta(id: ObjectId, delta: &[u8]) -> Vec<u8> {
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

/// An instruction of a delta.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// An offset in the base and a length.
    Copy(usize, usize),
    Insert(Vec<u8>),
}

/// Returns a delta with these instructions, and its result.
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

/// A repository of the git program.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// Creates an empty repository, or prints a note and returns `None` without git.
    pub(crate) fn new() -> Option<Self> {
        match Command::new("git").arg("version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: git is not installed");
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

    /// Commits all files and returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> ObjectId {
        self.git(&["add", "--all"], b"");
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message], b"");
        self.id("HEAD")
    }

    pub(crate) fn id(&self, name: &str) -> ObjectId {
        ObjectId::from_hex(self.git(&["rev-parse", name], b"").trim_ascii()).unwrap()
    }

    /// Runs git with this input and returns its output.
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
