//! Why a file was refused, with the place in it and the next step.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use far_component::review::escapes;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::problem::Problem;
use super::source;
use crate::escape::escape;

/// Why a configuration file was refused.
///
/// `{}` is the message alone, for reports that show the place next to it. `{:#}` begins with the place, as
/// `far.toml:12:1: `, for one-line output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The operating system gave no bytes.
    #[error("failed to read '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("'{}' is not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else may have written what the operator is taken to have said.
    #[error("'{}' can be changed by others: its mode is {mode:04o}", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is neither root's nor of the user that runs `far`.
    #[error("'{}' belongs to another user: its owner is {owner}", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// Larger than any file that a person writes.
    #[error("'{}' has more than {} bytes", path.display(), source::MAX_LEN)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are no text.
    #[error("'{}' is not UTF-8 text: line {line} is the first that is not", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A task file in no known format.
    #[error("'{}' is neither a .toml nor a .json file", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// Something in the file.
    #[error(transparent)]
    Content(Box<ContentError>),
}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = match self {
            Self::Read { .. } => "check that the file is there and that you may read it".to_owned(),
            Self::NotAFile { .. } => "name a file, not a folder, pipe or device".to_owned(),
            Self::Writable { path, .. } => format!("take the right away: chmod go-w '{}'", path.display()),
            Self::Owner { .. } => "let root or the user that runs far own the file".to_owned(),
            Self::TooLarge { .. } => "check that this is the file you mean".to_owned(),
            Self::NotText { .. } => "save the file as UTF-8".to_owned(),
            Self::Extension { .. } => "name the file so that it ends in .toml or .json".to_owned(),
            Self::Content(content) => content.problem.help()?,
        };
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Content(content) => Some(&content.file),
            _ => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Self::Content(content) = self else { return None };
        let label = content.problem.label().to_owned();
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(label), content.span.clone()))))
    }
}

/// A problem in a file's content, and where.
#[derive(Debug)]
pub(crate) struct ContentError {
    problem: Problem,
    file: NamedSource<String>,
    span: Range<usize>,
    line: usize,
    column: usize,
}

impl ContentError {
    /// A problem in these bytes of this text.
    pub(super) fn new(path: &Path, text: &str, span: Range<usize>, problem: Problem) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let file = NamedSource::new(escape(&path.to_string_lossy()), displayable(text));
        Self { problem, file, span, line, column }
    }
}

impl std::error::Error for ContentError {}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            write!(f, "{}:{}:{}: ", self.file.name(), self.line, self.column)?;
        }
        write!(f, "{}", self.problem)
    }
}

/// The text with each character that a terminal would obey replaced by others of the same length: places stay as they are.
fn displayable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (character, escaped) in escapes(text) {
        match character.len_utf8() {
            _ if matches!(character, '\n' | '\t') || !escaped => shown.push(character),
            // Half of a line's end, as a rule.
            _ if character == '\r' => shown.push(' '),
            3 => shown.push(char::REPLACEMENT_CHARACTER),
            len => shown.extend(std::iter::repeat_n('?', len)),
        }
    }
    shown
}

/// An error as one line with its place, and its help: what the tests of this module compare.
#[cfg(test)]
pub(super) fn said(error: &ConfigError) -> String {
    match error.help() {
        Some(help) => format!("{error:#}\nhelp: {help}"),
        None => format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme, NarratableReportHandler};

    use super::*;
    use crate::config::problem::Type;

    fn error(text: &str, span: Range<usize>, problem: Problem) -> ConfigError {
        ConfigError::Content(Box::new(ContentError::new(Path::new("far.toml"), text, span, problem)))
    }

    fn wrong_type() -> ConfigError {
        let problem = Problem::WrongType { key: "'agent.id'".to_owned(), expected: Type::Text, found: "an integer" };
        error("[agent]\nid = 7\n", 13..14, problem)
    }

    #[test]
    fn a_report_shows_the_place() {
        let mut report = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        handler.render_report(&mut report, &wrong_type()).unwrap();
        let expected = "  \u{d7} 'agent.id' is an integer, where a string belongs
   ╭─[far.toml:2:6]
 1 │ [agent]
 2 │ id = 7
   ·      ┬
   ·      ╰── an integer
   ╰────
  help: write it in quotes
";
        assert_eq!(report, expected);
    }

    #[test]
    fn a_report_for_screen_readers_says_it() {
        let mut report = String::new();
        NarratableReportHandler::new().render_report(&mut report, &wrong_type()).unwrap();
        let expected = "'agent.id' is an integer, where a string belongs
    Diagnostic severity: error
Begin snippet for far.toml starting at line 1, column 1

snippet line 1: [agent]
snippet line 2: id = 7
    label at line 2, column 6: an integer
diagnostic help: write it in quotes
";
        assert_eq!(report, expected);
    }

    #[test]
    fn the_alternate_form_begins_with_the_place() {
        assert_eq!(wrong_type().to_string(), "'agent.id' is an integer, where a string belongs");
        assert_eq!(format!("{:#}", wrong_type()), "far.toml:2:6: 'agent.id' is an integer, where a string belongs");
        let after_umlaut = error("# a\n\u{fc} x\n", 7..8, Problem::LaterKey { key: "'x'".to_owned() });
        assert_eq!(format!("{after_umlaut:#}"), "far.toml:2:3: 'x' is not supported by this version of far");
    }

    #[test]
    fn a_terminal_obeys_nothing_in_a_quotation() {
        let text = "a\tb\r\n\u{1b}[2J\u{85}\u{61c}\u{202e}\u{2066}\u{e9}\u{20ac}\u{1f511}\n";
        let shown = displayable(text);
        assert_eq!(shown, "a\tb \n?[2J????\u{fffd}\u{fffd}\u{e9}\u{20ac}\u{1f511}\n");
        assert_eq!(shown.len(), text.len());
    }
}
