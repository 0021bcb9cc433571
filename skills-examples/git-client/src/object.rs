//! Parses commits and tags.

use crate::{Kind, ObjectId, Pack};

/// An error in an object of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pack does not contain the object.
    #[error("the pack has no {} {id}", kind.name())]
    Missing {
        /// The expected kind.
        kind: Kind,
        /// The object's id.
        id: ObjectId,
    },
    /// The object is of another kind, such as a tree in place of a blob.
    #[error("{id} is not a {}", kind.name())]
    Kind {
        /// The expected kind.
        kind: Kind,
        /// The object's id.
        id: ObjectId,
    },
    /// The object is malformed.
    #[error("the {} {id} is malformed", kind.name())]
    Malformed {
        /// The object's kind.
        kind: Kind,
        /// The object's id.
        id: ObjectId,
    },
    /// A tag leads to a commit through too many other tags.
    #[error("a tag leads to a commit through more than {TAGS} tags")]
    Tags,
    /// The tree exceeds [`Bounds`](crate::tree::Bounds).
    #[error("there are too many files, or their paths are too long")]
    TooMany,
}

impl From<Error> for far_skill::Error {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

/// The longest chain of tags ahead of a commit.
const TAGS: u32 = 8;

/// The parsed part of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit<'a> {
    /// The commit's id.
    pub id: ObjectId,
    /// The root tree.
    pub tree: ObjectId,
    /// The message, in an encoding that is usually UTF-8.
    pub message: &'a [u8],
}

impl<'a> Commit<'a> {
    /// Returns the commit with this id, or the commit that a tag with this id leads to.
    ///
    /// # Errors
    ///
    /// [`Error`] if an object on the way is missing or malformed.
    pub fn at(pack: &'a Pack, mut id: ObjectId) -> Result<Self, Error> {
        for _ in 0..=TAGS {
            let object = pack.object(&id).ok_or(Error::Missing { kind: Kind::Commit, id })?;
            id = match object.kind {
                Kind::Commit => return Self::parse(id, &object.data),
                Kind::Tag => tag_target(id, &object.data)?,
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

    /// Returns the first line of the message that is not blank.
    pub fn subject(&self) -> String {
        let lines = self.message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }
}

/// Returns the target of a tag.
fn tag_target(id: ObjectId, data: &[u8]) -> Result<ObjectId, Error> {
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
        let author = "A <a@example.com> 0 +0000";
        format!("tree {TREE}\nauthor {author}\ncommitter {author}\ngpgsig a\n \n b\n\n{message}").into_bytes()
    }

    fn tag(id: ObjectId) -> Vec<u8> {
        format!("object {id}\ntype commit\ntag v1\ntagger A <a@example.com> 0 +0000\n\nv1\n").into_bytes()
    }

    #[test]
    fn commit_has_tree_and_subject() {
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
    fn chain_of_tags_is_limited() {
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
    fn object_without_commit_is_error() {
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
