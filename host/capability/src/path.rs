//! Paths in which no server reads a dot segment.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// Reports whether no server reads `.` or `..` as a segment of a serialized path, even with lenient
/// decoding.
///
/// In every segment, dots must follow an ASCII letter, digit, `-`, `_` or `~`, or directly precede
/// one.
///
/// Servers differ in how often they decode, and in the characters that they drop, split at or cut
/// at. None of them drops these 65 anchors, so a segment with an anchor is never a dot segment. In
/// detail:
///
/// - An anchor counts only literally: not percent-encoded, and not before a combining mark.
/// - A segment ends at `/`, `\` and `:`, also encoded any number of times.
/// - A non-ASCII character that a server could read as a dot or a slash counts as both, and so does
///   an encoded dot. Letters, marks, numbers, dashes, brackets, quotation marks, spaces and
///   pictographs count as neither.
/// - Every `%` begins an escape. Escapes decode to UTF-8 without control characters.
/// - Three dots or more may be a whole segment.
///
/// For example, `.well-known`, `..foo`, `v1.2`, `a..b`, `base...head`, `...`, `group%2Fname`,
/// `a;b=..`, `100%25`, `who%3F` and `%E6%9D%B1%E4%BA%AC.txt` (`東京.txt`) pass; `..;`, `..%20`,
/// `..%2f`, `%c0%ae`, `.%E2%80%8B` and `..:x` do not.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|segment| is_ellipsis(segment) || has_plain_dots(segment))
}

fn is_ellipsis(segment: &str) -> bool {
    segment.len() > 2 && segment.bytes().all(|byte| byte == b'.')
}

fn has_plain_dots(segment: &str) -> bool {
    let Some(roles) = decode(segment).and_then(|bytes| roles(&bytes)) else { return false };
    let end = roles.into_iter().try_fold(Context::Open, Context::after);
    matches!(end, Some(Context::Open | Context::Anchored))
}

/// A byte of a path after all decoding.
#[derive(Clone, Copy)]
struct Byte {
    value: u8,
    /// Set if the byte is literal, and not percent-encoded.
    literal: bool,
}

/// Decodes a segment until no escape is left. Returns `None` if a `%` does not begin an escape.
fn decode(segment: &str) -> Option<Vec<Byte>> {
    let mut escapes = segment.split('%').skip(1);
    if !escapes.all(|rest| rest.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))) {
        return None;
    }
    let mut decoded: Vec<Byte> = Vec::with_capacity(segment.len());
    for value in segment.bytes() {
        decoded.push(Byte { value, literal: true });
        // A decoded byte may complete another escape.
        while let Some((len, code)) = trailing_escape(&decoded) {
            decoded.truncate(decoded.len() - len);
            let byte = |value| Byte { value, literal: false };
            match code {
                Code::Byte(value) => decoded.push(byte(value)),
                Code::Char(char) => decoded.extend(char.encode_utf8(&mut [0; 4]).bytes().map(byte)),
            }
        }
    }
    Some(decoded)
}

enum Code {
    Byte(u8),
    Char(char),
}

/// Returns the length and the code of an escape at the end of the bytes, `%XX` or `%uXXXX`.
fn trailing_escape(bytes: &[Byte]) -> Option<(usize, Code)> {
    let hex = |bytes: &[Byte]| {
        bytes.iter().try_fold(0_u32, |code, byte| Some(code * 16 + char::from(byte.value).to_digit(16)?))
    };
    if let Some([percent, digits @ ..]) = bytes.last_chunk::<3>()
        && percent.value == b'%'
    {
        return Some((3, Code::Byte(hex(digits)?.try_into().ok()?)));
    }
    let [percent, u, digits @ ..] = bytes.last_chunk::<6>()?;
    if percent.value != b'%' || !u.value.eq_ignore_ascii_case(&b'u') {
        return None;
    }
    // Half a surrogate pair could decode to any character.
    Some((6, Code::Char(char::from_u32(hex(digits)?).unwrap_or(char::REPLACEMENT_CHARACTER))))
}

