//! Comparison of printed output with a page. The page omits text that differs from run to run.

/// Matches any text within a line. As a whole line, matches any number of lines.
const ANY: &str = "…";

/// Compares the output with the page.
///
/// # Errors
///
/// Returns the first line of the page that the output lacks, or the last additional line of the
/// output.
pub(super) fn compare(expected: &[String], seen: &str) -> Result<(), String> {
    let seen: Vec<&str> = seen.lines().collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    match mismatch(&expected, &seen) {
        None => Ok(()),
        Some(Some(line)) => Err(format!("not printed: {line}")),
        Some(None) => Err(format!("additional output: {}", seen.last().unwrap_or(&""))),
    }
}

/// Returns `None` if all lines match, `Some(Some(line))` for a line of the page that was not found,
/// or `Some(None)` if the output has more lines.
fn mismatch<'a>(expected: &[&'a str], seen: &[&str]) -> Option<Option<&'a str>> {
    match (expected.split_first(), seen.split_first()) {
        (None, None) => None,
        (None, Some(_)) => Some(None),
        (Some((&ANY, rest)), _) => {
            let tails = (0..=seen.len()).filter_map(|start| seen.get(start..));
            tails.map(|tail| mismatch(rest, tail)).find(Option::is_none).unwrap_or_else(|| Some(rest.first().copied()))
        }
        (Some((line, rest)), Some((first, tail))) if matches(line, first) => mismatch(rest, tail),
        (Some((line, _)), _) => Some(Some(line)),
    }
}

fn matches(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split(ANY);
    let Some(mut rest) = pieces.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(expected: &str, seen: &str) -> Result<(), String> {
        compare(&expected.lines().map(str::to_owned).collect::<Vec<_>>(), seen)
    }

    #[test]
    fn output_must_equal_page() {
        assert_eq!(compared("a\nb", "a\nb\n"), Ok(()));
        assert_eq!(compared("", ""), Ok(()));
        assert_eq!(compared("a\nb", "a\nc\n"), Err("not printed: b".to_owned()));
        assert_eq!(compared("a\nb", "a\n"), Err("not printed: b".to_owned()));
        assert_eq!(compared("a", "a\nb\n"), Err("additional output: b".to_owned()));
    }

    #[test]
    fn ellipsis_matches_any_text() {
        assert_eq!(compared("in … s, … left", "in 3 s, 4 left"), Ok(()));
        assert!(compared("in … s", "in 3 minutes").is_err());
        assert_eq!(compared("a\n…\nd", "a\nb\nc\nd\n"), Ok(()));
        assert_eq!(compared("…\nd", "d\n"), Ok(()));
        assert_eq!(compared("…", ""), Ok(()));
        assert_eq!(compared("a\n…\ne", "a\nb\n"), Err("not printed: e".to_owned()));
    }
}
