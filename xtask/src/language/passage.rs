//! The prose of one file.

/// The kind of a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A doc comment's first paragraph.
    Doc,
    /// Another paragraph of a doc comment.
    DocBody,
    /// A paragraph of a comment.
    Comment,
    /// A string literal with at least three words.
    Literal,
    /// A paragraph of a Markdown file.
    Paragraph,
}

impl Kind {
    /// Returns true for comments and doc comments.
    pub(super) fn is_comment(self) -> bool {
        matches!(self, Self::Doc | Self::DocBody | Self::Comment)
    }
}

/// A paragraph, list item or message, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) kind: Kind,
    /// The line on which the passage begins, from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// The prose of one file.
#[derive(Debug, Default)]
pub(super) struct Prose {
    /// Relative to the root.
    pub(super) file: String,
    pub(super) passages: Vec<Passage>,
    /// All words of a Markdown file, with code and tables.
    pub(super) words: usize,
    /// The names of test functions, with their lines.
    pub(super) tests: Vec<(usize, String)>,
    /// The widths of lines of prose in columns, with their lines.
    pub(super) widths: Vec<(usize, usize)>,
}
