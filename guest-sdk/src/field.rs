//! Finds the field of a JSON document at an error's position.

/// The maximum length of a path, in characters: keys are untrusted and may be of any length.
const PATH_MAX: usize = 80;

/// Returns the path to the field at a position, such as `items[1].count`, or `None` at the top
/// level.
///
/// The position is `serde_json`'s: lines count from 1; columns count bytes up to the last one read.
pub(crate) fn field_before(document: &[u8], line: usize, column: usize) -> Option<String> {
    let lines = document.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let read = document.get(..before.saturating_add(column)).unwrap_or(document);
    let path = path(&containers_open_after(read));
    (!path.is_empty()).then(|| path.chars().take(PATH_MAX).collect())
}

/// An open object or array, with the position inside it.
enum Container<'a> {
    Object { key: Option<&'a [u8]>, wants_key: bool },
    Array { index: usize },
}

/// Returns the containers that are still open. Expects a prefix of a valid document.
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

/// Splits the text after an opening quote into the raw string and the rest after the closing quote.
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
    fn path_ends_at_position() {
        assert_eq!(field(r#"{"a": {"b": [1, {"c": "x,y"}, 7"#).as_deref(), Some("a.b[2]"));
        assert_eq!(field(r#"{"a": {"b": 1}, "c": "d"#).as_deref(), Some("c"));
        assert_eq!(field(r#"[[1], [2, 3"#).as_deref(), Some("[1][1]"));
        assert_eq!(field(r#"{"a": 1}"#), None);
        assert_eq!(field("7"), None);
    }

    #[test]
    fn string_content_is_not_structure() {
        assert_eq!(field(r#"{"a": "\"}]\\", "b\"": 1"#).as_deref(), Some(r#"b\""#));
    }

    #[test]
    fn position_counts_lines_and_bytes() {
        let document = "{\n  \"ä\": 1,\n  \"b\": 2\n}";
        assert_eq!(field_before(document.as_bytes(), 2, 9).as_deref(), Some("ä"));
        assert_eq!(field_before(document.as_bytes(), 3, 8).as_deref(), Some("b"));
        assert_eq!(field_before(document.as_bytes(), usize::MAX, usize::MAX), None);
    }

    #[test]
    fn long_key_is_truncated() {
        let document = format!("{{\"{}\": 1", "k".repeat(1000));
        assert_eq!(field(&document).map(|path| path.len()), Some(PATH_MAX));
    }
}
