//! Telling Rust code from comments and literals, as far as the rules need it.

/// A character that names are made of.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with comments and literals blanked.
pub(super) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = code.chars().next_back().is_some_and(is_word);
        let length = comment(rest).or_else(|| literal(rest, after_word));
        let (token, remainder) = rest.split_at(length.unwrap_or(first.len_utf8()));
        match length {
            Some(_) => blank(token, &mut code),
            None => code.push_str(token),
        }
        rest = remainder;
    }
    code
}

/// As many blanks as a text has bytes, and its ends of lines.
pub(super) fn blank(text: &str, out: &mut String) {
    out.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// The length of the comment that a text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let mut inner = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let Some(position) = inner.find(['/', '*']) else { return Some(text.len()) };
        inner = inner.split_at(position).1;
        let step = match inner.get(..2) {
            Some("/*") => (2, 1),
            Some("*/") => (2, -1),
            _ => (1, 0),
        };
        depth += step.1;
        inner = inner.split_at(step.0).1;
    }
    Some(text.len() - inner.len())
}

/// The length of the literal of text, bytes or a character that a text begins with.
fn literal(text: &str, after_word: bool) -> Option<usize> {
    let prefixes: &[&str] = if after_word { &[""] } else { &["", "b", "c", "r", "br", "cr"] };
    prefixes.iter().find_map(|prefix| {
        let body = text.strip_prefix(prefix)?;
        let length = match body.strip_prefix('"') {
            Some(inner) if !prefix.contains('r') => 1 + escaped(inner, '"')?,
            _ if prefix.contains('r') => raw(body)?,
            _ => character(body)?,
        };
        Some(prefix.len() + length)
    })
}

/// The length up to and with the closing mark, which a backslash hides.
fn escaped(text: &str, closing: char) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((position, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            c if c == closing => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn raw(body: &str) -> Option<usize> {
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body.split_at(hashes).1.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 1 + inner.find(&closing)? + closing.len())
}

/// A character, but not a lifetime, which has no second mark.
fn character(body: &str) -> Option<usize> {
    let inner = body.strip_prefix('\'')?;
    let mut characters = inner.chars();
    let is_character = characters.next()? == '\\' || characters.next() == Some('\'');
    if is_character { Some(1 + escaped(inner, '\'')?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a text, without blanks.
    fn left(text: &str) -> String {
        let code = code(text);
        assert_eq!(code.len(), text.len());
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_not_code() {
        assert_eq!(left("a // unsafe {\nb /// x\n//! y"), "a b");
        assert_eq!(left("a /* x /* y */ ** / */ b /* open"), "a b");
        assert_eq!(left("a / b"), "a / b");
    }

    #[test]
    fn literals_are_not_code() {
        assert_eq!(left(r#"a("// \" x", b)"#), "a( , b)");
        assert_eq!(left(r##"f(r#"x " y"#, br"\", c"z", b"\"")"##), "f( , , , )");
        assert_eq!(left(r"f('a', '\'', b'\\', '\u{1f}', '/') // x"), "f( , , , , )");
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        assert_eq!(left("fn f<'a, 'b>(x: &'a str) -> &'static str"), "fn f<'a, 'b>(x: &'a str) -> &'static str");
        assert_eq!(left("r#type + bar#x"), "r#type + bar#x");
    }

    #[test]
    fn lines_stay_where_they_are() {
        assert_eq!(code("/*\n*/\n\"\n\"\nx").lines().count(), 5);
    }
}
