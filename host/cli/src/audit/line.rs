//! Formatting of audit lines for people.

use serde_json::{Map, Value};

use crate::escape::escape;

/// The fields shown after time and event, in this order, with their labels.
const FIELDS: [(&str, &str); 16] = [
    ("secret_name", ""),
    ("secret_version", "version="),
    ("provider", "provider="),
    ("operation", "operation="),
    ("destination", "destination="),
    ("outcome", "outcome="),
    ("reason", "reason="),
    ("cache", "cache="),
    ("level", "level="),
    ("length", "length="),
    ("duration_us", "duration_us="),
    ("head", "head="),
    ("key", "key="),
    ("torn", "torn="),
    ("unsigned", "unsigned="),
    ("task_id", "task="),
];

/// Formats a line, such as `12:34:56.123456 secret.denied payroll-db reason=undeclared`. All
/// content is escaped, because the file may be hostile.
pub(super) fn format_record(line: &[u8]) -> String {
    let Ok(record) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return format!("(invalid record) {}", escape(&String::from_utf8_lossy(line)));
    };
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("?");
    let ts = text("ts");
    // The time of day, if the timestamp has the format that sinks write.
    let time = ts.get(11..26).filter(|_| ts.len() == 27).unwrap_or(ts);
    let mut shown = format!("{time} {:<16}", text("event"));
    for (field, name) in FIELDS {
        match record.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => shown.push_str(&format!(" {name}{text}")),
            Some(other) => shown.push_str(&format!(" {name}{other}")),
        }
    }
    escape(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_formatted_like_run_events() {
        let line = br#"{"v":1,"seq":7,"ts":"2023-11-14T22:13:20.000001Z","task_id":"t1","agent_id":"a1","skill":null,"event":"secret.denied","secret_name":"unlisted:ab","reason":"undeclared","duration_us":42,"chain":{"line":1,"prev":"00"}}"#;
        let expected = "22:13:20.000001 secret.denied    unlisted:ab reason=undeclared duration_us=42 task=t1";
        assert_eq!(format_record(line), expected);
    }

    #[test]
    fn invalid_record_is_escaped() {
        let deep = "[".repeat(100_000);
        for (line, begins) in [
            ("", "(invalid record) "),
            ("\u{1b}[2J", "(invalid record) \\u{1b}[2J"),
            (&deep, "(invalid record) [[["),
            ("{\"event\":\"\u{202e}\",\"ts\":\"é\",\"torn\":[\"\u{9b}\"]}", "é \\u{202e}"),
            ("{\"event\":7}", "? ?"),
        ] {
            let shown = format_record(line.as_bytes());
            assert!(shown.starts_with(begins), "{shown}");
            assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
        }
        assert!(format_record(b"\xff\0").starts_with("(invalid record) \u{fffd}\\u{0}"));
    }
}
