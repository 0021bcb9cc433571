//! Text that does something else than being read.

/// Whether a terminal, or a reader, acts on the character instead of seeing it: controls, what changes direction, and
/// what is not seen but read by machines (tags, annotations).
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text that people are meant to read has such a character; lines and tabs are no trick.
pub(super) fn is_hostile(text: &str) -> bool {
    text.chars().any(|character| !matches!(character, '\n' | '\t') && is_unseen(character))
}
