//! Creates a commit that changes one file of its parent.

use crate::object::{self, Commit};
use crate::tree::{self, Entry, FileType, Mode};
use crate::{Kind, Object, ObjectId, Pack, pack};

/// The author and the time of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(String);

impl Signature {
    /// Creates a signature from a name, an email address and a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// An error if a part is empty or would break the format of a signature. The input caused it.
    pub fn new(name: &str, email: &str, time: u64) -> Result<Self, far_skill::Error> {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_control() || "<>".contains(c));
        if is_plain(name) && is_plain(email) && name.trim() == name && i64::try_from(time).is_ok() {
            return Ok(Self(format!("{name} <{email}> {time} +0000")));
        }
        Err(format!("{name:?} with {email:?} cannot sign a commit").into())
    }
}

/// The path of a file to write: names separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// Parses a path that git can check out on any file system.
    ///
    /// # Errors
    ///
    /// An error if a name is empty, refers to another folder, or is reserved by git. The input
    /// caused it.
    pub fn parse(text: &str) -> Result<Self, far_skill::Error> {
        // Some file systems ignore trailing dots and spaces, and characters outside ASCII.
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
        Err(format!("{text:?} is not a valid file path").into())
    }
}

/// A new commit, with all objects that its parent does not have.
pub struct NewCommit {
    /// The commit.
    pub commit: ObjectId,
    /// The file's blob.
    pub blob: ObjectId,
    /// The commit, the blob and the trees above it.
    pub objects: Vec<Object>,
}

/// Creates a commit on top of `parent` in which the file has this content. Creates a missing file
/// and its folders.
///
/// # Errors
///
/// An error if the path leads to something other than a file, if nothing changes, or if the
/// parent's trees are missing or malformed.
pub fn commit(
    pack: &Pack,
    parent: &Commit<'_>,
    path: &Path,
    content: &str,
    signature: &Signature,
    message: &str,
) -> Result<NewCommit, far_skill::Error> {
    if message.trim().is_empty() || message.contains('\0') {
        return Err("a commit needs a message without NUL".into());
    }
    let mut new = Objects::default();
    let blob = new.add(Kind::Blob, content.as_bytes().to_vec())?;
    let tree = replace_blob(pack, parent.tree, path, blob, &mut new)?;
    if tree == parent.tree {
        return Err(format!("{:?} already has this content", path.0).into());
    }
    let (Signature(author), parent, message) = (signature, parent.id, message.trim_end());
    let text = format!("tree {tree}\nparent {parent}\nauthor {author}\ncommitter {author}\n\n{message}\n");
    let commit = new.add(Kind::Commit, text.into_bytes())?;
    Ok(NewCommit { commit, blob, objects: new.0 })
}

/// New objects.
#[derive(Default)]
struct Objects(Vec<Object>);

impl Objects {
    fn add(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId, pack::Error> {
        let id = ObjectId::of(kind, &data).ok_or(pack::Error::Collision)?;
        self.0.push(Object { kind, data });
        Ok(id)
    }
}

/// Returns the root tree in which the path leads to this blob. Writes the trees from the innermost
/// outward.
fn replace_blob(
    pack: &Pack,
    root: ObjectId,
    path: &Path,
    blob: ObjectId,
    new: &mut Objects,
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
    // An executable stays one.
    let (mut mode, mut id) = (before.map_or(Mode::FILE, |entry| entry.mode), blob);
    for (mut entries, name) in levels.into_iter().rev() {
        put(&mut entries, Entry { mode, name: name.as_bytes(), id });
        (mode, id) = (Mode::FOLDER, new.add(Kind::Tree, tree::write(&entries))?);
    }
    Ok(id)
}

/// Returns the entries of a tree, or no entries without a tree.
fn entries(pack: &Pack, id: Option<ObjectId>) -> Result<Vec<Entry<'_>>, object::Error> {
    id.map_or_else(|| Ok(Vec::new()), |id| tree::entries(pack, id, tree::Bounds::default().entries))
}

fn at<'a>(
    entries: &[Entry<'a>],
    name: &str,
    is_expected: impl Fn(FileType) -> bool,
    path: &Path,
) -> Result<Option<Entry<'a>>, far_skill::Error> {
    let found = entries.iter().find(|entry| entry.name == name.as_bytes()).copied();
    match found {
        Some(entry) if !is_expected(entry.mode.file_type()) => {
            Err(format!("{:?} is not the path of a file", path.0).into())
        }
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
