//! Masks for text that differs between runs: `*`, or 0 for durations in JSON.

/// The prefixes of hexadecimal ids, with the number of digits.
const IDS: [(&str, usize); 5] = [("task-", 32), ("env-", 32), ("token-", 32), ("unlisted:", 16), ("sha256:", 64)];

/// Returns the masked text.
pub(crate) fn mask(text: &str) -> String {
    let mut text: String = text.split_inclusive('\n').map(without_time).collect();
    text = without_sizes(&text);
    for (before, digits) in IDS {
        let is_id = |run: &str| run.len() == digits;
        text = replaced(&text, before, |character| matches!(character, '0'..='9' | 'a'..='f'), is_id, "*");
    }
    for before in ["sha256:*, ", "\"size\":"] {
        text = replaced(&text, before, |character| character.is_ascii_digit(), |run| !run.is_empty(), "*");
    }
    text = replaced(&text, "\"ts\":\"", |character| character != '"', |_| true, "*");
    // The source position of a guest's panic.
    let is_place = |character: char| character.is_ascii_digit() || character == ':';
    text = replaced(&text, "script.rs:", is_place, |run| !run.is_empty(), "*");
    // The number of files in the SDK.
    text = replaced(&text, ": created a skill of ", |character| character.is_ascii_digit(), |run| !run.is_empty(), "*");
    text = replaced(&text, "duration=", |character| character.is_ascii_digit(), |run| !run.is_empty(), "*");
    for before in ["status=", "bytes-sent=", "bytes-received="] {
        text = replaced(&text, before, |character| character.is_ascii_digit(), |run| !run.is_empty(), "*");
    }
    replaced(&text, "\"duration_us\":", |character| character.is_ascii_digit(), |run| !run.is_empty(), "0")
}

/// The start of the line that names the command with the explanation of an error.
pub(crate) const EXPLANATION: &str = "  explanation: far explain ";

/// Masks the sizes of a component, which depend on the toolchain: a table for people, an object for
/// programs.
fn without_sizes(text: &str) -> String {
    let mut shown = String::new();
    let mut in_table = false;
    for line in text.split_inclusive('\n') {
        in_table = line.starts_with("SIZE ") || in_table && line != "\n";
        match (line.starts_with("SIZE "), in_table) {
            (true, _) => shown.push_str("SIZE *\n"),
            (false, true) => {}
            (false, false) => shown.push_str(line),
        }
    }
    match shown.split_once("\"shape\":{") {
        Some((before, rest)) => {
            let after = rest.split_once("}},").map_or("", |(_, after)| after);
            format!("{before}\"shape\":*,{after}")
        }
        None => shown,
    }
}

/// Masks the time at the start of an event's line, as in `12:34:56.123456 task.started`.
fn without_time(line: &str) -> String {
    let is_time = |time: &str| {
        let pattern = "00:00:00.000000";
        let is_like = |(a, b): (char, char)| if b == '0' { a.is_ascii_digit() } else { a == b };
        time.len() == pattern.len() && time.chars().zip(pattern.chars()).all(is_like)
    };
    match line.split_once(' ') {
        Some((time, rest)) if is_time(time) => format!("* {rest}"),
        _ => line.to_owned(),
    }
}

/// Replaces each longest run of these characters after `before`, if `whole` accepts the run.
fn replaced(text: &str, before: &str, of: fn(char) -> bool, whole: impl Fn(&str) -> bool, with: &str) -> String {
    let mut pieces = text.split(before);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(of);
        let (run, _) = piece.split_at(piece.len() - rest.len());
        masked.extend([before, if whole(run) { with } else { run }, rest]);
    }
    masked
}

#[test]
fn only_variable_text_is_masked() {
    let id = "0123456789abcdef".repeat(2);
    let text = format!("12:34:56.123456 task.finished duration=12us task=task-{id}\n12:34 task-{id}0 duration=xus\n");
    assert_eq!(mask(&text), format!("* task.finished duration=*us task=task-*\n12:34 task-{id}0 duration=xus\n"));
    let json = format!(r#"{{"ts":"2026","v":1,"duration_us":17,"secret_version":"env-{id}","x":"unlisted:0123"}}"#);
    assert_eq!(mask(&json), r#"{"ts":"*","v":1,"duration_us":0,"secret_version":"env-*","x":"unlisted:0123"}"#);
}
