//! Markdown, wrapped at 100 columns outside of tables.

const WIDTH: usize = 100;

/// A page in progress.
pub(super) struct Document(String);

impl Document {
    /// Starts a page with its first line.
    pub(super) fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    /// Returns the page.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Adds a heading.
    pub(super) fn heading(&mut self, level: usize, title: &str) {
        self.0.push_str(&format!("\n{} {title}\n", "#".repeat(level)));
    }

    /// Adds a paragraph.
    pub(super) fn text(&mut self, text: &str) {
        let mut width = 0;
        self.0.push('\n');
        for word in unbroken(text) {
            let len = word.chars().count();
            if width > 0 && width + 1 + len > WIDTH {
                self.0.push('\n');
                width = 0;
            }
            if width > 0 {
                self.0.push(' ');
                width += 1;
            }
            self.0.push_str(&word);
            width += len;
        }
        self.0.push('\n');
    }

    /// Adds Markdown as it is.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.0.push_str(&format!("\n{}\n", text.trim_end()));
    }

    /// Adds a block of text.
    pub(super) fn block(&mut self, text: &str) {
        self.verbatim(&format!("```text\n{}\n```", text.trim_end()));
    }

    /// Adds a table.
    pub(super) fn table<const N: usize>(&mut self, header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        let line = |cells: &[String]| {
            // A bar ends a cell, in code too.
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
        };
        self.0.push('\n');
        self.0.push_str(&line(&header.map(str::to_owned)));
        self.0.push_str(&line(&[const { "---" }; N].map(str::to_owned)));
        rows.into_iter().for_each(|row| self.0.push_str(&line(&row)));
    }
}

/// Splits a text into words; a space in code is part of its word.
fn unbroken(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut().filter(|last| last.matches('`').count() % 2 == 1) {
            Some(open) => open.push_str(&format!(" {word}")),
            None => words.push(word.to_owned()),
        }
    }
    words
}

/// Marks a token as code.
pub(super) fn code(token: &str) -> String {
    format!("`{token}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_tables_are_not() {
        let mut page = Document::new("first\n");
        page.text(&"word ".repeat(30));
        page.table(["a", "b"], [["x|y".to_owned(), "z".repeat(200)]]);
        let page = page.finish();
        let lines: Vec<_> = page.lines().collect();
        assert!(lines[2].len() <= WIDTH && lines[3].starts_with("word"));
        assert_eq!(lines[5..7], ["| a | b |", "| --- | --- |"]);
        assert!(lines[7].starts_with("| x\\|y | zzz"));
        assert_eq!(unbroken("a `b  c` d"), ["a", "`b c`", "d"]);
    }
}
