//! The text of a string literal, from its source.

/// Returns the text of a string literal, without its delimiters and with line breaks as spaces.
/// Returns `None` for literals of another kind.
pub(super) fn text(source: &str) -> Option<String> {
    let body = source.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let raw = || {
        let rest = source.strip_prefix('r')?;
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        rest.get(hashes + 1..rest.len().checked_sub(hashes + 1)?)
    };
    let body = body.or_else(raw)?;
    Some(body.replace("\\n", " ").replace("\\\n", " ").replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_have_text() {
        assert_eq!(text(r#""a \"b\" c""#).as_deref(), Some(r#"a "b" c"#));
        assert_eq!(text(r##"r#"a "b""#"##).as_deref(), Some(r#"a "b""#));
        assert_eq!(text("b\"bytes\""), None);
        assert_eq!(text("'c'"), None);
        assert_eq!(text("12"), None);
    }
}
