//! The table of figures.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::failure::Failure;

const COLUMNS: [&str; 5] = ["id", "what", "expected", "seen", "ok"];

/// Formats the rows as an aligned table.
pub(super) fn table(rows: &[Value]) -> String {
    let cells: Vec<_> = rows.iter().map(|row| COLUMNS.map(|column| cell(row, column))).collect();
    let lines: Vec<_> = [COLUMNS.map(str::to_owned)].into_iter().chain(cells).collect();
    let mut widths = [0; COLUMNS.len()];
    for line in &lines {
        widths.iter_mut().zip(line).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let mut table = String::new();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{cell:width$}  ");
        }
        table.push_str(text.trim_end());
        table.push('\n');
    }
    table
}

/// Returns the id and the name of a row.
pub(super) fn name(row: &Value) -> String {
    format!("{} {}", cell(row, "id"), cell(row, "what"))
}

/// Returns a row without figures, which misses its target.
pub(super) fn not_measured(id: &str, failure: &Failure) -> Value {
    let none = Value::Null;
    json!({
        "id": id, "what": "not measured", "expected": "a figure", "seen": failure.message(), "ok": false,
        "ratio": none, "target": none, "floor": none, "spread": none,
    })
}

fn cell(row: &Value, column: &str) -> String {
    match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        _ if column == "ok" => "NO".to_owned(),
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_aligned_and_marks_missed_targets() {
        let rows = [
            json!({ "id": "P1", "what": "check", "expected": "< 100 ns", "seen": "14 ns", "ok": true }),
            not_measured("P5", &Failure::new("no Python")),
        ];
        let expected = "id  what          expected  seen       ok\n\
                        P1  check         < 100 ns  14 ns      yes\n\
                        P5  not measured  a figure  no Python  NO\n";
        assert_eq!(table(&rows), expected);
        assert_eq!(name(&rows[1]), "P5 not measured");
    }
}
