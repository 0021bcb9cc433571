//! Escaping of text from authors and guests.

use far_component::review::escapes;

/// Escapes each invisible character as `\u{…}`.
pub(crate) fn escape(text: &str) -> String {
    escapes(text).map(|(character, escaped)| render(character, escaped)).collect()
}

/// Escapes the first `most` characters, and marks omitted text with an ellipsis.
pub(crate) fn escape_start(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", escape(text.get(..end).unwrap_or_default())),
        None => escape(text),
    }
}

/// Escapes the same characters except line ends and tabs, for text of several lines.
pub(crate) fn escape_lines(text: &str) -> String {
    let keep = |character| matches!(character, '\n' | '\t');
    escapes(text).map(|(character, escaped)| render(character, escaped && !keep(character))).collect()
}

/// Escapes the same characters in serialized JSON as `\uXXXX`. They only occur in strings.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for (character, is_escaped) in escapes(json) {
        if is_escaped {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn render(character: char, escaped: bool) -> String {
    if escaped { character.escape_unicode().to_string() } else { character.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape("a\nb\r\u{9b}"), "a\\u{a}b\\u{d}\\u{9b}");
        assert_eq!(escape("\u{202e}drowssap\u{2066}"), "\\u{202e}drowssap\\u{2066}");
        assert_eq!(escape("\u{fff9}a\u{fffb}\u{e0041}\u{e007f}"), "\\u{fff9}a\\u{fffb}\\u{e0041}\\u{e007f}");
        assert_eq!(escape("a\u{ad}b\u{180e}c\u{e0100}\u{3164}"), "a\\u{ad}b\\u{180e}c\\u{e0100}\\u{3164}");
        assert_eq!(escape("\u{a0}\u{2800}\u{e000}"), "\\u{a0}\\u{2800}\\u{e000}");
        assert_eq!(escape("'\u{301}a\u{301}"), "'\\u{301}a\u{301}", "a mark without a base character");
        assert_eq!(escape("\u{fffc}\u{fffd}"), "\u{fffc}\u{fffd}", "adjacent code points");
        assert_eq!(escape("caf\u{e9} \u{1f980}"), "caf\u{e9} \u{1f980}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(escape_start("Grüße", 3), "Grü…");
        assert_eq!(escape_start("Grüße", 5), "Grüße");
        assert_eq!(escape_start("\u{1b}\u{1b}", 1), "\\u{1b}…");
        assert_eq!(escape_start("", 0), "");
    }

    #[test]
    fn line_ends_are_kept() {
        assert_eq!(escape_lines("{\n\t\u{1b}\r\n}"), "{\n\t\\u{1b}\\u{d}\n}");
    }

    #[test]
    fn escaped_json_keeps_its_value() {
        let text = "a\u{202e}\u{7f}\u{9b}\u{feff}\u{fffa}\u{e0061}\u{ad}\u{301}b";
        let json = escape_json(&serde_json::to_string(text).unwrap());
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