/// Non-ASCII characters that no server reads as a dot or a slash.
const NEITHER_DOT_NOR_SLASH: GeneralCategoryGroup = GeneralCategoryGroup::Letter
    .union(GeneralCategoryGroup::Mark)
    .union(GeneralCategoryGroup::Number)
    .union(GeneralCategoryGroup::DashPunctuation)
    .union(GeneralCategoryGroup::OpenPunctuation)
    .union(GeneralCategoryGroup::ClosePunctuation)
    .union(GeneralCategoryGroup::InitialPunctuation)
    .union(GeneralCategoryGroup::FinalPunctuation)
    .union(GeneralCategoryGroup::SpaceSeparator)
    .union(GeneralCategoryGroup::OtherSymbol);

/// The role of a character in the rule.
#[derive(Clone, Copy)]
enum Role {
    /// A character that every server keeps.
    Anchor,
    Dot,
    /// A character that some servers read as a dot or a slash.
    Doubtful,
    Separator,
    /// A character that some servers drop or cut at, but none reads as a dot or a slash.
    Other,
}

impl Role {
    /// Returns `None` for a control character.
    fn of_ascii(byte: Byte) -> Option<Self> {
        match byte.value {
            b'.' if byte.literal => Some(Self::Dot),
            b'.' => Some(Self::Doubtful),
            b'/' | b'\\' | b':' => Some(Self::Separator),
            b'-' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' if byte.literal => Some(Self::Anchor),
            b' '..=b'~' => Some(Self::Other),
            _ => None,
        }
    }

    /// Returns `None` for a control character.
    fn of_char(char: char) -> Option<Self> {
        let category = CodePointMapData::<GeneralCategory>::new().get(char);
        match category {
            GeneralCategory::Control => None,
            _ if char == char::REPLACEMENT_CHARACTER => Some(Self::Doubtful),
            category if NEITHER_DOT_NOR_SLASH.contains(category) => Some(Self::Other),
            _ => Some(Self::Doubtful),
        }
    }
}

/// Returns the roles of decoded bytes; `None` if they are not UTF-8 or have a control character.
fn roles(bytes: &[Byte]) -> Option<Vec<Role>> {
    let mut roles = Vec::with_capacity(bytes.len());
    for run in bytes.chunk_by(|one, next| one.value.is_ascii() == next.value.is_ascii()) {
        if run.iter().all(|byte| byte.value.is_ascii()) {
            for byte in run {
                roles.push(Role::of_ascii(*byte)?);
            }
            continue;
        }
        let run: Vec<u8> = run.iter().map(|byte| byte.value).collect();
        for char in str::from_utf8(&run).ok()?.chars() {
            // A normalizer composes an anchor and a mark to a non-ASCII letter.
            if let Some(role @ Role::Anchor) = roles.last_mut()
                && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(char))
            {
                *role = Role::Other;
            }
            roles.push(Role::of_char(char)?);
        }
    }
    Some(roles)
}

/// The state of a segment before a character.
#[derive(Clone, Copy)]
enum Context {
    /// No anchor and no dot.
    Open,
    /// An anchor.
    Anchored,
    /// Dots that must be followed by an anchor.
    Dots,
    /// A doubtful character that requires an anchor next.
    Doubt,
}

impl Context {
    /// Returns the state after a character; `None` if the segment may be a dot segment.
    fn after(self, role: Role) -> Option<Self> {
        match (self, role) {
            (_, Role::Anchor) => Some(Self::Anchored),
            (Self::Open | Self::Dots, Role::Dot) => Some(Self::Dots),
            (Self::Open, Role::Doubtful) => Some(Self::Doubt),
            // It may be a slash, which begins a segment.
            (Self::Anchored, Role::Doubtful) => Some(Self::Open),
            (Self::Open | Self::Anchored, Role::Separator) => Some(Self::Open),
            (Self::Open | Self::Anchored, Role::Other) | (Self::Anchored, Role::Dot) => Some(self),
            (Self::Dots, Role::Doubtful | Role::Separator | Role::Other) => None,
            (Self::Doubt, Role::Dot | Role::Doubtful | Role::Separator | Role::Other) => None,
        }
    }
}

#[cfg(test)]
mod tests;
