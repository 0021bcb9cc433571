//! Tables for people.

use crate::escape::escape_start;

/// Lays rows out under a header. Cells must be escaped.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells.into_iter().zip(widths).map(|(cell, to)| format!("{cell:to$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(header);
    rows.iter().for_each(|row| text.push_str(&line(row.each_ref().map(String::as_str))));
    text
}

/// The maximum number of rows of author-supplied content.
const ROWS_MAX: usize = 100;
/// The maximum length of an author-supplied cell, in characters.
const CELL_MAX: usize = 200;

/// Lays out the first rows of author-supplied content, and the number of omitted rows.
pub(crate) fn first_rows<const N: usize, T>(header: [&str; N], items: &[T], row: impl Fn(&T) -> [String; N]) -> String {
    let rows: Vec<_> = items.iter().take(ROWS_MAX).map(row).collect();
    let mut text = table(header, &rows);
    match items.len() - rows.len() {
        0 => {}
        more => text.push_str(&format!("and {more} more (see --json)\n")),
    }
    text
}

/// Escapes and truncates author-supplied text for a cell.
pub(crate) fn cell(text: &str) -> String {
    escape_start(text, CELL_MAX)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell() {
        let rows = [["a", "längste", "x"], ["abc", "", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["k", "value", "more"], &rows), "k    value    more\na    längste  x\nabc\n");
        assert_eq!(table(["k", "value"], &[]), "k  value\n");
    }
}
