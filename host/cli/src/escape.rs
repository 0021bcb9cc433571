//! Text that an author or a guest wrote, made safe to show.

use far_component::review::escapes;

/// Escapes each character that a reader does not see, as `\u{…}`; everything else stays.
pub(crate) fn escape(text: &str) -> String {
    escapes(text).map(|(character, escaped)| shown(character, escaped)).collect()
}

/// Escapes the same characters of the beginning of a text: so many characters of it, and what says that there are more.
pub(crate) fn escape_start(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", escape(text.get(..end).unwrap_or_default())),
        None => escape(text),
    }
}

/// Escapes the same characters but for line ends and tabs: for text that has the place to itself.
pub(crate) fn escape_lines(text: &str) -> String {
    let keep = |character| matches!(character, '\n' | '\t');
    escapes(text).map(|(character, escaped)| shown(character, escaped && !keep(character))).collect()
}

/// Escapes the same characters in a finished JSON text, as `\uXXXX`: outside of strings it has none of them.
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

fn shown(character: char, escaped: bool) -> String {
    if escaped { character.escape_unicode().to_string() } else { character.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_the_reader_is_escaped() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape("a\nb\r\u{9b}"), "a\\u{a}b\\u{d}\\u{9b}");
        assert_eq!(escape("\u{202e}drowssap\u{2066}"), "\\u{202e}drowssap\\u{2066}");
        assert_eq!(escape("\u{fff9}a\u{fffb}\u{e0041}\u{e007f}"), "\\u{fff9}a\\u{fffb}\\u{e0041}\\u{e007f}");
        assert_eq!(escape("a\u{ad}b\u{180e}c\u{e0100}\u{3164}"), "a\\u{ad}b\\u{180e}c\\u{e0100}\\u{3164}");
        assert_eq!(escape("\u{a0}\u{2800}\u{e000}"), "\\u{a0}\\u{2800}\\u{e000}");
        assert_eq!(escape("'\u{301}a\u{301}"), "'\\u{301}a\u{301}", "a mark on nothing");
        assert_eq!(escape("\u{fffc}\u{fffd}"), "\u{fffc}\u{fffd}", "beside them");
        assert_eq!(escape("caf\u{e9} \u{1f980}"), "caf\u{e9} \u{1f980}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(escape_start("Grüße", 3), "Grü…");
        assert_eq!(escape_start("Grüße", 5), "Grüße");
        assert_eq!(escape_start("\u{1b}\u{1b}", 1), "\\u{1b}…");
        assert_eq!(escape_start("", 0), "");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escape_lines("{\n\t\u{1b}\r\n}"), "{\n\t\\u{1b}\\u{d}\n}");
    }

    #[test]
    fn json_stays_the_same_json() {
        let text = "a\u{202e}\u{7f}\u{9b}\u{feff}\u{fffa}\u{e0061}\u{ad}\u{301}b";
        let json = escape_json(&serde_json::to_string(text).unwrap());
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
