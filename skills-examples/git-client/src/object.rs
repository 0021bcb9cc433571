//! Objects: what commits and tags say.

use crate::{Kind, ObjectId, Pack};

/// What is wrong with what an object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server left it out.
    #[error("the pack has no {} {id}", kind.name())]
    Missing {
        /// What it should be.
        kind: Kind,
        /// Its name.
        id: ObjectId,
    },
    /// It is a tree where a blob should be, or the like.
    #[error("{id} is not a {}", kind.name())]
    Kind {
        /// What it should be.
        kind: Kind,
        /// Its name.
        id: ObjectId,
    },
    /// It is not written as git writes it.
    #[error("the {} {id} is malformed", kind.name())]
    Malformed {
        /// What it is.
        kind: Kind,
        /// Its name.
        id: ObjectId,
    },
    /// A tag of a tag of a tag, and so on.
    #[error("tags lead to tags more than {TAGS} times")]
    Tags,
    /// More than [`Bounds`](crate::tree::Bounds) say.
    #[error("there are too many files, or their paths are too long")]
    TooMany,
}

impl From<Error> for far_skill::Error {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

/// How many tags may stand before a commit.
const TAGS: u32 = 8;

/// A commit, as far as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit<'a> {
    /// Its name.
    pub id: ObjectId,
    /// All its files.
    pub tree: ObjectId,
    /// What was said of it, in an encoding that is mostly UTF-8.
    pub message: &'a [u8],
}

impl<'a> Commit<'a> {
    /// The commit that an object is, or that the tag leads to which it is.
    ///
    /// # Errors
    ///
    /// [`Error`], if the objects on the way are not there or not right.
    pub fn at(pack: &'a Pack, mut id: ObjectId) -> Result<Self, Error> {
        for _ in 0..=TAGS {
            let object = pack.object(&id).ok_or(Error::Missing { kind: Kind::Commit, id })?;
            id = match object.kind {
                Kind::Commit => return Self::parse(id, &object.data),
                Kind::Tag => tagged(id, &object.data)?,
                Kind::Tree | Kind::Blob => return Err(Error::Kind { kind: Kind::Commit, id }),
            };
        }
        Err(Error::Tags)
    }

    fn parse(id: ObjectId, data: &'a [u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed { kind: Kind::Commit, id };
        let tree = first_line(data).strip_prefix(b"tree ").and_then(ObjectId::from_hex).ok_or(malformed)?;
        let end = data.windows(2).position(|two| two == b"\n\n");
        let message = end.and_then(|end| data.get(end + 2..)).unwrap_or_default();
        Ok(Self { id, tree, message })
    }

    /// The first line of its message that is not blank, as text.
    pub fn subject(&self) -> String {
        let lines = self.message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }
}

/// What a tag is the name of.
fn tagged(id: ObjectId, data: &[u8]) -> Result<ObjectId, Error> {
    let target = first_line(data).strip_prefix(b"object ").and_then(ObjectId::from_hex);
    target.ok_or(Error::Malformed { kind: Kind::Tag, id })
}

fn first_line(data: &[u8]) -> &[u8] {
    data.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{pack_of, whole};

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn commit(message: &str) -> Vec<u8> {
        let who = "A <a@example.com> 0 +0000";
        format!("tree {TREE}\nauthor {who}\ncommitter {who}\ngpgsig a\n \n b\n\n{message}").into_bytes()
    }

    fn tag(id: ObjectId) -> Vec<u8> {
        format!("object {id}\ntype commit\ntag v1\ntagger A <a@example.com> 0 +0000\n\nv1\n").into_bytes()
    }

    #[test]
    fn a_commit_says_its_tree_and_its_subject() {
        let cases =
            [("First\n\nmore\n", "First"), ("\n  \n Late \nmore", "Late"), ("", ""), ("\u{e9}t\u{e9}\r\n", "été")];
        for (message, subject) in cases {
            let data = commit(message);
            let id = ObjectId::of(Kind::Commit, &data).unwrap();
            let parsed = Commit::parse(id, &data).unwrap();
            assert_eq!((parsed.tree.to_string().as_str(), parsed.subject().as_str()), (TREE, subject));
            assert_eq!(parsed.message, message.as_bytes());
        }
        let id = ObjectId::of(Kind::Commit, b"").unwrap();
        for data in ["", "tree", "tree 4b82\n", "parent x\n", &format!("tree {TREE}0\n")] {
            assert!(Commit::parse(id, data.as_bytes()).is_err(), "{data}");
        }
    }

    #[test]
    fn tags_lead_to_a_commit_but_not_for_ever() {
        let commit = commit("c");
        let id = ObjectId::of(Kind::Commit, &commit).unwrap();
        let (mut entries, mut ids) = (vec![whole(Kind::Commit, &commit)], vec![id]);
        for _ in 0..=TAGS {
            let tag = tag(*ids.last().unwrap());
            ids.push(ObjectId::of(Kind::Tag, &tag).unwrap());
            entries.push(whole(Kind::Tag, &tag));
        }
        let pack = Pack::read(&pack_of(&entries), Default::default()).unwrap();
        let at = |number: u32| Commit::at(&pack, ids[usize::try_from(number).unwrap()]).map(|commit| commit.id);
        assert_eq!((at(0), at(1), at(TAGS), at(TAGS + 1)), (Ok(id), Ok(id), Ok(id), Err(Error::Tags)));
    }

    #[test]
    fn what_is_no_commit_is_told() {
        let (tag, lost) = (tag(ObjectId::from_bytes([7; 20])), ObjectId::from_bytes([7; 20]));
        let pack = pack_of(&[whole(Kind::Blob, b"b"), whole(Kind::Tag, &tag), whole(Kind::Tag, b"object")]);
        let pack = Pack::read(&pack, Default::default()).unwrap();
        let at = |kind, data: &[u8]| Commit::at(&pack, ObjectId::of(kind, data).unwrap()).unwrap_err().to_string();
        let blob = ObjectId::of(Kind::Blob, b"b").unwrap();
        assert_eq!(at(Kind::Blob, b"b"), format!("{blob} is not a commit"));
        assert_eq!(at(Kind::Tag, &tag), format!("the pack has no commit {lost}"));
        assert!(at(Kind::Tag, b"object").ends_with("is malformed"));
    }
}
