//! Placeholders: strings that stand for secrets in a guest's requests.

use std::fmt;
use std::ops::Range;

/// A placeholder for a secret in a guest's request: `farsealed` and 40 hexadecimal digits, of 160
/// random bits.
///
/// HTTP clients accept it as a token. It reveals nothing about the secret. Only the host can
/// replace it, in a request of the task that it was made for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Placeholder([u8; Self::LEN]);

const PREFIX: &[u8] = b"farsealed";
const RANDOM: usize = 20;

impl Placeholder {
    /// The length in bytes.
    pub const LEN: usize = PREFIX.len() + 2 * RANDOM;

    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random)?;
        let digits = hex::encode(random);
        let mut text = [0; Self::LEN];
        text.iter_mut().zip(PREFIX.iter().chain(digits.as_bytes())).for_each(|(to, from)| *to = *from);
        Ok(Self(text))
    }

    /// Returns the placeholder as a string.
    pub fn as_str(&self) -> &str {
        // ASCII only.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Finds every string in the form of a placeholder. It need not refer to a secret.
    pub fn find_all(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Self)> + '_ {
        let starts = text.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
        starts.filter_map(|(start, _)| {
            let found = text.get(start..)?.first_chunk::<{ Self::LEN }>()?;
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let digits = found.get(PREFIX.len()..)?;
            digits.iter().all(is_digit).then(|| (start..start + Self::LEN, Self(*found)))
        })
    }
}

impl fmt::Debug for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Placeholder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_all_finds_only_whole_placeholders() {
        let (one, other) = (Placeholder::random().unwrap(), Placeholder::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), Placeholder::LEN);
        assert!(one.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let text = format!("farsealed{}{}", one.as_str(), other.as_str());
        let found: Vec<_> = Placeholder::find_all(text.as_bytes()).collect();
        assert_eq!(found, [(9..58, one.clone()), (58..107, other)]);
        for text in [&one.as_str()[..48], &one.as_str().to_uppercase(), "farsealed", ""] {
            assert_eq!(Placeholder::find_all(text.as_bytes()).count(), 0, "{text}");
        }
        assert_eq!(format!("{one:?}"), "Placeholder");
    }
}
