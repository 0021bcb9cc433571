//! Detection of invisible characters in untrusted text.
//!
//! Visible characters are shown unchanged: letters, numbers, punctuation and symbols with a glyph,
//! the space U+0020, and combining marks on a letter, number or symbol. All other characters are
//! escaped: controls, format characters, other spaces, private use and unassigned code points. The
//! Unicode properties are those of `icu_properties`.
//!
//! Confusable letters of two scripts are visible text, and are not detected. Nor is the reordering
//! of right-to-left scripts.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The most nonspacing marks in a row, as UTS #39, section 5.4, recommends.
const MARKS_MAX: usize = 4;

/// Blank characters with the properties of visible ones: braille without dots, a note without a
/// head, blank hieroglyphs, the filler of Khitan.
const BLANK: [char; 5] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}', '\u{16fe4}'];

/// Returns true if a reader never sees the character: a terminal or a program interprets it, or it
/// looks blank.
pub fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_control();
    }
    match category(character) {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::PrivateUse
        | GeneralCategory::SpaceSeparator
        | GeneralCategory::Surrogate
        | GeneralCategory::Unassigned => true,
        // These include all variation selectors, and the fillers of Hangul.
        _ => CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) || BLANK.contains(&character),
    }
}

/// Yields each character of a string, with true if it must be escaped. These are invisible
/// characters ([`is_invisible`]), and combining marks that would draw over other text.
pub fn escapes(text: &str) -> impl Iterator<Item = (char, bool)> {
    // The number of further nonspacing marks on the last letter; none without a letter.
    let mut room = None;
    text.chars().map(move |character| {
        let (escaped, next) = classify(character, room);
        room = next;
        (character, escaped)
    })
}

/// Returns true if the character must be escaped where `room` more marks fit, and the room after
/// it.
fn classify(character: char, room: Option<usize>) -> (bool, Option<usize>) {
    if is_invisible(character) {
        return (true, None);
    }
    match category(character) {
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => {
            let left = room.and_then(|room| room.checked_sub(1));
            (left.is_none(), left)
        }
        GeneralCategory::SpacingMark => (room.is_none(), room),
        GeneralCategory::ConnectorPunctuation
        | GeneralCategory::DashPunctuation
        | GeneralCategory::OpenPunctuation
        | GeneralCategory::ClosePunctuation
        | GeneralCategory::InitialPunctuation
        | GeneralCategory::FinalPunctuation
        | GeneralCategory::OtherPunctuation
        | GeneralCategory::SpaceSeparator => (false, None),
        _ => (false, Some(MARKS_MAX)),
    }
}

/// Returns true if a text for people has a character that must be escaped. Line feeds and tabs are
/// allowed.
pub(super) fn is_hostile(text: &str) -> bool {
    escapes(text).any(|(character, escaped)| escaped && !matches!(character, '\n' | '\t'))
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_unseen() {
        for character in [
            // A soft hyphen, a joiner, separators, variation selectors.
            '\u{ad}',
            '\u{34f}',
            '\u{180b}',
            '\u{180e}',
            '\u{180f}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{e0100}',
            '\u{e01ef}',
            // Blank letters and symbols.
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{17b5}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{1d159}',
            '\u{13441}',
            // Direction, joiners, tags, annotations.
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0080}',
            '\u{e0fff}',
            '\u{2060}',
            '\u{2065}',
            '\u{206a}',
            '\u{206f}',
            // Format controls of scripts, of music, of shorthand.
            '\u{600}',
            '\u{70f}',
            '\u{8e2}',
            '\u{110bd}',
            '\u{13430}',
            '\u{1343f}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{1d17a}',
            // Spaces and line ends.
            '\u{a0}',
            '\u{1680}',
            '\u{2000}',
            '\u{200a}',
            '\u{2028}',
            '\u{2029}',
            '\u{202f}',
            '\u{205f}',
            '\u{3000}',
            // Controls, private use, unassigned, noncharacters.
            '\0',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{f0000}',
            '\u{10fffd}',
            '\u{378}',
            '\u{fdd0}',
            '\u{ffff}',
            '\u{1ffff}',
            '\u{fff0}',
            '\u{10ffff}',
        ] {
            assert!(is_invisible(character), "{}", character.escape_unicode());
            assert!(is_hostile(&format!("a{character}b")), "{}", character.escape_unicode());
        }
    }

    #[test]
    fn every_ignorable_character_is_unseen() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let all = ('\0'..=char::MAX).filter(|character| {
            ignorable.contains(*character) || character.is_control() || category(*character) == GeneralCategory::Format
        });
        let mut count = 0;
        for character in all {
            count += 1;
            assert!(is_invisible(character), "{}", character.escape_unicode());
        }
        assert!(count > 4000, "{count}");
    }

    #[test]
    fn visible_text_is_plain() {
        for text in [
            "signs a webhook's body, with HMAC (SHA-256): ~50 % <faster>",
            "Grüße, naïve café, Ελληνικά, Русский, עברית, العربية, हिन्दी, ไทยที่นี่, 中文、日本語、한국어, မြန်မာ",
            "e\u{301} o\u{302}\u{301} \u{5d1}\u{5bc}\u{5b8}\u{591}",
            "→ ✓ € ± ½ 🦀 👩 �",
            "two\n\tlines",
            "",
        ] {
            assert!(!is_hostile(text), "{text:?}");
        }
    }

    #[test]
    fn excess_marks_are_escaped() {
        let escaped = |text: &str| escapes(text).filter(|(_, escaped)| *escaped).count();
        let marks = |count| "\u{301}".repeat(count);
        assert_eq!(escaped(&format!("a{}", marks(MARKS_MAX))), 0);
        assert_eq!(escaped(&format!("a{}b{}", marks(MARKS_MAX), marks(MARKS_MAX))), 0);
        assert_eq!(escaped(&format!("a{}", marks(MARKS_MAX + 3))), 3);
        // A mark without a letter draws over unrelated text.
        for text in ["\u{301}", "a \u{301}", "'\u{338}", "\n\u{20dd}", "\u{903}", "\u{200b}\u{301}", ".\u{489}"] {
            assert!(escaped(text) > 0, "{text:?}");
        }
    }
}
