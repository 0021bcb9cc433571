//! Objects and their kinds.

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A snapshot of a tree, with a message.
    Commit,
    /// A folder: names of blobs, of other trees, and of commits of other repositories.
    Tree,
    /// A file's content.
    Blob,
    /// A named reference to another object, with a message.
    Tag,
}

impl Kind {
    /// Returns the kind's name in an object's header.
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
    /// The kind.
    pub kind: Kind,
    /// The content.
    pub data: Vec<u8>,
}
