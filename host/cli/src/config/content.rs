//! Problems in a file's content, with their positions.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use far_component::review::escapes;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::escape::escape;
use crate::messages::problem::Problem;

/// A problem in a file's content, with its position.
#[derive(Debug)]
pub(crate) struct ContentError {
    problem: Problem,
    file: NamedSource<String>,
    span: Range<usize>,
    line: usize,
    column: usize,
}

impl ContentError {
    /// Creates the error for a problem in the bytes `span` of `text`.
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

impl Diagnostic for ContentError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.help()?))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.problem.label().to_owned();
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(label), self.span.clone()))))
    }
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            write!(f, "{}:{}:{}: ", self.file.name(), self.line, self.column)?;
        }
        write!(f, "{}", self.problem)
    }
}

/// Replaces each character that a terminal interprets by others of the same length, so that
/// positions stay valid.
fn displayable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (character, escaped) in escapes(text) {
        match character.len_utf8() {
            _ if matches!(character, '\n' | '\t') || !escaped => shown.push(character),
            // Usually the first half of a CRLF.
            _ if character == '\r' => shown.push(' '),
            3 => shown.push(char::REPLACEMENT_CHARACTER),
            len => shown.extend(std::iter::repeat_n('?', len)),
        }
    }
    shown
}

/// Renders an error as one line with its position, followed by its help.
#[cfg(test)]
pub(crate) fn render(error: &impl Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error:#}\nhelp: {help}"),
        None => format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme, NarratableReportHandler};

    use super::*;
    use crate::messages::problem::Type;

    fn error(text: &str, span: Range<usize>, problem: Problem) -> ContentError {
        ContentError::new(Path::new("far.toml"), text, span, problem)
    }

    fn wrong_type() -> ContentError {
        let problem = Problem::WrongType { key: "'agent.id'".to_owned(), expected: Type::Text, found: "an integer" };
        error("[agent]\nid = 7\n", 13..14, problem)
    }

    #[test]
    fn report_shows_position() {
        let mut report = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        handler.render_report(&mut report, &wrong_type()).unwrap();
        let expected = "  \u{d7} 'agent.id' is an integer, expected a string
   ╭─[far.toml:2:6]
 1 │ [agent]
 2 │ id = 7
   ·      ┬
   ·      ╰── an integer
   ╰────
  help: put the value in quotes
";
        assert_eq!(report, expected);
    }

    #[test]
    fn narrated_report_has_position() {
        let mut report = String::new();
        NarratableReportHandler::new().render_report(&mut report, &wrong_type()).unwrap();
        let expected = "'agent.id' is an integer, expected a string
    Diagnostic severity: error
Begin snippet for far.toml starting at line 1, column 1

snippet line 1: [agent]
snippet line 2: id = 7
    label at line 2, column 6: an integer
diagnostic help: put the value in quotes
";
        assert_eq!(report, expected);
    }

    #[test]
    fn alternate_form_begins_with_position() {
        assert_eq!(wrong_type().to_string(), "'agent.id' is an integer, expected a string");
        assert_eq!(format!("{:#}", wrong_type()), "far.toml:2:6: 'agent.id' is an integer, expected a string");
        let after_umlaut = error("# a\n\u{fc} x\n", 7..8, Problem::LaterKey { key: "'x'".to_owned() });
        assert_eq!(format!("{after_umlaut:#}"), "far.toml:2:3: 'x' is not supported by this version of far");
    }

    #[test]
    fn quoted_text_has_no_control_characters() {
        let text = "a\tb\r\n\u{1b}[2J\u{85}\u{61c}\u{202e}\u{2066}\u{e9}\u{20ac}\u{1f511}\n";
        let shown = displayable(text);
        assert_eq!(shown, "a\tb \n?[2J????\u{fffd}\u{fffd}\u{e9}\u{20ac}\u{1f511}\n");
        assert_eq!(shown.len(), text.len());
    }
}
