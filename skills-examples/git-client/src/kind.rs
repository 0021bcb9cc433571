//! Objects, and what kinds of them there are.

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tree, with what was said of it.
    Commit,
    /// Names, each of a blob, another tree, or a commit of another repository.
    Tree,
    /// A file's content.
    Blob,
    /// A name for another object, with what was said of it.
    Tag,
}

impl Kind {
    /// As it stands before an object that is named.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// An object of a repository.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// What it has.
    pub data: Vec<u8>,
}
