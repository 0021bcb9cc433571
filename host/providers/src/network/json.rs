//! Decodes JSON into the bytes of a secret, without an intermediate copy.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use serde_json::value::RawValue;

/// Returns the value of a JSON token: the bytes of a string, or the source text of anything else.
///
/// # Errors
///
/// `Invalid` for a string with an unpaired surrogate; `TooLarge`, `OutOfLockedMemory`.
pub(crate) fn secret(json: &RawValue) -> Result<SecretBytes, ProviderError> {
    let json = json.get();
    let Some(inside) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) else {
        return Ok(SecretBytes::copy_of(json.as_bytes())?);
    };
    let mut length = 0_usize;
    unescape(inside, |bytes| length += bytes.len()).ok_or(ProviderError::Invalid)?;
    let fill = |buffer: &mut [u8]| {
        let mut rest = buffer;
        let _ = unescape(inside, |bytes| {
            if let Some((here, after)) = std::mem::take(&mut rest).split_at_mut_checked(bytes.len()) {
                here.copy_from_slice(bytes);
                rest = after;
            }
        });
    };
    Ok(SecretBytes::new(length, fill)?)
}

/// Returns the bytes of a JSON string. A `null` token, for example, is invalid.
///
/// # Errors
///
/// As [`secret`]; `Invalid` for anything but a string.
pub(crate) fn string(json: &RawValue) -> Result<SecretBytes, ProviderError> {
    if json.get().starts_with('"') { secret(json) } else { Err(ProviderError::Invalid) }
}

/// Returns true if `json` begins as an object. Serde also accepts an array for a struct.
pub(crate) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

/// Passes the unescaped content of a JSON string to `take`, piece by piece. Returns `None` for an
/// unpaired surrogate.
fn unescape(mut text: &str, mut take: impl FnMut(&[u8])) -> Option<()> {
    let mut buffer = zeroize::Zeroizing::new([0; 4]);
    while let Some(at) = text.find('\\') {
        let (plain, escape) = text.split_at_checked(at)?;
        take(plain.as_bytes());
        let mut rest = escape.get(1..)?.chars();
        let character = match rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = unicode(rest.as_str())?;
                rest = after.chars();
                character
            }
            itself @ ('"' | '\\' | '/') => itself,
            _ => return None,
        };
        take(character.encode_utf8(&mut *buffer).as_bytes());
        text = rest.as_str();
    }
    take(text.as_bytes());
    Some(())
}

/// Decodes `XXXX` or `XXXX\uXXXX`; returns the character and the rest.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let (first, rest) = (unit(text)?, text.get(4..)?);
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let second = unit(rest.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, rest.get(6..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(json: &str) -> Result<Vec<u8>, ProviderError> {
        secret(serde_json::from_str(json).unwrap()).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn string_decodes_other_json_stays_verbatim() {
        for (json, expected) in [
            (r#""""#, ""),
            (r#""plain""#, "plain"),
            (r#""a\n\"\\\/\b\f\r\t\u0000\u00e9\ud83d\udd11z""#, "a\n\"\\/\u{8}\u{c}\r\t\0\u{e9}\u{1f511}z"),
            ("null", "null"),
            ("true", "true"),
            ("12345678901234567890.100", "12345678901234567890.100"),
            (r#"{"a": [1,  2]}"#, r#"{"a": [1,  2]}"#),
            (r#"["\u0041"]"#, r#"["\u0041"]"#),
        ] {
            assert_eq!(bytes(json).unwrap(), expected.as_bytes(), "{json}");
        }
    }

    #[test]
    fn unpaired_surrogate_is_invalid() {
        for json in [r#""\ud83d""#, r#""\ud83dx""#, r#""\udd11\ud83d""#, r#""\ud83d\u0041""#] {
            assert_eq!(bytes(json), Err(ProviderError::Invalid), "{json}");
        }
    }

    #[test]
    fn oversized_string_is_rejected() {
        let fits = format!("\"{}\"", "\\u0041".repeat(SecretBytes::MAX_LEN));
        assert_eq!(bytes(&fits).unwrap().len(), SecretBytes::MAX_LEN);
        let larger = format!("\"{}\"", "a".repeat(SecretBytes::MAX_LEN + 1));
        assert_eq!(bytes(&larger), Err(ProviderError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_string_round_trips(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(bytes(&json).unwrap(), text.as_bytes());
        }
    }
}
