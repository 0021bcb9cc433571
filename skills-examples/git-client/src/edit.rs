//! A commit that changes one file of another.

use crate::object::{self, Commit};
use crate::tree::{self, Entry, FileType, Mode};
use crate::{Kind, Object, ObjectId, Pack, pack};

/// Who makes a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(String);

impl Signature {
    /// A name, an address and a time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// One of them would be read as something else; whoever made the input caused it.
    pub fn new(name: &str, email: &str, time: u64) -> Result<Self, far_skill::Error> {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_control() || "<>".contains(c));
        if is_plain(name) && is_plain(email) && name.trim() == name && i64::try_from(time).is_ok() {
            return Ok(Self(format!("{name} <{email}> {time} +0000")));
        }
        Err(format!("{name:?} with {email:?} cannot sign a commit").into())
    }
}

/// The path of a file that is written: plain names with `/` between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// Takes what git checks out anywhere.
    ///
    /// # Errors
    ///
    /// A name is empty, leads elsewhere, or is git's own; whoever made the input caused it.
    pub fn parse(text: &str) -> Result<Self, far_skill::Error> {
        // Some file systems leave out dots and spaces at the end, and what is not ASCII.
        let is_git = |name: &str| {
            let plain: String = name.chars().filter(char::is_ascii_graphic).collect();
            let plain = plain.trim_end_matches('.').to_ascii_lowercase();
            plain == ".git" || plain.starts_with("git~")
        };
        let is_odd = |character: char| character.is_control() || matches!(character, '\\' | ':');
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !is_git(name) && !name.contains(is_odd);
        if text.len() <= 4096 && text.split('/').all(is_name) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is no path of a file").into())
    }
}

/// A commit that was made, with all that it has and its parent has not.
pub struct Made {
    /// The commit.
    pub commit: ObjectId,
    /// The file's blob.
    pub blob: ObjectId,
    /// The commit, the blob and the trees above it.
    pub objects: Vec<Object>,
}

/// A commit on top of another, in which a file has this content. One that was not there is made, with the folders that it is in.
///
/// # Errors
///
/// What is at the path, or on the way to it, is no file or folder; nothing changes; or the parent's trees are not there or not right.
pub fn commit(
    pack: &Pack,
    parent: &Commit<'_>,
    path: &Path,
    content: &str,
    signature: &Signature,
    message: &str,
) -> Result<Made, far_skill::Error> {
    if message.trim().is_empty() || message.contains('\0') {
        return Err("a commit has a message, which is text".into());
    }
    let mut made = Objects::default();
    let blob = made.add(Kind::Blob, content.as_bytes().to_vec())?;
    let tree = replaced(pack, parent.tree, path, blob, &mut made)?;
    if tree == parent.tree {
        return Err(format!("{:?} has that content already", path.0).into());
    }
    let (Signature(who), parent, message) = (signature, parent.id, message.trim_end());
    let text = format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}\n");
    let commit = made.add(Kind::Commit, text.into_bytes())?;
    Ok(Made { commit, blob, objects: made.0 })
}

/// Objects that were made.
#[derive(Default)]
struct Objects(Vec<Object>);

impl Objects {
    fn add(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId, pack::Error> {
        let id = ObjectId::of(kind, &data).ok_or(pack::Error::Collision)?;
        self.0.push(Object { kind, data });
        Ok(id)
    }
}

/// The tree in which the path leads to this blob, made from the innermost outwards.
fn replaced(
    pack: &Pack,
    root: ObjectId,
    path: &Path,
    blob: ObjectId,
    made: &mut Objects,
) -> Result<ObjectId, far_skill::Error> {
    let (folders, name) = path.0.rsplit_once('/').map_or((None, path.0.as_str()), |(above, name)| (Some(above), name));
    let (mut levels, mut level) = (Vec::new(), entries(pack, Some(root))?);
    for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
        let below = at(&level, folder, |found| found == FileType::Folder, path)?;
        let below = entries(pack, below.map(|entry| entry.id))?;
        levels.push((std::mem::replace(&mut level, below), folder));
    }
    let is_file = |found| matches!(found, FileType::File | FileType::Executable);
    let before = at(&level, name, is_file, path)?;
    levels.push((level, name));
    // What could be run still can.
    let (mut mode, mut id) = (before.map_or(Mode::FILE, |entry| entry.mode), blob);
    for (mut entries, name) in levels.into_iter().rev() {
        put(&mut entries, Entry { mode, name: name.as_bytes(), id });
        (mode, id) = (Mode::FOLDER, made.add(Kind::Tree, tree::write(&entries))?);
    }
    Ok(id)
}

/// The entries of a tree; of none, none.
fn entries(pack: &Pack, id: Option<ObjectId>) -> Result<Vec<Entry<'_>>, object::Error> {
    id.map_or_else(|| Ok(Vec::new()), |id| tree::entries(pack, id, tree::Bounds::default().entries))
}

fn at<'a>(
    entries: &[Entry<'a>],
    name: &str,
    is_right: impl Fn(FileType) -> bool,
    path: &Path,
) -> Result<Option<Entry<'a>>, far_skill::Error> {
    let found = entries.iter().find(|entry| entry.name == name.as_bytes()).copied();
    match found {
        Some(entry) if !is_right(entry.mode.file_type()) => Err(format!("{:?} leads to something else", path.0).into()),
        found => Ok(found),
    }
}

fn put<'a>(entries: &mut Vec<Entry<'a>>, new: Entry<'a>) {
    match entries.iter_mut().find(|entry| entry.name == new.name) {
        Some(entry) => *entry = new,
        None => entries.push(new),
    }
}

#[cfg(test)]
mod tests;
