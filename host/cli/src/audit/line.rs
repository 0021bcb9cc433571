//! A line of an audit file, for people.

use serde_json::{Map, Value};

use crate::escape::escape;

/// What is shown of a record after its time and its event, in this order, and under which name.
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

/// `12:34:56.123456 secret.denied payroll-db reason=undeclared`. The file may be anybody's: everything is escaped.
pub(super) fn shown(line: &[u8]) -> String {
    let Ok(record) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return format!("(no record) {}", escape(&String::from_utf8_lossy(line)));
    };
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("?");
    let ts = text("ts");
    // The time of the day, of a time in the form that sinks write.
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
    fn a_record_is_shown_as_far_run_shows_it() {
        let line = br#"{"v":1,"seq":7,"ts":"2023-11-14T22:13:20.000001Z","task_id":"t1","agent_id":"a1","skill":null,"event":"secret.denied","secret_name":"unlisted:ab","reason":"undeclared","duration_us":42,"chain":{"line":1,"prev":"00"}}"#;
        let expected = "22:13:20.000001 secret.denied    unlisted:ab reason=undeclared duration_us=42 task=t1";
        assert_eq!(shown(line), expected);
    }

    #[test]
    fn what_is_no_record_is_shown_harmless() {
        let deep = "[".repeat(100_000);
        for (line, begins) in [
            ("", "(no record) "),
            ("\u{1b}[2J", "(no record) \\u{1b}[2J"),
            (&deep, "(no record) [[["),
            ("{\"event\":\"\u{202e}\",\"ts\":\"é\",\"torn\":[\"\u{9b}\"]}", "é \\u{202e}"),
            ("{\"event\":7}", "? ?"),
        ] {
            let shown = shown(line.as_bytes());
            assert!(shown.starts_with(begins), "{shown}");
            assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
        }
        assert!(shown(b"\xff\0").starts_with("(no record) \u{fffd}\\u{0}"));
    }
}
