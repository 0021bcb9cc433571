//! Parses a `.env` file in one pass, without intermediate copies.
//!
//! Each value is measured first, then written directly into its [`SecretBytes`].

use std::collections::{BTreeMap, HashMap};
use std::iter;

use far_core::SecretName;
use far_core::memory::SecretBytes;

use super::Problem;

/// The secrets of a file.
pub(super) type Secrets = BTreeMap<SecretName, SecretBytes>;

/// The first invalid line, and its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    /// From 1.
    pub(super) line: usize,
    pub(super) problem: Problem,
}

/// Whitespace. After the checks of [`text`], a carriage return occurs only at a line's end.
const BLANK: [char; 3] = [' ', '\t', '\r'];

/// Parses a whole file, all or nothing.
pub(super) fn parse(file: &[u8]) -> Result<Secrets, ParseError> {
    let mut lines = Lines { text: text(file)?, line: 1 };
    let mut secrets = Secrets::new();
    let mut seen = HashMap::new();
    while let Some(Assignment { line, key, raw, escapes }) = lines.assignment()? {
        let refuse = |problem| ParseError { line, problem };
        let name = secret_name(key).map_err(refuse)?;
        if let Some((first, same)) = seen.insert(name.clone(), (line, key)) {
            return Err(refuse(if same == key { Problem::Duplicate { first } } else { Problem::SameName { first } }));
        }
        secrets.insert(name, value(raw, escapes).map_err(refuse)?);
    }
    Ok(secrets)
}

/// Decodes the file, without its byte order mark, and rejects characters that no line may contain.
fn text(file: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(file).map_err(|error| {
        let before = file.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count();
        ParseError { line: before + 1, problem: Problem::NotUtf8 }
    })?;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        if content.contains('\0') {
            return Err(ParseError { line, problem: Problem::Nul });
        }
        if content.contains('\r') {
            return Err(ParseError { line, problem: Problem::CarriageReturn });
        }
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The unparsed rest of the file.
struct Lines<'a> {
    text: &'a str,
    /// The line number of its first line.
    line: usize,
}

/// A key and its value, as written.
struct Assignment<'a> {
    /// The line number of the key.
    line: usize,
    key: &'a str,
    raw: &'a str,
    /// True if backslashes in `raw` are escapes.
    escapes: bool,
}

impl<'a> Lines<'a> {
    /// Returns the next assignment, after empty lines and comments; `None` at the end.
    fn assignment(&mut self) -> Result<Option<Assignment<'a>>, ParseError> {
        while !self.text.is_empty() {
            let (first, rest) = first_line(self.text);
            let content = first.trim_start_matches(BLANK);
            if !content.is_empty() && !content.starts_with('#') {
                return self.take_assignment().map(Some);
            }
            *self = Lines { text: rest, line: self.line + 1 };
        }
        Ok(None)
    }

    fn take_assignment(&mut self) -> Result<Assignment<'a>, ParseError> {
        let line = self.line;
        let refuse = |problem| ParseError { line, problem };
        let (left, right) = self.text.split_once('=').ok_or(refuse(Problem::NoAssignment))?;
        if left.contains('\n') {
            return Err(refuse(Problem::NoAssignment));
        }
        let key = key(left).map_err(refuse)?;
        let unindented = right.trim_start_matches(BLANK);
        let (raw, after, escapes) = if let Some(body) = unindented.strip_prefix('\'') {
            let (raw, after) = body.split_once('\'').ok_or(refuse(Problem::Unclosed))?;
            (raw, after, false)
        } else if let Some(body) = unindented.strip_prefix('"') {
            let (raw, after) = double_quoted(body)
                .map_err(|(before, problem)| ParseError { line: line + line_ends(before), problem })?;
            (raw, after, true)
        } else {
            let (content, rest) = first_line(right);
            *self = Lines { text: rest, line: line + 1 };
            return Ok(Assignment { line, key, raw: without_comment(content).trim_matches(BLANK), escapes: false });
        };
        let last = line + line_ends(raw);
        let (content, rest) = first_line(after);
        if !without_comment(content).trim_matches(BLANK).is_empty() {
            return Err(ParseError { line: last, problem: Problem::AfterQuote });
        }
        *self = Lines { text: rest, line: last + 1 };
        Ok(Assignment { line, key, raw, escapes })
    }
}

/// Splits off the first line, without its `\n`.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

fn line_ends(text: &str) -> usize {
    text.matches('\n').count()
}

/// Returns the line up to a `#` after whitespace.
fn without_comment(line: &str) -> &str {
    let line = line.split_once(" #").map_or(line, |(kept, _)| kept);
    line.split_once("\t#").map_or(line, |(kept, _)| kept)
}

fn key(left: &str) -> Result<&str, Problem> {
    let left = left.trim_matches(BLANK);
    let exported = left.strip_prefix("export").filter(|rest| rest.starts_with(BLANK));
    let key = exported.map_or(left, |rest| rest.trim_start_matches(BLANK));
    let starts = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let fits = starts && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits { Ok(key) } else { Err(Problem::Key) }
}

/// Returns the secret name of a key: `github-token` for `GITHUB_TOKEN`.
fn secret_name(key: &str) -> Result<SecretName, Problem> {
    SecretName::parse(&key.to_ascii_lowercase().replace('_', "-")).map_err(Problem::Name)
}

/// Splits the text at the closing quote; an error carries the text before the problem.
fn double_quoted(body: &str) -> Result<(&str, &str), (&str, Problem)> {
    let before = |at| body.get(..at).unwrap_or_default();
    let mut bytes = body.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((before(at), body.get(at + 1..).unwrap_or_default())),
            b'\\' if bytes.next().and_then(|(_, letter)| unescape(letter)).is_none() => {
                return Err((before(at), Problem::Escape));
            }
            _ => {}
        }
    }
    Err(("", Problem::Unclosed))
}

/// Returns the byte that an escaped letter means.
fn unescape(letter: u8) -> Option<u8> {
    match letter {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'\\' | b'"' | b'$' => Some(letter),
        _ => None,
    }
}

fn value(raw: &str, escapes: bool) -> Result<SecretBytes, Problem> {
    let write = |buffer: &mut [u8]| buffer.iter_mut().zip(decoded(raw, escapes)).for_each(|(to, byte)| *to = byte);
    SecretBytes::new(decoded(raw, escapes).count(), write).map_err(Problem::from)
}

/// Decodes a raw value. A line ending is always `\n`.
fn decoded(raw: &str, escapes: bool) -> impl Iterator<Item = u8> {
    let mut bytes = raw.bytes().filter(|&byte| byte != b'\r');
    iter::from_fn(move || match bytes.next()? {
        b'\\' if escapes => bytes.next().and_then(unescape),
        byte => Some(byte),
    })
}

#[cfg(test)]
mod tests;
