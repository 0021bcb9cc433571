//! Redaction, compared with a slow and simple oracle.

mod oracle;

use std::sync::Arc;

use far_core::SecretName;
use far_core::redaction::{CHUNK_LEN, MIN_LEN, Redaction, Segment};

pub(super) use self::oracle::{Shown, hidden};

pub(super) const TOKENS: &[&str] = &[
    "S3cr3t+v/lue",
    "5333637233742b762f6c7565",
    "UzNjcjN0K3YvbHVl",
    "S3cr3t%2Bv%2flue",
    "S3cr3t%2Bv\\/lue",
    "\\u0053",
    "\\ud83d\\udd11",
    "\u{1f511}key",
    "%F0%9F%94%91",
    "%",
    "\\",
    "+",
    "a b&c",
    "a+b%26c",
    "abab",
    "\\u0061",
];

/// The longest value that must match as a whole, in base64 too. For a longer value, its beginning
/// counts as a match.
const WHOLE: usize = CHUNK_LEN / 8 * 6;
/// The maximum length of a text: the oracle's work is quadratic.
const MAX_TEXT: usize = 2048;

/// Checks a text against values. The input is `count`, then `length` and the bytes of each value,
/// then `size` of the chunks of the text, then the text.
pub fn redaction(data: &[u8]) {
    let Some((values, size, text)) = parts(data) else { return };
    let redaction = Redaction::new();
    let name: SecretName = "key".parse().expect("a name");
    for value in &values {
        let learnt = redaction.learn(&name, value);
        assert_eq!(learnt.is_ok(), value.is_empty() || is_looked_for(value));
    }
    let values: Vec<_> = values.into_iter().filter(|value| is_looked_for(value)).collect();
    let whole = shown(&redaction, text, text.len().max(1));
    assert_eq!(whole, shown(&redaction, text, size), "chunk boundaries change the result");
    // A value that ends within a character has no JSON form. An escape that contains a part of it
    // may match or not.
    let in_json = text.windows(2).any(|window| window == b"\\u");
    let is_whole = |value: &&[u8]| value.len() <= WHOLE && (!in_json || str::from_utf8(value).is_ok());
    if values.iter().all(is_whole) {
        assert_eq!(whole, hidden(&values, text), "values {values:?} in {:?}", String::from_utf8_lossy(text));
    }
}

/// Returns true if redaction searches for a value: long enough, and not one byte repeated.
fn is_looked_for(value: &[u8]) -> bool {
    value.len() >= MIN_LEN && value.windows(2).any(|two| two[0] != two[1])
}

/// Values, the size of chunks, and a text.
type Parts<'a> = (Vec<&'a [u8]>, usize, &'a [u8]);

fn parts(data: &[u8]) -> Option<Parts<'_>> {
    let (count, mut rest) = data.split_first()?;
    let mut values = Vec::new();
    for _ in 0..count % 4 {
        let (&length, after) = rest.split_first()?;
        let (value, after) = after.split_at(usize::from(length).min(after.len()));
        values.push(value);
        rest = after;
    }
    let (&size, text) = rest.split_first()?;
    Some((values, usize::from(size).max(1), &text[..text.len().min(MAX_TEXT)]))
}

/// Redacts a text that is split into chunks of one size.
fn shown(redaction: &Arc<Redaction>, text: &[u8], size: usize) -> Shown {
    let mut shown = Shown::default();
    let mut redactor = redaction.redactor();
    let mut take = |segment: Segment<'_>| match segment {
        Segment::Clear(bytes) => shown.clear(bytes.len()),
        Segment::Marker(_) => shown.mark(),
        Segment::Hidden(count) => shown.hide(count),
    };
    text.chunks(size).for_each(|piece| redactor.write(piece, &mut take));
    redactor.finish(&mut take);
    shown
}
