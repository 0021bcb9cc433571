//! Which field of a JSON document an error is about, for parsers that tell only where.

/// How much of a path is told; keys come from outside and may be of any length.
const LONGEST_PATH: usize = 80;

/// Returns the path to the field that the document has reached at a position, as in `items[1].count`; none at the top.
///
/// The position is as `serde_json` tells it: lines from 1, columns in bytes and counted up to and with the last one read.
pub(crate) fn field_before(document: &[u8], line: usize, column: usize) -> Option<String> {
    let lines = document.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let read = document.get(..before.saturating_add(column)).unwrap_or(document);
    let path = path(&containers_open_after(read));
    (!path.is_empty()).then(|| path.chars().take(LONGEST_PATH).collect())
}

/// An object or array that is not closed yet, with where in it the document is.
enum Container<'a> {
    Object { key: Option<&'a [u8]>, wants_key: bool },
    Array { index: usize },
}

/// Reads a document that was valid JSON so far; what is not needed to tell the path is skipped.
fn containers_open_after(read: &[u8]) -> Vec<Container<'_>> {
    let mut open = Vec::new();
    let mut rest = read;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, open.last_mut()) {
            (b'{', _) => open.push(Container::Object { key: None, wants_key: true }),
            (b'[', _) => open.push(Container::Array { index: 0 }),
            (b'}' | b']', _) => drop(open.pop()),
            (b',', Some(Container::Array { index })) => *index += 1,
            (b',', Some(Container::Object { wants_key, .. })) => *wants_key = true,
            (b'"', container) => {
                let (string, tail) = split_string(tail);
                rest = tail;
                if let Some(Container::Object { key, wants_key: wants_key @ true }) = container {
                    *key = Some(string);
                    *wants_key = false;
                }
            }
            _ => {}
        }
    }
    open
}

/// Splits what follows an opening quote into the string, its escapes as they are, and what follows the closing quote.
fn split_string(text: &[u8]) -> (&[u8], &[u8]) {
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((string, tail)) => (string, tail.get(1..).unwrap_or_default()),
        None => (text, &[]),
    }
}

fn path(open: &[Container<'_>]) -> String {
    let mut path = String::new();
    for container in open {
        match container {
            Container::Object { key: Some(key), .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&String::from_utf8_lossy(key));
            }
            Container::Object { key: None, .. } => {}
            Container::Array { index } => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(read: &str) -> Option<String> {
        field_before(read.as_bytes(), 1, read.len())
    }

    #[test]
    fn the_path_ends_where_the_document_is() {
        assert_eq!(field(r#"{"a": {"b": [1, {"c": "x,y"}, 7"#).as_deref(), Some("a.b[2]"));
        assert_eq!(field(r#"{"a": {"b": 1}, "c": "d"#).as_deref(), Some("c"));
        assert_eq!(field(r#"[[1], [2, 3"#).as_deref(), Some("[1][1]"));
        assert_eq!(field(r#"{"a": 1}"#), None);
        assert_eq!(field("7"), None);
    }

    #[test]
    fn quotes_and_brackets_in_strings_are_text() {
        assert_eq!(field(r#"{"a": "\"}]\\", "b\"": 1"#).as_deref(), Some(r#"b\""#));
    }

    #[test]
    fn a_position_counts_lines_and_bytes() {
        let document = "{\n  \"ä\": 1,\n  \"b\": 2\n}";
        assert_eq!(field_before(document.as_bytes(), 2, 9).as_deref(), Some("ä"));
        assert_eq!(field_before(document.as_bytes(), 3, 8).as_deref(), Some("b"));
        assert_eq!(field_before(document.as_bytes(), usize::MAX, usize::MAX), None);
    }

    #[test]
    fn a_long_key_is_cut() {
        let document = format!("{{\"{}\": 1", "k".repeat(1000));
        assert_eq!(field(&document).map(|path| path.len()), Some(LONGEST_PATH));
    }
}
