//! Splits Markdown into passages: of a file, or of a doc comment.

use super::passage::{Kind, Passage, Prose};
use crate::failure::Failure;

/// Parses a Markdown file.
#[expect(clippy::unnecessary_wraps, reason = "the parsers of all kinds of files have one signature")]
pub(super) fn parse(file: &str, text: &str) -> Result<Prose, Failure> {
    let lines: Vec<_> = text.lines().enumerate().map(|(index, line)| (index + 1, line)).collect();
    let passages = passages(&lines, Kind::Paragraph, Kind::Paragraph);
    let mut fences = Fences::default();
    let is_prose = |line: &str, fenced: bool| !fenced && !is_table(line) && !is_unbreakable(line);
    let prose = lines.iter().filter(|(_, line)| {
        let fenced = fences.contains(line);
        is_prose(line, fenced)
    });
    let widths = prose.map(|(number, line)| (*number, line.chars().count())).collect();
    let words = text.split_whitespace().count();
    Ok(Prose { file: file.to_owned(), passages, words, tests: Vec::new(), widths })
}

/// Splits numbered lines into paragraphs, list items, headings and cells of tables, without code
/// blocks.
pub(super) fn passages(lines: &[(usize, &str)], first: Kind, rest: Kind) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    let mut open = false;
    let mut fences = Fences::default();
    for (number, line) in lines {
        let text = line.trim();
        let begins_block = is_item(text) || text.starts_with('#') || text.starts_with('>');
        let is_code = fences.contains(line);
        if !is_code && is_table(text) {
            let cells = text.split('|').map(str::trim).filter(|cell| !cell.is_empty());
            found.extend(cells.map(|cell| Passage { kind: rest, line: *number, text: cell.to_owned() }));
        }
        if is_code || text.is_empty() || is_table(text) || is_definition(text) {
            open = false;
            continue;
        }
        let content = without_marker(text);
        match found.last_mut() {
            Some(passage) if open && !begins_block => {
                passage.text.push(' ');
                passage.text.push_str(content);
            }
            _ => {
                let kind = if found.is_empty() { first } else { rest };
                found.push(Passage { kind, line: *number, text: content.to_owned() });
            }
        }
        open = !text.starts_with('#');
    }
    found
}

/// The state of fenced code blocks while lines are read.
#[derive(Default)]
struct Fences {
    open: bool,
}

impl Fences {
    /// Returns true if a line is in a code block, or begins or ends one.
    fn contains(&mut self, line: &str) -> bool {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence {
            self.open = !self.open;
        }
        self.open || is_fence
    }
}

fn is_table(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

/// Returns true for `[name]: target`.
fn is_definition(line: &str) -> bool {
    line.starts_with('[') && line.contains("]: ")
}

/// Returns true if a line has a link or a code span that no line break can shorten.
pub(super) fn is_unbreakable(line: &str) -> bool {
    line.split_whitespace().any(|word| word.chars().count() > 60) || line.trim_start().starts_with('<')
}

fn is_item(text: &str) -> bool {
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* "].iter().any(|marker| text.starts_with(marker)) || number.len() < text.len() && number.starts_with(". ")
}

fn without_marker(text: &str) -> &str {
    let text = text.trim_start_matches(['#', '>']).trim_start();
    if !is_item(text) {
        return text;
    }
    text.split_once(' ').map_or(text, |(_, content)| content.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_items_and_headings_are_passages() {
        let text = "# Title\nOne\ntwo.\n\n- a\n  b\n- c\n\n```console\n$ ls\n```\n| x | y |\n\n[a]: b\n1. d\n";
        let prose = parse("a.md", text).unwrap();
        let texts: Vec<_> = prose.passages.iter().map(|passage| (passage.line, passage.text.as_str())).collect();
        assert_eq!(texts, [(1, "Title"), (2, "One two."), (5, "a b"), (7, "c"), (12, "x"), (12, "y"), (15, "d")]);
    }

    #[test]
    fn width_of_code_and_tables_is_ignored() {
        let wide = "word ".repeat(30);
        let text = format!("```\n{wide}\n```\n| {wide} |\n{wide}\n");
        let prose = parse("a.md", &text).unwrap();
        assert_eq!(prose.widths, [(5, 150)]);
    }
}
