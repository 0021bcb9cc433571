//! Line numbers of positions in texts.

/// Returns the line of a position in a text, counted from 1.
pub(crate) fn line_at(text: &str, position: usize) -> usize {
    1 + text.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line_at("a\nb\nc", 2), 2);
        assert_eq!(line_at("", 0), 1);
    }
}
