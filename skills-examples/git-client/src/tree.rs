//! Trees and their files.

use std::collections::BTreeSet;
use std::fmt;

use crate::id::LENGTH;
use crate::object::Error;
use crate::{Kind, ObjectId, Pack};

/// Limits of a tree. A few small trees that refer to each other can contain any number of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The number of files and folders. 20,000 by default.
    pub entries: usize,
    /// The length of all paths together, in bytes. 2 MiB by default.
    pub paths: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 20_000, paths: 2 << 20 }
    }
}

/// The mode of a tree's entry, shown as octal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    bits: u32,
    file_type: FileType,
}

/// The file type of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A file.
    File,
    /// An executable file.
    Executable,
    /// A symbolic link, whose target is its content.
    Symlink,
    /// A commit of another repository.
    Submodule,
    /// A tree.
    Folder,
}

impl Mode {
    /// The mode of a folder.
    pub const FOLDER: Self = Self { bits: 0o040_000, file_type: FileType::Folder };
    /// The mode of a file.
    pub const FILE: Self = Self { bits: 0o100_644, file_type: FileType::File };

    fn parse(digits: &[u8]) -> Option<Self> {
        // Digits only, because `from_str_radix` accepts a sign.
        let is_octal = (1..=6).contains(&digits.len()) && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
        let bits = u32::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_octal)?, 8).ok()?;
        let file_type = match bits & 0o170_000 {
            0o100_000 if bits & 0o100 == 0 => FileType::File,
            0o100_000 => FileType::Executable,
            0o120_000 => FileType::Symlink,
            0o160_000 => FileType::Submodule,
            0o040_000 => FileType::Folder,
            _ => return None,
        };
        Some(Self { bits, file_type })
    }

    /// Returns the file type.
    pub const fn file_type(self) -> FileType {
        self.file_type
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06o}", self.bits)
    }
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The mode.
    pub mode: Mode,
    /// The name, in no particular encoding.
    pub name: &'a [u8],
    /// The blob, the tree, or the submodule's commit.
    pub id: ObjectId,
}

/// A file below a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// The path, in no particular encoding.
    pub path: Vec<u8>,
    /// The mode, never of a folder.
    pub mode: Mode,
    /// The blob, or the submodule's commit.
    pub id: ObjectId,
    /// The content, or `None` for a submodule.
    pub content: Option<&'a [u8]>,
}

/// Returns a tree's entries, in order.
///
/// # Errors
///
/// [`Error`] if the tree is missing, malformed, or has more than `max` entries. An empty or
/// duplicate name, or one with a `/`, is malformed, because git never writes one. Returns other
/// unusual names such as `..` unchanged: they are only data.
pub fn entries(pack: &Pack, id: ObjectId, max: usize) -> Result<Vec<Entry<'_>>, Error> {
    let mut rest = content(pack, Kind::Tree, id)?;
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    while !rest.is_empty() {
        let entry;
        (entry, rest) = split(rest)
            .filter(|(entry, _)| !entry.name.is_empty() && !entry.name.contains(&b'/') && names.insert(entry.name))
            .ok_or(Error::Malformed { kind: Kind::Tree, id })?;
        if entries.len() == max {
            return Err(Error::TooMany);
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn split(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(bytes.iter().position(|byte| *byte == b' ')?)?;
    let rest = rest.strip_prefix(b" ")?;
    let (name, rest) = rest.split_at_checked(rest.iter().position(|byte| *byte == 0)?)?;
    let (id, rest) = rest.strip_prefix(b"\0")?.split_first_chunk::<LENGTH>()?;
    Some((Entry { mode: Mode::parse(digits)?, name, id: ObjectId::from_bytes(*id) }, rest))
}

/// Writes a tree of these entries, in git's order.
pub fn write(entries: &[Entry<'_>]) -> Vec<u8> {
    // Git sorts a folder as if its name ended with a slash.
    let key = |entry: &Entry<'_>| {
        let end: &[u8] = if entry.mode.file_type() == FileType::Folder { b"/" } else { b"" };
        [entry.name, end].concat()
    };
    let mut entries = entries.to_vec();
    entries.sort_by_cached_key(key);
    let one = |entry: &Entry<'_>| {
        [format!("{:o} ", entry.mode.bits).as_bytes(), entry.name, b"\0", entry.id.as_bytes()].concat()
    };
    entries.iter().flat_map(one).collect()
}

/// Returns all files below a tree, in the order of `git ls-tree -r`.
///
/// # Errors
///
/// [`Error`] if a tree or blob is missing or malformed, or if the files exceed the bounds.
pub fn files(pack: &Pack, root: ObjectId, bounds: Bounds) -> Result<Vec<File<'_>>, Error> {
    let mut left = bounds;
    let mut files = Vec::new();
    // A stack in place of recursion: the server controls the depth of folders.
    let mut stack = vec![(Vec::new(), Mode::FOLDER, root)];
    while let Some((path, mode, id)) = stack.pop() {
        let content = match mode.file_type() {
            FileType::Folder => {
                let entries = entries(pack, id, left.entries)?;
                left.entries = left.entries.saturating_sub(entries.len());
                for entry in entries.into_iter().rev() {
                    let path = join(&path, entry.name);
                    left.paths = left.paths.checked_sub(path.len()).ok_or(Error::TooMany)?;
                    stack.push((path, entry.mode, entry.id));
                }
                continue;
            }
            FileType::Submodule => None,
            FileType::File | FileType::Executable | FileType::Symlink => Some(self::content(pack, Kind::Blob, id)?),
        };
        files.push(File { path, mode, id, content });
    }
    Ok(files)
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

fn content(pack: &Pack, kind: Kind, id: ObjectId) -> Result<&[u8], Error> {
    let object = pack.object(&id).ok_or(Error::Missing { kind, id })?;
    if object.kind == kind { Ok(&object.data) } else { Err(Error::Kind { kind, id }) }
}

#[cfg(test)]
mod tests;
